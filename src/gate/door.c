#include "gate/door.h"

#include "gate/login.h"
#include "gate/password_exchange.h"
#include "gate/startup_packet.h"
#include "wire/message.h"

static const struct login_step door_steps[LOGIN_STATES] = {
    [LOGIN_STARTUP] = {"startup", startup_packet_take},
    [LOGIN_TLS] = {"tls", NULL},
    [LOGIN_VERDICT] = {"verdict", NULL},
    [LOGIN_PASSWORD] = {"password", password_exchange_take},
    [LOGIN_DERIVE] = {"derive", NULL},
    [LOGIN_OVER] = {"over", NULL},
};

static void door_arrived(void *owner, const uint8_t *p, size_t n)
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

static void door_secured(void *owner, struct err outcome)
{
    struct login *login = owner;
    if (failed(outcome))
        login_close(login, outcome.why);
    else
        login->state = LOGIN_STARTUP;
}

static void door_ended(void *owner, struct err why)
{
    login_close(owner, why.code == ERR_CLOSED ? "client unexpected eof" : why.why);
}

static const struct stream_ops door_stream_ops = {
    .arrived = door_arrived,
    .secured = door_secured,
    .ended = door_ended,
};

void door_accept(struct gate *gate, int fd, const struct address *peer, bool is_unix)
{
    struct login *login = login_new(gate, peer, is_unix, door_steps);
    login->stream = stream_new(gate->engine, fd, &door_stream_ops, login);
}

void door_turn_away(struct gate *gate, int fd)
{
    static const struct stream_ops nobody = {0};
    struct stream *stream = stream_new(gate->engine, fd, &nobody, NULL);
    struct writer out = writer_growing(1024);
    wire_put_error(&out, "FATAL", "53300", "no more connections allowed (max_client_conn)", NULL, NULL);
    stream_send(stream, writer_bytes(&out));
    writer_free(&out);
    stream_close(stream);
}

void door_maintain(struct gate *gate)
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

void door_clear(struct gate *gate, const char *text)
{
    struct login *login;
    while ((login = TAILQ_FIRST(&gate->logins)))
        login_refuse(login, "57P01", text);
}
