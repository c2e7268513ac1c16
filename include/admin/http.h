/*
 * http.h: the HTTP interface on main's loop: nonces for clients that make evidence before they connect, and health.
 *
 *   GET /api/v1/nonce  {"nonce": hexadecimal, "expires_in": seconds}
 *   GET /health        {"status": "ok"}; 503 {"status": "shutting down"} while the process ends
 *
 * HEAD does as GET without the body. Everything else is 404 or 405, errors are {"error": text}. Nothing that a request
 * does is stored, and heads, bodies and idle time are bounded. Main.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "base/loop.h"

struct attest;
struct http;

/* `listen` is "host:port" (http_listen), not "". `attest` may be NULL: then there are no nonces (503). ERR_SYSTEM names
 * the address. */
struct err http_start(struct loop *loop, const char *listen, struct attest *attest, struct http **out) MUST_CHECK;
/* The process has begun to end: health says so. NULL does nothing. */
void http_end(struct http *http);
void http_stop(struct http *http); /* NULL does nothing */

#endif
