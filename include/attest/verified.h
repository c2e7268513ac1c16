/*
 * verified.h: certificates whose evidence held lately, so that a client that comes back costs no signature.
 *
 * What is remembered depends on the certificate and the policy alone: that the report holds, that it is about this very
 * certificate, and what the policy's demands found. Time, nonce and session are looked at every time. Bounded: the one
 * unused for longest leaves first. Any thread.
 */
#ifndef ATTEST_VERIFIED_H
#define ATTEST_VERIFIED_H

#include "attest/evidence.h"
#include "attest/policy.h"
#include "snp/verify.h"

struct crl_set;
struct verified;

struct verified *verified_new(size_t limit);
void verified_free(struct verified *verified); /* NULL does nothing */

/* A certificate as it was shown, byte for byte, under a policy as it was read, in a role, before these lists of
 * revocation. Without padding. */
struct verified_key {
    uint8_t leaf_sha256[32];
    uint64_t policy; /* its number: another file of the same name, or the same read again, is another policy */
    uint64_t role;
    uint8_t lists[32]; /* of revocation, that were at hand: crl_set_digest */
};
/* `crls` (crls.h) may be NULL. ERR_CRYPTO when it cannot be made. */
struct err verified_key_of(const struct verified *verified, const X509 *certificate, const struct policy *policy,
                           const struct crl_set *crls, unsigned role, struct verified_key *out) MUST_CHECK;

/* Owns its lists, and the reference; verified_leaf_release. */
struct verified_leaf {
    struct checklist checks;  /* from `evidence` to `binding`; none failed */
    struct checklist demands; /* of judge_report, whatever their outcome */
    struct snp_facts facts;
    struct snp_lineage *lineage; /* a reference; may be NULL */
    enum evidence_format format;
    uint8_t evidence_sha256[EVIDENCE_SHA256_SIZE];
    uint8_t nonce[BIND_NONCE_MAX];
    size_t nonce_size;
    int64_t issued_at_s;
    int64_t not_before_s;
    int64_t not_after_s;
    uint8_t spki_sha384[SHA384_SIZE];
};
void verified_leaf_release(struct verified_leaf *leaf);

/* A copy into *out, which the caller releases. False, *out untouched, when it is not known, or known for too long, or
 * was kept at a later time than `now_us` (wall clock): then the clock was set back. */
bool verified_find(struct verified *verified, const struct verified_key *key, int64_t now_us,
                   struct verified_leaf *out);
/* Takes what `leaf` owns over, and leaves it empty. Of a leaf of which a check failed, or of whose certificates nobody
 * knows the end, nothing is kept; nor beyond that end, nor the policy's cache_duration. */
void verified_keep(struct verified *verified, const struct verified_key *key, const struct policy *policy,
                   int64_t now_us, struct verified_leaf *leaf);

#endif
