/* SCRAM-SHA-256, the side that asks: against the vector of RFC 7677, and against clients who cheat. */
#include "gate/scram.h"

#include "scram_vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* RFC 7677 section 3. */
static const char vector_auth[] = "n=user,r=rOprNGfwEbeRWgbNEkqO,"
                                  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                  "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
                                  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
static const char vector_proof[] = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char vector_signature[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/* ClientProof over an AuthMessage, as base64. */
static void prove(const struct scram_keys *with, struct bytes auth, char out[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)])
{
    uint8_t stored[SCRAM_KEY_SIZE];
    uint8_t proof[SCRAM_KEY_SIZE];
    expect_ok(scram_hash(with->client_key, stored));
    expect_ok(scram_hmac(BYTES(stored), auth, proof));
    scram_xor(proof, with->client_key, proof);
    scram_base64_encode(BYTES(proof), out);
}

static void sign(const struct scram_keys *with, struct bytes auth, char out[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)])
{
    uint8_t signature[SCRAM_KEY_SIZE];
    expect_ok(scram_hmac(BYTES(with->server_key), auth, signature));
    scram_base64_encode(BYTES(signature), out);
}

static void test_the_vector_of_rfc_7677_comes_out(void **state)
{
    (void)state;
    char text[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    prove(&vector.keys, bytes_of_string(vector_auth), text);
    assert_string_equal(text, vector_proof);
    sign(&vector.keys, bytes_of_string(vector_auth), text);
    assert_string_equal(text, vector_signature);
}

/* ---- a client made by hand ---- */

struct exchange {
    struct scram_server *server;
    const char *mechanism;
    const char *gs2;
    struct bytes binding; /* what the client puts behind the header in "c=" */
    const struct scram_keys *client_keys;
    struct writer first; /* server-first-message */
    struct writer auth;
    struct writer final;
    uint8_t client_key[SCRAM_KEY_SIZE];
};

static struct exchange exchange_new(const char *mechanism, const char *gs2, struct bytes our_binding)
{
    return (struct exchange){.server = scram_server_new(&vector.secret, our_binding, false),
                             .mechanism = mechanism,
                             .gs2 = gs2,
                             .client_keys = &vector.keys,
                             .first = writer_growing(10000),
                             .auth = writer_growing(10000),
                             .final = writer_growing(10000)};
}

static void exchange_free(struct exchange *x)
{
    scram_server_free(x->server);
    writer_free(&x->first);
    writer_free(&x->auth);
    writer_free(&x->final);
}

static struct err exchange_first(struct exchange *x)
{
    static const char bare[] = "n=,r=clientnonce";
    char *message = mem_format("%s%s", x->gs2, bare);
    struct err e = scram_server_first(x->server, x->mechanism, bytes_of_string(message), &x->first);
    free(message);
    writer_format(&x->auth, "%s,", bare);
    writer_put(&x->auth, writer_bytes(&x->first));
    return e;
}

/* client-final-message; the caller frees it. */
static char *exchange_final_message(struct exchange *x)
{
    uint8_t header[256];
    char header_text[SCRAM_BASE64_SIZE(sizeof header)];
    char proof[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    struct writer w = writer_over(header, sizeof header);
    writer_put(&w, bytes_of_string(x->gs2));
    writer_put(&w, x->binding);
    scram_base64_encode(writer_bytes(&w), header_text);
    const char *nonce = (const char *)x->first.start + 2;
    char *without = mem_format("c=%s,r=%.*s", header_text, (int)strcspn(nonce, ","), nonce);
    writer_format(&x->auth, ",%s", without);
    prove(x->client_keys, writer_bytes(&x->auth), proof);
    char *message = mem_format("%s,p=%s", without, proof);
    free(without);
    return message;
}

static struct err exchange_final(struct exchange *x)
{
    char *message = exchange_final_message(x);
    struct err e = scram_server_final(x->server, bytes_of_string(message), &x->final, x->client_key);
    free(message);
    return e;
}

static void expect_signed(const struct exchange *x)
{
    char signature[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    sign(&vector.keys, writer_bytes(&x->auth), signature);
    char *expected = mem_format("v=%s", signature);
    assert_true(bytes_equal(writer_bytes(&x->final), bytes_of_string(expected)));
    free(expected);
}

static void test_a_client_who_knows_the_password_is_believed(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    expect_ok(exchange_first(&x));
    assert_memory_equal(x.first.start, "r=clientnonce", 13);
    assert_non_null(memmem(x.first.start, x.first.used, ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", 34));
    expect_ok(exchange_final(&x));
    assert_memory_equal(x.client_key, vector.keys.client_key, SCRAM_KEY_SIZE);
    expect_signed(&x);
    exchange_free(&x);
}

static void test_the_server_s_nonce_is_new_every_time(void **state)
{
    (void)state;
    struct exchange one = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    struct exchange two = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    expect_ok(exchange_first(&one));
    expect_ok(exchange_first(&two));
    assert_false(bytes_equal(writer_bytes(&one.first), writer_bytes(&two.first)));
    exchange_free(&one);
    exchange_free(&two);
}

static void test_a_wrong_password_is_refused(void **state)
{
    (void)state;
    struct scram_keys wrong;
    expect_ok(scram_derive("Pencil", BYTES(vector.salt), 4096, &wrong));
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    x.client_keys = &wrong;
    expect_ok(exchange_first(&x));
    expect_err(exchange_final(&x), ERR_DENIED, "SCRAM authentication failed");
    assert_int_equal(x.final.used, 0);
    assert_true(bytes_are_zero(BYTES(x.client_key)));
    exchange_free(&x);
}

static void test_a_doomed_exchange_fails_even_with_the_right_proof(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    scram_server_free(x.server);
    x.server = scram_server_new(&vector.secret, BYTES_NONE, true);
    expect_ok(exchange_first(&x));
    expect_err(exchange_final(&x), ERR_DENIED, "SCRAM authentication failed");
    exchange_free(&x);
}

/* Changes one character of client-final-message, and says how the exchange ends. */
static struct err final_with_change(size_t place, char to, size_t *size)
{
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    expect_ok(exchange_first(&x));
    char *message = exchange_final_message(&x);
    *size = strlen(message);
    message[place] = message[place] == to ? (char)(to + 1) : to;
    struct err e = scram_server_final(x.server, bytes_of_string(message), &x.final, x.client_key);
    free(message);
    exchange_free(&x);
    return e;
}

static void test_a_final_message_changed_anywhere_is_refused(void **state)
{
    (void)state;
    size_t size = 1;
    for (size_t place = 0; place < size; place++)
        if (place + 2 != size) /* two bits of the last digit before the padding stand for nothing */
            assert_true(failed(final_with_change(place, 'A', &size)));
    assert_in_range(size, 80, 200);
}

static void test_a_final_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    expect_ok(exchange_first(&x));
    char *message = exchange_final_message(&x);
    for (size_t n = 0; n < strlen(message); n++) {
        uint8_t *cut = mem_copy(bytes_of(message, n));
        assert_true(failed(scram_server_final(x.server, bytes_of(cut, n), &x.final, x.client_key)));
        free(cut);
    }
    free(message);
    exchange_free(&x);
}

static void test_malformed_final_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"", ERR_INPUT, "attribute \"c\" expected"},
        {"r=x,c=biws,p=x", ERR_INPUT, "attribute \"c\" expected"},
        {"c=biws,p=x", ERR_INPUT, "attribute \"r\" expected"},
        {"c=biws,r=x", ERR_INPUT, "attribute \"p\" expected"},
        {"c=biws,r=x,m=x,p=x", ERR_INPUT, "attribute \"p\" expected"},
        {"c=biws,r=x,p=x,q=x", ERR_INPUT, "trailing"},
        {"c=biws,r=clientnonce,p=AAAA", ERR_DENIED, "SCRAM nonce does not match"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
        expect_ok(exchange_first(&x));
        expect_err(scram_server_final(x.server, bytes_of_string(bad[i].message), &x.final, x.client_key), bad[i].code,
                   bad[i].why);
        exchange_free(&x);
    }
}

static void test_a_proof_of_another_length_is_refused(void **state)
{
    (void)state;
    static const char *const proofs[] = {"AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "",
                                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "!"};
    for (size_t i = 0; i < COUNT(proofs); i++) {
        struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
        expect_ok(exchange_first(&x));
        char *message = exchange_final_message(&x);
        char *proof = strstr(message, ",p=");
        char *changed = mem_format("%.*s,p=%s", (int)(proof - message), message, proofs[i]);
        expect_err(scram_server_final(x.server, bytes_of_string(changed), &x.final, x.client_key), ERR_INPUT,
                   "malformed");
        free(message);
        free(changed);
        exchange_free(&x);
    }
}

static void test_malformed_first_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message, *why;
    } bad[] = {
        {"", "malformed SCRAM message"},
        {"n", "authorization identities are not supported"},
        {"x,,n=,r=x", "malformed SCRAM message"},
        {"n,a=root,n=,r=x", "authorization identities are not supported"},
        {"n,,r=x", "attribute \"n\" expected"},
        {"n,,n=", "attribute \"r\" expected"},
        {"n,,n=,r=", "empty nonce"},
        {"n,,m=ext,n=,r=x", "attribute \"n\" expected"},
        {"n,,n=,x=y", "attribute \"r\" expected"},
        {"p=tls-server-end-point,,n=,r=x", "unsupported SCRAM channel-binding type"}, /* not with the plain mechanism */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct exchange x = exchange_new(scram_mechanism, "", BYTES(leaf_hash));
        expect_err(scram_server_first(x.server, x.mechanism, bytes_of_string(bad[i].message), &x.first), ERR_INPUT,
                   bad[i].why);
        assert_int_equal(x.first.used, 0);
        exchange_free(&x);
    }
}

