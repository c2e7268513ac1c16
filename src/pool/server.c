/* server.c: a link's life, and what arrives on it while nobody has borrowed it. */
#include "pool/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "pool/server_login.h"
#include "wire/error.h"
#include "wire/message.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static void server_arrived(void *owner, const uint8_t *p, size_t n);
static void server_drained(void *owner);
static void server_ended(void *owner, struct err why);

static const struct stream_ops server_stream_ops = {
    .arrived = server_arrived,
    .drained = server_drained,
    .ended = server_ended,
};

static void server_free(void *arg)
{
    struct server *server = arg;
    variables_clear(&server->variables);
    variables_clear(&server->login_variables);
    variables_clear(&server->before_tuning);
    requests_clear(&server->requests);
    framer_clear(&server->framer);
    OPENSSL_cleanse(server->cancel_key, sizeof server->cancel_key);
    free(server->task_error);
    free(server->host);
    free(server);
}

/* The memory lives until the end of the turn, for callers further up that still look at it. */
static void server_go(struct server *server, const char *why, bool failed_login)
{
    struct server_cancel *cancel;
    log_debug("S-%llu: %s/%s@%s:%d closing because: %s", (unsigned long long)server->id, server->pool->database->name,
              server->pool->user->name, server->host ? server->host : "(none)", server->port, why);
    while ((cancel = LIST_FIRST(&server->cancel_list))) {
        LIST_REMOVE(cancel, entry);
        cancel->server = NULL;
    }
    server_login_free(server->login);
    server->login = NULL;
    server->keeper->gone(server, why, failed_login);
    server->gone = true;
    loop_defer(server->place->loop, &server->burial);
}

void server_give_up(struct server *server, struct err why)
{
    log_warning("S-%llu: %s/%s closing because: %s", (unsigned long long)server->id, server->pool->database->name,
                server->pool->user->name, why.why);
    if (server->stream)
        stream_close(server->stream);
    server->stream = NULL;
    server_go(server, why.why, true);
}

static int64_t server_draw_lifetime_share(void)
{
    uint16_t random = 0;
    (void)RAND_bytes((unsigned char *)&random, sizeof random);
    return 900 + random % 101;
}

void server_run(struct server *server, const char *sql, void (*done)(struct server *server, struct err outcome))
{
    struct writer out = writer_growing(1024 * 1024);
    wire_put_query(&out, sql);
    server->task_done = done;
    requests_sent(&server->requests, WIRE_QUERY);
    stream_send(server->stream, writer_bytes(&out));
    writer_free(&out);
}

static void server_connected(struct server *server)
{
    server->opened = true;
    variables_fill(&server->login_variables, &server->variables);
    server->keeper->ready(server);
}

static void server_connect_query_done(struct server *server, struct err outcome)
{
    if (failed(outcome))
        server_give_up(server, err_within(outcome, "connect_query failed"));
    else
        server_connected(server);
}

static void server_logged_in(void *arg, struct server_greeting *greeting, struct err outcome)
{
    struct server *server = arg;
    if (failed(outcome)) {
        server_give_up(server, outcome);
        return;
    }
    const struct config_database *database =
        config_find_database(server->place->config, server->pool->database->name, NULL);
    server->stream = greeting->stream;
    server->peer = greeting->peer;
    server->host = mem_string(greeting->host);
    server->port = greeting->port;
    server->variables = greeting->variables;
    server->has_cancel_key = greeting->has_cancel_key;
    memcpy(server->cancel_key, greeting->cancel_key, sizeof server->cancel_key);
    server_login_free(server->login);
    server->login = NULL;
    server->transaction_status = 'I';
    stream_set_owner(server->stream, &server_stream_ops, server);
    server_deliver(server, greeting->unread);
    if (server->gone)
        return;
    if (database && database->connect_query[0])
        server_run(server, database->connect_query, server_connect_query_done);
    else
        server_connected(server);
}

struct server *server_open(struct place *place, struct pool *pool, struct shard *shard,
                           const struct server_keeper *keeper)
{
    struct server *server = NEW(struct server);
    server->place = place;
    server->pool = pool;
    server->shard = shard;
    server->keeper = keeper;
    server->state = SERVER_OPENING;
    server->id = place_next_id();
    server->epoch = atomic_load(&pool->database->epoch);
    server->opened_us = loop_now_us(place->loop);
    server->opened_wall_us = clock_wall_us();
    server->used_us = server->opened_us;
    server->lifetime_share = server_draw_lifetime_share();
    server->burial = (struct loop_task){.run = server_free, .arg = server};
    LIST_INIT(&server->cancel_list);
    server->login = server_login_start(place, pool, server_logged_in, server);
    return server;
}

void server_say_terminate(struct server *server)
{
    uint8_t message[WIRE_HEADER_SIZE];
    struct writer out = writer_over(message, sizeof message);
    wire_put_terminate(&out);
    stream_send(server->stream, writer_bytes(&out));
}

void server_close(struct server *server, const char *reason)
{
    if (server->gone)
        return;
    if (server->stream) {
        if (server->transaction_status == 'I' && requests_none_due(&server->requests))
            server_say_terminate(server);
        stream_close(server->stream);
        server->stream = NULL;
    }
    server_go(server, reason, false);
}

void server_borrow(struct server *server, const struct borrower_ops *ops, void *borrower)
{
    server->borrower_ops = ops;
    server->borrower = borrower;
}

void server_return(struct server *server)
{
    server->borrower_ops = NULL;
    server->borrower = NULL;
}

bool server_take_parameter(struct server *server, struct bytes body, int *index)
{
    struct reader reader = reader_of(body);
    const char *name = reader_cstring(&reader);
    const char *value = reader_cstring(&reader);
    if (failed(reader_finish(&reader, "ParameterStatus")))
        return false;
    *index = variables_index(name);
    if (*index >= 0)
        variables_put(&server->variables, (size_t)*index, value);
    return true;
}

