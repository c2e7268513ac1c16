#include "pool/relay.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

/* While it has no link a client is not read, but what is in flight inside the lent buffers still arrives: no more than
 * two of them. */
#define HELD_MAX (4 * ENGINE_LENT_SIZE)

static void relay_finish(struct relay *relay, const char *sqlstate, const char *text)
{
    if (relay->finished)
        return;
    relay->finished = true;
    relay->ops->finished(relay, sqlstate, text);
}

/* ---- client to link ---- */

/* In transaction and statement mode the name of a prepared statement must be seen: two bytes tell whether it is empty,
 * for Describe and Close the first is the kind. */
static uint32_t relay_want_from_client(const void *context, uint8_t type, uint32_t body_size)
{
    const struct relay *relay = context;
    uint32_t wanted = 0;
    if (relay->mode != POOL_MODE_SESSION && (type == WIRE_PARSE || type == WIRE_DESCRIBE || type == WIRE_CLOSE))
        wanted = 2;
    return wanted < body_size ? wanted : body_size;
}

static bool relay_names_statement(const struct frame *frame)
{
    if (frame->type == WIRE_PARSE)
        return frame->body.n > 0 && frame->body.p[0] != '\0';
    if (frame->type == WIRE_DESCRIBE || frame->type == WIRE_CLOSE)
        return frame->body.n > 1 && frame->body.p[0] == 'S' && frame->body.p[1] != '\0';
    return false;
}

static bool relay_is_known_from_client(uint8_t type)
{
    switch (type) {
    case WIRE_QUERY:
    case WIRE_PARSE:
    case WIRE_BIND:
    case WIRE_DESCRIBE:
    case WIRE_EXECUTE:
    case WIRE_CLOSE:
    case WIRE_SYNC:
    case WIRE_FLUSH:
    case WIRE_FUNCTION_CALL:
    case WIRE_COPY_DATA:
    case WIRE_COPY_DONE:
    case WIRE_COPY_FAIL:
        return true;
    default:
        return false;
    }
}

static void relay_note_sent(struct relay *relay, uint8_t type)
{
    struct server *server = relay->server;
    if (requests_none_due(&server->requests)) {
        server->request_us = loop_now_us(server->place->loop);
        if (server->xact_us == 0)
            server->xact_us = server->request_us;
    }
    requests_sent(&server->requests, type);
}

/* A session that follows named statements on its own link comes with statement rewriting; until then whoever uses one
 * where links change hands is told so rather than given another session's statement. */
static void relay_refuse_statement(struct relay *relay)
{
    static const char text[] = "named prepared statements are not supported in this pool mode; use the unnamed "
                               "statement or pool_mode = session";
    struct writer out = writer_growing(1024);
    if (relay->server && (relay->server->transaction_status != 'I' || !requests_none_due(&relay->server->requests))) {
        relay_finish(relay, "0A000", text);
        return;
    }
    wire_put_error(&out, "ERROR", "0A000", text, NULL, NULL);
    stream_send(relay->client, writer_bytes(&out));
    writer_free(&out);
    relay->skipping = true;
}

/* Of a series that was refused: true when this message must not be forwarded. */
static bool relay_skip(struct relay *relay, const struct frame *frame)
{
    if (!relay->skipping)
        return false;
    if (frame->type == WIRE_SYNC) {
        struct writer out = writer_growing(64);
        relay->skipping = false;
        wire_put_ready_for_query(&out, 'I');
        stream_send(relay->client, writer_bytes(&out));
        writer_free(&out);
    }
    return true;
}

/* A backend reads one message after the other, so that what stands before Terminate is answered first. It is told that
 * the client leaves, and ends by itself where no answer will come: within COPY, or in a series without Sync. */
static void relay_part(struct relay *relay)
{
    if (!relay->server || requests_none_due(&relay->server->requests)) {
        relay_finish(relay, NULL, NULL);
        return;
    }
    relay->parting = true;
    relay->from_client.body_left = 0;
    server_say_terminate(relay->server);
}

enum relay_action { RELAY_FORWARD, RELAY_DROP, RELAY_STOP };

