/*
 * http_listener.h: the socket that an HTTP server of libevent's listens on, and the connections that came from it:
 * bounded in number and in time.
 *
 * libevent 2.1 bounds neither, and has no word for a connection's end before its first request is whole: so the sockets
 * themselves are looked at. While as many are open as may be, others wait in the kernel's queue; one from which no
 * request has come for a while makes room, so that idle peers, however many, keep nobody out. The loop's thread.
 */
#ifndef ADMIN_HTTP_LISTENER_H
#define ADMIN_HTTP_LISTENER_H

#include "base/loop.h"

#include <stddef.h>

struct evhttp;
struct evhttp_request;
struct http_listener;

struct http_limits {
    size_t connections; /* that are open at once */
    int64_t spare_us;   /* a connection this old, counted from the last request, makes room for one that waits */
    int64_t life_us;    /* and this old it ends in any case */
};

/* Listens on `address`, "host:port" or "port", with `server`, which nothing else may be bound to. One at a time in a
 * process. ERR_SYSTEM names the address. */
struct err http_listener_open(struct loop *loop, struct evhttp *server, const char *address,
                              const struct http_limits *limits, struct http_listener **out) MUST_CHECK;
/* A request has come in whole: its connection's time begins anew. */
void http_listener_serve(struct http_listener *listener, struct evhttp_request *request);
/* After evhttp_free(server). NULL does nothing. */
void http_listener_free(struct http_listener *listener);

#endif
