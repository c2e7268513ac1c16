#include "snp/lineage.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct snp_lineage *snp_lineage_new(struct snp_chain *chain, struct bytes crl)
{
    bool fits = crl.n <= SNP_LINEAGE_CRL_MAX;
    size_t size = fits ? crl.n : 0;
    struct snp_lineage *lineage = mem_alloc(sizeof *lineage + size);
    lineage->references = 1;
    lineage->chain = snp_chain_hold(chain);
    lineage->crl_is_kept = fits;
    lineage->crl_size = size;
    if (size > 0)
        memcpy(lineage->crl, crl.p, size);
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
    free(lineage);
}
