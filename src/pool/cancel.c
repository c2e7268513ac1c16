#include "pool/cancel.h"

#include "base/log.h"
#include "base/mem.h"
#include "pool/dial.h"
#include "wire/message.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define CANCELS_AT_ONCE 2 /* per link; a node of CockroachDB takes 256 in all, and drops what is above */

struct cancel {
    struct server_cancel link; /* link.server is NULL once the link has gone */
    struct dial *dial;
    struct stream *stream;
    struct timer *timer; /* cancel_wait_timeout */
    uint8_t key[8];
};

static void cancel_end(struct cancel *cancel)
{
    struct server *server = cancel->link.server;
    if (cancel->dial)
        dial_cancel(cancel->dial);
    if (cancel->stream)
        stream_close(cancel->stream);
    timer_free(cancel->timer);
    OPENSSL_cleanse(cancel->key, sizeof cancel->key);
    if (server) {
        LIST_REMOVE(&cancel->link, entry);
        shard_cancel_over(server);
    }
    free(cancel);
}

static void cancel_arrived(void *owner, const uint8_t *p, size_t n)
{
    (void)owner;
    (void)p;
    (void)n; /* a backend has nothing to say to a CancelRequest but to close */
}

/* A backend answers by closing the connection. Where that is not known to have happened, the request may still come
 * through, and the link must not be anybody else's then. */
static void cancel_stays_open(struct cancel *cancel)
{
    if (cancel->link.server && cancel->stream)
        cancel->link.server->close_reason = "a cancel request was not answered";
}

static void cancel_ended(void *owner, struct err why)
{
    struct cancel *cancel = owner;
    if (why.code != ERR_CLOSED)
        cancel_stays_open(cancel);
    cancel_end(cancel);
}

static const struct stream_ops cancel_stream_ops = {.arrived = cancel_arrived, .ended = cancel_ended};

static void cancel_timed_out(void *arg)
{
    struct cancel *cancel = arg;
    log_warning("a cancel request took longer than cancel_wait_timeout");
    cancel_stays_open(cancel);
    cancel_end(cancel);
}

static void cancel_dialled(void *arg, struct stream *stream, const struct address *peer, struct err outcome)
{
    struct cancel *cancel = arg;
    uint8_t message[64];
    struct writer out = writer_over(message, sizeof message);
    (void)peer;
    cancel->dial = NULL;
    if (failed(outcome)) {
        log_warning("a cancel request could not reach the server: %s", outcome.why);
        cancel_end(cancel);
        return;
    }
    cancel->stream = stream;
    stream_set_owner(stream, &cancel_stream_ops, cancel);
    wire_put_cancel_request(&out, BYTES(cancel->key));
    stream_send(stream, writer_bytes(&out));
    OPENSSL_cleanse(message, sizeof message);
}

void cancel_start(struct server *server)
{
    struct place *place = server->place;
    if (!server->has_cancel_key || server->cancels >= CANCELS_AT_ONCE)
        return;
    struct cancel *cancel = NEW(struct cancel);
    for (size_t i = 0; i < sizeof cancel->key; i++)
        cancel->key[i] = server->cancel_key[i];
    cancel->link.server = server;
    LIST_INSERT_HEAD(&server->cancel_list, &cancel->link, entry);
    server->cancels++;
    cancel->timer = timer_new(place->loop, cancel_timed_out, cancel);
    if (place->config->set.cancel_wait_timeout_us > 0)
        timer_start(cancel->timer, place->config->set.cancel_wait_timeout_us);
    cancel->dial = dial_start_at(place, &server->peer, server->host, cancel_dialled, cancel);
}
