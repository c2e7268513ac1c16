#include "gate/login.h"

#include "base/log.h"
#include "base/mem.h"
#include "gate/client_auth.h"
#include "gate/proof.h"
#include "gate/startup_parameters.h"
#include "tls/peer.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELD_MAX             (128 * 1024) /* what may arrive while the login is not reading */
#define PASSWORD_MAX         (64 * 1024)
#define TLS_RECORD_HANDSHAKE 0x16 /* RFC 8446 section 5.1: a ClientHello's first byte */

enum login_state {
    LOGIN_STARTUP,  /* awaits a startup packet */
    LOGIN_TLS,      /* in the TLS handshake */
    LOGIN_VERDICT,  /* the crew judges the client's evidence */
    LOGIN_PASSWORD, /* awaits a 'p' message */
    LOGIN_DERIVE,   /* the crew derives keys from a password */
    LOGIN_OVER,     /* refused or handed on; freed as soon as nothing works for it any more */
};

/* `held`: bytes that have arrived and are not used yet. `working`: the crew has `auth`; a login that ends meanwhile is
 * freed when the crew is done. `rules` is kept, so that a reload does not change the rules under way. */
struct login {
    TAILQ_ENTRY(login) entry;
    struct gate *gate;
    struct stream *stream;
    struct rules *rules;
    struct identity *identity;
    struct address peer;
    struct writer held;
    enum login_state state;
    int64_t started_us;
    bool asked_tls;    /* SSLRequest has been answered */
    bool asked_gssenc; /* GSSENCRequest has been answered */
    bool working;
    const struct hba_line *line; /* NULL unless auth_type = hba */
    enum auth_type method;
    struct client_auth *auth;
    struct loop_task burial;
};

static bool login_take_startup(struct login *login);
static bool login_take_password(struct login *login);

/* What is done with bytes in each state: true when some were used and there may be more to do. Where nothing stands,
 * bytes wait. */
static const struct login_step {
    const char *name;
    bool (*take)(struct login *login);
} login_steps[] = {
    [LOGIN_STARTUP] = {"startup", login_take_startup},
    [LOGIN_TLS] = {"tls", NULL},
    [LOGIN_VERDICT] = {"verdict", NULL},
    [LOGIN_PASSWORD] = {"password", login_take_password},
    [LOGIN_DERIVE] = {"derive", NULL},
    [LOGIN_OVER] = {"over", NULL},
};

static void login_log(const struct login *login, enum log_level level, const char *what, const char *text)
{
    const struct identity *identity = login->identity;
    log_write(level, "C-%llu: %s/%s@%s:%d %s%s", (unsigned long long)identity->id,
              identity->database ? identity->database : "(nodb)", identity->user ? identity->user : "(nouser)",
              identity->address_text, identity->port, what, text);
}

/* ---- the end ---- */

static void login_free(void *arg)
{
    struct login *login = arg;
    identity_free(login->identity);
    client_auth_free(login->auth);
    writer_free(&login->held);
    rules_drop(login->rules);
    free(login);
}

static void login_leave(struct login *login)
{
    login->state = LOGIN_OVER;
    TAILQ_REMOVE(&login->gate->logins, login, entry);
    login->gate->login_count--;
    if (!login->working)
        loop_defer(engine_loop(login->gate->engine), &login->burial);
}

static void login_close(struct login *login, const char *why)
{
    if (login->state == LOGIN_OVER)
        return;
    if (login->rules->config->set.log_disconnections)
        login_log(login, LOG_LEVEL_INFO, "closing because: ", why);
    stream_close(login->stream);
    login->stream = NULL;
    login_leave(login);
    login->gate->ops->left(login->gate->ctx);
}

static void login_send(struct login *login, struct writer *out)
{
    stream_send(login->stream, writer_bytes(out));
    writer_free(out);
}

