#include "snp/chain_cache.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct cache_entry {
    uint8_t key[32];
    struct snp_chain *chain;
    UT_hash_handle hh;
};

/* The table keeps the order in which entries were added; who is used is added again, so that the first is the one
 * unused for longest. */
struct snp_chain_cache {
    pthread_mutex_t mutex;
    struct cache_entry *entries;
    size_t limit;
};

struct snp_chain_cache *snp_chain_cache_new(size_t limit)
{
    struct snp_chain_cache *cache = NEW(struct snp_chain_cache);
    pthread_mutex_init(&cache->mutex, NULL);
    cache->limit = limit;
    return cache;
}

static void cache_drop(struct snp_chain_cache *cache, struct cache_entry *entry)
{
    HASH_DEL(cache->entries, entry);
    snp_chain_release(entry->chain);
    free(entry);
}

void snp_chain_cache_free(struct snp_chain_cache *cache)
{
    if (!cache)
        return;
    struct cache_entry *entry, *next;
    HASH_ITER (hh, cache->entries, entry, next)
        cache_drop(cache, entry);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

size_t snp_chain_cache_count(struct snp_chain_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    size_t count = HASH_COUNT(cache->entries);
    pthread_mutex_unlock(&cache->mutex);
    return count;
}

static struct cache_entry *cache_find(struct snp_chain_cache *cache, const uint8_t key[32])
{
    struct cache_entry *entry = NULL;
    HASH_FIND(hh, cache->entries, key, sizeof(entry->key), entry);
    return entry;
}

struct snp_chain *snp_chain_cache_find(struct snp_chain_cache *cache, const uint8_t key[32])
{
    if (!cache)
        return NULL;
    struct snp_chain *chain = NULL;
    pthread_mutex_lock(&cache->mutex);
    struct cache_entry *entry = cache_find(cache, key);
    if (entry) {
        HASH_DEL(cache->entries, entry);
        HASH_ADD(hh, cache->entries, key, sizeof(entry->key), entry);
        chain = snp_chain_hold(entry->chain);
    }
    pthread_mutex_unlock(&cache->mutex);
    return chain;
}

void snp_chain_cache_keep(struct snp_chain_cache *cache, struct snp_chain *chain)
{
    if (!cache || cache->limit == 0)
        return;
    pthread_mutex_lock(&cache->mutex);
    if (!cache_find(cache, chain->key)) {
        if (cache->entries && HASH_COUNT(cache->entries) >= cache->limit)
            cache_drop(cache, cache->entries);
        struct cache_entry *entry = NEW(struct cache_entry);
        memcpy(entry->key, chain->key, sizeof(entry->key));
        entry->chain = snp_chain_hold(chain);
        HASH_ADD(hh, cache->entries, key, sizeof(entry->key), entry);
    }
    pthread_mutex_unlock(&cache->mutex);
}