static void test_messages_that_are_too_long_are_refused(void **state)
{
    (void)state;
    char *message = mem_alloc(5001);
    memset(message, 'x', 5000);
    memcpy(message, "n,,n=,r=", 8);
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    assert_true(failed(scram_server_first(x.server, scram_mechanism, bytes_of(message, 4097), &x.first)));
    expect_ok(scram_server_first(x.server, scram_mechanism, bytes_of(message, 4000), &x.first));
    expect_err(scram_server_final(x.server, bytes_of(message, 4097), &x.final, x.client_key), ERR_INPUT, "too long");
    exchange_free(&x);
    free(message);
}

static void test_other_mechanisms_are_refused(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"", "SCRAM-SHA-1", "scram-sha-256", "SCRAM-SHA-256 ", "OAUTHBEARER"};
    for (size_t i = 0; i < COUNT(mechanisms); i++) {
        struct exchange x = exchange_new(mechanisms[i], "n,,", BYTES(leaf_hash));
        expect_err(exchange_first(&x), ERR_INPUT, "invalid SASL authentication mechanism");
        exchange_free(&x);
    }
}

/* ---- channel binding ---- */

static const char end_point[] = "p=tls-server-end-point,,";

static void test_a_client_that_binds_the_channel_is_believed(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism_plus, end_point, BYTES(leaf_hash));
    x.binding = BYTES(leaf_hash);
    expect_ok(exchange_first(&x));
    expect_ok(exchange_final(&x));
    expect_signed(&x);
    exchange_free(&x);
}

