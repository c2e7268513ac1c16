/*
 * nonces.h: nonces that this server gives out for evidence that is made before a handshake.
 *
 * A nonce holds its time and a MAC over it, so that giving one out stores nothing, however often it is asked. The first
 * use under a key, in evidence that holds in every other respect, binds it to that key: the same leaf may connect again
 * within the nonce's age, any other key is a replay. Any thread.
 *
 * `now_us` is clock_boot_us throughout: ages by a clock that can be set back would end late, and what is bound be kept
 * for that long. What callers read a moment apart may be out of order.
 */
#ifndef ATTEST_NONCES_H
#define ATTEST_NONCES_H

#include "base/bytes.h"
#include "tls/certificate.h"

#define NONCE_SIZE           32
#define NONCE_DEFAULT_AGE_US (INT64_C(300) * 1000000)

struct nonces;

/* Holds up to `limit` nonces that are bound to a key, each for the longest age asked for so far (first
 * NONCE_DEFAULT_AGE_US) after it was bound. */
struct err nonces_new(size_t limit, struct nonces **out) MUST_CHECK;
void nonces_free(struct nonces *nonces);

/* How long nonces are said to live that are given out from now on. How long bound ones are remembered never shrinks,
 * and grows with every longer age that is asked for here or below. */
void nonces_set_max_age(struct nonces *nonces, int64_t max_age_us);

/* *expires_in_s may be NULL. */
struct err nonces_issue(struct nonces *nonces, int64_t now_us, uint8_t out[NONCE_SIZE],
                        double *expires_in_s) MUST_CHECK;

enum nonce_state {
    NONCE_FOREIGN = 0, /* not given out by this process */
    NONCE_EXPIRED,     /* older than max_age_us */
    NONCE_UNDECIDED,   /* given out much later than now, or so old that who used it is forgotten */
    NONCE_OTHER_KEY,   /* bound to another key: a replay */
    NONCE_FULL,        /* too many are bound now: cannot decide */
    NONCE_FRESH,       /* ours, young, and free or bound to this key */
};
const char *nonce_state_name(enum nonce_state state);

/* Binds a nonce of ours to the key where evidence with it is let in though nobody asked for its age: no other policy
 * then takes it under another key. Does nothing to one that is bound, or foreign. */
void nonces_spend(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE], int64_t now_us);

/* Looks only. *age_us is how long ago it was given out (0 when foreign). */
enum nonce_state nonces_look(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE],
                             int64_t now_us, int64_t max_age_us, int64_t *age_us);
/* The same and, when FRESH, binds it to the key. */
enum nonce_state nonces_claim(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE],
                              int64_t now_us, int64_t max_age_us, int64_t *age_us);

#endif
