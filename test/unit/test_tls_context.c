/* Handshakes through memory: who is let in, what is refused, and what is known afterwards. */
#include "tls_pair.h"

#include "base/mem.h"
#include "tls/peer.h"
#include "tls/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    char *directory;
    char *ca_file;
    char *other_ca_file;
    struct authority *authority, *other;
    struct tls_identity *server, *client, *stranger;
};

static int set_up(void **state)
{
    struct world *w = NEW(struct world);
    w->directory = pair_make_directory();
    w->ca_file = mem_format("%s/ca.pem", w->directory);
    w->other_ca_file = mem_format("%s/other.pem", w->directory);
    w->authority = pair_authority("test authority");
    w->other = pair_authority("other authority");
    assert_false(failed(pem_save_certificates(w->ca_file, authority_certificate(w->authority), NULL)));
    assert_false(failed(pem_save_certificates(w->other_ca_file, authority_certificate(w->other), NULL)));
    w->server = pair_identity(w->authority, "pooler", "dns:pooler.test, ip:127.0.0.1, ::1");
    w->client = pair_identity(w->authority, "alice", NULL);
    w->stranger = pair_identity(NULL, "stranger", NULL);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    tls_identity_release(w->server);
    tls_identity_release(w->client);
    tls_identity_release(w->stranger);
    authority_free(w->authority);
    authority_free(w->other);
    free(w->ca_file);
    free(w->other_ca_file);
    pair_remove_directory(w->directory);
    free(w);
    return 0;
}

static struct tls_context *towards_clients(const struct world *w, const struct tls_settings *settings)
{
    struct tls_context *context;
    struct err outcome = tls_context_for_clients(settings, true, w->server, &context);
    assert_string_equal(outcome.why, "");
    return context;
}

static struct tls_context *towards_servers(const struct tls_settings *settings, enum tls_verify verify,
                                           struct tls_identity *identity)
{
    struct tls_context *context;
    struct err outcome = tls_context_for_servers(settings, verify, identity, &context);
    assert_string_equal(outcome.why, "");
    return context;
}

/* Both contexts are released; the pair holds what it needs. */
static struct tls_pair meet(struct tls_context *server_context, struct tls_context *client_context, const char *host,
                            enum tls_opening opening)
{
    SSL *client, *server;
    struct tls_pair pair;
    assert_false(failed(tls_context_accept(server_context, opening, &server)));
    assert_false(failed(tls_context_connect(client_context, host, opening, &client)));
    tls_context_release(server_context);
    tls_context_release(client_context);
    pair_shake(&pair, client, server);
    return pair;
}

static void test_client_without_certificate_is_served(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = {.ca_file = w->ca_file}, plain = {0};
    struct tls_pair pair =
        meet(towards_clients(w, &settings), towards_servers(&plain, TLS_VERIFY_NONE, NULL), NULL, TLS_NEGOTIATED);
    assert_true(pair_is_up(&pair));
    assert_null(tls_peer_certificate(pair.server));
    assert_false(tls_peer_chains(pair.server));
    assert_string_equal(tls_peer_chain_problem(pair.server), "no certificate was shown");
    assert_true(tls_peer_is_tls13(pair.server));
    assert_true(tls_peer_speaks_postgresql(pair.server));
    pair_free(&pair);
}

static void test_client_certificate_of_our_authority_chains(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = {.ca_file = w->ca_file}, plain = {0};
    struct tls_pair pair =
        meet(towards_clients(w, &settings), towards_servers(&plain, TLS_VERIFY_NONE, w->client), NULL, TLS_NEGOTIATED);
    assert_true(pair_is_up(&pair));
    assert_true(tls_peer_chains(pair.server));
    char *name;
    assert_false(failed(certificate_common_name(tls_peer_certificate(pair.server), &name)));
    assert_string_equal(name, "alice");
    free(name);
    STACK_OF(X509) *others = tls_peer_others(pair.server);
    assert_int_equal(sk_X509_num(others), 1); /* the issuer travels with the leaf */
    certificate_list_free(others);
    pair_free(&pair);
}

