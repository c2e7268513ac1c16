/*
 * basis.h: what a verdict on a client's certificate was based on, kept so that another policy can judge it later.
 *
 * One thread at a time.
 */
#ifndef ATTEST_BASIS_H
#define ATTEST_BASIS_H

#include "attest/crls.h"
#include "attest/verdict.h"

struct basis {
    enum evidence_format format;
    struct snp_facts facts;
    struct snp_lineage *lineage; /* a reference; NULL: the chain did not verify */
    uint8_t *pcrs;               /* as in a verdict, on the heap */
    uint32_t pcrs_quoted;
    size_t nonce_size;
    bool nonce_is_ours; /* this server gave it out, for this key; false also where nobody asked */
};

/* Of a verdict that lets in. The caller releases it. */
struct basis basis_of(const struct verdict *verdict);
void basis_release(struct basis *basis);

/* What `policy` makes of it now, into an initialised verdict that the caller releases: format, binding, chain and its
 * times, revocation by `crls` (may be NULL) and the list that came along, signature, report against certificate, every
 * demand of judge_report, and that there is a nonce of the length and the source that are asked for. What the first
 * verdict did not find out counts as not met. Not asked again: TLS, times of leaf and evidence, ages, and whether
 * a certificate that came from elsewhere is still there. `now_us`: wall clock. */
void basis_judge(const struct basis *basis, const struct policy *policy, const struct crl_set *crls, int64_t now_us,
                 struct verdict *out);

#endif
