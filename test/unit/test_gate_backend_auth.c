/* How links answer backends: what they ask for, what is there to answer with, and backends that cheat. */
#include "base/reader.h"
#include "gate/backend_auth.h"
#include "gate/md5.h"
#include "gate/secret_cache.h"
#include "wire/message.h"
#include "wire/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

#define ITERATIONS 100
#define SALT       BYTES_LITERAL("salt")

static const uint8_t leaf_hash[32] = "the hash of the backend's leaf .";
static struct scram_keys keys; /* of the password "sesame" */

static int derive(void **state)
{
    (void)state;
    expect_ok(scram_derive("sesame", SALT, ITERATIONS, &keys));
    return 0;
}

struct scene {
    struct backend_auth *auth;
    struct writer out;
    struct writer asked; /* the backend's message */
    enum backend_auth_step step;
    bool worked;
};

static void scene_begin(struct scene *scene, const char *password, const char *md5, const struct scram_keys *known,
                        struct bytes binding)
{
    struct credentials *credentials = credentials_new(password, md5, known);
    *scene = (struct scene){.out = writer_growing(64 * 1024), .asked = writer_growing(64 * 1024)};
    scene->auth = backend_auth_new("me", credentials, binding);
    credentials_drop(credentials); /* the machine holds its own */
}

static void scene_end(struct scene *scene)
{
    backend_auth_free(scene->auth);
    writer_free(&scene->out);
    writer_free(&scene->asked);
}

static struct err scene_take(struct scene *scene, struct bytes body)
{
    writer_free(&scene->out);
    struct err e = backend_auth_take(scene->auth, body, &scene->out, &scene->step);
    if (!failed(e) && scene->step == BACKEND_AUTH_WORK) {
        scene->worked = true;
        backend_auth_work(scene->auth);
        e = backend_auth_worked(scene->auth, &scene->out);
    }
    return e;
}

/* Takes what stands in `asked`, and empties it. */
static struct err scene_ask(struct scene *scene)
{
    struct err e =
        scene_take(scene, bytes_of(scene->asked.start + WIRE_HEADER_SIZE, scene->asked.used - WIRE_HEADER_SIZE));
    writer_free(&scene->asked);
    return e;
}

static struct bytes answered(const struct scene *scene)
{
    struct reader r = reader_of(writer_bytes(&scene->out));
    assert_int_equal(reader_u8(&r), 'p');
    assert_int_equal(reader_u32(&r), scene->out.used - 1);
    return reader_rest(&r);
}

static struct err ask_ok(struct scene *scene)
{
    wire_put_authentication_ok(&scene->asked);
    return scene_ask(scene);
}

static struct err ask_cleartext(struct scene *scene)
{
    wire_put_authentication_cleartext(&scene->asked);
    return scene_ask(scene);
}

static struct err ask_md5(struct scene *scene)
{
    wire_put_authentication_md5(&scene->asked, (const uint8_t *)"\1\2\3\4");
    return scene_ask(scene);
}

static struct err ask_sasl(struct scene *scene, const char *first, const char *second)
{
    const char *const mechanisms[] = {first, second, NULL};
    wire_put_authentication_sasl(&scene->asked, mechanisms);
    return scene_ask(scene);
}

/* ---- without SCRAM ---- */

static void test_a_backend_that_asks_for_nothing_lets_the_link_in(void **state)
{
    (void)state;
    struct scene scene = {.out = writer_growing(1000), .asked = writer_growing(1000)};
    scene.auth = backend_auth_new("me", NULL, BYTES_NONE);
    expect_ok(ask_ok(&scene));
    assert_int_equal(scene.step, BACKEND_AUTH_DONE);
    assert_int_equal(scene.out.used, 0);
    scene_end(&scene);
    backend_auth_free(NULL);
}

static void test_a_password_is_sent_in_clear_when_asked_for(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    expect_ok(ask_cleartext(&scene));
    assert_int_equal(scene.step, BACKEND_AUTH_SEND);
    assert_true(bytes_equal(answered(&scene), BYTES_LITERAL("sesame\0")));
    expect_ok(ask_ok(&scene));
    assert_int_equal(scene.step, BACKEND_AUTH_DONE);
    scene_end(&scene);
}