static void login_refuse(struct login *login, const char *sqlstate, const char *text)
{
    if (login->state == LOGIN_OVER)
        return;
    if (login->state != LOGIN_TLS) {
        struct writer out = writer_growing(8192);
        wire_put_error(&out, "FATAL", sqlstate, text, NULL, NULL);
        login_send(login, &out);
    }
    if (login->rules->config->set.log_pooler_errors)
        login_log(login, LOG_LEVEL_WARNING, "pooler error: ", text);
    login_close(login, text);
}

static void login_break_protocol(struct login *login, struct err why)
{
    login_refuse(login, why.code == ERR_UNSUPPORTED ? "0A000" : "08P01", why.why);
}

/* Takes n bytes off what has arrived. */
static void login_consume(struct login *login, size_t n)
{
    struct writer *held = &login->held;
    memmove(held->start, held->start + n, held->used - n);
    held->used -= n;
}

/* ---- a session ---- */

static struct credentials *login_user_credentials(const struct userlist_entry *entry)
{
    if (!entry || entry->kind == SECRET_SCRAM)
        return NULL; /* StoredKey alone cannot log in anywhere */
    return credentials_new(entry->kind == SECRET_PLAIN ? entry->secret : NULL,
                           entry->kind == SECRET_MD5 ? entry->secret : NULL, NULL);
}

/* What links log in with: the database's own user and password; else what auth_file says of the user that links use;
 * else what this login has shown. */
static struct credentials *login_backend_credentials(struct login *login)
{
    const struct config_database *database =
        config_find_database(login->rules->config, login->identity->database, NULL);
    if (database && database->password[0])
        return credentials_new(database->password, NULL, NULL);
    if (database && database->user[0] && strcmp(database->user, login->identity->user) != 0)
        return login_user_credentials(userlist_find(login->rules->users, database->user));
    if (login->auth)
        return client_auth_credentials(login->auth);
    return login_user_credentials(userlist_find(login->rules->users, login->identity->user));
}

static void login_admit(struct login *login)
{
    struct stream *stream = login->stream;
    struct identity *identity = login->identity;
    struct writer out = writer_growing(64);
    wire_put_authentication_ok(&out);
    login_send(login, &out);
    if (!identity->is_console)
        identity->backend_credentials = login_backend_credentials(login);
    if (login->rules->config->set.log_connections) {
        char text[256];
        snprintf(text, sizeof text, "db=%s user=%s tls=%s", identity->database, identity->user,
                 identity->tls_version ? identity->tls_version : "no");
        login_log(login, LOG_LEVEL_INFO, "login attempt: ", text);
    }
    if (stream_ssl(stream))
        tls_peer_forget(stream_ssl(stream));
    login->stream = NULL;
    login->identity = NULL;
    stream_resume(stream);
    login_leave(login);
    login->gate->ops->admit(login->gate->ctx, stream, identity, writer_bytes(&login->held));
}

/* ---- authentication ---- */

static void login_auth_step(struct login *login, struct err e, struct writer *out, enum client_auth_step step);

static void login_derive(void *arg)
{
    struct login *login = arg;
    client_auth_work(login->auth);
}

static void login_derived(void *arg)
{
    struct login *login = arg;
    login->working = false;
    if (login->state == LOGIN_OVER) {
        login_free(login);
        return;
    }
    struct writer out = writer_growing(64 * 1024);
    enum client_auth_step step = CLIENT_AUTH_SEND;
    struct err e = client_auth_worked(login->auth, &out, &step);
    stream_resume(login->stream);
    login_auth_step(login, e, &out, step);
}

static void login_advance(struct login *login);

static void login_auth_step(struct login *login, struct err e, struct writer *out, enum client_auth_step step)
{
    if (failed(e)) {
        writer_free(out);
        login_refuse(login, e.code == ERR_DENIED ? "28P01" : "08P01", e.why);
        return;
    }
    login_send(login, out);
    switch (step) {
    case CLIENT_AUTH_SEND:
        login->state = LOGIN_PASSWORD;
        break;
    case CLIENT_AUTH_WORK:
        login->state = LOGIN_DERIVE;
        login->working = true;
        stream_pause(login->stream);
        crew_submit(login->gate->crew, engine_loop(login->gate->engine), login_derive, login_derived, login);
        break;
    case CLIENT_AUTH_DONE:
        login_admit(login);
        return;
    }
    login_advance(login);
}

