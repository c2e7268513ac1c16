/*
 * shard.h: one worker's part of a pool: the links it holds and its clients that wait for one.
 *
 * A link that comes free goes to the oldest waiter, whichever worker it is at. A waiter publishes itself before it
 * looks whether other shards have idle links, and a link that finds no waiter is published as idle before its shard
 * looks for waiters elsewhere: so one of the two sees the other. Every function runs on the shard's worker's thread.
 */
#ifndef POOL_SHARD_H
#define POOL_SHARD_H

#include "pool/server.h"
#include "pool/stats.h"

struct waiter;
struct waiter_ops {
    /* The link is the waiter's until shard_give_back. */
    void (*lent)(struct waiter *waiter, struct server *server);
    /* No link will come; `text` is for the client's ErrorResponse. */
    void (*failed)(struct waiter *waiter, const char *text);
};

/* Embedded in whoever wants a link. `greeting`: a client that has no session yet and must learn at once when the
 * backend does not answer; others wait for it to come back. */
struct waiter {
    TAILQ_ENTRY(waiter) entry;
    const struct waiter_ops *ops;
    int64_t since_us; /* monotonic */
    bool queued;
    bool greeting;
};
TAILQ_HEAD(waiter_list, waiter);

struct shard {
    struct pool *pool;
    struct place *place;
    struct server_list idle; /* most recently used first */
    struct server_list lent;
    struct server_list opening;
    struct server_list tasked;
    int lent_count;
    int opening_count;
    int tasked_count;
    int waiter_count;
    struct waiter_list waiters; /* oldest first */
    struct stats stats;
    /* Written here, read by other workers. */
    _Alignas(64) _Atomic int64_t oldest_wait_us; /* since_us of the first waiter; 0 when none waits */
    _Atomic int idle_count;
};

/* Gives a new pool its shards. */
void shards_init(struct pool *pool, struct place *const *places, size_t count);

/* Asks for a link: waiter->ops->lent or failed may be called before this returns. */
void shard_request(struct shard *shard, struct waiter *waiter);
/* Stops waiting; nothing is called. A waiter that does not wait is left alone. */
void shard_forget(struct shard *shard, struct waiter *waiter);
/* Ends a loan. `dirty`: NULL when the backend is idle and owes nothing; else why the link must be closed. `reset`: it
 * served a whole session, and server_reset_query is due. */
void shard_give_back(struct server *server, const char *dirty, bool reset);
/* A link that was lent and has not been sent anything. Who waits gets it when the call that lent it is over, not from
 * inside: any number of clients may wait for no more than its greeting. */
void shard_give_back_unused(struct server *server);
/* A cancel request to this link, counted in server->cancels, has ended. */
void shard_cancel_over(struct server *server);

/* Serves waiters again after something changed: RESUME, a freed slot, a new configuration, a tick. */
void shard_serve(struct shard *shard);
/* Opens one more link if limits and the last failure allow it. */
bool shard_open(struct shard *shard, bool reserve);
/* Why an idle link should not be kept; NULL when it should. */
const char *shard_unwanted(struct shard *shard, const struct server *server);
/* Takes all waiters, or those that have no session yet, off the queue and tells them `text`. */
void shard_fail_waiters(struct shard *shard, const char *text, bool greeting_only);

#endif