static void test_md5_is_answered_from_a_password_or_an_md5_secret(void **state)
{
    (void)state;
    char secret[MD5_SECRET_SIZE];
    char answer[MD5_SECRET_SIZE];
    expect_ok(md5_secret("sesame", "me", secret));
    expect_ok(md5_answer(secret, (const uint8_t *)"\1\2\3\4", answer));
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        scene_begin(&scene, i == 0 ? "sesame" : NULL, i == 0 ? NULL : secret, NULL, BYTES_NONE);
        expect_ok(ask_md5(&scene));
        assert_true(bytes_equal(answered(&scene), BYTES(answer)));
        expect_ok(ask_ok(&scene));
        assert_int_equal(scene.step, BACKEND_AUTH_DONE);
        scene_end(&scene);
    }
}

static void test_what_is_not_known_is_not_answered(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, NULL, "md53175bce1d3201d16594cebf9d7eb3f9d", &keys, BYTES_NONE);
    expect_err(ask_cleartext(&scene), ERR_DENIED, "the server wants a password for user \"me\", and none is known");
    scene_end(&scene);
    scene_begin(&scene, NULL, NULL, &keys, BYTES_NONE);
    expect_err(ask_md5(&scene), ERR_DENIED, "the server wants a password or md5 secret for user \"me\"");
    scene_end(&scene);
    scene_begin(&scene, NULL, "md53175bce1d3201d16594cebf9d7eb3f9d", NULL, BYTES_NONE);
    expect_err(ask_sasl(&scene, "SCRAM-SHA-256", NULL), ERR_DENIED, "the server wants SCRAM keys or a password");
    assert_int_equal(scene.out.used, 0);
    scene_end(&scene);
    scene = (struct scene){.out = writer_growing(1000), .asked = writer_growing(1000)};
    scene.auth = backend_auth_new("me", NULL, BYTES_NONE);
    expect_err(ask_cleartext(&scene), ERR_DENIED, "none is known");
    expect_err(ask_md5(&scene), ERR_DENIED, "none is known");
    expect_err(ask_sasl(&scene, "SCRAM-SHA-256", NULL), ERR_DENIED, "none is known");
    scene_end(&scene);
}

static void test_malformed_and_unknown_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct bytes body;
        enum err_code code;
        const char *why;
    } bad[] = {
        {{(const uint8_t *)"", 0}, ERR_INPUT, "malformed authentication request"},
        {{(const uint8_t *)"\0\0\0", 3}, ERR_INPUT, "malformed authentication request"},
        {{(const uint8_t *)"\0\0\0\5", 4}, ERR_INPUT, "an MD5 salt of 0 bytes"},
        {{(const uint8_t *)"\0\0\0\5\1\2\3", 7}, ERR_INPUT, "an MD5 salt of 3 bytes"},
        {{(const uint8_t *)"\0\0\0\5\1\2\3\4\5", 9}, ERR_INPUT, "an MD5 salt of 5 bytes"},
        {{(const uint8_t *)"\0\0\0\2", 4}, ERR_UNSUPPORTED, "method that is not supported (2)"},
        {{(const uint8_t *)"\0\0\0\7", 4}, ERR_UNSUPPORTED, "not supported (7)"},
        {{(const uint8_t *)"\0\0\0\11", 4}, ERR_UNSUPPORTED, "not supported (9)"},
        {{(const uint8_t *)"\377\377\377\377", 4}, ERR_UNSUPPORTED, "not supported"},
        {{(const uint8_t *)"\0\0\0\12", 4}, ERR_INPUT, "AuthenticationSASL is truncated"},
        {{(const uint8_t *)"\0\0\0\12SCRAM-SHA-256", 17}, ERR_INPUT, "AuthenticationSASL is truncated"},
        {{(const uint8_t *)"\0\0\0\12SCRAM-SHA-256\0", 18}, ERR_INPUT, "AuthenticationSASL is truncated"},
        {{(const uint8_t *)"\0\0\0\12SCRAM-SHA-256\0\0x", 20}, ERR_INPUT, "AuthenticationSASL has 1 trailing"},
        {{(const uint8_t *)"\0\0\0\12\0", 5}, ERR_UNSUPPORTED, "no SASL mechanism that is known here"},
        {{(const uint8_t *)"\0\0\0\12SCRAM-SHA-1\0\0", 17}, ERR_UNSUPPORTED, "no SASL mechanism"},
        {{(const uint8_t *)"\0\0\0\13r=x", 7}, ERR_UNSUPPORTED, "not supported (11)"}, /* nothing was begun */
        {{(const uint8_t *)"\0\0\0\14v=x", 7}, ERR_UNSUPPORTED, "not supported (12)"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct scene scene;
        scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
        expect_err(scene_take(&scene, bad[i].body), bad[i].code, bad[i].why);
        assert_int_equal(scene.out.used, 0);
        scene_end(&scene);
    }
}

