#include "admin/http.h"

#include "attest/attest.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/value.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_HEAD_MAX  8192 /* bytes of a request's first line and headers */
#define HTTP_BODY_MAX  1024 /* no request here has one */
#define HTTP_TIMEOUT_S 10

struct http {
    struct evhttp *server;
    struct attest *attest;
    bool ending;
};

/* Sends `body` and drops it. */
static void http_reply(struct evhttp_request *request, int status, const char *reason, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    struct evbuffer *out = evbuffer_new();
    char length[24];
    json_decref(body);
    if (!text || !out)
        abort(); /* only memory can be missing */
    snprintf(length, sizeof length, "%zu", strlen(text) + 1);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
        evbuffer_add_printf(out, "%s\n", text);
    evhttp_send_reply(request, status, reason, out);
    evbuffer_free(out);
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
    if (!http->attest) {
        http_refuse(request, 503, "Service Unavailable", "this server asks for no evidence");
        return;
    }
    struct err e = nonces_issue(http->attest->nonces, clock_wall_us(), nonce, &expires_in_s);
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
    if (http->ending)
        http_reply(request, 503, "Service Unavailable", json_pack("{s:s}", "status", "shutting down"));
    else
        http_reply(request, 200, "OK", json_pack("{s:s}", "status", "ok"));
}

static const struct {
    const char *path;
    void (*give)(struct http *http, struct evhttp_request *request);
} http_resources[] = {
    {"/api/v1/nonce", http_give_nonce},
    {"/health", http_give_health},
};

static void http_requested(struct evhttp_request *request, void *arg)
{
    struct http *http = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
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

static struct err http_bind(struct http *http, const char *listen)
{
    char *host;
    int port;
    TRY(err_within(value_host_port(listen, &host, &port), "http_listen"));
    bool bound = evhttp_bind_socket(http->server, host[0] ? host : NULL, (uint16_t)port) == 0;
    free(host);
    return bound ? OK : err_system("cannot listen on http_listen = %s", listen);
}

struct err http_start(struct loop *loop, const char *listen, struct attest *attest, struct http **out)
{
    struct http *http = NEW(struct http);
    http->attest = attest;
    http->server = evhttp_new(loop_base(loop));
    if (!http->server)
        abort(); /* only memory can be missing */
    evhttp_set_max_headers_size(http->server, HTTP_HEAD_MAX);
    evhttp_set_max_body_size(http->server, HTTP_BODY_MAX);
    evhttp_set_timeout(http->server, HTTP_TIMEOUT_S);
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                                 EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(http->server, http_requested, http);
    struct err e = http_bind(http, listen);
    if (failed(e))
        http_stop(http);
    else
        *out = http;
    return e;
}

void http_end(struct http *http)
{
    if (http)
        http->ending = true;
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    evhttp_free(http->server);
    free(http);
}
