/*
 * challenge.h: whether evidence answers a challenge: the nonce in it, how long that is, and how old.
 *
 * Appends the checks JUDGE_CHECK_NONCE, JUDGE_CHECK_NONCE_LENGTH and JUDGE_CHECK_NONCE_AGE (attest/judge.h), all three
 * whatever is asked. What a nonce is worth is decided before: only one that signed bytes vouch for is handed in. Any
 * thread.
 */
#ifndef ATTEST_CHALLENGE_H
#define ATTEST_CHALLENGE_H

#include "attest/nonces.h"
#include "attest/policy.h"
#include "snp/checklist.h"

#define CHALLENGE_DISABLED  "nonce.mode is disabled"
#define CHALLENGE_NOT_ASKED "no challenge was given: whether the evidence is fresh was not checked"

/* What a client's evidence says. All borrowed for the call. */
struct challenge_answer {
    const struct policy *policy; /* NULL: there is nothing to judge a client by, and it fails */
    struct nonces *nonces;       /* that this server gave out; NULL: none is known */
    struct bytes nonce;          /* may be empty */
    const uint8_t *spki_sha384;  /* of the key that a nonce of this server's is then bound to */
    bool binds_time;             /* whether the report binds `issued_at_s` */
    int64_t issued_at_s;
    int64_t now_us;        /* wall clock */
    int64_t nonces_now_us; /* clock_boot_us */
};

/* By a server that gives out nonces, or takes any, as the policy says. A nonce is bound to the key only by evidence
 * none of whose checks in `out` failed; and by evidence that is let in whatever the policy asks of it, so that no other
 * policy takes it under another key. Gives whether it is one that this server gave out, and still good; false where
 * nobody asked. */
bool challenge_judge(const struct challenge_answer *answer, struct checklist *out);

/* By a caller who gave out `expected` itself (not empty): `found` must be the same, whatever the mode; `absent` says
 * why it is empty, where it is. `policy` may be NULL. */
void challenge_expect(const struct policy *policy, struct bytes expected, struct bytes found, const char *absent,
                      struct checklist *out);

/* How a demand of the group nonce comes out: by its mode. */
enum check_outcome challenge_outcome(const struct policy *policy, bool is_met);

/* Where nobody asked; `why` says so. */
void challenge_skip(const char *why, struct checklist *out);

#endif
