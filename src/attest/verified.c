#include "attest/verified.h"

#include "attest/crls.h"
#include "base/clock.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct verified_entry {
    UT_hash_handle hh; /* in the order of use */
    struct verified_key key;
    int64_t from_us, until_us; /* wall clock */
    struct verified_leaf leaf;
};

struct verified {
    pthread_mutex_t lock;
    struct verified_entry *entries;
    size_t limit;
    EVP_MD *sha256; /* fetched once; NULL: by its old name every time */
};

struct verified *verified_new(size_t limit)
{
    struct verified *verified = NEW(struct verified);
    pthread_mutex_init(&verified->lock, NULL);
    verified->limit = limit;
    verified->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return verified;
}

void verified_leaf_release(struct verified_leaf *leaf)
{
    checklist_free(&leaf->checks);
    checklist_free(&leaf->demands);
    snp_lineage_drop(leaf->lineage);
    *leaf = (struct verified_leaf){0};
}

static void verified_forget(struct verified *verified, struct verified_entry *entry)
{
    HASH_DEL(verified->entries, entry);
    verified_leaf_release(&entry->leaf);
    free(entry);
}

void verified_free(struct verified *verified)
{
    if (!verified)
        return;
    while (verified->entries)
        verified_forget(verified, verified->entries);
    pthread_mutex_destroy(&verified->lock);
    EVP_MD_free(verified->sha256);
    free(verified);
}

struct err verified_key_of(const struct verified *verified, const X509 *certificate, const struct policy *policy,
                           const struct crl_set *crls, unsigned role, struct verified_key *out)
{
    unsigned char *der = NULL;
    int size = i2d_X509((X509 *)certificate, &der);
    bool hashed = size > 0 && EVP_Digest(der, (size_t)size, out->leaf_sha256, NULL,
                                         verified->sha256 ? verified->sha256 : EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    out->policy = policy->number;
    out->role = role;
    crl_set_digest(crls, out->lists);
    return hashed ? OK : err_crypto("cannot hash the certificate");
}

static void verified_copy_leaf(const struct verified_leaf *from, struct verified_leaf *to)
{
    *to = *from;
    to->lineage = snp_lineage_hold(from->lineage);
    to->checks = to->demands = CHECKLIST_EMPTY;
    checklist_copy(&from->checks, 0, from->checks.count, &to->checks);
    checklist_copy(&from->demands, 0, from->demands.count, &to->demands);
}

bool verified_find(struct verified *verified, const struct verified_key *key, int64_t now_us, struct verified_leaf *out)
{
    struct verified_entry *entry;
    pthread_mutex_lock(&verified->lock);
    HASH_FIND(hh, verified->entries, key, sizeof *key, entry);
    /* Before it was made there was nothing to know: the clock was set back, and nobody can tell how old it is. */
    if (entry && (now_us < entry->from_us || entry->until_us <= now_us)) {
        verified_forget(verified, entry);
        entry = NULL;
    }
    if (entry) {
        HASH_DEL(verified->entries, entry);
        HASH_ADD(hh, verified->entries, key, sizeof *key, entry);
        verified_copy_leaf(&entry->leaf, out);
    }
    pthread_mutex_unlock(&verified->lock);
    return entry != NULL;
}

void verified_keep(struct verified *verified, const struct verified_key *key, const struct policy *policy,
                   int64_t now_us, struct verified_leaf *leaf)
{
    struct verified_entry *entry;
    if (checklist_has_failure(&leaf->checks) || leaf->facts.valid_until_s <= 0 || verified->limit == 0) {
        verified_leaf_release(leaf);
        return;
    }
    int64_t until_us = leaf->facts.valid_until_s * US_PER_SECOND;
    if (until_us - now_us > policy->certificates.cache_duration_us)
        until_us = now_us + policy->certificates.cache_duration_us;
    pthread_mutex_lock(&verified->lock);
    HASH_FIND(hh, verified->entries, key, sizeof *key, entry);
    if (entry)
        verified_forget(verified, entry);
    else if (HASH_COUNT(verified->entries) >= verified->limit)
        verified_forget(verified, verified->entries);
    entry = NEW(struct verified_entry);
    entry->key = *key;
    entry->from_us = now_us;
    entry->until_us = until_us;
    entry->leaf = *leaf;
    HASH_ADD(hh, verified->entries, key, sizeof entry->key, entry);
    pthread_mutex_unlock(&verified->lock);
    *leaf = (struct verified_leaf){0};
}
