#include "app/vouch_dial.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "tls/context.h"
#include "tls/peer.h"
#include "wire/error.h"
#include "wire/startup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An ErrorResponse in answer to SSLRequest; a longer one is not worth waiting for. */
#define ERROR_RESPONSE_MAX 2048
#define POLL_MAX_US        (3600 * US_PER_SECOND) /* poll counts milliseconds in an int */

struct dialling {
    const struct vouch_target *target;
    int64_t deadline_us; /* monotonic */
    int fd;
};

static struct err dial_timeout(const struct dialling *d, const char *doing)
{
    return err_make(ERR_TIMEOUT, "%s:%d: no answer within %.3g s (%s)", d->target->host, d->target->port,
                    (double)d->target->timeout_us / (double)US_PER_SECOND, doing);
}

static struct err dial_wait(const struct dialling *d, short events, const char *doing)
{
    for (;;) {
        int64_t left_us = d->deadline_us - clock_monotonic_us();
        if (left_us <= 0)
            return dial_timeout(d, doing);
        left_us = left_us < POLL_MAX_US ? left_us : POLL_MAX_US;
        struct pollfd wanted = {.fd = d->fd, .events = events};
        int ready = poll(&wanted, 1, (int)((left_us + US_PER_MS - 1) / US_PER_MS));
        if (ready > 0)
            return OK;
        if (ready < 0 && errno != EINTR)
            return err_system("poll");
    }
}

