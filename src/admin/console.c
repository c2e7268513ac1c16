#include "admin/console.h"

#include "admin/greeting.h"
#include "admin/job.h"
#include "admin/statements.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "wire/message.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CONSOLE_INPUT_MAX  ((size_t)256 * 1024) /* messages that wait, and the longest one */
#define CONSOLE_OUTPUT_MAX ((size_t)2 << 30)

struct console {
    struct console_seat seat;
    struct consoles *consoles;
    struct worker *worker;
    struct identity *identity;
    struct stream *stream;
    struct statements statements;
    struct job *job;        /* of the running command; NULL when it needs none */
    struct command command; /* the one that runs, or ran last */
    struct portal *portal;  /* whose command runs; NULL: a simple query's */
    size_t row_limit;       /* of Execute; 0: none */
    char *script;           /* of a simple query that is being run; else NULL */
    const char *script_at;
    uint8_t *input; /* what has come and not been looked at yet */
    size_t input_size;
    struct loop_task burial;
    uint8_t transaction_status; /* what drivers are told: nothing here is a transaction */
    bool script_ran;            /* a statement of the script was not empty */
    bool running;               /* a command runs */
    bool working;               /* console_work is further up */
    bool skipping;              /* an extended series has failed: its messages up to Sync are dropped */
    bool gone;
};

static void console_work(struct console *console);

static void console_log(const struct console *console, enum log_level level, const char *what, const char *text)
{
    const struct identity *identity = console->identity;
    log_write(level, "C-%llu: %s/%s@%s:%d %s%s", (unsigned long long)identity->id, identity->database, identity->user,
              identity->address_text, identity->port, what, text);
}

static const struct settings *console_settings(const struct console *console)
{
    return &console->worker->place.config->set;
}

static void console_send(struct console *console, struct writer *out)
{
    stream_send(console->stream, writer_bytes(out));
    writer_free(out);
}

/* ---- the end ---- */

static void console_free(void *arg)
{
    struct console *console = arg;
    statements_clear(&console->statements);
    command_release(&console->command);
    identity_free(console->identity);
    mem_free_secret_string(console->script);
    free(console->input);
    free(console);
}

static void console_go(struct console *console, const char *reason)
{
    if (console_settings(console)->log_disconnections)
        console_log(console, LOG_LEVEL_INFO, "closing because: ", reason);
    console->gone = true;
    job_abandon(console->job);
    console->job = NULL;
    consoles_leave(console->consoles, console->worker, &console->seat);
    limit_give(&console->worker->common->clients);
    stream_close(console->stream);
    loop_defer(console->worker->place.loop, &console->burial);
}

static void console_end(struct console *console, const char *sqlstate, const char *text)
{
    struct writer out = writer_growing(4096);
    wire_put_error(&out, "FATAL", sqlstate, text, NULL, NULL);
    console_send(console, &out);
    console_go(console, text);
}

static void console_end_seat(struct console_seat *seat, const char *text)
{
    console_end((struct console *)((char *)seat - offsetof(struct console, seat)), "57P01", text);
}

/* ---- answers ---- */

static void console_put_error(struct console *console, const char *sqlstate, const char *text, struct writer *out)
{
    if (console_settings(console)->log_pooler_errors)
        console_log(console, LOG_LEVEL_WARNING, "pooler error: ", text);
    wire_put_error(out, "ERROR", sqlstate, text, NULL, NULL);
}

static const char *sqlstate_of(enum err_code code)
{
    switch (code) {
    case ERR_NOT_FOUND:
        return "26000"; /* invalid_sql_statement_name */
    case ERR_NOT_NOW:
        return "42P05"; /* duplicate_prepared_statement */
    case ERR_LIMIT:
        return "54000"; /* program_limit_exceeded */
    case ERR_UNSUPPORTED:
        return "0A000"; /* feature_not_supported */
    case ERR_NONE:
    case ERR_INPUT:
    case ERR_DENIED:
    case ERR_CRYPTO:
    case ERR_SYSTEM:
    case ERR_TIMEOUT:
    case ERR_CLOSED:
    case ERR_KEY_LOST:
        break;
    }
    return "42601"; /* syntax_error */
}

/* An error outside of a simple query: the rest of its series is not looked at. */
static void console_fail_series(struct console *console, const char *sqlstate, const char *text)
{
    struct writer out = writer_growing(4096);
    console_put_error(console, sqlstate, text, &out);
    console_send(console, &out);
    console->skipping = true;
}

/* ReadyForQuery after the last statement of a simple query. */
static void console_end_script(struct console *console, struct writer *out)
{
    wire_put_ready_for_query(out, console->transaction_status);
    mem_free_secret_string(console->script);
    console->script = NULL;
}

