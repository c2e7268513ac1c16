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

/* Judges the chain's intermediate by the list of the evidence (may be empty) and those of `trust`. One genuine list
 * that revokes is enough, whatever the others say. trust->crl_mode is not SNP_CRL_OFF. */
void snp_revocation_judge(const struct snp_chain *chain, struct bytes crl_of_evidence, const struct snp_trust *trust,
                          struct snp_revocation *out);

#endif