static enum relay_action relay_judge_from_client(struct relay *relay, const struct frame *frame)
{
    if (frame->type == WIRE_TERMINATE) {
        relay_part(relay);
        return RELAY_STOP;
    }
    if (!relay_is_known_from_client(frame->type)) {
        relay_finish(relay, "08P01", "unknown message type from the client");
        return RELAY_STOP;
    }
    if (relay_skip(relay, frame))
        return RELAY_DROP;
    if (relay->mode != POOL_MODE_SESSION && relay_names_statement(frame)) {
        relay_refuse_statement(relay);
        return relay->finished ? RELAY_STOP : RELAY_DROP;
    }
    return RELAY_FORWARD;
}

static void relay_hold(struct relay *relay, struct bytes bytes)
{
    if (bytes.n == 0)
        return;
    if (relay->held_size + bytes.n > HELD_MAX) {
        relay_finish(relay, "08P01", "more arrived than a waiting client may send");
        return;
    }
    relay->held = mem_resize(relay->held, relay->held_size + bytes.n);
    memcpy(relay->held + relay->held_size, bytes.p, bytes.n);
    relay->held_size += bytes.n;
}

/* A run of bytes to be forwarded that lie behind one another in one buffer. */
struct run {
    const uint8_t *p;
    size_t n;
};

static void relay_send_to_server(struct relay *relay, struct run *run)
{
    struct bytes bytes = bytes_of(run->p, run->n);
    *run = (struct run){0};
    if (bytes.n == 0 || !relay->server)
        return;
    relay->stats->received += bytes.n;
    if (!stream_send(relay->server->stream, bytes))
        stream_pause(relay->client);
}

static void relay_send_to_client(struct relay *relay, struct run *run)
{
    struct bytes bytes = bytes_of(run->p, run->n);
    *run = (struct run){0};
    if (bytes.n == 0 || relay->finished)
        return;
    relay->stats->sent += bytes.n;
    if (!stream_send(relay->client, bytes) && relay->server)
        stream_pause(relay->server->stream);
}

/* Adds a piece to the run. `next` is where the input goes on: a piece that does not end there lies in the framer's own
 * memory, which the next step frees, and is sent at once. */
static void relay_run_on(struct relay *relay, struct run *run, struct bytes piece, const uint8_t *next,
                         void (*send)(struct relay *relay, struct run *run))
{
    if (run->n > 0 && run->p + run->n == piece.p) {
        run->n += piece.n;
    } else {
        send(relay, run);
        *run = (struct run){piece.p, piece.n};
    }
    if (piece.p + piece.n != next)
        send(relay, run);
}

/* Asks for a link. Without one at once, what has come is held from the beginning of the message. */
static bool relay_get_link(struct relay *relay, struct bytes head, struct bytes rest)
{
    relay->asked = true;
    relay->ops->need_link(relay);
    if (relay->server)
        return true;
    if (relay->finished)
        return false;
    relay->from_client.body_left = 0; /* what is held is framed again when the link is there */
    relay_hold(relay, head);
    relay_hold(relay, rest);
    stream_pause(relay->client);
    return false;
}

/* Outside a COPY a backend ignores these, and Flush has nothing to flush: no reason to borrow a link. */
static bool relay_needs_no_link(uint8_t type)
{
    return type == WIRE_COPY_DATA || type == WIRE_COPY_DONE || type == WIRE_COPY_FAIL || type == WIRE_FLUSH;
}

/* False when the rest of the input is not to be read any more. */
static bool relay_take_head(struct relay *relay, const struct frame *frame, struct bytes piece, struct bytes rest)
{
    enum relay_action action = relay_judge_from_client(relay, frame);
    if (action == RELAY_STOP)
        return false;
    relay->dropping = action == RELAY_DROP || (!relay->server && relay_needs_no_link(frame->type));
    if (relay->dropping)
        return true;
    if (!relay->server && !relay_get_link(relay, piece, rest))
        return false;
    relay_note_sent(relay, frame->type);
    return true;
}

static void relay_settle(struct relay *relay);