static void check_recorded_but_let_in(const struct world *w, const struct tls_settings *settings,
                                      struct tls_identity *shown, const char *protocols)
{
    struct tls_settings plain = {.protocols = protocols};
    struct tls_pair pair =
        meet(towards_clients(w, settings), towards_servers(&plain, TLS_VERIFY_NONE, shown), NULL, TLS_NEGOTIATED);
    assert_true(pair_is_up(&pair));
    assert_non_null(tls_peer_certificate(pair.server));
    assert_false(tls_peer_chains(pair.server));
    assert_non_null(tls_peer_chain_problem(pair.server));
    pair_free(&pair);
}

static void test_certificate_of_unknown_authority_is_recorded_not_fatal(void **state)
{
    struct world *w = *state;
    struct tls_settings ours = {.ca_file = w->ca_file}, others = {.ca_file = w->other_ca_file}, none = {0};
    const char *const versions[] = {"tlsv1.3", "tlsv1.2"};
    for (size_t i = 0; i < 2; i++) {
        check_recorded_but_let_in(w, &ours, w->stranger, versions[i]);
        check_recorded_but_let_in(w, &others, w->client, versions[i]);
        check_recorded_but_let_in(w, &none, w->client, versions[i]);
        check_recorded_but_let_in(w, &none, w->stranger, versions[i]);
    }
}

