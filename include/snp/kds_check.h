/*
 * kds_check.h: whether bytes are what KDS was asked for. What KDS, a mirror or a cache says is believed only when a
 * known root stands over it and it is about the very thing that was asked. Pure functions; any thread.
 */
#ifndef SNP_KDS_CHECK_H
#define SNP_KDS_CHECK_H

#include "snp/kds.h"
#include "snp/roots.h"

/* The parts of a SNP_KDS_CHAIN, views into it. */
struct snp_kds_authorities {
    struct bytes intermediate; /* ASK or ASVK; empty: AMD's own, which the program carries */
    struct bytes ark;
};

/* Takes the PEM of a chain apart. ERR_INPUT when it is not two certificates; whether they are good is not looked at. */
struct err snp_kds_chain_read(struct bytes pem, struct snp_kds_authorities *out) MUST_CHECK;

/* All borrowed for the call. */
struct snp_kds_trust {
    struct snp_kds_authorities authorities; /* of a chain that has been checked: for VCEKs and lists */
    const struct snp_arks *arks;            /* roots beside AMD's; may be NULL */
    int64_t now_s;                          /* since 1970 */
};

/* OK when `content` is the item: a VCEK of that product, chip and TCB under a known root; a chain up to a known root; a
 * list by such a root that does not say of itself that it is another. ERR_NOT_NOW when it is, but out of date or not
 * yet valid; anything else: it is not. */
struct err snp_kds_check(const struct snp_kds_item *item, struct bytes content,
                         const struct snp_kds_trust *trust) MUST_CHECK;

#endif