static void relay_pump_from_client(struct relay *relay, struct bytes input)
{
    struct run run = {0};
    struct frame frame;
    struct bytes piece;
    enum framer_step step;
    while ((step = framer_next(&relay->from_client, &input, relay_want_from_client, relay, &frame, &piece)) !=
           FRAMER_MORE) {
        if (step == FRAMER_BAD) {
            relay_send_to_server(relay, &run);
            relay_finish(relay, "08P01", "invalid message length from the client");
            return;
        }
        if (step == FRAMER_HEAD && frame.type == WIRE_TERMINATE)
            relay_send_to_server(relay, &run); /* what stands before it is to be run; afterwards there may be no link */
        if (step == FRAMER_HEAD && !relay_take_head(relay, &frame, piece, input)) {
            relay_send_to_server(relay, &run);
            return;
        }
        if (!relay->dropping)
            relay_run_on(relay, &run, piece, input.p, relay_send_to_server);
    }
    relay_send_to_server(relay, &run);
    if (relay->settle_due && relay->from_client.body_left == 0)
        relay_settle(relay);
}

void relay_from_client(struct relay *relay, struct bytes bytes)
{
    if (relay->finished || relay->parting)
        return;
    if (relay->asked)
        relay_hold(relay, bytes);
    else
        relay_pump_from_client(relay, bytes);
}

/* ---- link to client ---- */

#define ERROR_SEEN 40 /* severity twice and SQLSTATE stand within */

static uint32_t relay_want_from_server(const void *context, uint8_t type, uint32_t body_size)
{
    (void)context;
    uint32_t wanted = 0;
    if (type == WIRE_PARAMETER_STATUS)
        wanted = body_size;
    else if (type == WIRE_READY_FOR_QUERY)
        wanted = 1;
    else if (type == WIRE_ERROR_RESPONSE)
        wanted = ERROR_SEEN;
    return wanted < body_size ? wanted : body_size;
}

/* Protocol, "Error and Notice Message Fields": type byte and text, the SQLSTATE under 'C'. */
static bool relay_is_serialization_failure(struct bytes fields)
{
    struct reader reader = reader_of(fields);
    while (reader_left(&reader) > 0) {
        uint8_t field = reader_u8(&reader);
        const char *text = reader_cstring(&reader);
        if (field == 'C')
            return strcmp(text, "40001") == 0;
    }
    return false;
}

static void relay_settle(struct relay *relay)
{
    relay->settle_due = false;
    if (!relay->server || !requests_none_due(&relay->server->requests))
        return;
    if (relay->parting)
        relay_finish(relay, NULL, NULL);
    else
        relay->ops->settled(relay, relay->server->transaction_status == 'I');
}

/* False when the backend broke the protocol. */
static bool relay_take_ready(struct relay *relay, const struct frame *frame)
{
    struct server *server = relay->server;
    if (frame->body_size != 1 || !requests_answered(&server->requests))
        return false;
    server->transaction_status = frame->body.p[0];
    if (!strchr("ITE", server->transaction_status) || server->transaction_status == '\0')
        return false;
    int64_t now = loop_now_us(server->place->loop);
    relay->stats->query_count++;
    relay->stats->query_time += (uint64_t)(now - server->request_us);
    server->request_us = requests_none_due(&server->requests) ? 0 : now;
    if (server->transaction_status == 'I') {
        relay->stats->xact_count++;
        relay->stats->xact_time += (uint64_t)(now - server->xact_us);
        server->xact_us = server->request_us;
    }
    relay->settle_due = requests_none_due(&server->requests);
    return true;
}

static bool relay_take_parameter(struct relay *relay, const struct frame *frame)
{
    int index;
    if (!server_take_parameter(relay->server, frame->body, &index))
        return false;
    if (index >= 0)
        variables_put(relay->variables, (size_t)index, variables_get(&relay->server->variables, (size_t)index));
    return true;
}

static bool relay_take_head_from_server(struct relay *relay, const struct frame *frame)
{
    switch (frame->type) {
    case WIRE_READY_FOR_QUERY:
        return relay_take_ready(relay, frame);
    case WIRE_PARAMETER_STATUS:
        return relay_take_parameter(relay, frame);
    case WIRE_ERROR_RESPONSE:
        requests_failed(&relay->server->requests);
        if (relay_is_serialization_failure(frame->body))
            relay->stats->serialization_failure_count++;
        return true;
    case WIRE_COPY_IN_RESPONSE:
    case WIRE_COPY_BOTH_RESPONSE:
        requests_copy_in(&relay->server->requests);
        return true;
    default:
        return true;
    }
}

