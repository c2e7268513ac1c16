#include "pool/pool.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool *pool_new(char *key, struct pool_database *database, struct pool_user *user, _Atomic(struct pool *) *newest)
{
    struct pool *pool = NEW(struct pool);
    pool->key = key;
    pool->database = database;
    pool->user = user;
    pool->newest = newest;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void pool_free(struct pool *pool)
{
    welcome_drop(pool->welcome);
    credentials_drop(pool->credentials);
    pthread_mutex_destroy(&pool->lock);
    free(pool->failure);
    free(pool->shards);
    free(pool->key);
    free(pool);
}

static bool pool_take_own_slot(struct pool *pool, bool reserve)
{
    int size = atomic_load_explicit(&pool->links.ceiling, memory_order_relaxed);
    if (reserve)
        size += atomic_load_explicit(&pool->reserve_size, memory_order_relaxed);
    /* A pool size of 0 allows nothing, where a limit of 0 would allow everything. */
    return size > 0 && limit_take_below(&pool->links, size);
}

bool pool_has_own_slot(struct pool *pool)
{
    return limit_taken(&pool->links) < atomic_load_explicit(&pool->links.ceiling, memory_order_relaxed);
}

bool pool_take_slot(struct pool *pool, bool reserve)
{
    if (!pool_take_own_slot(pool, reserve))
        return false;
    if (limit_take(&pool->database->links)) {
        if (limit_take(&pool->user->links))
            return true;
        limit_give(&pool->database->links);
    }
    limit_give(&pool->links);
    return false;
}

void pool_give_slot(struct pool *pool)
{
    limit_give(&pool->user->links);
    limit_give(&pool->database->links);
    limit_give(&pool->links);
}

void welcome_drop(struct welcome *welcome)
{
    if (welcome && atomic_fetch_sub(&welcome->references, 1) == 1)
        free(welcome);
}

struct welcome *pool_welcome(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct welcome *welcome = pool->welcome;
    if (welcome)
        atomic_fetch_add(&welcome->references, 1);
    pthread_mutex_unlock(&pool->lock);
    return welcome;
}

void pool_set_welcome(struct pool *pool, const char *pairs, size_t size)
{
    struct welcome *welcome = mem_alloc(sizeof *welcome + size);
    atomic_init(&welcome->references, 1);
    welcome->size = size;
    if (size)
        memcpy(welcome->pairs, pairs, size);
    pthread_mutex_lock(&pool->lock);
    struct welcome *before = pool->welcome;
    pool->welcome = welcome;
    pthread_mutex_unlock(&pool->lock);
    welcome_drop(before);
}

void pool_set_credentials(struct pool *pool, struct credentials *credentials)
{
    pthread_mutex_lock(&pool->lock);
    struct credentials *before = pool->credentials;
    pool->credentials = credentials_ref(credentials);
    pthread_mutex_unlock(&pool->lock);
    credentials_drop(before);
}

struct credentials *pool_credentials(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct credentials *credentials = credentials_ref(pool->credentials);
    pthread_mutex_unlock(&pool->lock);
    return credentials;
}

void pool_failed(struct pool *pool, const char *why, int64_t retry_at_us)
{
    pthread_mutex_lock(&pool->lock);
    free(pool->failure);
    pool->failure = mem_string(why);
    pthread_mutex_unlock(&pool->lock);
    atomic_fetch_add(&pool->host_failures, 1);
    atomic_store(&pool->retry_at_us, retry_at_us);
}

void pool_succeeded(struct pool *pool)
{
    if (atomic_load_explicit(&pool->retry_at_us, memory_order_relaxed) != 0)
        atomic_store(&pool->retry_at_us, 0);
}

void pool_failure(struct pool *pool, char *out)
{
    pthread_mutex_lock(&pool->lock);
    snprintf(out, ERR_WHY_SIZE, "%s", pool->failure ? pool->failure : "");
    pthread_mutex_unlock(&pool->lock);
}
