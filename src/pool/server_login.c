#include "pool/server_login.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "config/effective.h"
#include "gate/backend_auth.h"
#include "pool/framer.h"
#include "tls/peer.h"
#include "wire/error.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

#define WELCOME_MAX (64 * 1024)

/* While `working`, the crew holds `auth`; who frees the login meanwhile leaves it to server_login_worked. */
struct server_login {
    struct place *place;
    struct pool *pool;
    server_login_done *done;
    void *arg;
    struct dial *dial; /* NULL once connected */
    struct backend_auth *auth;
    struct framer framer;
    struct writer welcome; /* name\0value\0… */
    struct server_greeting greeting;
    char *host;
    bool authenticated;
    bool working;
    bool abandoned;
};

static void server_login_wipe(struct server_login *login)
{
    backend_auth_free(login->auth);
    variables_clear(&login->greeting.variables);
    writer_free(&login->welcome);
    framer_clear(&login->framer);
    free(login->host);
    mem_free_secret(login, sizeof *login);
}

void server_login_free(struct server_login *login)
{
    if (!login)
        return;
    if (login->dial)
        dial_cancel(login->dial);
    login->dial = NULL;
    if (login->greeting.stream)
        stream_close(login->greeting.stream);
    login->greeting.stream = NULL;
    login->abandoned = true;
    if (!login->working)
        server_login_wipe(login);
}

static void server_login_fail(struct server_login *login, struct err why)
{
    login->done(login->arg, NULL, why);
}

static void server_login_send(struct server_login *login, struct writer *out)
{
    stream_send(login->greeting.stream, writer_bytes(out));
    writer_free(out);
}

/* ---- authentication ---- */

static void server_login_work(void *arg)
{
    struct server_login *login = arg;
    backend_auth_work(login->auth);
}

static void server_login_worked(void *arg)
{
    struct server_login *login = arg;
    login->working = false;
    if (login->abandoned) {
        server_login_wipe(login);
        return;
    }
    struct writer out = writer_growing(64 * 1024);
    struct err e = backend_auth_worked(login->auth, &out);
    if (failed(e)) {
        writer_free(&out);
        server_login_fail(login, e);
        return;
    }
    server_login_send(login, &out);
    stream_resume(login->greeting.stream);
}

static struct err server_login_take_authentication(struct server_login *login, struct bytes body)
{
    struct writer out = writer_growing(64 * 1024);
    enum backend_auth_step step;
    struct err e = backend_auth_take(login->auth, body, &out, &step);
    if (failed(e)) {
        writer_free(&out);
        return e;
    }
    server_login_send(login, &out);
    login->authenticated = step == BACKEND_AUTH_DONE;
    if (step == BACKEND_AUTH_WORK) {
        login->working = true;
        stream_pause(login->greeting.stream);
        crew_submit(login->place->crew, login->place->loop, server_login_work, server_login_worked, login);
    }
    return OK;
}

/* ---- what the backend says after authentication ---- */

static struct err server_login_take_parameter(struct server_login *login, struct bytes body)
{
    struct reader reader = reader_of(body);
    const char *name = reader_cstring(&reader);
    const char *value = reader_cstring(&reader);
    TRY(reader_finish(&reader, "ParameterStatus"));
    int index = variables_index(name);
    if (index >= 0)
        variables_put(&login->greeting.variables, (size_t)index, value);
    writer_cstring(&login->welcome, name);
    writer_cstring(&login->welcome, value);
    return writer_finish(&login->welcome, "the server's list of parameters");
}

/* Longer keys belong to protocol 3.2, which is not asked for. */
static struct err server_login_take_key(struct server_login *login, struct bytes body)
{
    if (body.n != sizeof login->greeting.cancel_key)
        return err_make(ERR_INPUT, "the server sent a BackendKeyData of %zu bytes", body.n);
    memcpy(login->greeting.cancel_key, body.p, body.n);
    login->greeting.has_cancel_key = true;
    return OK;
}

static struct err server_login_take_error(struct bytes body)
{
    struct wire_error error;
    TRY(wire_error_parse(body, &error));
    return err_make(ERR_DENIED, "server login failed: %s: %s", error.severity, error.message);
}

static void server_login_ready(struct server_login *login, struct bytes unread)
{
    struct bytes pairs = writer_bytes(&login->welcome);
    pool_set_welcome(login->pool, (const char *)pairs.p, pairs.n);
    struct server_greeting greeting = login->greeting;
    greeting.host = login->host;
    greeting.unread = unread;
    login->greeting.stream = NULL;
    login->greeting.variables = (struct variables){0};
    login->done(login->arg, &greeting, OK);
}

static uint32_t server_login_want(const void *context, uint8_t type, uint32_t body_size)
{
    (void)context;
    (void)type;
    return body_size; /* a login has only small messages, and every one is looked at */
}

