/*
 * policy_scalars.h: readers of policy keys that take a single value. Each says which field it fills; see policy_reader.
 */
#ifndef ATTEST_POLICY_SCALARS_H
#define ATTEST_POLICY_SCALARS_H

#include "attest/policy_key.h"

policy_reader read_bool;         /* bool */
policy_reader read_negated;      /* bool, the opposite of what stands there */
policy_reader read_mode;         /* enum policy_mode */
policy_reader read_source;       /* enum policy_nonce_source */
policy_reader read_change;       /* bool: true for keep */
policy_reader read_unknown_bits; /* enum policy_unknown_bits */
policy_reader read_crl;          /* enum snp_crl_mode */
policy_reader read_version;      /* policy->version */
policy_reader read_whole;        /* struct policy_number, up to what the key's `width` holds */
policy_reader read_mask;         /* uint64_t, not 0 */
policy_reader read_length;       /* size_t: of a nonce */
policy_reader read_firmware;     /* struct policy_firmware */
policy_reader read_abi;          /* struct policy_number: major << 8 | minor */
policy_reader read_duration;     /* int64_t, microseconds */
policy_reader read_age;          /* the same, at least a second */

#endif
