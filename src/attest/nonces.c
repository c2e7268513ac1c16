#include "attest/nonces.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define NONCE_DOMAIN      "pgvouch/nonce/v1"
#define NONCE_RANDOM_SIZE 8
#define NONCE_MAC_AT      (8 + NONCE_RANDOM_SIZE)
#define NONCE_MAC_SIZE    (NONCE_SIZE - NONCE_MAC_AT)
#define NONCE_KEY_SIZE    32
#define NONCE_SKEW_US     (INT64_C(5) * US_PER_SECOND) /* how far callers may be apart with the time */

/* A nonce and the one key that may use it. */
struct bound {
    uint8_t nonce[NONCE_SIZE];
    uint8_t spki_sha384[SHA384_SIZE];
    int64_t issued_us;
    int64_t bound_us;
    UT_hash_handle hh;
};

/* A nonce: u64 time in microseconds | 8 random bytes | the first 16 bytes of a MAC over domain and both.
 *
 * `retention_us` is the longest age that anybody has asked for, and never shrinks: an entry is dropped when it has been
 * bound for longer, so that under that age its nonce has expired. Should a longer age come later, then `forgotten_us`
 * still tells: nonces that were given out no later and are not bound here may have been, and count as expired. */
struct nonces {
    pthread_mutex_t lock;     /* over all but mac, its lock and limit */
    pthread_mutex_t mac_lock; /* over mac */
    EVP_MAC_CTX *mac;         /* keyed once: to set one up anew takes most of an HMAC's time */
    size_t limit;
    int64_t max_age_us; /* of nonces given out now */
    int64_t retention_us;
    int64_t forgotten_us;
    struct bound *table; /* uthash keeps the order in which they were added: the head is the oldest */
};

const char *nonce_state_name(enum nonce_state state)
{
    switch (state) {
    case NONCE_EXPIRED:
        return "expired";
    case NONCE_UNDECIDED:
        return "from the future, or too old to tell who used it";
    case NONCE_OTHER_KEY:
        return "bound to another key";
    case NONCE_FULL:
        return "too many are bound";
    case NONCE_FRESH:
        return "fresh";
    case NONCE_FOREIGN:
        break;
    }
    return "foreign";
}

