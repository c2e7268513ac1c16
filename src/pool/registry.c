#include "pool/registry.h"

#include "base/mem.h"
#include "config/effective.h"

#include <stdlib.h>
#include <string.h>

struct registry {
    pthread_mutex_t lock; /* guards the three tables; what they hold has its own rules */
    struct pool_database *databases;
    struct pool_user *users;
    struct pool *pools; /* by "database\0user" */
    _Atomic(struct pool *) newest;
    struct place *const *places;
    size_t place_count;
    atomic_bool pause_new;
};

struct registry *registry_new(struct place *const *places, size_t count)
{
    struct registry *registry = NEW(struct registry);
    pthread_mutex_init(&registry->lock, NULL);
    registry->places = places;
    registry->place_count = count;
    return registry;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    struct pool *pool;
    struct pool *next_pool;
    HASH_ITER (hh, registry->pools, pool, next_pool) {
        HASH_DEL(registry->pools, pool);
        pool_free(pool);
    }
    struct pool_database *database;
    struct pool_database *next_database;
    HASH_ITER (hh, registry->databases, database, next_database) {
        HASH_DEL(registry->databases, database);
        free(database->name);
        free(database);
    }
    struct pool_user *user;
    struct pool_user *next_user;
    HASH_ITER (hh, registry->users, user, next_user) {
        HASH_DEL(registry->users, user);
        free(user->name);
        free(user);
    }
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

static void database_adopt(struct pool_database *database, const struct config *config)
{
    const struct config_database *entry = config_find_database(config, database->name, NULL);
    if (!entry)
        return; /* no longer configured: its last clients keep the limits they came under */
    atomic_store(&database->links.ceiling, config_max_db_connections(config, entry));
    atomic_store(&database->clients.ceiling, config_max_db_client_connections(config, entry));
}

static void user_adopt(struct pool_user *user, const struct config *config)
{
    const struct config_user *entry = config_find_user(config, user->name);
    atomic_store(&user->links.ceiling, config_max_user_connections(config, entry));
    atomic_store(&user->clients.ceiling, config_max_user_client_connections(config, entry));
}

static void pool_adopt(struct pool *pool, const struct config *config)
{
    const struct config_database *database = config_find_database(config, pool->database->name, NULL);
    const struct config_user *user = config_find_user(config, pool->user->name);
    if (!database)
        return;
    atomic_store(&pool->links.ceiling, config_pool_size(config, database, user));
    atomic_store(&pool->reserve_size, config_reserve_pool_size(config, database, user));
    atomic_store(&pool->min_size, config_min_pool_size(config, database, user));
}

static struct pool_database *registry_database_locked(struct registry *registry, const struct config *config,
                                                      const char *name)
{
    struct pool_database *database;
    HASH_FIND_STR(registry->databases, name, database);
    if (database)
        return database;
    database = NEW(struct pool_database);
    database->name = mem_string(name);
    atomic_store(&database->paused, atomic_load(&registry->pause_new));
    database_adopt(database, config);
    HASH_ADD_KEYPTR(hh, registry->databases, database->name, strlen(name), database);
    return database;
}

static struct pool_user *registry_user_locked(struct registry *registry, const struct config *config, const char *name)
{
    struct pool_user *user;
    HASH_FIND_STR(registry->users, name, user);
    if (user)
        return user;
    user = NEW(struct pool_user);
    user->name = mem_string(name);
    user_adopt(user, config);
    HASH_ADD_KEYPTR(hh, registry->users, user->name, strlen(name), user);
    return user;
}

struct pool_database *registry_database(struct registry *registry, const struct config *config, const char *name)
{
    pthread_mutex_lock(&registry->lock);
    struct pool_database *database = registry_database_locked(registry, config, name);
    pthread_mutex_unlock(&registry->lock);
    return database;
}

struct pool_user *registry_user(struct registry *registry, const struct config *config, const char *name)
{
    pthread_mutex_lock(&registry->lock);
    struct pool_user *user = registry_user_locked(registry, config, name);
    pthread_mutex_unlock(&registry->lock);
    return user;
}

struct pool *registry_pool(struct registry *registry, const struct config *config, const char *database,
                           const char *user)
{
    size_t database_size = strlen(database) + 1, n = database_size + strlen(user);
    char *key = mem_alloc(n + 1);
    struct pool *pool;
    memcpy(key, database, database_size);
    memcpy(key + database_size, user, n + 1 - database_size);
    pthread_mutex_lock(&registry->lock);
    HASH_FIND(hh, registry->pools, key, n, pool);
    if (pool) {
        free(key);
    } else {
        pool = pool_new(key, registry_database_locked(registry, config, database),
                        registry_user_locked(registry, config, user), &registry->newest);
        shards_init(pool, registry->places, registry->place_count);
        pool_adopt(pool, config);
        HASH_ADD_KEYPTR(hh, registry->pools, pool->key, n, pool);
        pool->next = atomic_load(&registry->newest);
        atomic_store(&registry->newest, pool);
    }
    pthread_mutex_unlock(&registry->lock);
    return pool;
}

struct pool_database *registry_find_database(struct registry *registry, const char *name)
{
    struct pool_database *database;
    pthread_mutex_lock(&registry->lock);
    HASH_FIND_STR(registry->databases, name, database);
    pthread_mutex_unlock(&registry->lock);
    return database;
}

struct pool *registry_pools(struct registry *registry)
{
    return atomic_load(&registry->newest);
}

void registry_each_database(struct registry *registry, void (*each)(void *arg, struct pool_database *database),
                            void *arg)
{
    pthread_mutex_lock(&registry->lock);
    for (struct pool_database *database = registry->databases; database; database = database->hh.next)
        each(arg, database);
    pthread_mutex_unlock(&registry->lock);
}

void registry_each_user(struct registry *registry, void (*each)(void *arg, struct pool_user *user), void *arg)
{
    pthread_mutex_lock(&registry->lock);
    for (struct pool_user *user = registry->users; user; user = user->hh.next)
        each(arg, user);
    pthread_mutex_unlock(&registry->lock);
}

void registry_pause_new(struct registry *registry, bool pause)
{
    atomic_store(&registry->pause_new, pause);
}

bool registry_pauses_new(const struct registry *registry)
{
    return atomic_load(&registry->pause_new);
}

void registry_adopt(struct registry *registry, const struct config *config)
{
    pthread_mutex_lock(&registry->lock);
    for (struct pool_database *database = registry->databases; database; database = database->hh.next)
        database_adopt(database, config);
    for (struct pool_user *user = registry->users; user; user = user->hh.next)
        user_adopt(user, config);
    for (struct pool *pool = registry->pools; pool; pool = pool->hh.next)
        pool_adopt(pool, config);
    pthread_mutex_unlock(&registry->lock);
}
