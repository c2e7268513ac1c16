#include "gate/startup_packet.h"

#include "base/mem.h"
#include "gate/admission.h"
#include "gate/startup_parameters.h"
#include "tls/peer.h"
#include "wire/message.h"

#define TLS_RECORD_HANDSHAKE 0x16 /* RFC 8446 section 5.1: a ClientHello's first byte */

static void startup_break_protocol(struct login *login, struct err why)
{
    login_refuse(login, why.code == ERR_UNSUPPORTED ? "0A000" : "08P01", why.why);
}

/* A newer minor version, or options that begin with "_pq_.": the client is told what is spoken here (PostgreSQL
 * protocol, NegotiateProtocolVersion). */
static void startup_negotiate(struct login *login, const struct wire_startup *startup)
{
    login->identity->protocol_minor = startup->minor < WIRE_NEWEST_MINOR ? startup->minor : WIRE_NEWEST_MINOR;
    if (startup->minor <= WIRE_NEWEST_MINOR && startup->option_count == 0)
        return;
    struct writer out = writer_growing(64 * 1024);
    wire_put_negotiate_protocol_version(&out, login->identity->protocol_minor, startup->options, startup->option_count);
    login_send(login, &out);
}

static void startup_take_session(struct login *login, const struct wire_startup *startup)
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
    startup_negotiate(login, startup);
    admission_decide(login);
}

static void startup_start_tls(struct login *login, enum tls_opening opening, struct bytes received)
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

static void startup_answer(struct login *login, char answer)
{
    stream_send(login->stream, bytes_of(&answer, 1));
}

static void startup_take_ssl_request(struct login *login)
{
    bool again = login->asked_tls || stream_ssl(login->stream);
    bool offered = login->gate->tls && !login->identity->is_unix;
    login->asked_tls = true;
    if (again) {
        login_refuse(login, "08P01", "SSL request came twice");
    } else if (!offered) {
        startup_answer(login, 'N');
    } else if (login->held.used > 0) {
        /* What stands behind the request was sent unencrypted, and may be somebody else's (CVE-2021-23222). */
        login_refuse(login, "08P01", "received unencrypted data after SSL request");
    } else {
        startup_answer(login, 'S');
        startup_start_tls(login, TLS_NEGOTIATED, BYTES_NONE);
    }
}

static void startup_take_gssenc_request(struct login *login)
{
    if (login->asked_gssenc || stream_ssl(login->stream)) {
        login_refuse(login, "08P01", "GSSAPI encryption request came twice or inside TLS");
        return;
    }
    login->asked_gssenc = true;
    startup_answer(login, 'N');
}

static void startup_take_packet(struct login *login, const struct wire_startup *startup)
{
    switch (startup->kind) {
    case WIRE_STARTUP_SSL:
        startup_take_ssl_request(login);
        break;
    case WIRE_STARTUP_GSSENC:
        startup_take_gssenc_request(login);
        break;
    case WIRE_STARTUP_CANCEL:
        login->gate->ops->cancel(login->gate->ctx, startup->cancel_key);
        login_close(login, "cancel request");
        break;
    case WIRE_STARTUP_ATTEST:
        login_refuse(login, "0A000", "the attestation exchange is not offered; evidence stands in the TLS certificate");
        break;
    case WIRE_STARTUP_MESSAGE:
        startup_take_session(login, startup);
        break;
    }
}

static bool startup_is_direct_tls(const struct login *login)
{
    return !stream_ssl(login->stream) && !login->asked_tls && !login->asked_gssenc && !login->identity->is_unix &&
           login->gate->tls && login->held.used > 0 && login->held.start[0] == TLS_RECORD_HANDSHAKE;
}

bool startup_packet_take(struct login *login)
{
    size_t size;
    if (startup_is_direct_tls(login)) {
        struct writer hello = login->held;
        login->held = writer_growing(LOGIN_HELD_MAX);
        startup_start_tls(login, TLS_DIRECT, writer_bytes(&hello));
        writer_free(&hello);
        return false;
    }
    struct err e = wire_startup_size(writer_bytes(&login->held), &size);
    if (failed(e)) {
        startup_break_protocol(login, e);
        return false;
    }
    if (size == 0 || login->held.used < size)
        return false;
    /* The packet leaves `held` first: what a request does depends on whether anything stands behind it. */
    uint8_t *packet = mem_copy(bytes_of(login->held.start, size));
    struct wire_startup startup; /* some kilobytes, which wire_startup_parse fills as far as they are used */
    login_consume(login, size);
    e = wire_startup_parse(bytes_of(packet, size), &startup);
    if (failed(e))
        startup_break_protocol(login, e);
    else
        startup_take_packet(login, &startup);
    mem_free_secret(packet, size);
    return true;
}