static EVP_MAC_CTX *new_mac(const uint8_t key[NONCE_KEY_SIZE])
{
    char digest[] = "SHA256";
    const OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (mac && EVP_MAC_init(mac, key, NONCE_KEY_SIZE, with) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
}

struct err nonces_new(size_t limit, struct nonces **out)
{
    uint8_t key[NONCE_KEY_SIZE];
    *out = NULL;
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return err_crypto("cannot make a key for nonces");
    EVP_MAC_CTX *mac = new_mac(key);
    OPENSSL_cleanse(key, sizeof key);
    if (!mac)
        return err_crypto("cannot make a MAC for nonces");
    struct nonces *nonces = NEW(struct nonces);
    nonces->mac = mac;
    pthread_mutex_init(&nonces->lock, NULL);
    pthread_mutex_init(&nonces->mac_lock, NULL);
    nonces->limit = limit;
    nonces->max_age_us = NONCE_DEFAULT_AGE_US;
    nonces->retention_us = NONCE_DEFAULT_AGE_US;
    nonces->forgotten_us = INT64_MIN;
    *out = nonces;
    return OK;
}

void nonces_free(struct nonces *nonces)
{
    if (!nonces)
        return;
    struct bound *bound;
    struct bound *next;
    HASH_ITER (hh, nonces->table, bound, next) {
        HASH_DEL(nonces->table, bound);
        free(bound);
    }
    pthread_mutex_destroy(&nonces->lock);
    pthread_mutex_destroy(&nonces->mac_lock);
    EVP_MAC_CTX_free(nonces->mac);
    free(nonces);
}

/* Under the lock. */
static void retain(struct nonces *nonces, int64_t max_age_us)
{
    if (max_age_us > nonces->retention_us)
        nonces->retention_us = max_age_us;
}

void nonces_set_max_age(struct nonces *nonces, int64_t max_age_us)
{
    pthread_mutex_lock(&nonces->lock);
    nonces->max_age_us = max_age_us;
    retain(nonces, max_age_us);
    pthread_mutex_unlock(&nonces->lock);
}

static struct err make_mac(struct nonces *nonces, const uint8_t nonce[NONCE_SIZE], uint8_t out[NONCE_MAC_SIZE])
{
    uint8_t input[sizeof NONCE_DOMAIN + NONCE_MAC_AT];
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t size = 0;
    struct writer w = writer_over(input, sizeof input);
    writer_cstring(&w, NONCE_DOMAIN);
    writer_put(&w, bytes_of(nonce, NONCE_MAC_AT));
    pthread_mutex_lock(&nonces->mac_lock);
    bool made = EVP_MAC_init(nonces->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(nonces->mac, input, w.used) == 1 &&
                EVP_MAC_final(nonces->mac, mac, &size, sizeof mac) == 1 && size >= NONCE_MAC_SIZE;
    pthread_mutex_unlock(&nonces->mac_lock);
    if (!made)
        return err_crypto("cannot make a nonce's MAC");
    memcpy(out, mac, NONCE_MAC_SIZE);
    return OK;
}

struct err nonces_issue(struct nonces *nonces, int64_t now_us, uint8_t out[NONCE_SIZE], double *expires_in_s)
{
    uint8_t random[NONCE_RANDOM_SIZE];
    if (RAND_bytes(random, sizeof random) != 1)
        return err_crypto("cannot make a nonce");
    struct writer w = writer_over(out, NONCE_SIZE);
    writer_u64(&w, (uint64_t)now_us);
    writer_put(&w, BYTES(random));
    TRY(make_mac(nonces, out, out + NONCE_MAC_AT));
    pthread_mutex_lock(&nonces->lock);
    if (expires_in_s)
        *expires_in_s = (double)nonces->max_age_us / (double)US_PER_SECOND;
    pthread_mutex_unlock(&nonces->lock);
    return OK;
}

/* Whether this process made it, and when. */
static bool is_ours(struct nonces *nonces, struct bytes nonce, int64_t *issued_us)
{
    uint8_t mac[NONCE_MAC_SIZE];
    if (nonce.n != NONCE_SIZE || failed(make_mac(nonces, nonce.p, mac)))
        return false;
    if (!bytes_equal_secret(BYTES(mac), bytes_of(nonce.p + NONCE_MAC_AT, NONCE_MAC_SIZE)))
        return false;
    struct reader r = reader_of(nonce);
    *issued_us = (int64_t)reader_u64(&r);
    return true;
}

/* Under the lock. The head has been bound for longest: the clock does not go back, and what callers are apart lets
 * nothing stay for longer than that. */
static void drop_expired(struct nonces *nonces, int64_t now_us)
{
    struct bound *oldest = nonces->table;
    while (oldest && now_us - oldest->bound_us > nonces->retention_us) {
        struct bound *next = oldest->hh.next;
        if (oldest->issued_us > nonces->forgotten_us)
            nonces->forgotten_us = oldest->issued_us;
        HASH_DEL(nonces->table, oldest);
        free(oldest);
        oldest = next;
    }
}

/* Under the lock. For a nonce of ours that is young enough. */
static enum nonce_state state_of(const struct nonces *nonces, const struct bound *bound, int64_t issued_us,
                                 const uint8_t spki_sha384[SHA384_SIZE])
{
    if (bound)
        return memcmp(bound->spki_sha384, spki_sha384, SHA384_SIZE) == 0 ? NONCE_FRESH : NONCE_OTHER_KEY;
    if (issued_us <= nonces->forgotten_us)
        return NONCE_UNDECIDED;
    return HASH_COUNT(nonces->table) >= nonces->limit ? NONCE_FULL : NONCE_FRESH;
}

/* Under the lock. */
static void bind_to(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE],
                    int64_t issued_us, int64_t now_us)
{
    struct bound *bound = NEW(struct bound);
    memcpy(bound->nonce, nonce.p, NONCE_SIZE);
    memcpy(bound->spki_sha384, spki_sha384, SHA384_SIZE);
    bound->issued_us = issued_us;
    bound->bound_us = now_us > issued_us ? now_us : issued_us;
    HASH_ADD(hh, nonces->table, nonce, NONCE_SIZE, bound);
}

static enum nonce_state ask(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE],
                            int64_t now_us, int64_t max_age_us, int64_t *age_us, bool claims)
{
    int64_t issued_us = 0;
    *age_us = 0;
    if (!is_ours(nonces, nonce, &issued_us))
        return NONCE_FOREIGN;
    int64_t age = now_us - issued_us;
    *age_us = age > 0 ? age : 0;
    if (age > max_age_us)
        return NONCE_EXPIRED;
    if (age < -NONCE_SKEW_US)
        return NONCE_UNDECIDED;
    pthread_mutex_lock(&nonces->lock);
    retain(nonces, max_age_us);
    drop_expired(nonces, now_us);
    struct bound *bound = NULL;
    HASH_FIND(hh, nonces->table, nonce.p, NONCE_SIZE, bound);
    enum nonce_state state = state_of(nonces, bound, issued_us, spki_sha384);
    if (claims && state == NONCE_FRESH && !bound)
        bind_to(nonces, nonce, spki_sha384, issued_us, now_us);
    pthread_mutex_unlock(&nonces->lock);
    return state;
}

/* Where there is no room for another one, it is treated as forgotten, and whatever was given out before it: nobody can
 * say any more whether it is a replay. */
void nonces_spend(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE], int64_t now_us)
{
    int64_t issued_us = 0;
    if (!is_ours(nonces, nonce, &issued_us))
        return;
    pthread_mutex_lock(&nonces->lock);
    drop_expired(nonces, now_us);
    struct bound *bound = NULL;
    HASH_FIND(hh, nonces->table, nonce.p, NONCE_SIZE, bound);
    if (!bound && HASH_COUNT(nonces->table) < nonces->limit)
        bind_to(nonces, nonce, spki_sha384, issued_us, now_us);
    else if (!bound && issued_us > nonces->forgotten_us)
        nonces->forgotten_us = issued_us;
    pthread_mutex_unlock(&nonces->lock);
}

enum nonce_state nonces_look(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE],
                             int64_t now_us, int64_t max_age_us, int64_t *age_us)
{
    return ask(nonces, nonce, spki_sha384, now_us, max_age_us, age_us, false);
}

enum nonce_state nonces_claim(struct nonces *nonces, struct bytes nonce, const uint8_t spki_sha384[SHA384_SIZE],
                              int64_t now_us, int64_t max_age_us, int64_t *age_us)
{
    return ask(nonces, nonce, spki_sha384, now_us, max_age_us, age_us, true);
}