static void test_server_certificate_used_by_a_client_must_be_for_clients(void **state)
{
    struct world *w = *state;
    int64_t now_s = (int64_t)time(NULL);
    struct leaf_spec spec = {
        .common_name = "web", .not_before_s = now_s - 60, .not_after_s = now_s + 600, .for_server = true};
    struct leaf *leaf;
    struct tls_identity *identity;
    assert_false(failed(leaf_draft(&spec, w->authority, &leaf)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    leaf_free(leaf);
    struct tls_settings ours = {.ca_file = w->ca_file};
    check_recorded_but_let_in(w, &ours, identity, "tlsv1.3");
    tls_identity_release(identity);
}

static void test_expired_client_certificate_does_not_chain(void **state)
{
    struct world *w = *state;
    int64_t now_s = (int64_t)time(NULL);
    struct leaf_spec spec = {
        .common_name = "late", .not_before_s = now_s - 600, .not_after_s = now_s - 60, .for_client = true};
    struct leaf *leaf;
    struct tls_identity *identity;
    assert_false(failed(leaf_draft(&spec, w->authority, &leaf)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    leaf_free(leaf);
    struct tls_settings ours = {.ca_file = w->ca_file};
    check_recorded_but_let_in(w, &ours, identity, "tlsv1.3");
    tls_identity_release(identity);
}

/* What a client sees of the request for its certificate. */
static int asked_authorities;
static int note_request(SSL *ssl, X509 **x509, EVP_PKEY **key)
{
    (void)x509;
    (void)key;
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);
    asked_authorities = names ? sk_X509_NAME_num(names) : 0;
    return 0;
}

static struct tls_pair meet_noting_request(struct tls_context *server_context, const char *protocols)
{
    struct tls_settings plain = {.protocols = protocols};
    struct tls_context *client_context = towards_servers(&plain, TLS_VERIFY_NONE, NULL);
    SSL_CTX_set_client_cert_cb(tls_context_ssl_ctx(client_context), note_request);
    asked_authorities = -1;
    return meet(server_context, client_context, NULL, TLS_NEGOTIATED);
}

static void test_certificate_is_requested_with_an_empty_list_of_authorities(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = {.ca_file = w->ca_file};
    const char *const versions[] = {"tlsv1.3", "tlsv1.2"};
    for (size_t i = 0; i < 2; i++) {
        struct tls_pair pair = meet_noting_request(towards_clients(w, &settings), versions[i]);
        assert_true(pair_is_up(&pair));
        assert_int_equal(asked_authorities, 0);
        pair_free(&pair);
    }
}

static void test_no_certificate_is_requested_when_none_is_wanted(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = {0};
    struct tls_context *context;
    assert_false(failed(tls_context_for_clients(&settings, false, w->server, &context)));
    struct tls_pair pair = meet_noting_request(context, "");
    assert_true(pair_is_up(&pair));
    assert_int_equal(asked_authorities, -1);
    pair_free(&pair);
}

/* `offered` in ALPN's wire form; NULL: no ALPN at all. */
static bool alpn_is_accepted(const struct world *w, enum tls_opening opening, const char *offered)
{
    struct tls_settings settings = {0};
    struct tls_context *server_context = towards_clients(w, &settings);
    SSL_CTX *plain = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(plain), *server;
    SSL_CTX_free(plain);
    SSL_set_connect_state(client);
    if (offered)
        SSL_set_alpn_protos(client, (const unsigned char *)offered, (unsigned)strlen(offered));
    assert_false(failed(tls_context_accept(server_context, opening, &server)));
    tls_context_release(server_context);
    struct tls_pair pair;
    pair_shake(&pair, client, server);
    bool up = pair_is_up(&pair);
    pair_free(&pair);
    return up;
}

static void test_direct_tls_demands_postgresql_in_alpn(void **state)
{
    assert_true(alpn_is_accepted(*state, TLS_DIRECT, "\012postgresql"));
    assert_true(alpn_is_accepted(*state, TLS_DIRECT, "\002h2\012postgresql"));
    assert_false(alpn_is_accepted(*state, TLS_DIRECT, NULL));
    assert_false(alpn_is_accepted(*state, TLS_DIRECT, "\002h2"));
    assert_false(alpn_is_accepted(*state, TLS_DIRECT, "\013postgresqlx"));
}

static void test_negotiated_tls_may_leave_alpn_out_but_not_name_another(void **state)
{
    assert_true(alpn_is_accepted(*state, TLS_NEGOTIATED, NULL));
    assert_true(alpn_is_accepted(*state, TLS_NEGOTIATED, "\012postgresql"));
    assert_false(alpn_is_accepted(*state, TLS_NEGOTIATED, "\002h2"));
}

static const char *agreed_version(const struct world *w, const char *server_protocols, const char *client_protocols)
{
    static char version[16];
    struct tls_settings ours = {.protocols = server_protocols}, theirs = {.protocols = client_protocols};
    struct tls_pair pair =
        meet(towards_clients(w, &ours), towards_servers(&theirs, TLS_VERIFY_NONE, NULL), NULL, TLS_NEGOTIATED);
    snprintf(version, sizeof version, "%s", pair_is_up(&pair) ? tls_peer_version(pair.server) : "none");
    pair_free(&pair);
    return version;
}

static void test_protocol_bounds_hold(void **state)
{
    assert_string_equal(agreed_version(*state, "", "all"), "TLSv1.3");
    assert_string_equal(agreed_version(*state, "secure", "tlsv1.2"), "TLSv1.2");
    assert_string_equal(agreed_version(*state, "tlsv1.3", "tlsv1.2"), "none");
    assert_string_equal(agreed_version(*state, "tlsv1.2", "tlsv1.2, tlsv1.3"), "TLSv1.2");
    assert_string_equal(agreed_version(*state, "tlsv1.2", "tlsv1.3"), "none");
    assert_string_equal(agreed_version(*state, "all,!tlsv1.3", "secure"), "TLSv1.2");
    assert_string_equal(agreed_version(*state, "secure", "tlsv1.0,tlsv1.1"), "none");
}

static void test_cipher_settings_hold(void **state)
{
    struct world *w = *state;
    struct tls_settings ours = {.protocols = "tlsv1.2", .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}, theirs = {0};
    struct tls_pair pair =
        meet(towards_clients(w, &ours), towards_servers(&theirs, TLS_VERIFY_NONE, NULL), NULL, TLS_NEGOTIATED);
    assert_string_equal(tls_peer_cipher(pair.client), "ECDHE-ECDSA-AES128-GCM-SHA256");
    pair_free(&pair);
    struct tls_settings suites = {.ciphers13 = "TLS_AES_128_GCM_SHA256", .ecdhcurve = "prime256v1"};
    pair = meet(towards_clients(w, &suites), towards_servers(&theirs, TLS_VERIFY_NONE, NULL), NULL, TLS_NEGOTIATED);
    assert_string_equal(tls_peer_cipher(pair.client), "TLS_AES_128_GCM_SHA256");
    assert_int_equal(SSL_get_negotiated_group(pair.client), NID_X9_62_prime256v1);
    pair_free(&pair);
}

static void test_settings_that_make_no_sense_are_named(void **state)
{
    (void)state;
    static const struct {
        struct tls_settings settings;
        const char *named;
    } cases[] = {
        {{.protocols = "tlsv1.4"}, "tls_protocols"},  {{.protocols = "secure,!tlsv1.2,!tlsv1.3"}, "tls_protocols"},
        {{.ciphers = "NOT-A-CIPHER"}, "tls_ciphers"}, {{.ciphers13 = "TLS_NULL"}, "tls13_ciphers"},
        {{.ecdhcurve = "no-curve"}, "tls_ecdhcurve"}, {{.dheparams = "/some/file"}, "tls_dheparams"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err outcome = tls_settings_check(&cases[i].settings);
        assert_int_equal(outcome.code, ERR_INPUT);
        assert_non_null(strstr(outcome.why, cases[i].named));
    }
    static const char *const words[] = {"",       "default", "secure", "normal",   "fast",
                                        "compat", "legacy",  "all",    "insecure", "HIGH:!SHA1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct tls_settings settings = {.ciphers = words[i], .protocols = "default", .ecdhcurve = "none"};
        assert_false(failed(tls_settings_check(&settings)));
    }
}

static int tickets_seen;
static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    tickets_seen++;
    return 0;
}

static void test_no_ticket_is_given_and_no_session_resumed(void **state)
{
    struct world *w = *state;
    const char *const versions[] = {"tlsv1.3", "tlsv1.2"};
    for (size_t i = 0; i < 2; i++) {
        struct tls_settings settings = {.protocols = versions[i]};
        struct tls_context *client_context = towards_servers(&settings, TLS_VERIFY_NONE, NULL);
        SSL_CTX *ctx = tls_context_ssl_ctx(client_context);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
        SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_sess_set_new_cb(ctx, count_ticket);
        tickets_seen = 0;
        struct tls_pair pair = meet(towards_clients(w, &settings), client_context, NULL, TLS_NEGOTIATED);
        assert_true(pair_is_up(&pair));
        SSL_SESSION *session = SSL_get1_session(pair.client);
        assert_false(SSL_SESSION_has_ticket(session));
        if (i == 0)
            assert_int_equal(tickets_seen, 0);
        pair_free(&pair);
        SSL_SESSION_free(session);
    }
}

static bool server_is_trusted(const struct world *w, enum tls_verify verify, const char *ca_file, const char *host)
{
    struct tls_settings ours = {0}, theirs = {.ca_file = ca_file};
    struct tls_pair pair =
        meet(towards_clients(w, &ours), towards_servers(&theirs, verify, NULL), host, TLS_NEGOTIATED);
    bool up = pair_is_up(&pair);
    if (up && verify != TLS_VERIFY_NONE)
        assert_true(tls_peer_chains(pair.client));
    pair_free(&pair);
    return up;
}

static void test_links_verify_as_sslmode_says(void **state)
{
    struct world *w = *state;
    assert_true(server_is_trusted(w, TLS_VERIFY_NONE, w->other_ca_file, "elsewhere.test"));
    assert_true(server_is_trusted(w, TLS_VERIFY_CA, w->ca_file, "elsewhere.test"));
    assert_false(server_is_trusted(w, TLS_VERIFY_CA, w->other_ca_file, "pooler.test"));
    assert_true(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "pooler.test"));
    assert_true(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "pooler.test."));
    assert_true(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "127.0.0.1"));
    assert_true(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "::1"));
    assert_false(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "127.0.0.2"));
    assert_false(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "elsewhere.test"));
    assert_false(server_is_trusted(w, TLS_VERIFY_FULL, w->ca_file, "pooler")); /* the CN does not count beside SANs */
    assert_false(server_is_trusted(w, TLS_VERIFY_FULL, w->other_ca_file, "pooler.test"));
}