/* Sets *over when the login has ended. */
static struct err server_login_take(struct server_login *login, const struct frame *frame, bool *over)
{
    switch (frame->type) {
    case WIRE_AUTHENTICATION:
        if (login->authenticated)
            return err_make(ERR_INPUT, "the server asked for authentication twice");
        return server_login_take_authentication(login, frame->body);
    case WIRE_ERROR_RESPONSE:
        return server_login_take_error(frame->body);
    case WIRE_NOTICE_RESPONSE:
    case WIRE_NEGOTIATE_PROTOCOL_VERSION:
        return OK;
    default:
        break;
    }
    if (!login->authenticated)
        return err_make(ERR_INPUT, "the server sent message '%c' before authentication", frame->type);
    switch (frame->type) {
    case WIRE_PARAMETER_STATUS:
        return server_login_take_parameter(login, frame->body);
    case WIRE_BACKEND_KEY_DATA:
        return server_login_take_key(login, frame->body);
    case WIRE_READY_FOR_QUERY:
        *over = true;
        return OK;
    default:
        return err_make(ERR_INPUT, "the server sent message type %d during login", frame->type);
    }
}

static void server_login_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct server_login *login = owner;
    struct bytes input = bytes_of(p, n);
    struct frame frame;
    struct bytes piece;
    enum framer_step step;
    while ((step = framer_next(&login->framer, &input, server_login_want, NULL, &frame, &piece)) != FRAMER_MORE) {
        bool over = false;
        struct err e = step == FRAMER_HEAD ? server_login_take(login, &frame, &over)
                                           : err_make(ERR_INPUT, "the server sent a malformed message during login");
        if (failed(e)) {
            server_login_fail(login, e);
            return;
        }
        if (over) {
            server_login_ready(login, input);
            return;
        }
    }
}

static void server_login_ended(void *owner, struct err why)
{
    struct server_login *login = owner;
    server_login_fail(login, err_within(why, "server closed the connection during login"));
}

static const struct stream_ops server_login_stream_ops = {
    .arrived = server_login_arrived,
    .ended = server_login_ended,
};

/* ---- StartupMessage ---- */

static void server_login_write_startup(struct server_login *login, const struct config_database *database,
                                       struct writer *out)
{
    const char *parameters[16];
    size_t n = 0;
    const char *const pairs[][2] = {
        {"user", login->pool->user->name},
        {"database", database->dbname[0] ? database->dbname : login->pool->database->name},
        {"client_encoding", database->client_encoding},
        {"DateStyle", database->datestyle},
        {"TimeZone", database->timezone},
        {"application_name", database->application_name},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (!pairs[i][1][0])
            continue;
        parameters[n++] = pairs[i][0];
        parameters[n++] = pairs[i][1];
    }
    parameters[n] = NULL;
    wire_put_startup(out, parameters);
}

static void server_login_dialled(void *arg, struct stream *stream, const struct address *peer, struct err outcome)
{
    struct server_login *login = arg;
    login->dial = NULL;
    if (failed(outcome)) {
        server_login_fail(login, outcome);
        return;
    }
    const struct config_database *database =
        config_find_database(login->place->config, login->pool->database->name, NULL);
    login->greeting.stream = stream;
    login->greeting.peer = *peer;
    stream_set_owner(stream, &server_login_stream_ops, login);
    if (!database) {
        server_login_fail(login, err_make(ERR_NOT_FOUND, "database was removed from the configuration"));
        return;
    }
    uint8_t binding[EVP_MAX_MD_SIZE];
    size_t binding_size = 0;
    if (stream_ssl(stream) && failed(tls_peer_end_point_hash(stream_ssl(stream), binding, &binding_size)))
        binding_size = 0; /* no hash is defined for this certificate: SCRAM without channel binding */
    struct credentials *credentials = pool_credentials(login->pool);
    login->auth = backend_auth_new(login->pool->user->name, credentials, bytes_of(binding, binding_size));
    credentials_drop(credentials);
    struct writer out = writer_growing(64 * 1024);
    server_login_write_startup(login, database, &out);
    server_login_send(login, &out);
}

/* Hosts of a list are taken in turn, or the first until it fails (load_balance_hosts = disable). */
static const char *server_login_choose_host(struct server_login *login, const struct config_database *database)
{
    if (database->host_count == 0)
        return login->place->config->set.unix_socket_dir;
    unsigned turn = config_load_balance_hosts(database) == LOAD_BALANCE_DISABLE
                        ? atomic_load(&login->pool->host_failures)
                        : atomic_fetch_add(&login->pool->host_turn, 1);
    return database->hosts[turn % database->host_count];
}

struct server_login *server_login_start(struct place *place, struct pool *pool, server_login_done *done, void *arg)
{
    struct server_login *login = NEW(struct server_login);
    const struct config_database *database = config_find_database(place->config, pool->database->name, NULL);
    login->place = place;
    login->pool = pool;
    login->done = done;
    login->arg = arg;
    login->welcome = writer_growing(WELCOME_MAX);
    login->host = mem_string(database ? server_login_choose_host(login, database) : "");
    login->greeting.port = database ? database->port : 0;
    login->dial = dial_start(place, login->host, login->greeting.port, server_login_dialled, login);
    return login;
}
