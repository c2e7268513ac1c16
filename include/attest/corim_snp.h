/*
 * corim_snp.h: the reference values that a CoRIM of the SEV-SNP profile gives for launch measurements.
 *
 * draft-deeglaze-amd-sev-snp-corim-profile, in both numberings that it has had: "tag:amd.com,2024:snp-corim-profile",
 * where the key 641 is MEASUREMENT and 1 is GUEST_SVN, and the later one, where both stand under the key 0. Pure; any
 * thread.
 */
#ifndef ATTEST_CORIM_SNP_H
#define ATTEST_CORIM_SNP_H

#include "attest/corim.h"
#include "snp/report.h"

/* One measurement that is expected, and what has to hold with it. */
struct corim_reference {
    const char *name;             /* tag-id of its CoMID; valid during the call */
    struct bytes measurement;     /* SNP_MEASUREMENT_SIZE bytes */
    bool has_svn, svn_is_minimum; /* of the guest */
    uint64_t svn;
    struct bytes chip_id; /* SNP_CHIP_ID_SIZE bytes, or empty: any chip */
};

typedef struct err corim_taker(void *arg, const struct corim_reference *reference);

/* Hands over all of them, in order. Reference values for other fields are passed over. ERR_INPUT and ERR_UNSUPPORTED
 * for another profile, for an environment that no report could be held against, for a value without a key that is a
 * number, for trust anchors that do not say whose they are, and when there is no measurement at all; or what `take`
 * returns. */
struct err corim_snp_each(const struct corim *corim, corim_taker *take, void *arg) MUST_CHECK;

/* What a key of the profile stands for, for people; NULL: nothing that is known. */
const char *corim_snp_key_name(struct bytes profile, uint64_t key);

#endif