static void test_verification_without_authorities_or_host_is_refused(void **state)
{
    struct world *w = *state;
    struct tls_settings none = {0}, ours = {.ca_file = w->ca_file}, missing = {.ca_file = "/nowhere/ca.pem"};
    struct tls_context *context;
    assert_int_equal(tls_context_for_servers(&none, TLS_VERIFY_CA, NULL, &context).code, ERR_INPUT);
    assert_int_equal(tls_context_for_servers(&missing, TLS_VERIFY_CA, NULL, &context).code, ERR_SYSTEM);
    assert_int_equal(tls_context_for_clients(&none, true, NULL, &context).code, ERR_INPUT);
    context = towards_servers(&ours, TLS_VERIFY_FULL, NULL);
    SSL *ssl;
    assert_int_equal(tls_context_connect(context, NULL, TLS_NEGOTIATED, &ssl).code, ERR_INPUT);
    tls_context_release(context);
}

static void test_server_name_is_sent_for_names_only(void **state)
{
    struct world *w = *state;
    struct tls_settings none = {0};
    struct tls_pair pair =
        meet(towards_clients(w, &none), towards_servers(&none, TLS_VERIFY_NONE, NULL), "pooler.test", TLS_NEGOTIATED);
    assert_string_equal(tls_peer_server_name(pair.server), "pooler.test");
    pair_free(&pair);
    pair = meet(towards_clients(w, &none), towards_servers(&none, TLS_VERIFY_NONE, NULL), "127.0.0.1", TLS_NEGOTIATED);
    assert_null(tls_peer_server_name(pair.server));
    pair_free(&pair);
}

