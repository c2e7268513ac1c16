/*
 * registry.h: every database, user and pool that the process knows, by name. Entries are made at first use and live as
 * long as the process, so that a pointer once found stays good on any thread.
 */
#ifndef POOL_REGISTRY_H
#define POOL_REGISTRY_H

#include "pool/shard.h"

struct registry;

/* `places` are the workers' places, one shard each; they outlive the registry. */
struct registry *registry_new(struct place *const *places, size_t count);
/* After every worker has ended. */
void registry_free(struct registry *registry);

/* Any thread. The limits of a new entry are those of `config`. */
struct pool_database *registry_database(struct registry *registry, const struct config *config, const char *name);
struct pool_user *registry_user(struct registry *registry, const struct config *config, const char *name);
/* The pool of a database that a client named and the user that links log in as. */
struct pool *registry_pool(struct registry *registry, const struct config *config, const char *database,
                           const char *user);

/* Looks only; NULL when it was never used. Any thread. */
struct pool_database *registry_find_database(struct registry *registry, const char *name);

/* All pools, newest first, through pool->next. Pools are only ever added. Any thread. */
struct pool *registry_pools(struct registry *registry);

/* Calls `each` for every database or user, under the registry's lock: `each` must not call the registry. */
void registry_each_database(struct registry *registry, void (*each)(void *arg, struct pool_database *database),
                            void *arg);
void registry_each_user(struct registry *registry, void (*each)(void *arg, struct pool_user *user), void *arg);

/* While PAUSE holds for all databases, those that come into use are paused too. Any thread. */
void registry_pause_new(struct registry *registry, bool pause);
bool registry_pauses_new(const struct registry *registry);

/* Gives every entry the limits of a new configuration. Any thread. */
void registry_adopt(struct registry *registry, const struct config *config);

#endif