static void test_a_second_request_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    expect_ok(ask_md5(&scene));
    expect_err(ask_cleartext(&scene), ERR_UNSUPPORTED, "not supported (3)"); /* a password in clear after all */
    assert_int_equal(scene.out.used, 0);
    scene_end(&scene);
}

/* ---- SCRAM ---- */

/* The backend's side of an exchange, up to its last message. `changed`: it does not know the secret. */
struct backend {
    struct scram_server *scram;
    struct writer text;
    struct writer message;
};

static void backend_begin(struct backend *backend, struct bytes binding)
{
    struct scram_secret secret;
    expect_ok(scram_secret_of(&keys, SALT, ITERATIONS, &secret));
    *backend = (struct backend){.scram = scram_server_new(&secret, binding, false),
                                .text = writer_growing(10000),
                                .message = writer_growing(10000)};
}

static void backend_end(struct backend *backend)
{
    scram_server_free(backend->scram);
    writer_free(&backend->text);
    writer_free(&backend->message);
}

/* client-first-message in, AuthenticationSASLContinue to the link. */
static struct err backend_continue(struct backend *backend, struct scene *scene, const char *mechanism)
{
    const char *chosen;
    struct bytes data;
    expect_ok(wire_sasl_initial_parse(answered(scene), &chosen, &data));
    assert_string_equal(chosen, mechanism);
    expect_ok(scram_server_first(backend->scram, chosen, data, &backend->text));
    wire_put_authentication_sasl_continue(&scene->asked, writer_bytes(&backend->text));
    return scene_ask(scene);
}

/* client-final-message in, AuthenticationSASLFinal to the link. */
static struct err backend_finish(struct backend *backend, struct scene *scene)
{
    uint8_t client_key[SCRAM_KEY_SIZE];
    writer_free(&backend->text);
    expect_ok(scram_server_final(backend->scram, answered(scene), &backend->text, client_key));
    wire_put_authentication_sasl_final(&scene->asked, writer_bytes(&backend->text));
    return scene_ask(scene);
}

static void test_scram_is_answered_from_a_password_or_keys(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        struct backend backend;
        secret_cache_clear();
        scene_begin(&scene, i == 0 ? "sesame" : NULL, NULL, i == 0 ? NULL : &keys, BYTES_NONE);
        backend_begin(&backend, BYTES_NONE);
        expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
        assert_int_equal(scene.step, BACKEND_AUTH_SEND);
        expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256"));
        assert_int_equal(scene.worked, i == 0); /* keys that are known need no stretching */
        expect_ok(backend_finish(&backend, &scene));
        assert_int_equal(scene.step, BACKEND_AUTH_SEND);
        assert_int_equal(scene.out.used, 0);
        expect_ok(ask_ok(&scene));
        assert_int_equal(scene.step, BACKEND_AUTH_DONE);
        backend_end(&backend);
        scene_end(&scene);
    }
}

static void test_a_password_is_stretched_once(void **state)
{
    (void)state;
    secret_cache_clear();
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        struct backend backend;
        scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
        backend_begin(&backend, BYTES_NONE);
        expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
        expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256"));
        assert_int_equal(scene.worked, i == 0);
        expect_ok(backend_finish(&backend, &scene));
        backend_end(&backend);
        scene_end(&scene);
    }
}

static void test_the_channel_is_bound_where_the_backend_offers_it(void **state)
{
    (void)state;
    struct scene scene;
    struct backend backend;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES(leaf_hash));
    backend_begin(&backend, BYTES(leaf_hash));
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
    expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256-PLUS"));
    expect_ok(backend_finish(&backend, &scene));
    expect_ok(ask_ok(&scene));
    backend_end(&backend);
    scene_end(&scene);
}

static void test_somebody_in_between_cannot_relay_a_bound_channel(void **state)
{
    (void)state;
    uint8_t others_hash[32] = "the hash of the one in between .";
    struct scene scene;
    struct backend backend;
    uint8_t client_key[SCRAM_KEY_SIZE];
    scene_begin(&scene, "sesame", NULL, NULL, BYTES(others_hash)); /* what the link sees of the one in between */
    backend_begin(&backend, BYTES(leaf_hash));
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
    expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256-PLUS"));
    expect_err(scram_server_final(backend.scram, answered(&scene), &backend.text, client_key), ERR_DENIED,
               "channel binding check failed");
    backend_end(&backend);
    scene_end(&scene);
}