static void test_new_leaf_serves_new_handshakes_and_disturbs_no_old_one(void **state)
{
    struct world *w = *state;
    struct tls_settings ours = {.ca_file = w->ca_file}, theirs = {.ca_file = w->ca_file};
    struct tls_context *old_context = towards_clients(w, &ours), *new_context;
    SSL *waiting;
    assert_false(failed(tls_context_accept(old_context, TLS_NEGOTIATED, &waiting)));
    struct tls_pair old_pair =
        meet(tls_context_keep(old_context), towards_servers(&theirs, TLS_VERIFY_CA, w->client), NULL, TLS_NEGOTIATED);
    struct tls_identity *fresh = pair_identity(w->authority, "rotated", NULL);
    assert_false(failed(tls_context_with_identity(old_context, fresh, &new_context)));
    assert_true(tls_context_has_authorities(new_context));
    assert_ptr_equal(tls_context_identity(new_context), fresh);
    tls_context_release(old_context);

    struct tls_pair new_pair =
        meet(new_context, towards_servers(&theirs, TLS_VERIFY_CA, w->client), NULL, TLS_NEGOTIATED);
    assert_true(pair_is_up(&new_pair));
    assert_true(tls_peer_chains(new_pair.server)); /* the authorities came along */
    assert_int_equal(X509_cmp(tls_peer_certificate(new_pair.client), tls_identity_certificate(fresh)), 0);
    assert_true(pair_talks(&old_pair));
    assert_int_equal(X509_cmp(tls_peer_certificate(old_pair.client), tls_identity_certificate(w->server)), 0);

    struct tls_context *late = towards_servers(&theirs, TLS_VERIFY_CA, NULL);
    SSL *client;
    assert_false(failed(tls_context_connect(late, NULL, TLS_NEGOTIATED, &client)));
    tls_context_release(late);
    struct tls_pair waiting_pair;
    pair_shake(&waiting_pair, client, waiting); /* begun before the swap: the old leaf, undisturbed */
    assert_true(pair_is_up(&waiting_pair));
    pair_free(&waiting_pair);
    pair_free(&new_pair);
    pair_free(&old_pair);
    tls_identity_release(fresh);
}

