/* The tool against servers that do what they should not: dialling, and fetching nonces. */
#include "tls_pair.h"

#include "app/vouch_dial.h"
#include "app/vouch_nonce.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tls/certificate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server for one connection, in a thread of its own: `serve` gets the accepted socket. */
struct server {
    int listener;
    int port;
    pthread_t thread;
    void (*serve)(struct server *server, int fd);
    const char *answer;
    size_t answer_size;
    char request[512];
    const struct tls_settings *settings;
    struct tls_identity *identity;
};

static void *server_run(void *arg)
{
    struct server *server = arg;
    int fd = accept(server->listener, NULL, NULL);
    if (fd >= 0) {
        server->serve(server, fd);
        close(fd);
    }
    return NULL;
}

static void server_start(struct server *server, void (*serve)(struct server *, int))
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->serve = serve;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_run, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR); /* wakes an accept that nobody came to */
    pthread_join(server->thread, NULL);
    close(server->listener);
}

/* Takes a request of 8 bytes and gives the answer; then waits for the peer to go. */
static void serve_answer(struct server *server, int fd)
{
    char byte;
    if (recv(fd, server->request, 8, MSG_WAITALL) == 8 && server->answer_size > 0)
        (void)!write(fd, server->answer, server->answer_size);
    if (server->answer_size > 0)
        shutdown(fd, SHUT_WR);
    while (recv(fd, &byte, 1, 0) > 0)
        ;
}

/* Takes SSLRequest unless TLS is direct, then shakes hands. */
static void serve_tls(struct server *server, int fd, enum tls_opening opening)
{
    struct tls_context *context;
    SSL *ssl;
    char byte;
    if (opening == TLS_NEGOTIATED && (recv(fd, server->request, 8, MSG_WAITALL) != 8 || write(fd, "S", 1) != 1))
        return;
    assert_false(failed(tls_context_for_clients(server->settings, true, server->identity, &context)));
    assert_false(failed(tls_context_accept(context, opening, &ssl)));
    tls_context_release(context);
    SSL_set_fd(ssl, fd);
    if (SSL_do_handshake(ssl) == 1)
        while (SSL_read(ssl, &byte, 1) > 0)
            ;
    SSL_free(ssl);
}

static void serve_negotiated_tls(struct server *server, int fd)
{
    serve_tls(server, fd, TLS_NEGOTIATED);
}

static void serve_direct_tls(struct server *server, int fd)
{
    serve_tls(server, fd, TLS_DIRECT);
}

/* TLS without ALPN: any web server. */
static void serve_web_tls(struct server *server, int fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_cert_and_key(ctx, tls_identity_certificate(server->identity), tls_identity_key(server->identity), NULL,
                             1);
    SSL *ssl = SSL_new(ctx);
    char byte;
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        while (SSL_read(ssl, &byte, 1) > 0)
            ;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

static struct err dial(const struct server *server, bool direct_tls, int64_t timeout_us, struct vouch_server *out)
{
    struct vouch_target target = {
        .host = "127.0.0.1", .port = server->port, .direct_tls = direct_tls, .timeout_us = timeout_us};
    return vouch_dial(&target, out);
}

static struct err dial_answering(const char *answer, size_t size, int64_t timeout_us)
{
    struct server server = {.answer = answer, .answer_size = size};
    struct vouch_server seen;
    server_start(&server, serve_answer);
    struct err outcome = dial(&server, false, timeout_us, &seen);
    server_stop(&server);
    assert_memory_equal(server.request, "\0\0\0\010\004\322\026\057", 8); /* SSLRequest */
    assert_null(seen.leaf);
    return outcome;
}
#define ANSWER(text) text, sizeof(text) - 1

static void test_server_without_tls_is_named(void **state)
{
    (void)state;
    struct err outcome = dial_answering(ANSWER("N"), 10 * US_PER_SECOND);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(outcome.why, "does not offer TLS"));
}

static void test_garbage_is_no_server(void **state)
{
    (void)state;
    struct err outcome = dial_answering(ANSWER("HTTP/1.1 400 Bad Request\r\n"), 10 * US_PER_SECOND);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(outcome.why, "0x48"));
}