static void login_ask_password(struct login *login)
{
    uint8_t binding[EVP_MAX_MD_SIZE];
    size_t binding_size = 0;
    SSL *ssl = stream_ssl(login->stream);
    if (ssl && failed(tls_peer_end_point_hash(ssl, binding, &binding_size)))
        binding_size = 0; /* no hash is defined for our certificate: -PLUS is not offered */
    login->auth =
        client_auth_new(login->method, login->identity->user, userlist_find(login->rules->users, login->identity->user),
                        (uint32_t)login->rules->config->set.scram_iterations, bytes_of(binding, binding_size));
    struct writer out = writer_growing(64 * 1024);
    enum client_auth_step step = CLIENT_AUTH_SEND;
    struct err e = client_auth_begin(login->auth, &out, &step);
    login_auth_step(login, e, &out, step);
}

static const char *login_map(const struct login *login)
{
    return login->line ? login->line->map : NULL;
}

static void login_finish_check(struct login *login, struct err e)
{
    if (!failed(e) && !userlist_find(login->rules->users, login->identity->user))
        e = err_make(ERR_DENIED, "no such user: %s", login->identity->user);
    if (failed(e))
        login_refuse(login, "28000", e.why);
    else
        login_admit(login);
}

static void login_authenticate(struct login *login)
{
    login->identity->auth_method = auth_type_text(login->method);
    switch (login->method) {
    case AUTH_TYPE_ANY:
        login_admit(login);
        return;
    case AUTH_TYPE_TRUST:
        login_finish_check(login, OK);
        return;
    case AUTH_TYPE_CERT:
        login_finish_check(login, proof_by_certificate(stream_ssl(login->stream), login->rules->ident, login_map(login),
                                                       login->identity->user));
        return;
    case AUTH_TYPE_PEER:
        login_finish_check(login, proof_by_peer(stream_fd(login->stream), login->rules->ident, login_map(login),
                                                login->identity->user));
        return;
    case AUTH_TYPE_PLAIN:
    case AUTH_TYPE_MD5:
    case AUTH_TYPE_SCRAM_SHA_256:
        login_ask_password(login);
        return;
    case AUTH_TYPE_HBA:
    case AUTH_TYPE_LDAP:
    case AUTH_TYPE_PAM:
    case AUTH_TYPE_REJECT:
        break;
    }
    login_refuse(login, "28000", "login rejected");
}

/* A 'p' message, whole. */
static bool login_take_password(struct login *login)
{
    struct reader reader = reader_of(writer_bytes(&login->held));
    if (reader_left(&reader) < WIRE_HEADER_SIZE)
        return false;
    uint8_t type = reader_u8(&reader);
    uint32_t length = reader_u32(&reader);
    if (type != WIRE_PASSWORD || length < 4 || length > PASSWORD_MAX) {
        login_refuse(login, "08P01", "expected password response");
        return false;
    }
    if (reader_left(&reader) < length - 4)
        return false;
    struct bytes body = reader_bytes(&reader, length - 4);
    struct writer out = writer_growing(64 * 1024);
    enum client_auth_step step = CLIENT_AUTH_SEND;
    struct err e = client_auth_take(login->auth, body, &out, &step);
    login_consume(login, 1 + (size_t)length);
    login_auth_step(login, e, &out, step);
    return false; /* login_auth_step has gone on by itself */
}

/* ---- who may come in ---- */

/* The console's own user on the Unix socket: no password, no evidence, whatever auth_type says. */
static bool login_is_own_uid(const struct login *login)
{
    uid_t uid;
    const struct identity *identity = login->identity;
    return identity->is_console && identity->is_unix && config_is_console(identity->user) &&
           proof_peer_uid(stream_fd(login->stream), &uid) && uid == geteuid();
}

