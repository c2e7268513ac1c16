/* Who a client is without a password: by its certificate, or by the owner of its process. */
#include "gate/proof.h"
#include "tls/pem.h"
#include "tls_pair.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "expect.h"

static struct ident *map_of(const char *text)
{
    struct ident *ident = NULL;
    expect_ok(ident_parse("ident", bytes_of_string(text), &ident));
    return ident;
}

/* ---- certificates ---- */

/* A session over TLS whose client shows this identity (NULL: none) to a server that trusts `trusted`. */
static struct tls_pair session(struct tls_identity *shown, const struct authority *trusted)
{
    char *directory = scratch_make();
    char *ca_file = scratch_file(directory, "ca.pem", NULL);
    struct tls_identity *own = pair_identity(NULL, "pooler", NULL);
    struct tls_settings to_clients = {.protocols = "secure", .ca_file = ca_file};
    struct tls_settings to_servers = {.protocols = "secure"};
    struct tls_context *accepting;
    struct tls_context *connecting;
    struct tls_pair pair;
    SSL *client;
    SSL *server;
    expect_ok(pem_save_certificates(ca_file, authority_certificate(trusted), NULL));
    expect_ok(tls_context_for_clients(&to_clients, true, own, &accepting));
    expect_ok(tls_context_for_servers(&to_servers, TLS_VERIFY_NONE, shown, &connecting));
    expect_ok(tls_context_accept(accepting, TLS_NEGOTIATED, &server));
    expect_ok(tls_context_connect(connecting, "localhost", TLS_NEGOTIATED, &client));
    pair_shake(&pair, client, server);
    assert_true(pair_is_up(&pair));
    tls_context_release(accepting);
    tls_context_release(connecting);
    tls_identity_release(own);
    free(ca_file);
    scratch_remove(directory);
    return pair;
}

static void test_a_certificate_s_name_is_the_user_or_mapped_to_it(void **state)
{
    (void)state;
    struct authority *authority = pair_authority("ca");
    struct tls_identity *alice = pair_identity(authority, "alice", NULL);
    struct ident *ident = map_of("m alice admin\n");
    struct tls_pair pair = session(alice, authority);
    expect_ok(proof_by_certificate(pair.server, ident, NULL, "alice"));
    expect_ok(proof_by_certificate(pair.server, ident, "m", "admin"));
    static const struct {
        const char *map, *user;
    } bad[] = {{NULL, "admin"}, {NULL, "Alice"}, {NULL, ""}, {NULL, "alic"}, {"m", "alice"}, {"n", "admin"}};
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_err(proof_by_certificate(pair.server, ident, bad[i].map, bad[i].user), ERR_DENIED,
                   "TLS certificate name mismatch");
    pair_free(&pair);
    ident_free(ident);
    tls_identity_release(alice);
    authority_free(authority);
}

static void test_a_certificate_of_an_untrusted_authority_proves_nothing(void **state)
{
    (void)state;
    struct authority *authority = pair_authority("ca");
    struct authority *stranger = pair_authority("ca"); /* of the same name */
    struct tls_identity *identities[] = {pair_identity(stranger, "alice", NULL), pair_identity(NULL, "alice", NULL)};
    struct ident *ident = map_of("m alice all\n");
    for (size_t i = 0; i < COUNT(identities); i++) {
        struct tls_pair pair = session(identities[i], authority);
        expect_err(proof_by_certificate(pair.server, ident, NULL, "alice"), ERR_DENIED,
                   "TLS client certificate is not trusted: ");
        expect_err(proof_by_certificate(pair.server, ident, "m", "alice"), ERR_DENIED, "is not trusted");
        pair_free(&pair);
        tls_identity_release(identities[i]);
    }
    ident_free(ident);
    authority_free(authority);
    authority_free(stranger);
}

static void test_without_a_certificate_nothing_is_proved(void **state)
{
    (void)state;
    struct authority *authority = pair_authority("ca");
    struct ident *ident = map_of("m alice all\n");
    struct tls_pair pair = session(NULL, authority);
    expect_err(proof_by_certificate(pair.server, ident, NULL, "alice"), ERR_DENIED, "TLS client certificate required");
    expect_err(proof_by_certificate(NULL, ident, NULL, "alice"), ERR_DENIED, "TLS client certificate required");
    pair_free(&pair);
    ident_free(ident);
    authority_free(authority);
}

/* ---- the owner of the process ---- */

static void test_the_owner_of_the_peer_is_the_user_or_mapped_to_it(void **state)
{
    (void)state;
    const struct passwd *self = getpwuid(geteuid());
    int ends[2];
    uid_t uid = (uid_t)-1;
    if (!self)
        skip(); /* this process's owner has no name */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    char *text = mem_format("m \"%s\" mapped\nm stranger other\n", self->pw_name);
    struct ident *ident = map_of(text);
    assert_true(proof_peer_uid(ends[0], &uid));
    assert_int_equal(uid, geteuid());
    expect_ok(proof_by_peer(ends[0], ident, NULL, self->pw_name));
    expect_ok(proof_by_peer(ends[0], ident, "m", "mapped"));
    expect_err(proof_by_peer(ends[0], ident, NULL, "mapped"), ERR_DENIED, "unix socket login rejected");
    expect_err(proof_by_peer(ends[0], ident, "m", self->pw_name), ERR_DENIED, "unix socket login rejected");
    expect_err(proof_by_peer(ends[0], ident, "m", "other"), ERR_DENIED, "unix socket login rejected");
    expect_err(proof_by_peer(ends[0], ident, "n", "mapped"), ERR_DENIED, "unix socket login rejected");
    ident_free(ident);
    free(text);
    close(ends[0]);
    close(ends[1]);
}

static void test_what_is_no_socket_has_no_owner(void **state)
{
    (void)state;
    uid_t uid;
    int ends[2];
    struct ident *ident = map_of("");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_false(proof_peer_uid(ends[0], &uid));
    assert_false(proof_peer_uid(-1, &uid));
    expect_err(proof_by_peer(ends[0], ident, NULL, "root"), ERR_DENIED, "unix socket login rejected");
    ident_free(ident);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_s_name_is_the_user_or_mapped_to_it),
        cmocka_unit_test(test_a_certificate_of_an_untrusted_authority_proves_nothing),
        cmocka_unit_test(test_without_a_certificate_nothing_is_proved),
        cmocka_unit_test(test_the_owner_of_the_peer_is_the_user_or_mapped_to_it),
        cmocka_unit_test(test_what_is_no_socket_has_no_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
