#include "gate/secret_cache.h"

#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#define ENTRIES_MAX 1024

struct entry {
    UT_hash_handle hh;
    TAILQ_ENTRY(entry) age;
    uint8_t name[SCRAM_KEY_SIZE];
    struct scram_keys keys;
};

static struct {
    pthread_mutex_t lock; /* guards everything here */
    struct entry *entries;
    TAILQ_HEAD(, entry) oldest_first;
    bool ready;
    uint8_t key[SCRAM_KEY_SIZE]; /* of this process: names mean nothing elsewhere */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool cache_open_locked(void)
{
    if (cache.ready)
        return true;
    TAILQ_INIT(&cache.oldest_first);
    cache.ready = RAND_bytes(cache.key, sizeof cache.key) == 1;
    return cache.ready;
}

static bool cache_name_locked(const char *password, struct bytes salt, uint32_t iterations,
                              uint8_t name[SCRAM_KEY_SIZE])
{
    struct writer writer = writer_growing(64 * 1024);
    writer_u32(&writer, iterations);
    writer_lp(&writer, salt);
    writer_put(&writer, bytes_of_string(password));
    bool good = cache_open_locked() && !failed(writer_finish(&writer, "password")) &&
                !failed(scram_hmac(BYTES(cache.key), writer_bytes(&writer), name));
    writer_free(&writer);
    return good;
}

static void cache_forget_locked(struct entry *entry)
{
    HASH_DEL(cache.entries, entry);
    TAILQ_REMOVE(&cache.oldest_first, entry, age);
    mem_free_secret(entry, sizeof *entry);
}

bool secret_cache_find(const char *password, struct bytes salt, uint32_t iterations, struct scram_keys *out)
{
    uint8_t name[SCRAM_KEY_SIZE];
    struct entry *entry = NULL;
    pthread_mutex_lock(&cache.lock);
    if (cache_name_locked(password, salt, iterations, name))
        HASH_FIND(hh, cache.entries, name, sizeof name, entry);
    if (entry)
        *out = entry->keys;
    pthread_mutex_unlock(&cache.lock);
    return entry != NULL;
}

void secret_cache_keep(const char *password, struct bytes salt, uint32_t iterations, const struct scram_keys *keys)
{
    uint8_t name[SCRAM_KEY_SIZE];
    struct entry *entry = NULL;
    pthread_mutex_lock(&cache.lock);
    if (cache_name_locked(password, salt, iterations, name)) {
        HASH_FIND(hh, cache.entries, name, sizeof name, entry);
        if (!entry) {
            if (HASH_COUNT(cache.entries) >= ENTRIES_MAX)
                cache_forget_locked(TAILQ_FIRST(&cache.oldest_first));
            entry = NEW(struct entry);
            memcpy(entry->name, name, sizeof name);
            HASH_ADD(hh, cache.entries, name, sizeof entry->name, entry);
            TAILQ_INSERT_TAIL(&cache.oldest_first, entry, age);
        }
        entry->keys = *keys;
    }
    pthread_mutex_unlock(&cache.lock);
}

struct err secret_cache_derive(const char *password, struct bytes salt, uint32_t iterations, struct scram_keys *out)
{
    if (secret_cache_find(password, salt, iterations, out))
        return OK;
    TRY(scram_derive(password, salt, iterations, out));
    secret_cache_keep(password, salt, iterations, out);
    return OK;
}

void secret_cache_clear(void)
{
    pthread_mutex_lock(&cache.lock);
    while (cache.ready && !TAILQ_EMPTY(&cache.oldest_first))
        cache_forget_locked(TAILQ_FIRST(&cache.oldest_first));
    pthread_mutex_unlock(&cache.lock);
}
