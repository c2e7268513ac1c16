/* SCRAM-SHA-256 on both sides: against the vector of RFC 7677, against one another, and against peers who cheat. */
#include "gate/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* RFC 7677 section 3. */
static const char vector_password[] = "pencil";
static const char vector_salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";
static const char vector_auth[] = "n=user,r=rOprNGfwEbeRWgbNEkqO,"
                                  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                  "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
                                  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
static const char vector_proof[] = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char vector_signature[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/* What everybody in these tests knows: the vector's password, stretched and stored. */
static uint8_t salt[16];
static struct scram_keys keys;
static struct scram_secret secret;
static const uint8_t leaf_hash[32] = "the hash of the server's leaf ..";

static int derive(void **state)
{
    (void)state;
    size_t size;
    expect_ok(scram_base64_decode(bytes_of_string(vector_salt), salt, sizeof salt, &size));
    assert_int_equal(size, sizeof salt);
    expect_ok(scram_derive(vector_password, BYTES(salt), 4096, &keys));
    expect_ok(scram_secret_of(&keys, BYTES(salt), 4096, &secret));
    return 0;
}

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
    prove(&keys, bytes_of_string(vector_auth), text);
    assert_string_equal(text, vector_proof);
    sign(&keys, bytes_of_string(vector_auth), text);
    assert_string_equal(text, vector_signature);
}

/* ---- stored secrets ---- */