static void test_without_tls_plus_is_not_taken(void **state)
{
    (void)state;
    struct scene scene;
    struct backend backend;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    backend_begin(&backend, BYTES_NONE);
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
    expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256"));
    backend_end(&backend);
    scene_end(&scene);
}

static void test_plus_alone_cannot_be_used_without_tls(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    expect_err(ask_sasl(&scene, "SCRAM-SHA-256-PLUS", NULL), ERR_UNSUPPORTED, "no SASL mechanism that is known here");
    scene_end(&scene);
}

static void test_a_backend_that_does_not_know_the_secret_is_left(void **state)
{
    (void)state;
    struct scene scene;
    struct backend backend;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    backend_begin(&backend, BYTES_NONE);
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
    expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256"));
    wire_put_authentication_sasl_final(&scene.asked, BYTES_LITERAL("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    expect_err(scene_ask(&scene), ERR_DENIED, "the server does not know the SCRAM secret");
    backend_end(&backend);
    scene_end(&scene);
}

static void test_a_backend_that_cuts_the_exchange_short_is_not_believed(void **state)
{
    (void)state;
    for (int messages = 1; messages <= 2; messages++) {
        struct scene scene;
        struct backend backend;
        scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
        backend_begin(&backend, BYTES_NONE);
        expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
        if (messages == 2)
            expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256"));
        expect_err(ask_ok(&scene), ERR_DENIED, "the server cut the SCRAM exchange short");
        backend_end(&backend);
        scene_end(&scene);
    }
}

static void test_a_backend_that_failed_its_proof_is_not_believed_afterwards(void **state)
{
    (void)state;
    struct scene scene;
    struct backend backend;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    backend_begin(&backend, BYTES_NONE);
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
    expect_ok(backend_continue(&backend, &scene, "SCRAM-SHA-256"));
    wire_put_authentication_sasl_final(&scene.asked, BYTES_LITERAL("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    assert_true(failed(scene_ask(&scene)));
    expect_err(ask_ok(&scene), ERR_DENIED, "the server cut the SCRAM exchange short");
    backend_end(&backend);
    scene_end(&scene);
}

static void test_requests_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
    wire_put_authentication_sasl_final(&scene.asked, BYTES_LITERAL("v=AAAA"));
    expect_err(scene_ask(&scene), ERR_UNSUPPORTED, "not supported (12)");
    expect_err(ask_cleartext(&scene), ERR_UNSUPPORTED, "not supported (3)"); /* no way back to clear text */
    expect_err(ask_md5(&scene), ERR_UNSUPPORTED, "not supported (5)");
    expect_err(ask_sasl(&scene, "SCRAM-SHA-256", NULL), ERR_UNSUPPORTED, "not supported (10)");
    scene_end(&scene);
}

static void test_malformed_challenges_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "sesame", NULL, NULL, BYTES_NONE);
    expect_ok(ask_sasl(&scene, "SCRAM-SHA-256", NULL));
    wire_put_authentication_sasl_continue(&scene.asked, BYTES_LITERAL("r=x,s=AAAA,i=1"));
    expect_err(scene_ask(&scene), ERR_DENIED, "wrong SCRAM nonce");
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_backend_that_asks_for_nothing_lets_the_link_in),
        cmocka_unit_test(test_a_password_is_sent_in_clear_when_asked_for),
        cmocka_unit_test(test_md5_is_answered_from_a_password_or_an_md5_secret),
        cmocka_unit_test(test_what_is_not_known_is_not_answered),
        cmocka_unit_test(test_malformed_and_unknown_requests_are_refused),
        cmocka_unit_test(test_a_second_request_is_refused),
        cmocka_unit_test(test_scram_is_answered_from_a_password_or_keys),
        cmocka_unit_test(test_a_password_is_stretched_once),
        cmocka_unit_test(test_the_channel_is_bound_where_the_backend_offers_it),
        cmocka_unit_test(test_somebody_in_between_cannot_relay_a_bound_channel),
        cmocka_unit_test(test_without_tls_plus_is_not_taken),
        cmocka_unit_test(test_plus_alone_cannot_be_used_without_tls),
        cmocka_unit_test(test_a_backend_that_does_not_know_the_secret_is_left),
        cmocka_unit_test(test_a_backend_that_cuts_the_exchange_short_is_not_believed),
        cmocka_unit_test(test_a_backend_that_failed_its_proof_is_not_believed_afterwards),
        cmocka_unit_test(test_requests_out_of_turn_are_refused),
        cmocka_unit_test(test_malformed_challenges_are_refused),
    };
    return cmocka_run_group_tests(tests, derive, NULL);
}