static void relay_break_link(struct relay *relay, struct run *run)
{
    relay_send_to_client(relay, run);
    server_close(relay_detach(relay), "the server broke the protocol");
    relay->ops->link_ended(relay, err_make(ERR_INPUT, "the server broke the protocol"));
}

static void relay_from_server(void *borrower, const uint8_t *p, size_t n)
{
    struct relay *relay = borrower;
    struct server *server = relay->server;
    struct bytes input = bytes_of(p, n);
    struct run run = {0};
    struct frame frame;
    struct bytes piece;
    enum framer_step step;
    while ((step = framer_next(&server->framer, &input, relay_want_from_server, NULL, &frame, &piece)) != FRAMER_MORE) {
        if (step == FRAMER_BAD || (step == FRAMER_HEAD && !relay_take_head_from_server(relay, &frame))) {
            relay_break_link(relay, &run);
            return;
        }
        relay_run_on(relay, &run, piece, input.p, relay_send_to_client);
        if (!relay->settle_due)
            continue;
        relay_send_to_client(relay, &run);
        if (relay->from_client.body_left == 0 || relay->dropping)
            relay_settle(relay);
        if (relay->server != server || relay->finished) {
            server_deliver(server, input); /* it may have a new borrower already, or none */
            return;
        }
    }
    relay_send_to_client(relay, &run);
}

static void relay_server_drained(void *borrower)
{
    struct relay *relay = borrower;
    if (!relay->asked && !relay->finished)
        stream_resume(relay->client);
}

static void relay_server_ended(void *borrower, struct err why)
{
    struct relay *relay = borrower;
    relay->server = NULL;
    relay->settle_due = false;
    if (relay->parting)
        relay_finish(relay, NULL, NULL);
    else
        relay->ops->link_ended(relay, why);
}

static const struct borrower_ops relay_borrower_ops = {
    .arrived = relay_from_server,
    .drained = relay_server_drained,
    .ended = relay_server_ended,
};

void relay_client_drained(struct relay *relay)
{
    if (relay->server)
        stream_resume(relay->server->stream);
}

static void relay_pump_held(struct relay *relay)
{
    uint8_t *held = relay->held;
    size_t size = relay->held_size;
    relay->held = NULL;
    relay->held_size = 0;
    stream_resume(relay->client);
    relay_pump_from_client(relay, bytes_of(held, size));
    free(held);
}

void relay_attach(struct relay *relay, struct server *server)
{
    relay->server = server;
    relay->asked = false;
    server_borrow(server, &relay_borrower_ops, relay);
    if (relay->held)
        relay_pump_held(relay);
    /* else it was asked for from inside the pump, which goes on by itself */
}

void relay_hold_early(struct relay *relay, struct bytes bytes)
{
    relay_hold(relay, bytes);
}

void relay_begin(struct relay *relay)
{
    relay->asked = false;
    relay_pump_held(relay);
}

bool relay_drop_held_query(struct relay *relay)
{
    struct reader reader = reader_of(bytes_of(relay->held, relay->held_size));
    if (reader_u8(&reader) != WIRE_QUERY || reader_u32(&reader) + 1 != relay->held_size)
        return false;
    free(relay->held);
    relay->held = NULL;
    relay->held_size = 0;
    relay->asked = false;
    return true;
}

struct server *relay_detach(struct relay *relay)
{
    struct server *server = relay->server;
    if (server)
        stream_resume(server->stream); /* it may have been waiting for this client to read */
    relay->server = NULL;
    relay->settle_due = false;
    return server;
}

bool relay_link_clean(const struct relay *relay)
{
    const struct server *server = relay->server;
    return !relay->parting && requests_none_due(&server->requests) && server->transaction_status == 'I' &&
           framer_at_boundary(&server->framer) && (relay->from_client.body_left == 0 || relay->dropping);
}

void relay_clear(struct relay *relay)
{
    free(relay->held);
    relay->held = NULL;
    relay->held_size = 0;
    framer_clear(&relay->from_client);
}
