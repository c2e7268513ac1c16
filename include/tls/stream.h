/*
 * stream.h: a byte stream to a peer, plain or inside TLS.
 *
 * A stream sits on a channel (base/engine.h) and has the same shape: bytes arrive in a lent buffer, bytes to be sent
 * are handed over. TLS takes its bytes through a BIO that reads the lent buffer and appends to the channel's outgoing
 * chunk. All functions run on the engine's thread. The owner of a stream frees it with one of the close functions, also
 * from inside a callback.
 */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include "base/engine.h"

#include <openssl/ssl.h>

struct stream;

struct stream_ops {
    /* Plain bytes; all are consumed by the callee, who may switch owner, start TLS or close in the call. */
    void (*arrived)(void *owner, const uint8_t *p, size_t n);
    /* What was queued has left, after stream_send returned false. May be NULL. */
    void (*drained)(void *owner);
    /* The TLS handshake finished or failed. After a failure only closing is possible. NULL if the owner starts none. */
    void (*secured)(void *owner, struct err outcome);
    /* ERR_CLOSED: the peer ended the stream. Anything else: it broke. Nothing more is called; close the stream. */
    void (*ended)(void *owner, struct err why);
};

/* Takes over a connected non-blocking socket. */
struct stream *stream_new(struct engine *engine, int fd, const struct stream_ops *ops, void *owner);
void stream_set_owner(struct stream *stream, const struct stream_ops *ops, void *owner);

/* Starts a handshake. `ssl` becomes the stream's. `received` are bytes that arrived already (the ClientHello of direct
 * TLS); they are used before the call returns. `secured` may be called before these return. */
void stream_accept_tls(struct stream *stream, SSL *ssl, struct bytes received);
void stream_connect_tls(struct stream *stream, SSL *ssl);
/* NULL when plain. The stream keeps it. */
SSL *stream_ssl(const struct stream *stream);

/* Queues bytes (copied or encrypted before the call returns); they leave at the end of the turn. False when the peer
 * takes less than is produced: the caller stops producing until `drained`. The bytes are queued all the same. */
bool stream_send(struct stream *stream, struct bytes b);
bool stream_congested(const struct stream *stream);

/* No `arrived` until resumed. Bytes that are in the lent buffer of the current call still arrive. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Sends what is queued and, in TLS, close_notify, then closes; waits 5 s for a peer that does not read. */
void stream_close(struct stream *stream);
/* After the peer has said goodbye by its own protocol: nothing is waited for, once what was queued has left. */
void stream_part(struct stream *stream);
/* Closes at once; what is queued is lost. */
void stream_abort(struct stream *stream);

/* Moving to another worker: `leave` takes a stream with nothing queued off its engine (no callbacks until it joins),
 * `join`, on the thread of the new engine, continues it there. */
void stream_leave(struct stream *stream);
void stream_join(struct stream *stream, struct engine *engine);
/* Whether stream_leave is possible now: nothing queued in either direction. */
bool stream_is_quiet(const struct stream *stream);

int stream_fd(const struct stream *stream);
struct engine *stream_engine(const struct stream *stream);

#endif