/* False when the console is not for this user. */
static bool login_take_rights(struct login *login, bool own_uid)
{
    struct identity *identity = login->identity;
    bool any = login->rules->config->set.auth_type == AUTH_TYPE_ANY;
    identity->may_admin = own_uid || any || rules_is_admin(login->rules, identity->user);
    identity->may_show = identity->may_admin || rules_is_watcher(login->rules, identity->user);
    return !identity->is_console || identity->may_show;
}

/* The policy that this client's evidence must meet; NULL where none is asked. */
static const char *login_policy(const struct login *login)
{
    const char *name = login->rules->config->set.client_attest_policy;
    if (login->line && login->line->attest)
        name = login->line->attest;
    return name[0] && strcmp(name, "none") != 0 ? name : NULL;
}

static void login_judge(struct login *login)
{
    char text[160];
    const char *policy = login_policy(login);
    if (!policy) {
        login_authenticate(login);
        return;
    }
    snprintf(text, sizeof text, "attestation refused: evidence cannot be verified for policy \"%s\"", policy);
    login_refuse(login, "28000", text);
}

/* The HBA line, or the one auth_type for all. */
static bool login_choose_method(struct login *login)
{
    const struct identity *identity = login->identity;
    login->method = login->rules->config->set.auth_type;
    if (login->method != AUTH_TYPE_HBA)
        return true;
    const struct hba_question question = {.peer = &login->peer,
                                          .is_unix = identity->is_unix,
                                          .is_tls = stream_ssl(login->stream) != NULL,
                                          .database = identity->database,
                                          .user = identity->user};
    login->line = hba_find(login->rules->hba, &question);
    if (!login->line || login->line->method == AUTH_TYPE_REJECT)
        return false;
    login->method = login->line->method;
    return true;
}

/* client_tls_sslmode = verify-ca and verify-full ask every TCP client for a trusted certificate. */
static struct err login_check_tls(const struct login *login)
{
    enum sslmode mode = login->rules->config->set.client_tls_sslmode;
    const SSL *ssl = stream_ssl(login->stream);
    if (login->identity->is_unix || mode < SSLMODE_REQUIRE)
        return OK;
    if (!ssl)
        return err_make(ERR_DENIED, "SSL required");
    if (mode >= SSLMODE_VERIFY_CA && !tls_peer_certificate(ssl))
        return err_make(ERR_DENIED, "TLS client certificate required");
    if (mode >= SSLMODE_VERIFY_CA && !tls_peer_chains(ssl))
        return err_make(ERR_DENIED, "TLS client certificate is not trusted: %s", tls_peer_chain_problem(ssl));
    return OK;
}

static void login_decide(struct login *login)
{
    struct identity *identity = login->identity;
    char text[256];
    struct err e = login_check_tls(login);
    if (failed(e)) {
        login_refuse(login, "28000", e.why);
        return;
    }
    identity->is_console = config_is_console(identity->database);
    bool own_uid = login_is_own_uid(login);
    if (!identity->is_console && !config_find_database(login->rules->config, identity->database, NULL)) {
        snprintf(text, sizeof text, "no such database: %s", identity->database);
        login_refuse(login, "3D000", text);
    } else if (!login_take_rights(login, own_uid)) {
        login_refuse(login, "42501", "not allowed");
    } else if (own_uid) {
        identity->auth_method = "peer";
        login_admit(login);
    } else if (!login_choose_method(login)) {
        login_refuse(login, "28000", "login rejected");
    } else {
        login_judge(login);
    }
}

/* ---- startup packets ---- */

/* A newer minor version, or options that begin with "_pq_.": the client is told what is spoken here (PostgreSQL
 * protocol, NegotiateProtocolVersion). */
static void login_negotiate(struct login *login, const struct wire_startup *startup)
{
    login->identity->protocol_minor = startup->minor < WIRE_NEWEST_MINOR ? startup->minor : WIRE_NEWEST_MINOR;
    if (startup->minor <= WIRE_NEWEST_MINOR && startup->option_count == 0)
        return;
    struct writer out = writer_growing(64 * 1024);
    wire_put_negotiate_protocol_version(&out, login->identity->protocol_minor, startup->options, startup->option_count);
    login_send(login, &out);
}

