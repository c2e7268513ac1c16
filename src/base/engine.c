/* engine.c: the libevent engine. Read events stay registered; write events exist only while a peer holds us back. */
#include "base/engine.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK_SIZE         (32 * 1024 - 64)
#define CHUNKS_KEPT        64          /* free chunks an engine keeps for its next turns */
#define SEND_DIRECTLY_FROM (32 * 1024) /* more than a TLS record: several records leave in one call */
#define IOV_AT_ONCE        16
/* So many peers that have been told everything are waited for: they stand under no limit on clients any more. */
#define HALF_CLOSED_MAX    64

/* A piece of the outgoing queue: [start, end) is still to be sent. */
struct chunk {
    TAILQ_ENTRY(chunk) link;
    size_t start;
    size_t end;
    uint8_t data[CHUNK_SIZE];
};
TAILQ_HEAD(chunk_queue, chunk);

enum channel_state {
    CHANNEL_OPEN,
    CHANNEL_LINGERING, /* given up by its owner; sends what is queued, then waits for the peer's end */
    CHANNEL_DEAD,      /* waits for the end of the turn to be freed */
};

/* `dirty` and on engine->dirty: bytes were queued in this turn. `congested`: the kernel refused some, and write_event
 * is registered. A channel is in at most one of the engine's lists lingering and dead, through `link`. */
struct channel {
    struct engine *engine;
    const struct channel_ops *ops;
    void *owner;
    struct event read_event;
    struct event *write_event;
    struct chunk_queue queue;
    size_t unsent;
    TAILQ_ENTRY(channel) dirty_link;
    TAILQ_ENTRY(channel) link;
    int64_t linger_until_us;
    int fd;
    enum channel_state state;
    bool dirty;
    bool congested;
    bool paused;
    bool broken;      /* a send failed: what is queued is dropped; reading tells the owner why */
    bool awaits_peer; /* lingering: after the last byte wait for the peer's end too */
    bool half_closed;
    bool ended; /* the owner has been told, and is told nothing more */
};
TAILQ_HEAD(channel_list, channel);

struct engine {
    struct loop *loop;
    struct channel_list dirty;
    struct channel_list lingering; /* oldest first */
    size_t half_closed;            /* of them */
    struct channel_list dead;
    struct loop_task turn_end;
    struct timer *linger_timer;
    struct chunk_queue free_chunks;
    size_t free_chunk_count;
    uint8_t lent[ENGINE_LENT_SIZE];
};

static struct chunk *chunk_take(struct engine *engine)
{
    struct chunk *chunk = TAILQ_FIRST(&engine->free_chunks);
    if (chunk) {
        TAILQ_REMOVE(&engine->free_chunks, chunk, link);
        engine->free_chunk_count--;
    } else {
        chunk = mem_resize(NULL, sizeof *chunk); /* not zeroed: it is written before it is read */
    }
    chunk->start = 0;
    chunk->end = 0;
    return chunk;
}

static void chunk_give_back(struct engine *engine, struct chunk *chunk)
{
    if (engine->free_chunk_count >= CHUNKS_KEPT) {
        free(chunk);
        return;
    }
    TAILQ_INSERT_HEAD(&engine->free_chunks, chunk, link);
    engine->free_chunk_count++;
}

static void channel_drop_queue(struct channel *channel)
{
    struct chunk *chunk;
    while ((chunk = TAILQ_FIRST(&channel->queue))) {
        TAILQ_REMOVE(&channel->queue, chunk, link);
        chunk_give_back(channel->engine, chunk);
    }
    channel->unsent = 0;
}

static void channel_mark_dirty(struct channel *channel)
{
    if (channel->dirty)
        return;
    channel->dirty = true;
    TAILQ_INSERT_TAIL(&channel->engine->dirty, channel, dirty_link);
    loop_defer(channel->engine->loop, &channel->engine->turn_end);
}

