#include "snp/lineage.h"

#include "base/mem.h"

#include <stdlib.h>

struct snp_carried_crl snp_carried_crl_read(struct bytes der_or_pem)
{
    struct snp_carried_crl carried = {.size = der_or_pem.n};
    carried.is_malformed = der_or_pem.n > 0 && failed(snp_crl_parse(der_or_pem, &carried.crl));
    return carried;
}

void snp_carried_crl_free(struct snp_carried_crl *carried)
{
    snp_crl_free(carried->crl);
    *carried = (struct snp_carried_crl){0};
}

struct snp_lineage *snp_lineage_new(struct snp_chain *chain, struct snp_carried_crl *carried)
{
    struct snp_lineage *lineage = NEW(struct snp_lineage);
    lineage->references = 1;
    lineage->chain = snp_chain_hold(chain);
    lineage->crl_is_kept = carried->size <= SNP_LINEAGE_CRL_MAX;
    if (!lineage->crl_is_kept)
        snp_carried_crl_free(carried);
    lineage->carried = *carried;
    *carried = (struct snp_carried_crl){0};
    return lineage;
}

struct snp_lineage *snp_lineage_hold(struct snp_lineage *lineage)
{
    if (lineage)
        __atomic_add_fetch(&lineage->references, 1, __ATOMIC_RELAXED);
    return lineage;
}

void snp_lineage_drop(struct snp_lineage *lineage)
{
    if (!lineage || __atomic_sub_fetch(&lineage->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    snp_chain_release(lineage->chain);
    snp_carried_crl_free(&lineage->carried);
    free(lineage);
}
