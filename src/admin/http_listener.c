#include "admin/http_listener.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/value.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LOOK_US (10 * US_PER_MS)     /* for room, while there is none */
#define REST_US (250 * US_PER_MS)    /* without descriptors or memory */
#define SAID_US (60 * US_PER_SECOND) /* before that is said again */

struct connection {
    TAILQ_ENTRY(connection) link;
    struct bufferevent *stream; /* a reference of our own, until the turn ends in which it was accepted */
    int fd;                     /* evhttp's, which closes it; known from then on */
    ino_t inode;                /* tells whether it has: the number may belong to another socket by then */
    int64_t since_us;           /* when it was made, or the last request came */
    bool is_ended;              /* by us, and evhttp will see it in its next turn */
};

/* Two things hold the socket up, each with a timer that ends it: too many connections, and a lack of descriptors. */
struct http_listener {
    struct loop *loop;
    struct http_limits limits;
    struct evconnlistener *socket;
    TAILQ_HEAD(connections, connection) connections; /* the oldest `since_us` first */
    size_t count;                                    /* of these, some of which may be over */
    struct loop_task greet;
    struct timer *look;
    struct timer *rest;
    bool rests;
    int64_t said_at_us; /* 0: never */
};

/* The open one: evconnlistener's error callback is given evhttp, which has no room for an argument of ours. */
static struct http_listener *the_listener;

/* ---- connections ---- */

static void connection_drop(struct http_listener *listener, struct connection *connection)
{
    TAILQ_REMOVE(&listener->connections, connection, link);
    listener->count--;
    if (connection->stream)
        bufferevent_decref(connection->stream);
    free(connection);
}

static void connection_learn_socket(struct connection *connection)
{
    struct stat about;
    connection->fd = bufferevent_getfd(connection->stream);
    connection->inode = fstat(connection->fd, &about) == 0 ? about.st_ino : 0;
    bufferevent_decref(connection->stream);
    connection->stream = NULL;
}

static bool connection_is_over(const struct connection *connection)
{
    struct stat about;
    if (connection->stream)
        return false;
    return fstat(connection->fd, &about) != 0 || !S_ISSOCK(about.st_mode) || about.st_ino != connection->inode;
}

/* evhttp, which owns it, takes it for the peer's doing. */
static void connection_end(struct connection *connection)
{
    if (!connection->is_ended && !connection_is_over(connection))
        (void)shutdown(connection->fd, SHUT_RDWR);
    connection->is_ended = true;
}

static void listener_drop_over(struct http_listener *listener)
{
    struct connection *connection = TAILQ_FIRST(&listener->connections), *next;
    for (; connection; connection = next) {
        next = TAILQ_NEXT(connection, link);
        if (connection_is_over(connection))
            connection_drop(listener, connection);
    }
}

/* Ends those from whom no request has come for so long, at most `most` of them. */
static void listener_end_older(struct http_listener *listener, int64_t age_us, size_t most)
{
    struct connection *connection = TAILQ_FIRST(&listener->connections);
    int64_t now_us = loop_now_us(listener->loop);
    for (; connection && most > 0; connection = TAILQ_NEXT(connection, link)) {
        if (now_us - connection->since_us < age_us)
            break;
        if (!connection->is_ended)
            most--;
        connection_end(connection);
    }
}

static void listener_greet(void *arg)
{
    const struct http_listener *listener = arg;
    struct connection *connection;
    TAILQ_FOREACH (connection, &listener->connections, link)
        if (connection->stream)
            connection_learn_socket(connection);
}

/* ---- accepting ---- */

static bool listener_is_full(const struct http_listener *listener)
{
    return listener->count >= listener->limits.connections;
}

/* Takes the socket up or lets it be, and sees to it that somebody looks when there may be something to do. */
static void listener_settle(struct http_listener *listener)
{
    const struct connection *oldest = TAILQ_FIRST(&listener->connections);
    int64_t now_us = loop_now_us(listener->loop);
    if (listener->rests || listener_is_full(listener))
        evconnlistener_disable(listener->socket);
    else if (evconnlistener_enable(listener->socket) != 0)
        log_error("cannot wait for connections on http_listen: libevent refused the socket");
    if (listener_is_full(listener))
        timer_start(listener->look, LOOK_US);
    else if (oldest)
        timer_start(listener->look, oldest->is_ended ? LOOK_US : oldest->since_us + listener->limits.life_us - now_us);
}

