/*
 * policy_corim.h: measurements that a policy takes from CoRIMs, and whose CoRIMs those may be.
 *
 * Any thread; blocks for the disk.
 */
#ifndef ATTEST_POLICY_CORIM_H
#define ATTEST_POLICY_CORIM_H

#include "attest/policy_key.h"

policy_reader read_corim;          /* whether it is a list of files: policy_corim_load reads them */
policy_reader read_corim_signers;  /* policy->measurements.signers; files are read, relative to the policy's folder */
policy_reader read_corim_unsigned; /* bool: "allow" or "refuse" */

struct policy_place; /* attest/policy_place.h */

/* Reads the files of the list at `place` and adds their measurements: those of signed ones when a signer of the policy
 * signed them, of unsigned ones where the policy takes them. An error names the file, and what is wrong with it. */
struct err policy_corim_load(const struct policy_place *place, struct policy_measurements *measurements) MUST_CHECK;

#endif