static void test_error_in_answer_is_shown(void **state)
{
    (void)state;
    struct err outcome =
        dial_answering(ANSWER("E\0\0\0\046SFATAL\0C57P03\0Mtry later, please\0\0"), 10 * US_PER_SECOND);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(outcome.why, "try later"));
    outcome = dial_answering(ANSWER("E\377\377\377\377"), 10 * US_PER_SECOND);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
}

static void test_bytes_behind_the_answer_break_the_handshake(void **state)
{
    (void)state;
    struct err outcome = dial_answering(ANSWER("SR\0\0\0\010\0\0\0\0"), 10 * US_PER_SECOND);
    assert_int_equal(outcome.code, ERR_CRYPTO);
}

static void test_end_in_the_handshake_is_an_error(void **state)
{
    (void)state;
    struct err outcome = dial_answering(ANSWER("S"), 10 * US_PER_SECOND);
    assert_true(failed(outcome));
}

static void test_silence_is_a_timeout(void **state)
{
    (void)state;
    int64_t start_us = clock_monotonic_us();
    struct err outcome = dial_answering("", 0, 100 * US_PER_MS);
    assert_int_equal(outcome.code, ERR_TIMEOUT);
    assert_true(clock_monotonic_us() - start_us >= 100 * US_PER_MS);
}

static void test_nobody_listening_is_an_error(void **state)
{
    (void)state;
    struct server server = {.answer = ""};
    struct vouch_server seen;
    server_start(&server, serve_answer);
    server_stop(&server);
    struct err outcome = dial(&server, false, US_PER_SECOND, &seen);
    assert_int_equal(outcome.code, ERR_SYSTEM);
    struct vouch_target nowhere = {.host = "no such host.invalid", .port = 1, .timeout_us = US_PER_SECOND};
    assert_int_equal(vouch_dial(&nowhere, &seen).code, ERR_NOT_FOUND);
}

static void check_tls_server(void (*serve)(struct server *, int), const char *protocols, bool direct_tls,
                             const char *version)
{
    struct authority *authority = pair_authority("ca");
    struct tls_identity *identity = pair_identity(authority, "pooler", "127.0.0.1");
    struct tls_settings settings = {.protocols = protocols};
    struct server server = {.settings = &settings, .identity = identity};
    struct vouch_server seen;
    server_start(&server, serve);
    struct err outcome = dial(&server, direct_tls, 10 * US_PER_SECOND, &seen);
    server_stop(&server);
    assert_string_equal(outcome.why, "");
    assert_string_equal(seen.version, version);
    assert_int_equal(seen.is_tls13, strcmp(version, "TLSv1.3") == 0);
    assert_int_equal(X509_cmp(seen.leaf, tls_identity_certificate(identity)), 0);
    assert_int_equal(sk_X509_num(seen.others), 1);
    vouch_server_release(&seen);
    tls_identity_release(identity);
    authority_free(authority);
}

static void test_certificate_of_a_tls_server_is_taken(void **state)
{
    (void)state;
    check_tls_server(serve_negotiated_tls, "tlsv1.3", false, "TLSv1.3");
    check_tls_server(serve_negotiated_tls, "tlsv1.2", false, "TLSv1.2");
    check_tls_server(serve_direct_tls, "tlsv1.3", true, "TLSv1.3");
}

static void test_direct_tls_without_postgresql_is_refused(void **state)
{
    (void)state;
    struct tls_identity *identity = pair_identity(NULL, "web", NULL);
    struct server server = {.identity = identity};
    struct vouch_server seen;
    server_start(&server, serve_web_tls);
    struct err outcome = dial(&server, true, 10 * US_PER_SECOND, &seen);
    server_stop(&server);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_null(seen.leaf);
    tls_identity_release(identity);
}

/* Takes an HTTP request up to its empty line, then answers. */
static void serve_http(struct server *server, int fd)
{
    size_t have = 0;
    while (have < sizeof server->request - 1 && !strstr(server->request, "\r\n\r\n")) {
        ssize_t n = recv(fd, server->request + have, sizeof server->request - 1 - have, 0);
        if (n <= 0)
            return;
        have += (size_t)n;
    }
    if (server->answer)
        (void)!write(fd, server->answer, server->answer_size);
    shutdown(fd, SHUT_WR);
    char byte;
    while (server->answer_size == 0 && recv(fd, &byte, 1, 0) > 0)
        ;
}

