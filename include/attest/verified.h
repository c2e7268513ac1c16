/*
 * verified.h: reports that have been verified lately, so that a client that connects often costs one signature check.
 *
 * What is kept is the outcome of snp_verify, which depends on evidence and policy alone; what depends on the connection
 * (binding, nonce) is checked every time. Bounded: the one unused for longest leaves first. Any thread.
 */
#ifndef ATTEST_VERIFIED_H
#define ATTEST_VERIFIED_H

#include "attest/evidence.h"
#include "attest/policy.h"
#include "snp/verify.h"

struct verified;

struct verified *verified_new(size_t limit);
void verified_free(struct verified *verified); /* NULL does nothing */

/* What is known of authorities' revocation (crls.h) is part of what an outcome depends on; NULL: nothing. */
struct crl_set;

/* Appends the checks and fills the facts as snp_verify did. False when it has to be verified: not known, too old by the
 * policy's cache_duration, or the policy allows no cache. */
bool verified_find(struct verified *verified, const struct evidence *evidence, const struct policy *policy,
                   const struct crl_set *crls, int64_t now_us, struct checklist *checks, struct snp_facts *facts);
/* Keeps an outcome in which nothing failed, while the certificates in it are valid; others are not kept. */
void verified_keep(struct verified *verified, const struct evidence *evidence, const struct policy *policy,
                   const struct crl_set *crls, int64_t now_us, const struct checklist *checks,
                   const struct snp_facts *facts);

#endif