void server_variables_reset(struct server *server)
{
    variables_clear(&server->variables);
    variables_fill(&server->variables, &server->login_variables);
}

/* ---- what arrives while nobody has borrowed the link ---- */

static uint32_t server_want(const void *context, uint8_t type, uint32_t body_size)
{
    (void)context;
    switch (type) {
    case WIRE_PARAMETER_STATUS:
    case WIRE_ERROR_RESPONSE:
        return body_size;
    case WIRE_READY_FOR_QUERY:
        return body_size < 1 ? body_size : 1;
    default:
        return 0;
    }
}

static void server_finish_task(struct server *server)
{
    void (*done)(struct server *, struct err) = server->task_done;
    struct err outcome = server->task_error ? err_make(ERR_DENIED, "%s", server->task_error) : OK;
    free(server->task_error);
    server->task_error = NULL;
    server->task_done = NULL;
    done(server, outcome);
}

/* Of a link that has just gone: whoever has borrowed it learns so, also where it waits for a statement of ours. */
static void server_tell_borrower(struct server *server, const struct borrower_ops *ops, struct err why)
{
    if (ops) {
        ops->ended(server->borrower, why);
    } else if (server->borrower && server->task_done) {
        free(server->task_error);
        server->task_error = mem_string(why.why);
        server_finish_task(server);
    }
}

static bool server_take_ready(struct server *server, const struct frame *frame)
{
    if (frame->body_size != 1 || !requests_answered(&server->requests))
        return false;
    server->transaction_status = frame->body.p[0];
    if (!requests_none_due(&server->requests) || !server->task_done)
        return false;
    if (server->transaction_status != 'I' && !server->task_error)
        server->task_error = mem_string("the statement left a transaction open");
    server_finish_task(server);
    return true;
}

/* Outside of a statement of ours an ErrorResponse announces the end of the connection (57P01, admin shutdown). */
static bool server_take_error(struct server *server, const struct frame *frame)
{
    struct wire_error error;
    if (failed(wire_error_parse(frame->body, &error)))
        return false;
    requests_failed(&server->requests);
    if (!server->task_done) {
        server->close_reason = "the server said goodbye";
        log_info("S-%llu: server said: %s %s: %s", (unsigned long long)server->id, error.severity, error.sqlstate,
                 error.message);
    } else if (!server->task_error) {
        server->task_error = mem_format("%s: %s (SQLSTATE %s)", error.severity, error.message, error.sqlstate);
    }
    return true;
}

static bool server_take_head(struct server *server, const struct frame *frame)
{
    int index;
    switch (frame->type) {
    case WIRE_PARAMETER_STATUS:
        return server_take_parameter(server, frame->body, &index);
    case WIRE_READY_FOR_QUERY:
        return server_take_ready(server, frame);
    case WIRE_ERROR_RESPONSE:
        return server_take_error(server, frame);
    case WIRE_COPY_IN_RESPONSE:
    case WIRE_COPY_BOTH_RESPONSE:
        return false; /* a statement of ours must not wait for data */
    default:
        return server->task_done || frame->type == WIRE_NOTICE_RESPONSE || frame->type == WIRE_NOTIFICATION_RESPONSE;
    }
}

static void server_break(struct server *server)
{
    struct err why = err_make(ERR_INPUT, "the server broke the protocol");
    if (!server->opened) {
        server_give_up(server, why);
        return;
    }
    server_close(server, "the server broke the protocol");
    server_tell_borrower(server, NULL, why);
}

static void server_arrived_unborrowed(struct server *server, struct bytes input)
{
    struct frame frame;
    struct bytes piece;
    enum framer_step step;
    while ((step = framer_next(&server->framer, &input, server_want, NULL, &frame, &piece)) != FRAMER_MORE) {
        bool good = step != FRAMER_BAD && (step == FRAMER_BODY || server_take_head(server, &frame));
        if (server->gone)
            return;
        if (!good) {
            server_break(server);
            return;
        }
        if (server->borrower_ops) {
            server_deliver(server, input); /* the end of a statement of ours has given it to somebody */
            return;
        }
    }
    if (server->close_reason && server->state == SERVER_IDLE)
        server_close(server, server->close_reason);
}

void server_deliver(struct server *server, struct bytes bytes)
{
    if (server->gone || bytes.n == 0)
        return;
    if (server->borrower_ops)
        server->borrower_ops->arrived(server->borrower, bytes.p, bytes.n);
    else
        server_arrived_unborrowed(server, bytes);
}

static void server_arrived(void *owner, const uint8_t *p, size_t n)
{
    server_deliver(owner, bytes_of(p, n));
}

static void server_drained(void *owner)
{
    struct server *server = owner;
    if (server->borrower_ops)
        server->borrower_ops->drained(server->borrower);
}

static void server_ended(void *owner, struct err why)
{
    struct server *server = owner;
    const struct borrower_ops *ops = server->borrower_ops;
    stream_abort(server->stream);
    server->stream = NULL;
    if (!server->opened) {
        server_give_up(server, err_within(why, "connect_query failed"));
        return;
    }
    server_go(server, why.code == ERR_CLOSED ? "server conn crashed?" : why.why, false);
    server_tell_borrower(server, ops, why);
}

bool server_can_move(const struct server *server)
{
    return server->cancels == 0 && stream_is_quiet(server->stream) && framer_at_boundary(&server->framer);
}

void server_leave(struct server *server)
{
    stream_leave(server->stream);
}

void server_join(struct server *server, struct place *place)
{
    server->place = place;
    stream_join(server->stream, place->engine);
}
