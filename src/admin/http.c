#include "admin/http.h"

#include "admin/http_listener.h"
#include "admin/metrics.h"
#include "attest/attest.h"
#include "attest/readiness.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_HEAD_MAX  8192       /* bytes of a request's first line and headers */
#define HTTP_BODY_MAX  1024       /* no request here has one */
#define HTTP_TIMEOUT_S 10         /* without a byte */
#define HTTP_TEXT_MAX  (16 << 20) /* metrics of very many pools */

/* Bytes that trickle hold a connection for `life_us` at most. */
static const struct http_limits http_limits = {
    .connections = 64, .spare_us = 1 * US_PER_SECOND, .life_us = 20 * US_PER_SECOND};

struct http {
    struct evhttp *server;
    struct http_listener *listener;
    struct consoles *consoles;
};

static void http_send(struct evhttp_request *request, int status, const char *reason, const char *type,
                      struct bytes body)
{
    struct evbuffer *out = evbuffer_new();
    char length[24];
    if (!out)
        abort(); /* only memory can be missing */
    snprintf(length, sizeof length, "%zu", body.n);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
        evbuffer_add(out, body.p, body.n);
    evhttp_send_reply(request, status, reason, out);
    evbuffer_free(out);
}

/* Sends `body` and drops it. */
static void http_reply(struct evhttp_request *request, int status, const char *reason, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    if (!text)
        abort(); /* only memory can be missing */
    char *line = mem_format("%s\n", text);
    http_send(request, status, reason, "application/json", bytes_of_string(line));
    json_decref(body);
    free(line);
    free(text);
}

static void http_refuse(struct evhttp_request *request, int status, const char *reason, const char *text)
{
    http_reply(request, status, reason, json_pack("{s:s}", "error", text));
}

static void http_give_nonce(struct http *http, struct evhttp_request *request)
{
    uint8_t nonce[NONCE_SIZE];
    char hex[2 * NONCE_SIZE + 1];
    double expires_in_s = 0;
    struct attest *attest = http->consoles->attest;
    if (!attest) {
        http_refuse(request, 503, "Service Unavailable", "this server asks for no evidence");
        return;
    }
    struct err e = nonces_issue(attest->nonces, clock_boot_us(), nonce, &expires_in_s);
    if (failed(e)) {
        log_error("cannot give out a nonce: %s", e.why);
        http_refuse(request, 503, "Service Unavailable", "no nonce can be given out now");
        return;
    }
    hex_encode(BYTES(nonce), hex);
    http_reply(request, 200, "OK", json_pack("{s:s, s:f}", "nonce", hex, "expires_in", expires_in_s));
}

static void http_give_health(struct http *http, struct evhttp_request *request)
{
    if (atomic_load(&http->consoles->ending))
        http_reply(request, 503, "Service Unavailable", json_pack("{s:s}", "status", "shutting down"));
    else
        http_reply(request, 200, "OK", json_pack("{s:s}", "status", "ok"));
}

/* The reason is one word for machines. */
static struct err http_readiness(const struct http *http, const char **reason)
{
    const struct attest *attest = http->consoles->attest;
    *reason = "shutting_down";
    if (atomic_load(&http->consoles->ending))
        return err_make(ERR_CLOSED, "the process has begun to end");
    if (!attest || !attest->attester || !attest->evidence_is_shown)
        return OK;
    struct attester_state *state = NEW(struct attester_state);
    attester_read_state(attest->attester, state);
    struct err lack = readiness_of(state, clock_wall_us());
    *reason = readiness_reason(&lack);
    free(state);
    return lack;
}

static void http_give_readiness(struct http *http, struct evhttp_request *request)
{
    const char *reason;
    struct err lack = http_readiness(http, &reason);
    if (failed(lack))
        http_reply(request, 503, "Service Unavailable",
                   json_pack("{s:s, s:s, s:s}", "status", "not ready", "reason", reason, "detail", lack.why));
    else
        http_reply(request, 200, "OK", json_pack("{s:s}", "status", "ready"));
}

static void http_give_metrics(struct http *http, struct evhttp_request *request)
{
    const char *reason;
    bool ready = !failed(http_readiness(http, &reason));
    struct writer text = writer_growing(HTTP_TEXT_MAX);
    metrics_write(http->consoles, ready, &text);
    struct err outcome = writer_finish(&text, "the text of metrics");
    if (failed(outcome))
        http_refuse(request, 500, "Internal Server Error", outcome.why);
    else
        http_send(request, 200, "OK", METRICS_TYPE, writer_bytes(&text));
    writer_free(&text);
}

static const struct {
    const char *path;
    void (*give)(struct http *http, struct evhttp_request *request);
} http_resources[] = {
    {"/api/v1/nonce", http_give_nonce},
    {"/health", http_give_health},
    {"/ready", http_give_readiness},
    {"/metrics", http_give_metrics},
};

static void http_requested(struct evhttp_request *request, void *arg)
{
    struct http *http = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    http_listener_serve(http->listener, request);
    for (size_t i = 0; path && i < sizeof http_resources / sizeof *http_resources; i++) {
        if (strcmp(path, http_resources[i].path) != 0)
            continue;
        if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD) {
            http_resources[i].give(http, request);
        } else {
            evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
            http_refuse(request, 405, "Method Not Allowed", "only GET and HEAD are possible here");
        }
        return;
    }
    http_refuse(request, 404, "Not Found", "there is nothing here");
}

struct err http_start(struct loop *loop, const char *listen, struct consoles *consoles, struct http **out)
{
    struct http *http = NEW(struct http);
    http->consoles = consoles;
    http->server = evhttp_new(loop_base(loop));
    if (!http->server)
        abort(); /* only memory can be missing */
    evhttp_set_max_headers_size(http->server, HTTP_HEAD_MAX);
    evhttp_set_max_body_size(http->server, HTTP_BODY_MAX);
    evhttp_set_timeout(http->server, HTTP_TIMEOUT_S);
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                                 EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(http->server, http_requested, http);
    struct err e = http_listener_open(loop, http->server, listen, &http_limits, &http->listener);
    if (failed(e))
        http_stop(http);
    else
        *out = http;
    return e;
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    evhttp_free(http->server);
    http_listener_free(http->listener);
    free(http);
}