/* Connects d->fd, which belongs to the caller in any case. */
static struct err dial_connect(const struct dialling *d, const struct addrinfo *address)
{
    const char *host = d->target->host;
    if (connect(d->fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
        return err_system("cannot connect to %s:%d", host, d->target->port);
    TRY(dial_wait(d, POLLOUT, "connecting"));
    int problem = 0;
    socklen_t size = sizeof problem;
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0)
        return err_system("getsockopt");
    errno = problem;
    return problem ? err_system("cannot connect to %s:%d", host, d->target->port) : OK;
}

static struct err dial_try_each(struct dialling *d, const struct addrinfo *addresses)
{
    struct err last = err_make(ERR_NOT_FOUND, "%s has no address", d->target->host);
    for (const struct addrinfo *each = addresses; each; each = each->ai_next) {
        d->fd = socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (d->fd < 0) {
            last = err_system("socket");
            continue;
        }
        last = dial_connect(d, each);
        if (!failed(last))
            return OK;
        close(d->fd);
        d->fd = -1;
    }
    return last;
}

static struct err dial_reach(struct dialling *d)
{
    char port[16];
    snprintf(port, sizeof port, "%d", d->target->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found;
    int problem = getaddrinfo(d->target->host, port, &hints, &found);
    if (problem == EAI_NONAME || problem == EAI_ADDRFAMILY) {
        hints.ai_flags = 0; /* ::1 where no interface has an IPv6 address */
        problem = getaddrinfo(d->target->host, port, &hints, &found);
    }
    if (problem)
        return err_make(ERR_NOT_FOUND, "cannot resolve \"%.100s\": %s", d->target->host, gai_strerror(problem));
    struct err outcome = dial_try_each(d, found);
    freeaddrinfo(found);
    return outcome;
}

static struct err dial_send(const struct dialling *d, struct bytes b, const char *doing)
{
    while (b.n > 0) {
        TRY(dial_wait(d, POLLOUT, doing));
        ssize_t n = send(d->fd, b.p, b.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_system("%s:%d", d->target->host, d->target->port);
        if (n > 0)
            b = bytes_of(b.p + n, b.n - (size_t)n);
    }
    return OK;
}

static struct err dial_receive(const struct dialling *d, uint8_t *into, size_t want, const char *doing)
{
    while (want > 0) {
        TRY(dial_wait(d, POLLIN, doing));
        ssize_t n = recv(d->fd, into, want, 0);
        if (n == 0)
            return err_make(ERR_CLOSED, "%s:%d closed the connection (%s)", d->target->host, d->target->port, doing);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_system("%s:%d (%s)", d->target->host, d->target->port, doing);
        if (n > 0) {
            into += n;
            want -= (size_t)n;
        }
    }
    return OK;
}

/* The message of an ErrorResponse whose type byte was read; an old server's has no length that could be believed. */
static struct err dial_read_refusal(const struct dialling *d)
{
    uint8_t head[4], body[ERROR_RESPONSE_MAX];
    TRY(dial_receive(d, head, sizeof head, "reading an error"));
    struct reader r = reader_of(BYTES(head));
    size_t size = reader_u32(&r);
    struct wire_error error = {.message = ""};
    if (size > sizeof head && size - sizeof head <= sizeof body) {
        TRY(dial_receive(d, body, size - sizeof head, "reading an error"));
        if (failed(wire_error_parse(bytes_of(body, size - sizeof head), &error)))
            error.message = "";
    }
    return err_make(ERR_UNSUPPORTED, "%s:%d answers SSLRequest with an error%s%.200s", d->target->host, d->target->port,
                    *error.message ? ": " : "", error.message);
}

/* PostgreSQL documentation, "SSL Session Encryption". The answer is read as one byte: what else a server (or somebody
 * in between) sends in clear then stands where the handshake begins, and breaks it. */
static struct err dial_request_tls(const struct dialling *d)
{
    uint8_t request[8], answer;
    struct writer w = writer_over(request, sizeof request);
    writer_u32(&w, sizeof request);
    writer_u32(&w, WIRE_SSL_REQUEST);
    TRY(dial_send(d, writer_bytes(&w), "SSLRequest"));
    TRY(dial_receive(d, &answer, 1, "SSLRequest"));
    if (answer == 'S')
        return OK;
    if (answer == 'N')
        return err_make(ERR_UNSUPPORTED, "%s:%d does not offer TLS", d->target->host, d->target->port);
    if (answer == 'E')
        return dial_read_refusal(d);
    return err_make(ERR_UNSUPPORTED, "%s:%d is no PostgreSQL server: it answers SSLRequest with byte 0x%02x",
                    d->target->host, d->target->port, answer);
}

static struct err dial_shake(const struct dialling *d, SSL *ssl)
{
    for (;;) {
        ERR_clear_error();
        int result = SSL_do_handshake(ssl);
        if (result == 1)
            return OK;
        switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_WANT_READ:
            TRY(dial_wait(d, POLLIN, "TLS handshake"));
            break;
        case SSL_ERROR_WANT_WRITE:
            TRY(dial_wait(d, POLLOUT, "TLS handshake"));
            break;
        case SSL_ERROR_SYSCALL:
            return err_make(ERR_CLOSED, "%s:%d broke the TLS handshake off", d->target->host, d->target->port);
        default:
            return err_crypto("TLS handshake with %s:%d", d->target->host, d->target->port);
        }
    }
}

static struct err dial_take_facts(const struct dialling *d, SSL *ssl, struct vouch_server *out)
{
    if (d->target->direct_tls && !tls_peer_speaks_postgresql(ssl))
        return err_make(ERR_UNSUPPORTED, "%s:%d does not speak PostgreSQL over direct TLS", d->target->host,
                        d->target->port);
    X509 *leaf = tls_peer_certificate(ssl);
    if (!leaf)
        return err_make(ERR_UNSUPPORTED, "%s:%d shows no certificate", d->target->host, d->target->port);
    X509_up_ref(leaf);
    out->leaf = leaf;
    out->others = tls_peer_others(ssl);
    out->is_tls13 = tls_peer_is_tls13(ssl);
    snprintf(out->version, sizeof out->version, "%s", tls_peer_version(ssl));
    snprintf(out->cipher, sizeof out->cipher, "%s", tls_peer_cipher(ssl));
    return OK;
}

static struct err dial_secure(const struct dialling *d, struct vouch_server *out)
{
    static const struct tls_settings settings = {.protocols = "secure"};
    enum tls_opening opening = d->target->direct_tls ? TLS_DIRECT : TLS_NEGOTIATED;
    struct tls_context *context;
    SSL *ssl;
    TRY(tls_context_for_servers(&settings, TLS_VERIFY_NONE, NULL, &context));
    struct err outcome = tls_context_connect(context, d->target->host, opening, &ssl);
    tls_context_release(context);
    TRY(outcome);
    outcome = SSL_set_fd(ssl, d->fd) == 1 ? dial_shake(d, ssl) : err_crypto("cannot set up TLS");
    if (!failed(outcome)) {
        outcome = dial_take_facts(d, ssl, out);
        SSL_shutdown(ssl); /* close_notify, as far as it goes */
    }
    SSL_free(ssl);
    return outcome;
}

struct err vouch_dial(const struct vouch_target *target, struct vouch_server *out)
{
    struct dialling d = {.target = target, .deadline_us = clock_monotonic_us() + target->timeout_us, .fd = -1};
    *out = (struct vouch_server){0};
    TRY(dial_reach(&d));
    struct err outcome = target->direct_tls ? OK : dial_request_tls(&d);
    if (!failed(outcome))
        outcome = dial_secure(&d, out);
    close(d.fd);
    return outcome;
}

void vouch_server_release(struct vouch_server *server)
{
    X509_free(server->leaf);
    certificate_list_free(server->others);
    *server = (struct vouch_server){0};
}