static void login_take_session(struct login *login, const struct wire_startup *startup)
{
    struct identity *identity = login->identity;
    const char *user = wire_startup_value(startup, "user");
    const char *database = wire_startup_value(startup, "database");
    const char *replication = wire_startup_value(startup, "replication");
    if (!user || !user[0]) {
        login_refuse(login, "28000", "no PostgreSQL user name specified in startup packet");
        return;
    }
    identity->user = mem_string(user);
    identity->database = mem_string(database && database[0] ? database : user);
    if (stream_ssl(login->stream)) {
        identity->tls_version = tls_peer_version(stream_ssl(login->stream));
        identity->tls_cipher = tls_peer_cipher(stream_ssl(login->stream));
    }
    if (replication && enum_value((const char *const[]){"off", "false", "no", "0", NULL}, replication) < 0) {
        login_refuse(login, "0A000", "replication connections are not supported");
        return;
    }
    struct err e = startup_parameters_take(startup, login->rules, login->gate->ops->is_tracked, identity);
    if (failed(e)) {
        login_refuse(login, "08P01", e.why);
        return;
    }
    login_negotiate(login, startup);
    login_decide(login);
}

static void login_start_tls(struct login *login, enum tls_opening opening, struct bytes received)
{
    SSL *ssl;
    struct err e = tls_context_accept(login->gate->tls, opening, &ssl);
    if (failed(e)) {
        login_refuse(login, "58000", e.why);
        return;
    }
    login->state = LOGIN_TLS;
    stream_accept_tls(login->stream, ssl, received);
}

static void login_answer(struct login *login, char answer)
{
    stream_send(login->stream, bytes_of(&answer, 1));
}

static void login_take_ssl_request(struct login *login)
{
    bool again = login->asked_tls || stream_ssl(login->stream);
    bool offered = login->gate->tls && !login->identity->is_unix;
    login->asked_tls = true;
    if (again) {
        login_refuse(login, "08P01", "SSL request came twice");
    } else if (!offered) {
        login_answer(login, 'N');
    } else if (login->held.used > 0) {
        /* What stands behind the request was sent unencrypted, and may be somebody else's (CVE-2021-23222). */
        login_refuse(login, "08P01", "received unencrypted data after SSL request");
    } else {
        login_answer(login, 'S');
        login_start_tls(login, TLS_NEGOTIATED, BYTES_NONE);
    }
}

static void login_take_gssenc_request(struct login *login)
{
    if (login->asked_gssenc || stream_ssl(login->stream)) {
        login_refuse(login, "08P01", "GSSAPI encryption request came twice or inside TLS");
        return;
    }
    login->asked_gssenc = true;
    login_answer(login, 'N');
}

static void login_take_packet(struct login *login, const struct wire_startup *startup)
{
    switch (startup->kind) {
    case WIRE_STARTUP_SSL:
        login_take_ssl_request(login);
        break;
    case WIRE_STARTUP_GSSENC:
        login_take_gssenc_request(login);
        break;
    case WIRE_STARTUP_CANCEL:
        login->gate->ops->cancel(login->gate->ctx, startup->cancel_key);
        login_close(login, "cancel request");
        break;
    case WIRE_STARTUP_ATTEST:
        login_refuse(login, "0A000", "the attestation exchange is not offered; evidence stands in the TLS certificate");
        break;
    case WIRE_STARTUP_MESSAGE:
        login_take_session(login, startup);
        break;
    }
}

static bool login_is_direct_tls(const struct login *login)
{
    return !stream_ssl(login->stream) && !login->asked_tls && !login->asked_gssenc && !login->identity->is_unix &&
           login->gate->tls && login->held.used > 0 && login->held.start[0] == TLS_RECORD_HANDSHAKE;
}