static void test_a_client_bound_to_another_channel_is_refused(void **state)
{
    (void)state;
    uint8_t others_hash[sizeof leaf_hash];
    for (size_t i = 0; i < 3; i++) { /* one bit off, cut, missing */
        struct exchange x = exchange_new(scram_mechanism_plus, end_point, BYTES(leaf_hash));
        memcpy(others_hash, leaf_hash, sizeof others_hash);
        others_hash[31] ^= 1;
        x.binding = i == 0 ? BYTES(others_hash) : bytes_of(leaf_hash, i == 1 ? 31 : 0);
        expect_ok(exchange_first(&x));
        expect_err(exchange_final(&x), ERR_DENIED, "SCRAM channel binding check failed");
        exchange_free(&x);
    }
}

static void test_a_client_that_was_not_offered_binding_though_we_did_has_been_tricked(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "y,,", BYTES(leaf_hash));
    expect_err(exchange_first(&x), ERR_DENIED, "somebody removed SCRAM-SHA-256-PLUS");
    exchange_free(&x);
}

static void test_a_client_that_could_bind_goes_without_where_we_cannot(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "y,,", BYTES_NONE);
    expect_ok(exchange_first(&x));
    expect_ok(exchange_final(&x));
    exchange_free(&x);
}

static void test_a_client_that_cannot_bind_goes_without_over_tls_too(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES(leaf_hash));
    expect_ok(exchange_first(&x));
    expect_ok(exchange_final(&x));
    exchange_free(&x);
}

