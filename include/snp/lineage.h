/*
 * lineage.h: what stands above a VEK that was verified: its chain and the revocation list that came along, kept so that
 * both can be judged again later. Immutable and counted. Any thread.
 */
#ifndef SNP_LINEAGE_H
#define SNP_LINEAGE_H

#include "snp/chain.h"

#define SNP_LINEAGE_CRL_MAX 8192 /* AMD's have less than one KiB */

struct snp_lineage {
    int references; /* atomic */
    struct snp_chain *chain;
    bool crl_is_kept; /* false: one came along that is longer than SNP_LINEAGE_CRL_MAX */
    size_t crl_size;  /* 0: none came along */
    uint8_t crl[];
};

/* Takes a reference of the chain, and copies the list. */
struct snp_lineage *snp_lineage_new(struct snp_chain *chain, struct bytes crl);
/* NULL gives NULL. */
struct snp_lineage *snp_lineage_hold(struct snp_lineage *lineage);
void snp_lineage_drop(struct snp_lineage *lineage); /* NULL does nothing */

#endif
