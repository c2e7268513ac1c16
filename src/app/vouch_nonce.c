#include "app/vouch_nonce.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX_SIZE 8192
#define HTTP_PORT       80

struct err vouch_nonce_read(const char *hex, struct vouch_nonce *out)
{
    size_t digits = strlen(hex);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > VOUCH_NONCE_MAX)
        return err_make(ERR_INPUT, "a nonce has 2 to %d hexadecimal digits, in pairs", 2 * VOUCH_NONCE_MAX);
    *out = (struct vouch_nonce){.size = digits / 2};
    return err_within(hex_decode(hex, out->bytes, out->size), "nonce");
}

struct fetching {
    const char *url;
    struct event_base *base;
    struct evhttp_uri *uri;
    struct evhttp_connection *connection;
    struct vouch_nonce *nonce;
    bool answered;
    bool out_of_time;
    struct err outcome;
};

static struct err nonce_parse(struct bytes answer, struct vouch_nonce *out)
{
    json_error_t problem;
    json_t *root = json_loadb((const char *)answer.p, answer.n, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return err_make(ERR_INPUT, "the answer is not JSON (%s)", problem.text);
    const json_t *nonce = json_object_get(root, "nonce"), *expires = json_object_get(root, "expires_in");
    struct err outcome = json_is_string(nonce) ? vouch_nonce_read(json_string_value(nonce), out)
                                               : err_make(ERR_INPUT, "the answer holds no \"nonce\"");
    if (!failed(outcome) && json_is_number(expires))
        out->expires_in_s = json_number_value(expires);
    json_decref(root);
    return outcome;
}

static void nonce_answered(struct evhttp_request *request, void *arg)
{
    struct fetching *f = arg;
    f->answered = true;
    event_base_loopbreak(f->base);
    int status = request ? evhttp_request_get_response_code(request) : 0;
    if (status == 0) {
        f->outcome = err_make(ERR_CLOSED, "no answer");
        return;
    }
    if (status != HTTP_OK) {
        f->outcome = err_make(ERR_INPUT, "HTTP status %d", status);
        return;
    }
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(body);
    f->outcome = size <= ANSWER_MAX_SIZE ? nonce_parse(bytes_of(evbuffer_pullup(body, -1), size), f->nonce)
                                         : err_make(ERR_LIMIT, "the answer is too large");
}

static void nonce_out_of_time(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    struct fetching *f = arg;
    f->out_of_time = true;
    event_base_loopbreak(f->base);
}

static struct err nonce_read_url(struct fetching *f)
{
    f->uri = evhttp_uri_parse(f->url);
    const char *scheme = f->uri ? evhttp_uri_get_scheme(f->uri) : NULL;
    const char *host = f->uri ? evhttp_uri_get_host(f->uri) : NULL;
    if (scheme && strcasecmp(scheme, "https") == 0)
        return err_make(ERR_UNSUPPORTED, "https is not supported here; fetch the nonce with another tool and give it "
                                         "with --nonce");
    if (!scheme || strcasecmp(scheme, "http") != 0 || !host || !*host)
        return err_make(ERR_INPUT, "not an http URL");
    return OK;
}

/* "[::1]" names ::1. */
static char *nonce_host_to_dial(const char *host)
{
    size_t size = strlen(host);
    bool bracketed = size > 2 && host[0] == '[' && host[size - 1] == ']';
    return mem_string_of(bytes_of(host + bracketed, size - 2 * (size_t)bracketed));
}

static struct err nonce_request(struct fetching *f)
{
    int port = evhttp_uri_get_port(f->uri);
    port = port > 0 ? port : HTTP_PORT;
    char *host = nonce_host_to_dial(evhttp_uri_get_host(f->uri));
    f->connection = evhttp_connection_base_new(f->base, NULL, host, (uint16_t)port);
    free(host);
    struct evhttp_request *request = f->connection ? evhttp_request_new(nonce_answered, f) : NULL;
    if (!request)
        return err_make(ERR_SYSTEM, "cannot make an HTTP request");
    evhttp_connection_set_max_body_size(f->connection, ANSWER_MAX_SIZE);
    evhttp_connection_set_max_headers_size(f->connection, ANSWER_MAX_SIZE);
    char *authority = mem_format("%s:%d", evhttp_uri_get_host(f->uri), port);
    const char *path = evhttp_uri_get_path(f->uri), *query = evhttp_uri_get_query(f->uri);
    char *resource = mem_format("%s%s%s", path && *path ? path : "/", query ? "?" : "", query ? query : "");
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    bool sent = evhttp_add_header(headers, "Host", authority) == 0 &&
                evhttp_add_header(headers, "Connection", "close") == 0 &&
                evhttp_make_request(f->connection, request, EVHTTP_REQ_GET, resource) == 0; /* takes it over */
    free(authority);
    free(resource);
    return sent ? OK : err_make(ERR_SYSTEM, "cannot send an HTTP request");
}

static struct err nonce_exchange(struct fetching *f, int64_t timeout_us)
{
    TRY(nonce_read_url(f));
    TRY(nonce_request(f));
    struct timeval limit = {.tv_sec = timeout_us / US_PER_SECOND, .tv_usec = timeout_us % US_PER_SECOND};
    if (event_base_once(f->base, -1, EV_TIMEOUT, nonce_out_of_time, f, &limit) != 0 || event_base_dispatch(f->base) < 0)
        return err_make(ERR_SYSTEM, "cannot wait for an answer");
    if (f->out_of_time && !f->answered)
        return err_make(ERR_TIMEOUT, "no answer within %.3g s", (double)timeout_us / (double)US_PER_SECOND);
    return f->answered ? f->outcome : err_make(ERR_CLOSED, "no answer");
}

struct err vouch_nonce_fetch(const char *url, int64_t timeout_us, struct vouch_nonce *out)
{
    struct fetching f = {.url = url, .nonce = out, .base = event_base_new()};
    struct err outcome = f.base ? nonce_exchange(&f, timeout_us) : err_make(ERR_SYSTEM, "cannot make an event loop");
    if (f.connection)
        evhttp_connection_free(f.connection);
    if (f.uri)
        evhttp_uri_free(f.uri);
    if (f.base)
        event_base_free(f.base);
    return err_within(outcome, "%.150s", url);
}
