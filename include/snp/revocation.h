/*
 * revocation.h: what all lists at hand, together, say of a chain. Any thread.
 */
#ifndef SNP_REVOCATION_H
#define SNP_REVOCATION_H

#include "snp/verify.h"

struct snp_revocation {
    enum check_outcome outcome;
    const char *found;    /* a constant of the program */
    bool crl_was_used;    /* a good list spoke for the certificate */
    int64_t good_until_s; /* of that list; INT64_MAX when it names no end */
};

/* Judges the chain's intermediate by the list of the evidence and those of `trust`: not when trust->crl_mode is
 * SNP_CRL_OFF and trust->crl is empty.
 *
 * Revoked: by any one list of the root, wherever it came from, however old. Failed, too, when the list that came with
 * the evidence is malformed, forged or of another issuer, or when the one that the caller names does not speak.
 * Good: by the newest of those that may speak for it, which are those for keys of this kind that are at hand, the one
 * that the caller names and, where trust->crl_max_age_s bounds what a peer can choose, the one of the evidence.
 * Otherwise no list speaks: a failure where one is required, else a warning (one is there that should have) or skipped.
 */
void snp_revocation_judge(const struct snp_chain *chain, const struct snp_carried_crl *carried,
                          const struct snp_trust *trust, struct snp_revocation *out);

#endif