static struct err fetch(const char *status, const char *body, const char *resource, struct vouch_nonce *out,
                        struct server *server)
{
    char *answer = mem_format("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    *server = (struct server){.answer = answer, .answer_size = strlen(answer)};
    server_start(server, serve_http);
    char *url = mem_format("http://127.0.0.1:%d%s", server->port, resource);
    struct err outcome = vouch_nonce_fetch(url, 10 * US_PER_SECOND, out);
    server_stop(server);
    free(url);
    free(answer);
    return outcome;
}

static void test_nonce_is_fetched(void **state)
{
    (void)state;
    struct server server;
    struct vouch_nonce nonce;
    struct err outcome =
        fetch("200 OK", "{\"nonce\": \"00fFa5\", \"expires_in\": 300}", "/api/v1/nonce?x=1", &nonce, &server);
    assert_string_equal(outcome.why, "");
    assert_int_equal(nonce.size, 3);
    assert_memory_equal(nonce.bytes, "\x00\xff\xa5", 3);
    assert_true(nonce.expires_in_s > 299 && nonce.expires_in_s < 301);
    assert_non_null(strstr(server.request, "GET /api/v1/nonce?x=1 HTTP/1.1\r\n"));
}

static void test_answers_without_a_nonce_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *status, *body;
    } answers[] = {
        {"404 Not Found", "{\"nonce\": \"00\"}"},
        {"302 Found", "{\"nonce\": \"00\"}"},
        {"200 OK", ""},
        {"200 OK", "nonce"},
        {"200 OK", "{}"},
        {"200 OK", "[]"},
        {"200 OK", "{\"nonce\": 17}"},
        {"200 OK", "{\"nonce\": \"\"}"},
        {"200 OK", "{\"nonce\": \"0\"}"},
        {"200 OK", "{\"nonce\": \"zz\"}"},
        {"200 OK", "{\"nonce\": \"00\", \"nonce\": \"11\"}"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct server server;
        struct vouch_nonce nonce;
        assert_true(failed(fetch(answers[i].status, answers[i].body, "/", &nonce, &server)));
    }
}

static void test_large_answer_is_refused(void **state)
{
    (void)state;
    char *body = mem_alloc(100001);
    memset(body, ' ', 100000);
    memcpy(body, "{\"nonce\": \"00\"}", 15);
    struct server server;
    struct vouch_nonce nonce;
    assert_true(failed(fetch("200 OK", body, "/", &nonce, &server)));
    free(body);
}

static void test_silent_http_server_is_a_timeout(void **state)
{
    (void)state;
    struct server server = {.answer = NULL};
    struct vouch_nonce nonce;
    server_start(&server, serve_answer);
    char *url = mem_format("http://127.0.0.1:%d/", server.port);
    struct err outcome = vouch_nonce_fetch(url, 100 * US_PER_MS, &nonce);
    server_stop(&server);
    assert_int_equal(outcome.code, ERR_TIMEOUT);
    free(url);
}

static void test_only_http_urls_are_fetched(void **state)
{
    (void)state;
    struct vouch_nonce nonce;
    struct err outcome = vouch_nonce_fetch("https://127.0.0.1/nonce", US_PER_SECOND, &nonce);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(outcome.why, "https"));
    static const char *const urls[] = {"", "127.0.0.1:80/nonce", "ftp://127.0.0.1/", "file:///etc/passwd", "http:///x"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_int_equal(vouch_nonce_fetch(urls[i], US_PER_SECOND, &nonce).code, ERR_INPUT);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the tool does: either end may write to one that has gone */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_without_tls_is_named),
        cmocka_unit_test(test_garbage_is_no_server),
        cmocka_unit_test(test_error_in_answer_is_shown),
        cmocka_unit_test(test_bytes_behind_the_answer_break_the_handshake),
        cmocka_unit_test(test_end_in_the_handshake_is_an_error),
        cmocka_unit_test(test_silence_is_a_timeout),
        cmocka_unit_test(test_nobody_listening_is_an_error),
        cmocka_unit_test(test_certificate_of_a_tls_server_is_taken),
        cmocka_unit_test(test_direct_tls_without_postgresql_is_refused),
        cmocka_unit_test(test_nonce_is_fetched),
        cmocka_unit_test(test_answers_without_a_nonce_are_refused),
        cmocka_unit_test(test_large_answer_is_refused),
        cmocka_unit_test(test_silent_http_server_is_a_timeout),
        cmocka_unit_test(test_only_http_urls_are_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
