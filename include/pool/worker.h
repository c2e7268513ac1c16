/*
 * worker.h: a thread with its loop, its listeners, its entrance, its clients and its shards of the pools.
 */
#ifndef POOL_WORKER_H
#define POOL_WORKER_H

#include "gate/gate.h"
#include "pool/client.h"
#include "pool/listener.h"
#include "pool/review.h"

#include <pthread.h>

struct worker;

/* Gets sessions on the console's databases; all three are handed over (see gate_ops.admit). */
typedef void worker_console(void *ctx, struct worker *worker, struct stream *stream, struct identity *identity,
                            struct bytes unread);

/* What all workers share; set up before they start and unchanged but for the atomics. */
struct common {
    struct registry *registry;
    struct crew *crew;
    struct crew *resolvers;
    struct attest *attest; /* NULL: as gate.h says */
    struct listeners *listeners;
    struct limit clients; /* max_client_conn; logins count too */
    uint8_t cancel_key[CANCEL_KEY_SIZE];
    struct worker **workers;
    size_t worker_count;
    _Atomic size_t next_worker; /* whose turn it is to get a client from the Unix socket */
    worker_console *console;
    void *console_ctx;
};

struct worker {
    struct place place;
    struct common *common;
    struct gate gate;
    struct clientele clientele;
    struct review review;
    struct timer *tick;
    struct timer *end;
    pthread_t thread;
    bool started;
};

/* What a configuration means to a worker; counted, so that the last worker to switch frees the old one. */
struct snapshot {
    _Atomic unsigned references;
    struct config *config;
    struct rules *rules;
    struct tls_context *client_tls; /* NULL: none */
    struct tls_context *server_tls; /* NULL: none */
};
/* Takes references of its own of all four. */
struct snapshot *snapshot_new(struct config *config, struct rules *rules, struct tls_context *client_tls,
                              struct tls_context *server_tls);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_drop(struct snapshot *snapshot);

/* Main, before the thread runs. */
struct err worker_new(struct common *common, size_t index, struct snapshot *snapshot, struct worker **out) MUST_CHECK;
struct err worker_start(struct worker *worker) MUST_CHECK;
/* Main, after worker_stop: waits for the thread. */
void worker_join(struct worker *worker);
/* Main, after the crew has ended too. */
void worker_free(struct worker *worker);

/* The worker's thread (post them): */
void worker_adopt(struct worker *worker, struct snapshot *snapshot);
void worker_stop_listening(struct worker *worker);
/* Ends everything with `text`, then the loop. */
void worker_stop(struct worker *worker, const char *text);

#endif