static void put_notice(const struct reply *reply, struct writer *out)
{
    size_t at = wire_begin(out, WIRE_NOTICE_RESPONSE);
    const char *const fields[] = {"SNOTICE", "VNOTICE", "C00000"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        writer_cstring(out, fields[i]);
    writer_u8(out, 'M');
    writer_cstring(out, reply->notice);
    writer_u8(out, 'D');
    writer_cstring(out, reply->detail);
    writer_u8(out, 0);
    wire_end(out, at);
}

/* The rows of a portal, up to the limit of its Execute. */
static void console_put_portal_rows(struct console *console, struct writer *out)
{
    struct portal *portal = console->portal;
    if (portal->table)
        table_write_rows(portal->table, &portal->cursor, console->row_limit, portal_formats(portal), out);
    if (portal->table && portal->cursor.row < table_row_count(portal->table))
        wire_put_empty(out, WIRE_PORTAL_SUSPENDED);
    else
        wire_put_command_complete(out, portal->command.tag);
}

static void console_put_result(struct console *console, struct reply *reply, struct writer *out)
{
    if (reply->notice)
        put_notice(reply, out);
    if (console->portal) {
        console->portal->ran = true;
        console->portal->table = reply->table;
        console_put_portal_rows(console, out);
        return;
    }
    if (reply->table) {
        struct table_cursor cursor = {0};
        command_write_description(&console->command, FORMATS_TEXT, out);
        table_write_rows(reply->table, &cursor, 0, FORMATS_TEXT, out);
        table_free(reply->table);
    }
    wire_put_command_complete(out, console->command.tag);
}

/* The running command's reply, maybe before console_run returns. */
static void console_replied(void *arg, struct reply *reply)
{
    struct console *console = arg;
    struct writer out = writer_growing(CONSOLE_OUTPUT_MAX);
    console->job = NULL;
    console->running = false;
    if (!reply->sqlstate) {
        console_put_result(console, reply, &out);
    } else {
        console_put_error(console, reply->sqlstate, reply->error, &out);
        if (console->script)
            console_end_script(console, &out);
        else
            console->skipping = true;
    }
    console_send(console, &out);
    if (!console->working)
        console_work(console);
}

static void console_refuse(struct console *console, const char *sqlstate, const char *text)
{
    struct reply reply = {.sqlstate = sqlstate};
    strncpy(reply.error, text, sizeof reply.error - 1);
    console_replied(console, &reply);
}

/* ---- commands ---- */

/* Runs console->command. */
static void console_run(struct console *console)
{
    const struct command *command = &console->command;
    console->running = true;
    console->seat.request_wall_us = clock_wall_us();
    if (command_needs_admin(command) && !console->identity->may_admin) {
        console_refuse(console, "42501", "admin access needed");
        return;
    }
    if (command->kind == COMMAND_BEGIN)
        console->transaction_status = 'T';
    else if (command->kind == COMMAND_END)
        console->transaction_status = 'I';
    if (command_needs_admin(command))
        console_log(console, LOG_LEVEL_INFO, command->tag, " command issued");
    struct job *job = job_start(console->consoles, console->worker, command, console_replied, console);
    if (console->running)
        console->job = job;
}

/* The next statement of a simple query. */
static void console_step_script(struct console *console)
{
    struct writer out = writer_growing(4096);
    struct command command;
    struct err e = command_parse(&console->script_at, &command);
    if (failed(e)) {
        console_put_error(console, "42601", e.why, &out);
        console_end_script(console, &out);
    } else if (command.kind != COMMAND_EMPTY) {
        command_release(&console->command);
        console->command = command;
        console->portal = NULL;
        console->script_ran = true;
        if (command.parameter > 0)
            console_refuse(console, "42P02", "there is no parameter in a simple query");
        else
            console_run(console);
    } else if (!*console->script_at) {
        if (!console->script_ran)
            wire_put_empty(&out, WIRE_EMPTY_QUERY_RESPONSE);
        console_end_script(console, &out);
    }
    console_send(console, &out);
}

static void console_take_query(struct console *console, struct bytes body)
{
    struct reader reader = reader_of(body);
    const char *text = reader_cstring(&reader);
    struct err e = reader_finish(&reader, "Query message");
    if (failed(e)) {
        console_end(console, "08P01", e.why);
        return;
    }
    console->script = mem_string(text);
    console->script_at = console->script;
    console->script_ran = false;
}

/* ---- extended queries ---- */

/* What Parse, Bind and Close come to. */
static void console_conclude(struct console *console, struct err outcome, uint8_t answer)
{
    if (failed(outcome)) {
        console_fail_series(console, sqlstate_of(outcome.code), outcome.why);
        return;
    }
    struct writer out = writer_growing(64);
    wire_put_empty(&out, answer);
    console_send(console, &out);
}

static void console_describe_statement(struct console *console, const char *name)
{
    const struct statement *statement = statements_find(&console->statements, name);
    if (!statement) {
        console_fail_series(console, "26000", "prepared statement does not exist");
        return;
    }
    struct writer out = writer_growing(64 * 1024);
    statement_write_parameters(statement, &out);
    command_write_description(&statement->command, FORMATS_TEXT, &out);
    console_send(console, &out);
}

static void console_describe_portal(struct console *console, const char *name)
{
    const struct portal *portal = statements_find_portal(&console->statements, name);
    if (!portal) {
        console_fail_series(console, "34000", "portal does not exist");
        return;
    }
    struct writer out = writer_growing(64 * 1024);
    command_write_description(&portal->command, portal_formats(portal), &out);
    console_send(console, &out);
}

static void console_take_describe(struct console *console, struct bytes body)
{
    struct reader reader = reader_of(body);
    uint8_t what = reader_u8(&reader);
    const char *name = reader_cstring(&reader);
    struct err e = reader_finish(&reader, "Describe message");
    if (failed(e) || (what != 'S' && what != 'P'))
        console_fail_series(console, "08P01", failed(e) ? e.why : "invalid DESCRIBE message subtype");
    else if (what == 'S')
        console_describe_statement(console, name);
    else
        console_describe_portal(console, name);
}

/* A portal that was suspended goes on; one that has not run yet runs its command. */
static void console_execute(struct console *console, struct portal *portal)
{
    struct writer out = writer_growing(CONSOLE_OUTPUT_MAX);
    console->portal = portal;
    if (portal->command.kind == COMMAND_EMPTY) {
        wire_put_empty(&out, WIRE_EMPTY_QUERY_RESPONSE);
    } else if (portal->ran) {
        console_put_portal_rows(console, &out);
    } else {
        struct command command;
        struct err e = command_bind(&portal->command, NULL, &command);
        if (failed(e)) {
            console_fail_series(console, "42601", e.why);
        } else {
            command_release(&console->command);
            console->command = command;
            console_run(console);
        }
    }
    console_send(console, &out);
}

static void console_take_execute(struct console *console, struct bytes body)
{
    struct reader reader = reader_of(body);
    const char *name = reader_cstring(&reader);
    uint32_t limit = reader_u32(&reader);
    struct err e = reader_finish(&reader, "Execute message");
    struct portal *portal = failed(e) ? NULL : statements_find_portal(&console->statements, name);
    if (!portal) {
        console_fail_series(console, failed(e) ? "08P01" : "34000", failed(e) ? e.why : "portal does not exist");
        return;
    }
    console->row_limit = limit > INT32_MAX ? 0 : limit;
    console_execute(console, portal);
}

static void console_take_sync(struct console *console)
{
    struct writer out = writer_growing(64);
    console->skipping = false;
    if (console->transaction_status == 'I')
        statements_end_portals(&console->statements);
    wire_put_ready_for_query(&out, console->transaction_status);
    console_send(console, &out);
}

/* ---- messages ---- */

static void console_take_other(struct console *console, uint8_t type)
{
    struct writer out = writer_growing(4096);
    switch (type) {
    case WIRE_FLUSH: /* everything is sent as it comes about */
    case WIRE_COPY_DATA:
    case WIRE_COPY_DONE:
    case WIRE_COPY_FAIL:
        break;
    case WIRE_FUNCTION_CALL:
        console_put_error(console, "0A000", "function calls are not supported", &out);
        wire_put_ready_for_query(&out, console->transaction_status);
        break;
    default:
        console_end(console, "08P01", "unknown message type");
        break;
    }
    if (console->gone)
        writer_free(&out);
    else
        console_send(console, &out);
}

static void console_take_message(struct console *console, uint8_t type, struct bytes body)
{
    if (type == WIRE_TERMINATE) {
        console_go(console, "client close request");
    } else if (type == WIRE_SYNC) {
        console_take_sync(console);
    } else if (console->skipping) {
        return; /* PostgreSQL protocol, "Extended Query": messages are discarded until Sync */
    } else if (type == WIRE_QUERY) {
        console_take_query(console, body);
    } else if (type == WIRE_PARSE) {
        console_conclude(console, statements_parse(&console->statements, body), WIRE_PARSE_COMPLETE);
    } else if (type == WIRE_BIND) {
        console_conclude(console, statements_bind(&console->statements, body), WIRE_BIND_COMPLETE);
    } else if (type == WIRE_DESCRIBE) {
        console_take_describe(console, body);
    } else if (type == WIRE_EXECUTE) {
        console_take_execute(console, body);
    } else if (type == WIRE_CLOSE) {
        console_conclude(console, statements_close(&console->statements, body), WIRE_CLOSE_COMPLETE);
    } else {
        console_take_other(console, type);
    }
}

/* The size of the message that stands first in what has come, its head included; 0: not all of it is there. */
static size_t console_whole_message(struct console *console)
{
    struct reader reader = reader_of(bytes_of(console->input, console->input_size));
    reader_skip(&reader, 1);
    size_t size = (size_t)reader_u32(&reader) + 1;
    if (reader.bad)
        return 0;
    if (size < WIRE_HEADER_SIZE || size > CONSOLE_INPUT_MAX) {
        console_end(console, "08P01", "invalid message length");
        return 0;
    }
    return size <= console->input_size ? size : 0;
}

/* Does what can be done now: the rest of a query, then message after message. */
static void console_work(struct console *console)
{
    console->working = true;
    while (!console->gone && !console->running && !stream_congested(console->stream)) {
        if (console->script) {
            console_step_script(console);
            continue;
        }
        size_t size = console_whole_message(console);
        if (size == 0)
            break;
        uint8_t *message = console->input;
        console->input_size -= size;
        console->input = console->input_size > 0 ? mem_copy(bytes_of(message + size, console->input_size)) : NULL;
        console_take_message(console, message[0], bytes_of(message + WIRE_HEADER_SIZE, size - WIRE_HEADER_SIZE));
        mem_free_secret(message, size);
    }
    console->working = false;
}

static void console_keep(struct console *console, struct bytes bytes)
{
    if (bytes.n == 0)
        return;
    if (bytes.n > CONSOLE_INPUT_MAX - console->input_size) {
        console_end(console, "08P01", "too much has been sent before it could be answered");
        return;
    }
    console->input = mem_resize(console->input, console->input_size + bytes.n);
    memcpy(console->input + console->input_size, bytes.p, bytes.n);
    console->input_size += bytes.n;
}

/* ---- stream ---- */

static void console_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct console *console = owner;
    if (console->gone)
        return;
    console_keep(console, bytes_of(p, n));
    console_work(console);
}

