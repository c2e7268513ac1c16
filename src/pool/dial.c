#include "pool/dial.h"

#include "base/mem.h"
#include "pool/tuning.h"
#include "tls/context.h"
#include "wire/message.h"

#include <stdlib.h>

/* `mode` and `tls` are those that the dial began with: a reload must not change what is asked of a server under way. */
struct dial {
    struct place *place;
    enum sslmode mode;
    struct tls_context *tls;     /* NULL: none */
    struct connector *connector; /* NULL once connected */
    struct stream *stream;
    struct address peer;
    char *host;
    dial_done *done;
    void *arg;
};

static void dial_free(struct dial *dial)
{
    if (dial->connector)
        connector_cancel(dial->connector);
    if (dial->stream)
        stream_abort(dial->stream);
    tls_context_release(dial->tls);
    free(dial->host);
    free(dial);
}

static void dial_finish(struct dial *dial, struct err outcome)
{
    struct stream *stream = NULL;
    if (!failed(outcome)) {
        stream = dial->stream;
        dial->stream = NULL;
    }
    dial->done(dial->arg, stream, &dial->peer, outcome);
    dial_free(dial);
}

static void dial_secured(void *owner, struct err outcome)
{
    struct dial *dial = owner;
    dial_finish(dial, err_within(outcome, "TLS to the server failed"));
}

static void dial_begin_tls(struct dial *dial)
{
    SSL *ssl;
    struct err e = tls_context_connect(dial->tls, dial->host, TLS_NEGOTIATED, &ssl);
    if (failed(e))
        dial_finish(dial, e);
    else
        stream_connect_tls(dial->stream, ssl);
}

/* The answer to SSLRequest is one byte; anything behind it was put there by somebody else. */
static void dial_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct dial *dial = owner;
    if (stream_ssl(dial->stream) || n != 1)
        dial_finish(dial, err_make(ERR_INPUT, "the server sent unencrypted bytes after SSLRequest"));
    else if (p[0] == 'S')
        dial_begin_tls(dial);
    else if (p[0] == 'N' && dial->mode <= SSLMODE_PREFER)
        dial_finish(dial, OK);
    else if (p[0] == 'N')
        dial_finish(dial, err_make(ERR_DENIED, "server refused SSL, but server_tls_sslmode requires it"));
    else
        dial_finish(dial, err_make(ERR_INPUT, "unexpected answer to SSLRequest"));
}

static void dial_ended(void *owner, struct err why)
{
    dial_finish(owner, why);
}

static const struct stream_ops dial_stream_ops = {
    .arrived = dial_arrived,
    .secured = dial_secured,
    .ended = dial_ended,
};

static void dial_connected(void *arg, int fd, const struct address *peer, struct err outcome)
{
    struct dial *dial = arg;
    dial->connector = NULL;
    dial->peer = *peer;
    if (failed(outcome)) {
        dial_finish(dial, outcome);
        return;
    }
    if (peer->any.sa_family != AF_UNIX)
        tuning_set(&dial->place->config->set, fd);
    dial->stream = stream_new(dial->place->engine, fd, &dial_stream_ops, dial);
    if (dial->mode <= SSLMODE_ALLOW || peer->any.sa_family == AF_UNIX) {
        dial_finish(dial, OK);
        return;
    }
    uint8_t request[8];
    struct writer out = writer_over(request, sizeof request);
    wire_put_ssl_request(&out);
    stream_send(dial->stream, writer_bytes(&out));
}

static struct dial *dial_new(struct place *place, const char *host, dial_done *done, void *arg)
{
    struct dial *dial = NEW(struct dial);
    dial->place = place;
    dial->mode = place->config->set.server_tls_sslmode;
    dial->tls = place->server_tls ? tls_context_keep(place->server_tls) : NULL;
    dial->host = mem_string(host);
    dial->done = done;
    dial->arg = arg;
    return dial;
}

struct dial *dial_start(struct place *place, const char *host, int port, dial_done *done, void *arg)
{
    struct dial *dial = dial_new(place, host, done, arg);
    dial->connector = connector_start(place->loop, place->crew, host, port, dial_connected, dial);
    return dial;
}

struct dial *dial_start_at(struct place *place, const struct address *address, const char *host, dial_done *done,
                           void *arg)
{
    struct dial *dial = dial_new(place, host, done, arg);
    dial->connector = connector_start_at(place->loop, address, dial_connected, dial);
    return dial;
}

void dial_cancel(struct dial *dial)
{
    dial_free(dial);
}