static void test_a_header_that_changes_between_the_messages_is_refused(void **state)
{
    (void)state;
    struct exchange x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    expect_ok(exchange_first(&x));
    x.gs2 = "y,,";
    expect_err(exchange_final(&x), ERR_DENIED, "SCRAM channel binding check failed");
    exchange_free(&x);
    x = exchange_new(scram_mechanism, "n,,", BYTES_NONE);
    expect_ok(exchange_first(&x));
    x.binding = BYTES(leaf_hash); /* data without a binding */
    expect_err(exchange_final(&x), ERR_DENIED, "SCRAM channel binding check failed");
    exchange_free(&x);
}

static void test_plus_needs_tls_and_a_binding_of_the_known_type(void **state)
{
    (void)state;
    static const struct {
        const char *gs2;
        bool tls;
        const char *why;
    } bad[] = {
        {"p=tls-server-end-point,,", false, "invalid SASL authentication mechanism"},
        {"n,,", true, "without channel binding"},
        {"y,,", true, "without channel binding"},
        {"p=tls-unique,,", true, "unsupported SCRAM channel-binding type"},
        {"p=tls-exporter,,", true, "unsupported SCRAM channel-binding type"},
        {"p=tls-server-end-poinT,,", true, "unsupported SCRAM channel-binding type"},
        {"p=tls-server-end-point2,,", true, "malformed SCRAM message"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct exchange x = exchange_new(scram_mechanism_plus, bad[i].gs2, bad[i].tls ? BYTES(leaf_hash) : BYTES_NONE);
        expect_err(exchange_first(&x), ERR_INPUT, bad[i].why);
        exchange_free(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vector_of_rfc_7677_comes_out),
        cmocka_unit_test(test_a_client_who_knows_the_password_is_believed),
        cmocka_unit_test(test_the_server_s_nonce_is_new_every_time),
        cmocka_unit_test(test_a_wrong_password_is_refused),
        cmocka_unit_test(test_a_doomed_exchange_fails_even_with_the_right_proof),
        cmocka_unit_test(test_a_final_message_changed_anywhere_is_refused),
        cmocka_unit_test(test_a_final_message_cut_anywhere_is_refused),
        cmocka_unit_test(test_malformed_final_messages_are_refused),
        cmocka_unit_test(test_a_proof_of_another_length_is_refused),
        cmocka_unit_test(test_malformed_first_messages_are_refused),
        cmocka_unit_test(test_messages_that_are_too_long_are_refused),
        cmocka_unit_test(test_other_mechanisms_are_refused),
        cmocka_unit_test(test_a_client_that_binds_the_channel_is_believed),
        cmocka_unit_test(test_a_client_bound_to_another_channel_is_refused),
        cmocka_unit_test(test_a_client_that_was_not_offered_binding_though_we_did_has_been_tricked),
        cmocka_unit_test(test_a_client_that_could_bind_goes_without_where_we_cannot),
        cmocka_unit_test(test_a_client_that_cannot_bind_goes_without_over_tls_too),
        cmocka_unit_test(test_a_header_that_changes_between_the_messages_is_refused),
        cmocka_unit_test(test_plus_needs_tls_and_a_binding_of_the_known_type),
    };
    return cmocka_run_group_tests(tests, scram_vector_derive, NULL);
}
