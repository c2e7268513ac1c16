#include "attest/verified.h"

#include "attest/crls.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Of evidence, its format, the lists at hand and policy as loaded: another file, or the same read again with another
 * root beside it, is another key.
 */
struct verified_key {
    uint8_t sha256[32];
};

struct verified_entry {
    UT_hash_handle hh; /* in the order of use */
    struct verified_key key;
    int64_t until_us; /* wall clock */
    struct checklist checks;
    struct snp_facts facts;
};

struct verified {
    pthread_mutex_t lock;
    struct verified_entry *entries;
    size_t limit;
};

struct verified *verified_new(size_t limit)
{
    struct verified *verified = NEW(struct verified);
    pthread_mutex_init(&verified->lock, NULL);
    verified->limit = limit;
    return verified;
}

static void verified_forget(struct verified *verified, struct verified_entry *entry)
{
    HASH_DEL(verified->entries, entry);
    checklist_free(&entry->checks);
    free(entry);
}

void verified_free(struct verified *verified)
{
    if (!verified)
        return;
    while (verified->entries)
        verified_forget(verified, verified->entries);
    pthread_mutex_destroy(&verified->lock);
    free(verified);
}

static bool verified_key_of(const struct evidence *evidence, const struct policy *policy, const struct crl_set *crls,
                            struct verified_key *out)
{
    uint8_t lists[32];
    uint8_t bytes[EVIDENCE_SHA256_SIZE + sizeof policy->sha256 + 9 + sizeof lists];
    struct writer w = writer_over(bytes, sizeof bytes);
    writer_put(&w, BYTES(evidence->sha256));
    writer_u8(&w, (uint8_t)evidence->format); /* so that no bytes are believed as something else than was verified */
    writer_put(&w, BYTES(policy->sha256));
    writer_u64(&w, (uint64_t)policy->loaded_at_us);
    crl_set_digest(crls, lists);
    writer_put(&w, BYTES(lists));
    return EVP_Digest(bytes, w.used, out->sha256, NULL, EVP_sha256(), NULL) == 1;
}

static void verified_copy_checks(const struct checklist *from, struct checklist *to)
{
    for (size_t i = 0; i < from->count; i++)
        checklist_add(to, from->checks[i].name, from->checks[i].outcome, from->checks[i].expected,
                      from->checks[i].found);
}

bool verified_find(struct verified *verified, const struct evidence *evidence, const struct policy *policy,
                   const struct crl_set *crls, int64_t now_us, struct checklist *checks, struct snp_facts *facts)
{
    struct verified_key key;
    struct verified_entry *entry;
    if (!verified || !policy->certificates.allow_cached || !verified_key_of(evidence, policy, crls, &key))
        return false;
    pthread_mutex_lock(&verified->lock);
    HASH_FIND(hh, verified->entries, &key, sizeof key, entry);
    if (entry && entry->until_us <= now_us) {
        verified_forget(verified, entry);
        entry = NULL;
    }
    if (entry) {
        HASH_DEL(verified->entries, entry);
        HASH_ADD(hh, verified->entries, key, sizeof key, entry);
        verified_copy_checks(&entry->checks, checks);
        *facts = entry->facts;
    }
    pthread_mutex_unlock(&verified->lock);
    return entry != NULL;
}

void verified_keep(struct verified *verified, const struct evidence *evidence, const struct policy *policy,
                   const struct crl_set *crls, int64_t now_us, const struct checklist *checks,
                   const struct snp_facts *facts)
{
    struct verified_key key;
    struct verified_entry *entry;
    int64_t until_us = now_us + policy->certificates.cache_duration_us;
    if (!verified || !policy->certificates.allow_cached || checklist_has_failure(checks) || facts->valid_until_s <= 0 ||
        !verified_key_of(evidence, policy, crls, &key))
        return;
    if (until_us / US_PER_SECOND > facts->valid_until_s)
        until_us = facts->valid_until_s * US_PER_SECOND;
    pthread_mutex_lock(&verified->lock);
    HASH_FIND(hh, verified->entries, &key, sizeof key, entry);
    if (entry)
        verified_forget(verified, entry);
    else if (HASH_COUNT(verified->entries) >= verified->limit)
        verified_forget(verified, verified->entries);
    entry = NEW(struct verified_entry);
    entry->key = key;
    entry->until_us = until_us;
    entry->facts = *facts;
    verified_copy_checks(checks, &entry->checks);
    HASH_ADD(hh, verified->entries, key, sizeof key, entry);
    pthread_mutex_unlock(&verified->lock);
}
