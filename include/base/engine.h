/*
 * engine.h: completion-shaped I/O on sockets.
 *
 * Who uses a channel never reads or writes a descriptor: it is told "these bytes have arrived", in a buffer lent for
 * that call, and hands over bytes to be sent, which leave together, once, at the end of the turn. An idle channel
 * holds no buffer. One engine a worker; all functions run on its loop's thread. Today's engine is libevent (epoll);
 * nothing here names it, so that another can stand behind the same door.
 */
#ifndef BASE_ENGINE_H
#define BASE_ENGINE_H

#include "base/bytes.h"
#include "base/loop.h"

struct engine;
struct channel;

/* Callbacks; each may close its channel. After `ended` nothing more is called; the owner must then channel_close. */
struct channel_ops {
    /* All n bytes are consumed: what the owner cannot use yet it copies. At most ENGINE_LENT_SIZE. */
    void (*arrived)(void *owner, const uint8_t *p, size_t n);
    /* Called once after channel_congested was true and everything queued has left. */
    void (*drained)(void *owner);
    /* ERR_CLOSED: the peer closed its side (end of file). ERR_SYSTEM: the socket failed. */
    void (*ended)(void *owner, struct err why);
};

#define ENGINE_LENT_SIZE (64 * 1024)

struct engine *engine_new(struct loop *loop);
void engine_free(struct engine *engine); /* every channel must have been closed and a turn have passed */
struct loop *engine_loop(struct engine *engine);

/* Takes over a connected, non-blocking socket and starts receiving. */
struct channel *channel_open(struct engine *engine, int fd, const struct channel_ops *ops, void *owner);
void channel_set_owner(struct channel *channel, const struct channel_ops *ops, void *owner);

/* Closes at once; what is queued is lost. The memory lives until the end of the turn, callbacks stop now. */
void channel_close(struct channel *channel);
/* Sends what is queued, then closes; with `await_peer` it ends its side only and closes when the peer has too, so that
 * bytes the peer sent meanwhile cannot make the kernel throw our last words away. All within `linger_us`, and less when
 * too many such peers do not end. No callbacks any more. */
void channel_close_gently(struct channel *channel, int64_t linger_us, bool await_peer);
/* Takes the descriptor away, so that another engine can open it. Nothing may be queued. Frees as channel_close. */
int channel_release(struct channel *channel);

int channel_fd(const struct channel *channel);
struct engine *channel_engine(const struct channel *channel);

/* Queues bytes; they are copied or sent before the call returns. They leave at the end of the turn. */
void channel_send(struct channel *channel, struct bytes b);
/* Gives up sending: what is queued is dropped, and the owner learns of the end through `ended`. */
void channel_break(struct channel *channel);
/* Sends what is queued now rather than at the end of the turn. */
void channel_flush(struct channel *channel);
/* Bytes queued and not yet taken by the kernel. */
size_t channel_unsent(const struct channel *channel);
/* More is queued than the kernel took: stop producing until `drained`. */
bool channel_congested(const struct channel *channel);

/* No more `arrived` until resumed; the kernel's buffer fills and holds the peer back. A paused channel still notices
 * that the peer has gone (EPOLLRDHUP) only when resumed. */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);
bool channel_is_paused(const struct channel *channel);

#endif
