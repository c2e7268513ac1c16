/*
 * http.h: the HTTP interface on main's loop: nonces for clients that make evidence before they connect, health,
 * readiness and metrics.
 *
 *   GET /api/v1/nonce  {"nonce": hexadecimal, "expires_in": seconds}
 *   GET /health        {"status": "ok"}; 503 {"status": "shutting down"} while the process ends
 *   GET /ready         {"status": "ready"}; 503 {"status": "not ready", "reason": word, "detail": sentence} when new
 *                      clients should go elsewhere: shutting_down, key_lost, certificate_expired
 *   GET /metrics       admin/metrics.h
 *
 * HEAD does as GET without the body. Everything else is 404 or 405, errors are {"error": text}. Nothing that a request
 * does is stored, heads and bodies are bounded, and connections in number and time (admin/http_listener.h). Main.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "base/loop.h"

struct consoles;
struct http;

/* `listen` is "host:port" (http_listen), not "". `consoles` says what there is to tell, and outlives this; without
 * consoles->attest there are no nonces (503). ERR_SYSTEM names the address. */
struct err http_start(struct loop *loop, const char *listen, struct consoles *consoles, struct http **out) MUST_CHECK;
void http_stop(struct http *http); /* NULL does nothing */

#endif
