#include "gate/password_exchange.h"

#include "base/reader.h"
#include "tls/peer.h"
#include "wire/message.h"

#define PASSWORD_MAX (64 * 1024)

static void password_exchange_step(struct login *login, struct err e, struct writer *out, enum client_auth_step step);

static void password_exchange_derive(struct login *login)
{
    client_auth_work(login->auth);
}

static void password_exchange_derived(struct login *login)
{
    struct writer out = writer_growing(64 * 1024);
    enum client_auth_step step = CLIENT_AUTH_SEND;
    struct err e = client_auth_worked(login->auth, &out, &step);
    password_exchange_step(login, e, &out, step);
}

static void password_exchange_step(struct login *login, struct err e, struct writer *out, enum client_auth_step step)
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
        login_submit(login, LOGIN_DERIVE,
                     (struct login_job){.work = password_exchange_derive, .done = password_exchange_derived});
        break;
    case CLIENT_AUTH_DONE:
        login_admit(login);
        return;
    }
    login_advance(login);
}

void password_exchange_start(struct login *login)
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
    password_exchange_step(login, e, &out, step);
}

/* A 'p' message, whole. */
bool password_exchange_take(struct login *login)
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
    password_exchange_step(login, e, &out, step);
    return false; /* password_exchange_step has gone on by itself */
}