static bool login_take_startup(struct login *login)
{
    size_t size;
    if (login_is_direct_tls(login)) {
        struct writer hello = login->held;
        login->held = writer_growing(HELD_MAX);
        login_start_tls(login, TLS_DIRECT, writer_bytes(&hello));
        writer_free(&hello);
        return false;
    }
    struct err e = wire_startup_size(writer_bytes(&login->held), &size);
    if (failed(e)) {
        login_break_protocol(login, e);
        return false;
    }
    if (size == 0 || login->held.used < size)
        return false;
    /* The packet leaves `held` first: what a request does depends on whether anything stands behind it. */
    uint8_t *packet = mem_copy(bytes_of(login->held.start, size));
    struct wire_startup *startup = NEW(struct wire_startup);
    login_consume(login, size);
    e = wire_startup_parse(bytes_of(packet, size), startup);
    if (failed(e))
        login_break_protocol(login, e);
    else
        login_take_packet(login, startup);
    free(startup);
    mem_free_secret(packet, size);
    return true;
}

/* ---- the stream ---- */

static void login_advance(struct login *login)
{
    while (login->held.used > 0 && login_steps[login->state].take && login_steps[login->state].take(login))
        ;
}

static void login_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct login *login = owner;
    if (login->state == LOGIN_OVER)
        return;
    writer_put(&login->held, bytes_of(p, n));
    if (login->held.bad)
        login_refuse(login, "08P01", "too much data before authentication");
    else
        login_advance(login);
}

static void login_secured(void *owner, struct err outcome)
{
    struct login *login = owner;
    if (failed(outcome))
        login_close(login, outcome.why);
    else
        login->state = LOGIN_STARTUP;
}

static void login_ended(void *owner, struct err why)
{
    login_close(owner, why.code == ERR_CLOSED ? "client unexpected eof" : why.why);
}

static const struct stream_ops login_stream_ops = {
    .arrived = login_arrived,
    .secured = login_secured,
    .ended = login_ended,
};

void login_accept(struct gate *gate, int fd, const struct address *peer, bool is_unix)
{
    struct login *login = NEW(struct login);
    char text[ADDRESS_TEXT_SIZE];
    address_text(peer, text);
    login->gate = gate;
    login->rules = rules_ref(gate->rules);
    login->peer = *peer;
    login->held = writer_growing(HELD_MAX);
    login->started_us = loop_now_us(engine_loop(gate->engine));
    login->burial = (struct loop_task){.run = login_free, .arg = login};
    login->identity = NEW(struct identity);
    login->identity->id = gate->ops->next_id();
    login->identity->address_text = mem_string(is_unix ? "unix" : text);
    login->identity->port = address_port(peer);
    login->identity->is_unix = is_unix;
    login->stream = stream_new(gate->engine, fd, &login_stream_ops, login);
    TAILQ_INSERT_TAIL(&gate->logins, login, entry);
    gate->login_count++;
}

void login_turn_away(struct gate *gate, int fd)
{
    static const struct stream_ops nobody = {0};
    struct stream *stream = stream_new(gate->engine, fd, &nobody, NULL);
    struct writer out = writer_growing(1024);
    wire_put_error(&out, "FATAL", "53300", "no more connections allowed (max_client_conn)", NULL, NULL);
    stream_send(stream, writer_bytes(&out));
    writer_free(&out);
    stream_close(stream);
}

void logins_maintain(struct gate *gate)
{
    int64_t now = loop_now_us(engine_loop(gate->engine));
    struct login *login;
    while ((login = TAILQ_FIRST(&gate->logins))) {
        int64_t limit = login->rules->config->set.client_login_timeout_us;
        if (limit == 0 || now - login->started_us < limit)
            return; /* the oldest is first */
        login_refuse(login, "08P01", "client_login_timeout");
    }
}

void logins_clear(struct gate *gate, const char *text)
{
    struct login *login;
    while ((login = TAILQ_FIRST(&gate->logins)))
        login_refuse(login, "57P01", text);
}