static void listener_look(void *arg)
{
    struct http_listener *listener = arg;
    listener_drop_over(listener);
    listener_end_older(listener, listener->limits.life_us, listener->count);
    if (listener_is_full(listener))
        listener_end_older(listener, listener->limits.spare_us, 1);
    listener_settle(listener);
}

/* evhttp wants a bufferevent for a connection that it has just accepted. */
static struct bufferevent *listener_take(struct event_base *base, void *arg)
{
    struct http_listener *listener = arg;
    struct connection *connection = NEW(struct connection);
    connection->stream = bufferevent_socket_new(base, -1, 0);
    if (!connection->stream)
        abort(); /* only memory can be missing */
    bufferevent_incref(connection->stream);
    connection->since_us = loop_now_us(listener->loop);
    TAILQ_INSERT_TAIL(&listener->connections, connection, link);
    listener->count++;
    if (listener_is_full(listener))
        listener_drop_over(listener);
    loop_defer(listener->loop, &listener->greet);
    listener_settle(listener);
    return connection->stream;
}

/* What cannot be accepted stays where it is, and the socket readable: looking again at once would only burn the
 * processor and fill the log. */
static void listener_failed(struct evconnlistener *socket, void *server)
{
    (void)socket;
    (void)server;
    int error = errno;
    struct http_listener *listener = the_listener;
    int64_t now_us = loop_now_us(listener->loop);
    if (listener->said_at_us == 0 || now_us - listener->said_at_us >= SAID_US) {
        listener->said_at_us = now_us;
        log_warning("cannot accept a connection on http_listen: %s%s", strerror(error),
                    error == EMFILE || error == ENFILE ? "; raise the limit of open files (ulimit -n)" : "");
    }
    listener->rests = true;
    timer_start(listener->rest, REST_US);
    listener_settle(listener);
}

static void listener_rested(void *arg)
{
    struct http_listener *listener = arg;
    listener->rests = false;
    listener_settle(listener);
}

/* ---- from outside ---- */

static struct err listener_bind(struct http_listener *listener, struct evhttp *server, const char *address)
{
    char *host;
    int port;
    TRY(err_within(value_host_port(address, &host, &port), "http_listen"));
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(server, host[0] ? host : NULL, (uint16_t)port);
    free(host);
    if (!bound)
        return err_system("cannot listen on http_listen = %s", address);
    listener->socket = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(listener->socket, listener_failed);
    evhttp_set_bevcb(server, listener_take, listener);
    return OK;
}

struct err http_listener_open(struct loop *loop, struct evhttp *server, const char *address,
                              const struct http_limits *limits, struct http_listener **out)
{
    struct http_listener *listener = NEW(struct http_listener);
    listener->loop = loop;
    listener->limits = *limits;
    listener->greet = (struct loop_task){.run = listener_greet, .arg = listener};
    TAILQ_INIT(&listener->connections);
    listener->look = timer_new(loop, listener_look, listener);
    listener->rest = timer_new(loop, listener_rested, listener);
    struct err e = listener_bind(listener, server, address);
    if (failed(e)) {
        http_listener_free(listener);
        return e;
    }
    the_listener = listener;
    *out = listener;
    return OK;
}

static struct connection *connection_find(const struct http_listener *listener, int fd)
{
    struct connection *connection;
    TAILQ_FOREACH (connection, &listener->connections, link)
        if (connection->fd == fd && !connection->stream && !connection_is_over(connection))
            return connection;
    return NULL;
}

void http_listener_serve(struct http_listener *listener, struct evhttp_request *request)
{
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)));
    struct connection *connection = connection_find(listener, fd);
    if (!connection || connection->is_ended)
        return;
    TAILQ_REMOVE(&listener->connections, connection, link);
    TAILQ_INSERT_TAIL(&listener->connections, connection, link);
    connection->since_us = loop_now_us(listener->loop);
}

void http_listener_free(struct http_listener *listener)
{
    if (!listener)
        return;
    while (!TAILQ_EMPTY(&listener->connections))
        connection_drop(listener, TAILQ_FIRST(&listener->connections));
    loop_cancel(listener->loop, &listener->greet);
    timer_free(listener->look);
    timer_free(listener->rest);
    if (the_listener == listener)
        the_listener = NULL;
    free(listener);
}
