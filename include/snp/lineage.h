/*
 * lineage.h: what stands above a VEK that was verified: its chain and the revocation list that came along, kept so that
 * both can be judged again later. Immutable and counted. Any thread.
 */
#ifndef SNP_LINEAGE_H
#define SNP_LINEAGE_H

#include "snp/chain.h"
#include "snp/crl.h"

#define SNP_LINEAGE_CRL_MAX 8192 /* AMD's have less than one KiB */

/* The list as it came along: kept as it was read, so that what it knows of its signature need not be found out again.
 */
struct snp_carried_crl {
    struct snp_crl *crl; /* NULL: none came along, or it is malformed */
    bool is_malformed;
    size_t size; /* bytes that it was read from */
};
/* `der_or_pem` may be empty. Free what it gives. */
struct snp_carried_crl snp_carried_crl_read(struct bytes der_or_pem);
void snp_carried_crl_free(struct snp_carried_crl *carried);

struct snp_lineage {
    int references; /* atomic */
    struct snp_chain *chain;
    struct snp_carried_crl carried; /* empty, too, when it is longer than SNP_LINEAGE_CRL_MAX */
    bool crl_is_kept;               /* false: it was longer than that */
};

/* Takes a reference of the chain, and *carried over. */
struct snp_lineage *snp_lineage_new(struct snp_chain *chain, struct snp_carried_crl *carried);
/* NULL gives NULL. */
struct snp_lineage *snp_lineage_hold(struct snp_lineage *lineage);
void snp_lineage_drop(struct snp_lineage *lineage); /* NULL does nothing */

#endif