static void channel_forget_events(struct channel *channel)
{
    event_del(&channel->read_event);
    if (channel->write_event)
        event_free(channel->write_event);
    channel->write_event = NULL;
}

static void channel_bury(struct channel *channel)
{
    struct engine *engine = channel->engine;
    if (channel->state == CHANNEL_LINGERING)
        TAILQ_REMOVE(&engine->lingering, channel, link);
    if (channel->half_closed)
        engine->half_closed--;
    channel->state = CHANNEL_DEAD;
    channel_drop_queue(channel);
    channel_forget_events(channel);
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
    TAILQ_INSERT_TAIL(&engine->dead, channel, link);
    loop_defer(engine->loop, &engine->turn_end);
}

void channel_break(struct channel *channel)
{
    channel->broken = true;
    shutdown(channel->fd, SHUT_RDWR); /* what has arrived can still be read; then comes the end */
    channel_drop_queue(channel);
    channel_mark_dirty(channel); /* for the end of the turn to look at: see channel_settle */
}

/* Takes `sent` bytes off the queue. */
static void channel_took(struct channel *channel, size_t sent)
{
    channel->unsent -= sent;
    while (sent > 0) {
        struct chunk *chunk = TAILQ_FIRST(&channel->queue);
        size_t here = chunk->end - chunk->start;
        if (sent < here) {
            chunk->start += sent;
            return;
        }
        sent -= here;
        TAILQ_REMOVE(&channel->queue, chunk, link);
        chunk_give_back(channel->engine, chunk);
    }
}

static ssize_t channel_send_some(struct channel *channel)
{
    struct iovec iov[IOV_AT_ONCE];
    size_t count = 0;
    struct chunk *chunk = NULL;
    TAILQ_FOREACH (chunk, &channel->queue, link) {
        if (count == IOV_AT_ONCE)
            break;
        iov[count++] = (struct iovec){chunk->data + chunk->start, chunk->end - chunk->start};
    }
    if (count == 1)
        return send(channel->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    return sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void channel_writable(evutil_socket_t fd, short what, void *arg);

static void channel_wait_for_room(struct channel *channel)
{
    if (channel->congested)
        return;
    channel->congested = true;
    if (!channel->write_event)
        channel->write_event =
            event_new(loop_base(channel->engine->loop), channel->fd, EV_WRITE | EV_PERSIST, channel_writable, channel);
    if (!channel->write_event || event_add(channel->write_event, NULL) != 0)
        channel_break(channel);
}

void channel_flush(struct channel *channel)
{
    while (channel->unsent > 0 && !channel->congested) {
        ssize_t sent = channel_send_some(channel);
        if (sent > 0) {
            channel_took(channel, (size_t)sent);
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            channel_wait_for_room(channel);
        } else {
            channel_break(channel);
        }
    }
}

static void engine_bury_oldest_half_closed(struct engine *engine)
{
    struct channel *channel = TAILQ_FIRST(&engine->lingering);
    while (!channel->half_closed)
        channel = TAILQ_NEXT(channel, link);
    channel_bury(channel);
}

/* A lingering channel that has sent everything ends its side and waits for the peer to end the other. */
static void channel_linger_on(struct channel *channel)
{
    if (channel->unsent > 0 && !channel->broken)
        return;
    if (channel->broken || !channel->awaits_peer) {
        channel_bury(channel);
    } else if (!channel->half_closed) {
        if (channel->engine->half_closed == HALF_CLOSED_MAX)
            engine_bury_oldest_half_closed(channel->engine);
        channel->half_closed = true;
        channel->engine->half_closed++;
        shutdown(channel->fd, SHUT_WR);
    }
}

static void channel_tell_end(struct channel *channel, struct err why)
{
    if (channel->ended)
        return;
    channel->ended = true;
    channel->ops->ended(channel->owner, why);
}

/* After a flush, where calling the owner is safe. */
static void channel_settle(struct channel *channel)
{
    if (channel->state == CHANNEL_LINGERING) {
        channel_linger_on(channel);
    } else if (channel->state == CHANNEL_OPEN && channel->broken && channel->paused) {
        /* Nobody reads, so reading cannot tell the owner. */
        channel_forget_events(channel);
        channel_tell_end(channel, err_make(ERR_SYSTEM, "the peer closed the connection"));
    }
}

static void channel_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct channel *channel = arg;
    channel->congested = false;
    event_del(channel->write_event);
    channel_flush(channel);
    if (channel->congested || channel->state == CHANNEL_DEAD)
        return;
    if (channel->state == CHANNEL_OPEN && !channel->broken && !channel->ended && channel->ops->drained)
        channel->ops->drained(channel->owner);
    else
        channel_settle(channel);
}

static void engine_end_turn(void *arg)
{
    struct engine *engine = arg;
    struct channel *channel;
    while ((channel = TAILQ_FIRST(&engine->dirty))) {
        TAILQ_REMOVE(&engine->dirty, channel, dirty_link);
        channel->dirty = false;
        channel_flush(channel);
        channel_settle(channel);
    }
    while ((channel = TAILQ_FIRST(&engine->dead))) {
        TAILQ_REMOVE(&engine->dead, channel, link);
        if (channel->dirty)
            TAILQ_REMOVE(&engine->dirty, channel, dirty_link);
        free(channel);
    }
}

static void channel_end(struct channel *channel, struct err why)
{
    if (channel->state == CHANNEL_LINGERING) {
        channel_bury(channel);
        return;
    }
    event_del(&channel->read_event); /* a closed socket would be readable for ever */
    channel_tell_end(channel, why);
}

static void channel_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct channel *channel = arg;
    struct engine *engine = channel->engine;
    ssize_t n = recv(fd, engine->lent, sizeof engine->lent, MSG_DONTWAIT);
    if (n > 0) {
        if (channel->state == CHANNEL_OPEN && !channel->ended)
            channel->ops->arrived(channel->owner, engine->lent, (size_t)n);
    } else if (n == 0) {
        channel_end(channel, err_make(ERR_CLOSED, "the peer closed the connection"));
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        channel_end(channel, err_system("cannot receive"));
    }
}

