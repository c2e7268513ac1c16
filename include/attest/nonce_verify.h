/*
 * nonce_verify.h: what a policy's group `nonce` asks of a client's evidence, check by check.
 *
 * Names of the checks stand in attest/judge.h; all three are always appended. Any thread.
 */
#ifndef ATTEST_NONCE_VERIFY_H
#define ATTEST_NONCE_VERIFY_H

#include "attest/nonces.h"
#include "attest/policy.h"
#include "snp/checklist.h"

/* All borrowed for the call. */
struct nonce_case {
    const struct policy *policy;
    struct nonces *nonces; /* NULL: the server's nonces are not known */
    struct bytes nonce;    /* of the evidence; empty: it carries none */
    enum evidence_format format;
    int64_t issued_at_s;        /* as the evidence claims, where its format binds a time */
    const uint8_t *spki_sha384; /* of the certificate's key; SHA384_SIZE bytes */
    int64_t now_us;             /* wall clock */
};

/* Of evidence whose other checks are in `checks`: only one that holds in every other respect uses a nonce up, so that
 * nobody can use up those of others; and one that is let in uses it up whatever the mode, so that no policy takes it
 * under another key. */
void nonce_verify(const struct nonce_case *c, struct checklist *checks);

/* Of a nonce that the caller gave out itself: `found` must be it, whatever the mode. `policy` may be NULL. */
void nonce_verify_expected(const struct policy *policy, struct bytes expected, struct bytes found,
                           struct checklist *checks);

/* Nobody asks. */
void nonce_verify_skip(const char *why, struct checklist *checks);

#endif