static char *secret_text(const char *iterations, const char *salt_text)
{
    char stored[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    char server[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    scram_base64_encode(BYTES(secret.stored_key), stored);
    scram_base64_encode(BYTES(secret.server_key), server);
    return mem_format("SCRAM-SHA-256$%s:%s$%s:%s", iterations, salt_text, stored, server);
}

static void test_a_stored_secret_is_read(void **state)
{
    (void)state;
    char *text = secret_text("4096", vector_salt);
    struct scram_secret read;
    expect_ok(scram_secret_parse(text, &read));
    assert_true(scram_is_secret(text));
    assert_int_equal(read.iterations, 4096);
    assert_true(bytes_equal(bytes_of(read.salt, read.salt_size), BYTES(salt)));
    assert_memory_equal(read.stored_key, secret.stored_key, SCRAM_KEY_SIZE);
    assert_memory_equal(read.server_key, secret.server_key, SCRAM_KEY_SIZE);
    free(text);
}

static void test_a_stored_secret_cut_anywhere_is_refused(void **state)
{
    (void)state;
    char *text = secret_text("4096", vector_salt);
    struct scram_secret read;
    for (size_t n = strlen(text); n > 0; n--) {
        text[n - 1] = '\0';
        assert_true(failed(scram_secret_parse(text, &read)));
        assert_false(scram_is_secret(text));
    }
    free(text);
}

static void test_malformed_stored_secrets_are_refused(void **state)
{
    (void)state;
    static const char *const iterations[] = {"", "0", "-1", "x", "4096x", "10000001", "99999999", "123456789"};
    for (size_t i = 0; i < COUNT(iterations); i++) {
        char *text = secret_text(iterations[i], vector_salt);
        expect_err(scram_secret_parse(text, &(struct scram_secret){0}), ERR_INPUT, "malformed SCRAM secret");
        free(text);
    }
    static const char *const salts[] = {
        "",     "W22Z=",
        "W22",  "W22ZaJ0SNY7soEsUEjb6gQ==\n",
        "!!!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    for (size_t i = 0; i < COUNT(salts); i++) {
        char *text = secret_text("4096", salts[i]);
        expect_err(scram_secret_parse(text, &(struct scram_secret){0}), ERR_INPUT, "malformed");
        free(text);
    }
    static const char *const whole[] = {
        "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPL",
    };
    for (size_t i = 0; i < COUNT(whole); i++)
        assert_false(scram_is_secret(whole[i]));
}

static void test_a_salt_that_is_too_long_is_refused(void **state)
{
    (void)state;
    uint8_t long_salt[SCRAM_SALT_MAX + 1] = {0};
    struct scram_secret made;
    expect_ok(scram_secret_of(&keys, bytes_of(long_salt, SCRAM_SALT_MAX), 1, &made));
    expect_err(scram_secret_of(&keys, BYTES(long_salt), 1, &made), ERR_LIMIT, "salt is too long");
}

static void test_nobody_s_secret_has_a_salt_that_stays_and_keys_that_fit_nothing(void **state)
{
    (void)state;
    struct scram_secret first;
    struct scram_secret second;
    struct scram_secret other;
    expect_ok(scram_secret_mock("ghost", 4096, &first));
    expect_ok(scram_secret_mock("ghost", 4096, &second));
    expect_ok(scram_secret_mock("spirit", 4096, &other));
    assert_int_equal(first.salt_size, 16);
    assert_int_equal(first.iterations, 4096);
    assert_memory_equal(first.salt, second.salt, 16);
    assert_memory_not_equal(first.salt, other.salt, 16);
    assert_memory_not_equal(first.stored_key, second.stored_key, SCRAM_KEY_SIZE);
}

/* ---- passwords ---- */

static bool same_keys(const char *a, const char *b)
{
    struct scram_keys of_a;
    struct scram_keys of_b;
    expect_ok(scram_derive(a, BYTES(salt), 1, &of_a));
    expect_ok(scram_derive(b, BYTES(salt), 1, &of_b));
    return memcmp(&of_a, &of_b, sizeof of_a) == 0;
}

static void test_passwords_are_prepared_as_rfc_4013_says(void **state)
{
    (void)state;
    assert_true(same_keys("I\xc2\xadX", "IX"));   /* a soft hyphen is nothing */
    assert_true(same_keys("\xe2\x85\xa8", "IX")); /* ROMAN NUMERAL NINE */
    assert_true(same_keys("\xc2\xaa", "a"));      /* FEMININE ORDINAL INDICATOR */
    assert_true(same_keys("a\xc2\xa0"
                          "b",
                          "a b")); /* a space that does not break */
    assert_false(same_keys("user", "USER"));
}

static void test_passwords_that_cannot_be_prepared_are_taken_as_they_are(void **state)
{
    (void)state;
    assert_false(same_keys("\xff\xfe", "\xff")); /* no UTF-8 */
    assert_false(same_keys("a\x07", "a"));       /* prohibited */
    assert_true(same_keys("a\x07", "a\x07"));
    assert_false(same_keys("\xd8\xa7"
                           "1",
                           "1")); /* mixes directions */
}

static void test_salt_and_iterations_count(void **state)
{
    (void)state;
    struct scram_keys other;
    expect_ok(scram_derive(vector_password, BYTES(salt), 4095, &other));
    assert_memory_not_equal(&keys, &other, sizeof keys);
    expect_ok(scram_derive(vector_password, bytes_of(salt, 15), 4096, &other));
    assert_memory_not_equal(&keys, &other, sizeof keys);
}

/* ---- base64 ---- */

static void test_base64_goes_there_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"}; /* RFC 4648 */
    for (size_t n = 1; n <= 6; n++) {
        char text[SCRAM_BASE64_SIZE(6)];
        uint8_t back[6];
        size_t size = 0;
        scram_base64_encode(bytes_of("foobar", n), text);
        assert_string_equal(text, texts[n - 1]);
        expect_ok(scram_base64_decode(bytes_of_string(text), back, n, &size));
        assert_true(bytes_equal(bytes_of(back, size), bytes_of("foobar", n)));
    }
}

static void test_malformed_base64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         "Z",    "Zg",           "Zg=",     "Zm9v\n",
                                      "Zm9 ",     " Zm9", "Z===",         "====",    "Zm9vYmFy\n\n\n\n",
                                      "    Zm9v", "Zm*v", "Zm9vYmFyZm9v", "Zg==Zg=="};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t out[8] = {0};
        size_t size;
        struct err e = scram_base64_decode(bytes_of_string(bad[i]), out, sizeof out, &size);
        if (e.code != ERR_INPUT)
            fail_msg("\"%s\" is taken", bad[i]);
    }
    uint8_t out[3];
    size_t size;
    expect_err(scram_base64_decode(BYTES_LITERAL("Zm9vYg=="), out, 3, &size), ERR_INPUT, "malformed base64");
}