static void engine_linger_over(void *arg)
{
    struct engine *engine = arg;
    int64_t now = loop_now_us(engine->loop);
    struct channel *channel;
    struct channel *next;
    for (channel = TAILQ_FIRST(&engine->lingering); channel; channel = next) {
        next = TAILQ_NEXT(channel, link);
        if (channel->linger_until_us <= now)
            channel_bury(channel);
    }
    if (!TAILQ_EMPTY(&engine->lingering))
        timer_start(engine->linger_timer, US_PER_SECOND / 4);
}

struct engine *engine_new(struct loop *loop)
{
    struct engine *engine = NEW(struct engine);
    engine->loop = loop;
    engine->turn_end = (struct loop_task){.run = engine_end_turn, .arg = engine};
    engine->linger_timer = timer_new(loop, engine_linger_over, engine);
    TAILQ_INIT(&engine->dirty);
    TAILQ_INIT(&engine->lingering);
    TAILQ_INIT(&engine->dead);
    TAILQ_INIT(&engine->free_chunks);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    struct channel *channel;
    while ((channel = TAILQ_FIRST(&engine->lingering)))
        channel_bury(channel);
    loop_cancel(engine->loop, &engine->turn_end);
    engine_end_turn(engine);
    struct chunk *chunk;
    while ((chunk = TAILQ_FIRST(&engine->free_chunks))) {
        TAILQ_REMOVE(&engine->free_chunks, chunk, link);
        free(chunk);
    }
    timer_free(engine->linger_timer);
    free(engine);
}

struct loop *engine_loop(struct engine *engine)
{
    return engine->loop;
}

