/*
 * crls.h: AMD's revocation lists that verifiers have at hand, beside those that come with evidence.
 *
 * A set is immutable and counted: a verification holds one and never waits for disk or network. The current one is made
 * from what KDS has given (kds_find), again whenever that has changed.
 */
#ifndef ATTEST_CRLS_H
#define ATTEST_CRLS_H

#include "attest/kds.h"
#include "attest/policy.h"
#include "base/loop.h"

/* Any thread. */
struct crl_set;
/* Of what is at hand; reads files. Never NULL; the caller drops it. */
struct crl_set *crl_set_make(struct kds *kds);
void crl_set_drop(struct crl_set *set); /* NULL does nothing */
/* The lists for certificates of such keys (VCEK: of ASKs, VLEK: of ASVKs), borrowed; *count may be 0. Of NULL: none. */
const struct snp_crl *const *crl_set_lists(const struct crl_set *set, enum snp_vek_kind vek, size_t *count);
/* Gives `trust` the lists for reports that such a key signed, and those of the other kind, which can only revoke:
 * borrowed from the set. */
void crl_set_lend(const struct crl_set *set, enum snp_vek_kind vek, struct snp_trust *trust);
/* Sets of the same digest say the same. Of NULL: zeros. */
void crl_set_digest(const struct crl_set *set, uint8_t out[32]);

struct crls;
/* `kds` is borrowed and must have been freed before crls_free is called. Main. */
struct crls *crls_new(struct kds *kds);
void crls_free(struct crls *crls); /* NULL does nothing */
/* Takes up what is at hand, and keeps looking: lists that a policy requires are fetched when they are missing or older
 * than kds_crl_refresh. Main. */
void crls_watch(struct crls *crls, struct loop *loop, const struct policies *policies);
/* Ends the looking: before the loop is freed. Main. */
void crls_stop(struct crls *crls);
/* The current set, never NULL; the caller drops it. Any thread. */
struct crl_set *crls_hold(struct crls *crls);

#endif