/* ---- the side that asks, against a client made by hand ---- */

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
    return (struct exchange){.server = scram_server_new(&secret, our_binding, false),
                             .mechanism = mechanism,
                             .gs2 = gs2,
                             .client_keys = &keys,
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
    sign(&keys, writer_bytes(&x->auth), signature);
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
    assert_memory_equal(x.client_key, keys.client_key, SCRAM_KEY_SIZE);
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
    expect_ok(scram_derive("Pencil", BYTES(salt), 4096, &wrong));
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
    x.server = scram_server_new(&secret, BYTES_NONE, true);
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

/* ---- the side that answers ---- */

struct answering {
    struct scram_client *client;
    struct writer first;
    struct writer final;
};

static struct answering answering_new(struct bytes binding, bool plus)
{
    struct answering a = {
        .client = scram_client_new(binding, plus), .first = writer_growing(10000), .final = writer_growing(10000)};
    expect_ok(scram_client_first(a.client, &a.first));
    return a;
}

static void answering_free(struct answering *a)
{
    scram_client_free(a->client);
    writer_free(&a->first);
    writer_free(&a->final);
}

/* The client's own nonce, which its first message ends with. */
static const char *answering_nonce(struct answering *a)
{
    writer_u8(&a->first, 0);
    a->first.used--;
    return strstr((const char *)a->first.start, "r=") + 2;
}

static void test_both_sides_agree(void **state)
{
    (void)state;
    static const struct {
        struct bytes binding;
        bool offered;
        const char *gs2, *mechanism;
    } cases[] = {
        {{NULL, 0}, false, "n,,n=,r=", "SCRAM-SHA-256"},
        {{NULL, 0}, true, "n,,n=,r=", "SCRAM-SHA-256"},
        {{leaf_hash, 32}, true, "p=tls-server-end-point,,n=,r=", "SCRAM-SHA-256-PLUS"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answering a = answering_new(cases[i].binding, cases[i].offered);
        struct scram_server *server = scram_server_new(&secret, cases[i].binding, false);
        struct writer first = writer_growing(10000);
        struct writer final = writer_growing(10000);
        struct bytes asked_salt;
        uint32_t iterations;
        uint8_t client_key[SCRAM_KEY_SIZE];
        assert_memory_equal(a.first.start, cases[i].gs2, strlen(cases[i].gs2));
        assert_string_equal(scram_client_mechanism(a.client), cases[i].mechanism);
        expect_ok(scram_server_first(server, scram_client_mechanism(a.client), writer_bytes(&a.first), &first));
        expect_ok(scram_client_take_first(a.client, writer_bytes(&first), &asked_salt, &iterations));
        assert_true(bytes_equal(asked_salt, BYTES(salt)));
        assert_int_equal(iterations, 4096);
        expect_ok(scram_client_final(a.client, &keys, &a.final));
        expect_ok(scram_server_final(server, writer_bytes(&a.final), &final, client_key));
        expect_ok(scram_client_take_final(a.client, writer_bytes(&final)));
        assert_memory_equal(client_key, keys.client_key, SCRAM_KEY_SIZE);
        scram_server_free(server);
        writer_free(&first);
        writer_free(&final);
        answering_free(&a);
    }
}

static void test_a_server_over_tls_that_offers_no_binding_is_told_that_we_could(void **state)
{
    (void)state;
    struct answering a = answering_new(BYTES(leaf_hash), false);
    assert_memory_equal(a.first.start, "y,,n=,r=", 8); /* so that a removed -PLUS is noticed */
    assert_string_equal(scram_client_mechanism(a.client), "SCRAM-SHA-256");
    struct scram_server *server = scram_server_new(&secret, BYTES(leaf_hash), false);
    expect_err(scram_server_first(server, scram_mechanism, writer_bytes(&a.first), &a.final), ERR_DENIED,
               "somebody removed SCRAM-SHA-256-PLUS");
    scram_server_free(server);
    answering_free(&a);
}

static void test_the_client_s_nonce_is_new_every_time(void **state)
{
    (void)state;
    struct answering one = answering_new(BYTES_NONE, false);
    struct answering two = answering_new(BYTES_NONE, false);
    assert_int_equal(strlen(answering_nonce(&one)), 24);
    assert_string_not_equal(answering_nonce(&one), answering_nonce(&two));
    answering_free(&one);
    answering_free(&two);
}

/* A server-first-message in which % stands for the client's nonce. */
static struct err take_first(struct answering *a, const char *format)
{
    struct writer w = writer_growing(10000);
    struct bytes asked_salt;
    uint32_t iterations;
    for (; *format; format++) {
        if (*format == '%')
            writer_put(&w, bytes_of_string(answering_nonce(a)));
        else
            writer_u8(&w, (uint8_t)*format);
    }
    struct err e = scram_client_take_first(a->client, writer_bytes(&w), &asked_salt, &iterations);
    writer_free(&w);
    return e;
}

static void test_malformed_messages_of_a_server_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=AAAA", ERR_INPUT, "malformed SCRAM message"},
        {"s=AAAA,r=%x,i=1", ERR_INPUT, "malformed SCRAM message"},
        {"m=x,r=%x,s=AAAA,i=1", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=,i=1", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=AAAA,i=", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=AAA,i=1", ERR_INPUT, "malformed base64"},
        {"r=%,s=AAAA,i=1", ERR_DENIED, "wrong SCRAM nonce"}, /* the server must add to it */
        {"r=another,s=AAAA,i=1", ERR_DENIED, "wrong SCRAM nonce"},
        {"r=x%,s=AAAA,i=1", ERR_DENIED, "wrong SCRAM nonce"},
        {"r=%x,s=AAAA,i=0", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=-1", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=1x", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=10000001", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=4294967297", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=99999999999999999999", ERR_INPUT, "impossible SCRAM iteration count"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct answering a = answering_new(BYTES_NONE, false);
        expect_err(take_first(&a, bad[i].message), bad[i].code, bad[i].why);
        answering_free(&a);
    }
}

static void test_extensions_behind_a_server_s_first_message_are_passed_over(void **state)
{
    (void)state;
    struct answering a = answering_new(BYTES_NONE, false);
    expect_ok(take_first(&a, "r=%x,s=AAAA,i=10000000,x=y")); /* RFC 5802 section 5.1 */
    answering_free(&a);
}

static void test_a_server_that_does_not_know_the_secret_is_not_believed(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ERR_DENIED, "does not know the SCRAM secret"},
        {"v=AAAA", ERR_DENIED, "does not know the SCRAM secret"},
        {"v=AAA", ERR_INPUT, "malformed"},
        {"v=", ERR_INPUT, "malformed"},
        {"", ERR_INPUT, "malformed"},
        {"e=invalid-proof", ERR_DENIED, "refused the SCRAM exchange"},
        {"x=AAAA", ERR_INPUT, "malformed"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct answering a = answering_new(BYTES_NONE, false);
        expect_ok(take_first(&a, "r=%x,s=AAAA,i=1"));
        expect_ok(scram_client_final(a.client, &keys, &a.final));
        expect_err(scram_client_take_final(a.client, bytes_of_string(bad[i].message)), bad[i].code, bad[i].why);
        answering_free(&a);
    }
}

static void test_ends_without_a_beginning_do_nothing(void **state)
{
    (void)state;
    scram_server_free(NULL);
    scram_client_free(NULL);
    scram_client_free(scram_client_new(BYTES(leaf_hash), true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vector_of_rfc_7677_comes_out),
        cmocka_unit_test(test_a_stored_secret_is_read),
        cmocka_unit_test(test_a_stored_secret_cut_anywhere_is_refused),
        cmocka_unit_test(test_malformed_stored_secrets_are_refused),
        cmocka_unit_test(test_a_salt_that_is_too_long_is_refused),
        cmocka_unit_test(test_nobody_s_secret_has_a_salt_that_stays_and_keys_that_fit_nothing),
        cmocka_unit_test(test_passwords_are_prepared_as_rfc_4013_says),
        cmocka_unit_test(test_passwords_that_cannot_be_prepared_are_taken_as_they_are),
        cmocka_unit_test(test_salt_and_iterations_count),
        cmocka_unit_test(test_base64_goes_there_and_back),
        cmocka_unit_test(test_malformed_base64_is_refused),
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
        cmocka_unit_test(test_both_sides_agree),
        cmocka_unit_test(test_a_server_over_tls_that_offers_no_binding_is_told_that_we_could),
        cmocka_unit_test(test_the_client_s_nonce_is_new_every_time),
        cmocka_unit_test(test_malformed_messages_of_a_server_are_refused),
        cmocka_unit_test(test_extensions_behind_a_server_s_first_message_are_passed_over),
        cmocka_unit_test(test_a_server_that_does_not_know_the_secret_is_not_believed),
        cmocka_unit_test(test_ends_without_a_beginning_do_nothing),
    };
    return cmocka_run_group_tests(tests, derive, NULL);
}