struct channel *channel_open(struct engine *engine, int fd, const struct channel_ops *ops, void *owner)
{
    struct channel *channel = NEW(struct channel);
    channel->engine = engine;
    channel->fd = fd;
    channel->ops = ops;
    channel->owner = owner;
    TAILQ_INIT(&channel->queue);
    event_assign(&channel->read_event, loop_base(engine->loop), fd, EV_READ | EV_PERSIST, channel_readable, channel);
    if (event_add(&channel->read_event, NULL) != 0) {
        /* epoll is full: the owner learns it as any other broken socket, at the end of the turn. */
        channel->paused = true;
        channel_break(channel);
    }
    return channel;
}

void channel_set_owner(struct channel *channel, const struct channel_ops *ops, void *owner)
{
    channel->ops = ops;
    channel->owner = owner;
}

void channel_close(struct channel *channel)
{
    channel_bury(channel);
}

void channel_close_gently(struct channel *channel, int64_t linger_us, bool await_peer)
{
    struct engine *engine = channel->engine;
    if (channel->broken || (channel->unsent == 0 && !await_peer)) {
        channel_bury(channel);
        return;
    }
    channel->state = CHANNEL_LINGERING;
    channel->linger_until_us = loop_now_us(engine->loop) + linger_us;
    channel->awaits_peer = await_peer;
    if (TAILQ_EMPTY(&engine->lingering)) /* a running timer would be put off by every further channel */
        timer_start(engine->linger_timer, US_PER_SECOND / 4);
    TAILQ_INSERT_TAIL(&engine->lingering, channel, link);
    channel_resume(channel);
    channel_mark_dirty(channel);
}

int channel_release(struct channel *channel)
{
    int fd = channel->fd;
    channel_forget_events(channel); /* before another thread can own the number */
    channel->fd = -1;
    channel_bury(channel);
    return fd;
}

int channel_fd(const struct channel *channel)
{
    return channel->fd;
}

struct engine *channel_engine(const struct channel *channel)
{
    return channel->engine;
}

/* Large pieces skip the copy when nothing stands before them. Returns how much the kernel took. */
static size_t channel_send_directly(struct channel *channel, struct bytes b)
{
    ssize_t sent = send(channel->fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        channel_break(channel);
        return b.n;
    }
    return 0;
}

void channel_send(struct channel *channel, struct bytes b)
{
    if (channel->broken || channel->state == CHANNEL_DEAD)
        return;
    if (channel->unsent == 0 && b.n >= SEND_DIRECTLY_FROM && !channel->congested) {
        size_t sent = channel_send_directly(channel, b);
        b = bytes_of(b.p + sent, b.n - sent);
    }
    while (b.n > 0) {
        struct chunk *chunk = TAILQ_LAST(&channel->queue, chunk_queue);
        if (!chunk || chunk->end == CHUNK_SIZE) {
            chunk = chunk_take(channel->engine);
            TAILQ_INSERT_TAIL(&channel->queue, chunk, link);
        }
        size_t n = b.n < CHUNK_SIZE - chunk->end ? b.n : CHUNK_SIZE - chunk->end;
        memcpy(chunk->data + chunk->end, b.p, n);
        chunk->end += n;
        channel->unsent += n;
        b = bytes_of(b.p + n, b.n - n);
    }
    if (!channel->congested)
        channel_mark_dirty(channel);
}

size_t channel_unsent(const struct channel *channel)
{
    return channel->unsent;
}

bool channel_congested(const struct channel *channel)
{
    return channel->congested;
}

void channel_pause(struct channel *channel)
{
    if (channel->paused)
        return;
    channel->paused = true;
    event_del(&channel->read_event);
    if (channel->broken)
        channel_mark_dirty(channel);
}

void channel_resume(struct channel *channel)
{
    if (!channel->paused)
        return;
    channel->paused = false;
    if (event_add(&channel->read_event, NULL) != 0)
        channel_break(channel);
}

bool channel_is_paused(const struct channel *channel)
{
    return channel->paused;
}
