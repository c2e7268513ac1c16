/*
 * gate.h: one worker's entrance: what its logins stand on, and whom they tell.
 *
 * The gate knows nothing of pools: whoever fills in gate_ops gets the sessions that have been let in. One worker's
 * thread, unless said otherwise.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "base/connector.h"
#include "base/crew.h"
#include "base/engine.h"
#include "gate/identity.h"
#include "gate/rules.h"
#include "gate/turnstile.h"
#include "tls/context.h"
#include "tls/stream.h"

#include <sys/queue.h>

struct gate;
struct login;

struct gate_ops {
    /* A session: AuthenticationOk has been sent, and ParameterStatus, BackendKeyData and ReadyForQuery are due. Stream
     * and identity are the callee's, which must set the stream's owner; `unread` is what the client has sent since. */
    void (*admit)(void *ctx, struct stream *stream, struct identity *identity, struct bytes unread);
    /* A CancelRequest with this key (process id and secret) has come. */
    void (*cancel)(void *ctx, struct bytes key);
    /* A login ended without a session: its place among the clients is free. */
    void (*left)(void *ctx);
    /* Ids of clients and links come from one counter. */
    uint64_t (*next_id)(void);
    /* Whether the backend's parameter of this name is carried for each client. */
    bool (*is_tracked)(const char *name);
};

/* `rules` and `tls` are swapped by the worker at a loop boundary (gate_adopt); a login keeps those it began with only
 * where it must. */
struct gate {
    struct engine *engine;
    struct crew *crew;
    struct rules *rules;
    struct tls_context *tls; /* NULL: no TLS for clients */
    struct attest *attest;   /* of the process; NULL: nothing can be verified, and whoever asks for it is refused */
    const struct gate_ops *ops;
    void *ctx;
    TAILQ_HEAD(, login) logins; /* oldest first */
    size_t login_count;
    struct turnstile turnstile; /* before the crew */
};

void gate_init(struct gate *gate, struct engine *engine, struct crew *crew, const struct gate_ops *ops, void *ctx);
/* Takes references of both. `tls` may be NULL. */
void gate_adopt(struct gate *gate, struct rules *rules, struct tls_context *tls);
/* Drops what gate_adopt took. */
void gate_close(struct gate *gate);

#endif
