/*
 * pool.h: what all workers share of one database and user: limits, what the backend says at login, the last failure.
 *
 * Limits are atomics, so that they hold exactly for any number of threads. Links and waiting clients stand in shards,
 * one for each worker (shard.h). Any thread, unless said otherwise.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "gate/identity.h"
#include "pool/limits.h"

#include <pthread.h>
#include <stdint.h>
#include <uthash.h>

/* What is known of a [databases] entry, or of one that came from the fallback, while the process lives. */
struct pool_database {
    UT_hash_handle hh;
    char *name;
    struct limit links;
    struct limit clients;
    atomic_bool paused;     /* PAUSE, KILL: nothing is lent */
    atomic_bool disabled;   /* DISABLE: new clients are refused */
    _Atomic unsigned epoch; /* RECONNECT: links of an older epoch are closed when they come free */
};

/* A user name that links or clients use, over all databases. */
struct pool_user {
    UT_hash_handle hh;
    char *name;
    struct limit links;
    struct limit clients;
};

/* The ParameterStatus values that the backend gave at login, for greeting clients: name\0value\0… Immutable, counted.
 */
struct welcome {
    _Atomic unsigned references;
    size_t size;
    char pairs[];
};

struct shard;

struct pool {
    UT_hash_handle hh;
    char *key;                      /* database\0user */
    struct pool *next;              /* all pools, newest first; written once */
    _Atomic(struct pool *) *newest; /* where that list begins */
    struct pool_database *database;
    struct pool_user *user;
    struct limit links; /* ceiling: pool_size; 0 means none at all */
    _Atomic int reserve_size;
    _Atomic int min_size;
    _Atomic int waiting;            /* clients, over all shards */
    _Atomic int clients;            /* clients that belong here, over all shards */
    _Atomic int64_t retry_at_us;    /* monotonic: the last attempt failed, and none is made before; 0: it did not */
    _Atomic unsigned host_turn;     /* which host of a list the next link takes */
    _Atomic unsigned host_failures; /* failed logins: with load_balance_hosts = disable each moves on */
    struct shard *shards;           /* one for each worker */
    size_t shard_count;
    pthread_mutex_t lock; /* guards what follows */
    char *failure;
    struct welcome *welcome;
    struct credentials *credentials;
};

/* Takes over `key`. `shards` is filled by the caller. */
struct pool *pool_new(char *key, struct pool_database *database, struct pool_user *user,
                      _Atomic(struct pool *) *newest);
/* When no worker runs any more; shards must be empty. */
void pool_free(struct pool *pool);

/* Takes a slot for one more link in the pool, its database and its user; with `reserve` also one of the reserve. False
 * when one of them is full: nothing is taken then. */
bool pool_take_slot(struct pool *pool, bool reserve);
void pool_give_slot(struct pool *pool);
/* Whether pool_size allows another link, whatever database and user say. */
bool pool_has_own_slot(struct pool *pool);

/* NULL until a link has logged in. The caller drops it. */
struct welcome *pool_welcome(struct pool *pool);
void pool_set_welcome(struct pool *pool, const char *pairs, size_t size);
void welcome_drop(struct welcome *welcome);

/* What links log in with. What a client's login showed is only taken over where links use the client's own user and
 * nothing better is known. The caller drops what pool_credentials returns (may be NULL). */
void pool_set_credentials(struct pool *pool, struct credentials *credentials);
struct credentials *pool_credentials(struct pool *pool);

/* The last link failed to connect or to log in; until retry_at_us no other is tried. pool_succeeded ends that. */
void pool_failed(struct pool *pool, const char *why, int64_t retry_at_us);
void pool_succeeded(struct pool *pool);
/* Copies why the last link failed to out[ERR_WHY_SIZE]. */
void pool_failure(struct pool *pool, char *out);

#endif
