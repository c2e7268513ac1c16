#include "gate/login.h"

#include "base/mem.h"
#include "gate/standing.h"
#include "tls/peer.h"
#include "wire/message.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void login_log(const struct login *login, enum log_level level, const char *what, const char *text)
{
    const struct identity *identity = login->identity;
    log_write(level, "C-%llu: %s/%s@%s:%d %s%s", (unsigned long long)identity->id,
              identity->database ? identity->database : "(nodb)", identity->user ? identity->user : "(nouser)",
              identity->address_text, identity->port, what, text);
}

void login_job_end(struct login *login)
{
    if (login->job.free_arg)
        login->job.free_arg(login->job.arg);
    login->job = (struct login_job){0};
}

static void login_free(void *arg)
{
    struct login *login = arg;
    login_job_end(login);
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
    if (login->working)
        return;
    turnstile_leave(&login->gate->turnstile, &login->ticket);
    loop_defer(engine_loop(login->gate->engine), &login->burial);
}

void login_close(struct login *login, const char *why)
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

void login_send(struct login *login, struct writer *out)
{
    stream_send(login->stream, writer_bytes(out));
    writer_free(out);
}

void login_refuse(struct login *login, const char *sqlstate, const char *text)
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

void login_consume(struct login *login, size_t n)
{
    struct writer *held = &login->held;
    memmove(held->start, held->start + n, held->used - n);
    held->used -= n;
}

void login_advance(struct login *login)
{
    while (login->held.used > 0 && login->steps[login->state].take && login->steps[login->state].take(login))
        ;
}

/* ---- work on the crew ---- */

static void login_work(void *arg)
{
    struct login *login = arg;
    login->job.work(login);
}

static void login_worked(void *arg)
{
    struct login *login = arg;
    login->working = false;
    turnstile_leave(&login->gate->turnstile, &login->ticket);
    if (login->state == LOGIN_OVER) {
        login_free(login);
        return;
    }
    stream_resume(login->stream);
    login->job.done(login);
}

void login_submit(struct login *login, enum login_state state, struct login_job job)
{
    login->state = state;
    login->job = job;
    stream_pause(login->stream);
    turnstile_arrive(&login->gate->turnstile, &login->ticket, &login->peer);
}

void login_let_in(struct turnstile_ticket *ticket)
{
    struct login *login = (struct login *)((char *)ticket - offsetof(struct login, ticket));
    login->working = true;
    crew_submit(login->gate->crew, engine_loop(login->gate->engine), login_work, login_worked, login);
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

static bool login_is_barred(struct login *login)
{
    const struct gate *gate = login->gate;
    bool is_asked = !login->is_own_uid && login->rules != gate->rules;
    char *why = is_asked ? standing_barred(login->identity, &login->peer, gate) : NULL;
    if (!why)
        return false;
    char *text = mem_format("attestation refused: %s", why);
    login_refuse(login, "28000", text);
    free(text);
    free(why);
    return true;
}

void login_admit(struct login *login)
{
    if (login_is_barred(login))
        return;
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

struct login *login_new(struct gate *gate, const struct address *peer, bool is_unix, const struct login_step *steps)
{
    struct login *login = NEW(struct login);
    char text[ADDRESS_TEXT_SIZE];
    address_text(peer, text);
    login->gate = gate;
    login->rules = rules_ref(gate->rules);
    login->peer = *peer;
    login->steps = steps;
    login->held = writer_growing(LOGIN_HELD_MAX);
    login->started_us = loop_now_us(engine_loop(gate->engine));
    login->burial = (struct loop_task){.run = login_free, .arg = login};
    login->identity = NEW(struct identity);
    login->identity->id = gate->ops->next_id();
    login->identity->address_text = mem_string(is_unix ? "unix" : text);
    login->identity->port = address_port(peer);
    login->identity->is_unix = is_unix;
    TAILQ_INSERT_TAIL(&gate->logins, login, entry);
    gate->login_count++;
    return login;
}