static void console_drained(void *owner)
{
    struct console *console = owner;
    if (!console->gone)
        console_work(console);
}

static void console_ended(void *owner, struct err why)
{
    struct console *console = owner;
    if (!console->gone)
        console_go(console, why.code == ERR_CLOSED ? "client unexpected eof" : why.why);
}

static const struct stream_ops console_stream_ops = {
    .arrived = console_arrived,
    .drained = console_drained,
    .ended = console_ended,
};

/* ---- the beginning ---- */

static void console_greet(struct console *console)
{
    struct writer out = writer_growing(64 * 1024);
    greeting_write(console->identity, console->consoles->version, &out);
    console_send(console, &out);
}

static struct console *console_new(struct consoles *consoles, struct worker *worker, struct stream *stream,
                                   struct identity *identity)
{
    struct console *console = NEW(struct console);
    int64_t now = clock_wall_us();
    console->seat = (struct console_seat){.identity = identity,
                                          .stream = stream,
                                          .connected_wall_us = now,
                                          .request_wall_us = now,
                                          .end = console_end_seat};
    console->consoles = consoles;
    console->worker = worker;
    console->identity = identity;
    console->stream = stream;
    console->command.tag = "";
    console->transaction_status = 'I';
    console->burial = (struct loop_task){.run = console_free, .arg = console};
    statements_init(&console->statements);
    return console;
}

/* Before the console is open and after it has closed nobody is let in. */
static void console_turn_away(struct worker *worker, struct stream *stream, struct identity *identity)
{
    struct writer out = writer_growing(4096);
    wire_put_error(&out, "FATAL", "57P03", "the console is not open", NULL, NULL);
    stream_send(stream, writer_bytes(&out));
    writer_free(&out);
    limit_give(&worker->common->clients);
    stream_close(stream);
    identity_free(identity);
}

void console_admit(void *consoles, struct worker *worker, struct stream *stream, struct identity *identity,
                   struct bytes unread)
{
    struct console *console = console_new(consoles, worker, stream, identity);
    if (!consoles_seat(consoles, worker, &console->seat)) {
        console_turn_away(worker, stream, identity);
        console->identity = NULL;
        console_free(console);
        return;
    }
    stream_set_owner(stream, &console_stream_ops, console);
    console_greet(console);
    console_keep(console, unread);
    console_work(console);
}