static void test_both_ends_agree_on_end_point_hash_and_exporter(void **state)
{
    struct world *w = *state;
    const char *const versions[] = {"tlsv1.3", "tlsv1.2"};
    for (size_t i = 0; i < 2; i++) {
        struct tls_settings settings = {.protocols = versions[i]};
        struct tls_pair pair = meet(towards_clients(w, &settings), towards_servers(&settings, TLS_VERIFY_NONE, NULL),
                                    NULL, TLS_NEGOTIATED);
        uint8_t ours[EVP_MAX_MD_SIZE], theirs[EVP_MAX_MD_SIZE], direct[EVP_MAX_MD_SIZE];
        size_t our_size, their_size;
        unsigned direct_size;
        assert_false(failed(tls_peer_end_point_hash(pair.server, ours, &our_size)));
        assert_false(failed(tls_peer_end_point_hash(pair.client, theirs, &their_size)));
        assert_int_equal(X509_digest(tls_identity_certificate(w->server), EVP_sha256(), direct, &direct_size), 1);
        assert_int_equal(our_size, 32);
        assert_int_equal(their_size, 32);
        assert_memory_equal(ours, theirs, 32);
        assert_memory_equal(ours, direct, 32);
        uint8_t key[2][48], other[48];
        struct bytes context = BYTES_LITERAL("context");
        assert_false(failed(tls_exporter(pair.server, "EXPORTER-test", &context, key[0], 48)));
        assert_false(failed(tls_exporter(pair.client, "EXPORTER-test", &context, key[1], 48)));
        assert_false(failed(tls_exporter(pair.client, "EXPORTER-test", NULL, other, 48)));
        assert_memory_equal(key[0], key[1], 48);
        assert_memory_not_equal(key[0], other, 48);
        pair_free(&pair);
    }
}

static void test_forgetting_the_chain_leaves_the_channel_whole(void **state)
{
    struct world *w = *state;
    const char *const versions[] = {"tlsv1.3", "tlsv1.2"};
    for (size_t i = 0; i < 2; i++) {
        struct tls_settings settings = {.protocols = versions[i], .ca_file = w->ca_file};
        struct tls_pair pair = meet(towards_clients(w, &settings), towards_servers(&settings, TLS_VERIFY_CA, w->client),
                                    NULL, TLS_NEGOTIATED);
        uint8_t before[32], after[32];
        assert_true(tls_peer_chains(pair.server));
        assert_false(failed(tls_exporter(pair.server, "EXPORTER-test", NULL, before, 32)));
        tls_peer_forget(pair.server);
        tls_peer_forget(pair.client);
        STACK_OF(X509) *others = tls_peer_others(pair.server);
        assert_int_equal(sk_X509_num(others), 0);
        certificate_list_free(others);
        assert_true(tls_peer_chains(pair.server));
        assert_int_equal(X509_cmp(tls_peer_certificate(pair.server), tls_identity_certificate(w->client)), 0);
        if (i == 0)
            assert_int_equal(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_true(pair_talks(&pair));
        assert_true(pair_talks(&pair));
        assert_false(failed(tls_exporter(pair.server, "EXPORTER-test", NULL, after, 32)));
        assert_memory_equal(before, after, 32);
        SSL_shutdown(pair.client);
        char byte;
        assert_int_equal(SSL_read(pair.server, &byte, 1), 0);
        assert_int_equal(SSL_get_shutdown(pair.server) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
        pair_free(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_without_certificate_is_served),
        cmocka_unit_test(test_client_certificate_of_our_authority_chains),
        cmocka_unit_test(test_certificate_of_unknown_authority_is_recorded_not_fatal),
        cmocka_unit_test(test_server_certificate_used_by_a_client_must_be_for_clients),
        cmocka_unit_test(test_expired_client_certificate_does_not_chain),
        cmocka_unit_test(test_certificate_is_requested_with_an_empty_list_of_authorities),
        cmocka_unit_test(test_no_certificate_is_requested_when_none_is_wanted),
        cmocka_unit_test(test_direct_tls_demands_postgresql_in_alpn),
        cmocka_unit_test(test_negotiated_tls_may_leave_alpn_out_but_not_name_another),
        cmocka_unit_test(test_protocol_bounds_hold),
        cmocka_unit_test(test_cipher_settings_hold),
        cmocka_unit_test(test_settings_that_make_no_sense_are_named),
        cmocka_unit_test(test_no_ticket_is_given_and_no_session_resumed),
        cmocka_unit_test(test_links_verify_as_sslmode_says),
        cmocka_unit_test(test_verification_without_authorities_or_host_is_refused),
        cmocka_unit_test(test_server_name_is_sent_for_names_only),
        cmocka_unit_test(test_new_leaf_serves_new_handshakes_and_disturbs_no_old_one),
        cmocka_unit_test(test_both_ends_agree_on_end_point_hash_and_exporter),
        cmocka_unit_test(test_forgetting_the_chain_leaves_the_channel_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
