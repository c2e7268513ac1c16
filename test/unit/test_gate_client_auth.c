/* How clients prove who they are: every method against every kind of secret, right, wrong, and malformed. */
#include "base/reader.h"
#include "gate/client_auth.h"
#include "gate/md5.h"
#include "gate/secret_cache.h"
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

#define ITERATIONS 100

static const uint8_t leaf_hash[32] = "the hash of the server's leaf ..";

/* A client at its login. */
struct scene {
    struct client_auth *auth;
    struct writer out;
    enum client_auth_step step;
    bool worked; /* the crew was needed */
};

/* One user for each kind of secret, all with the password "sesame"; and one without any. */
static struct userlist *users;
static struct scram_keys sesame_keys;

static int make_users(void **state)
{
    (void)state;
    char md5[MD5_SECRET_SIZE];
    struct scram_secret secret;
    char stored[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    char server[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    expect_ok(md5_secret("sesame", "md5", md5));
    expect_ok(scram_derive("sesame", BYTES_LITERAL("salt!!"), ITERATIONS, &sesame_keys));
    expect_ok(scram_secret_of(&sesame_keys, BYTES_LITERAL("salt!!"), ITERATIONS, &secret));
    scram_base64_encode(BYTES(secret.stored_key), stored);
    scram_base64_encode(BYTES(secret.server_key), server);
    char *text = mem_format("\"plain\" \"sesame\"\n\"md5\" \"%s\"\n\"scram\" \"SCRAM-SHA-256$%d:c2FsdCEh$%s:%s\"\n"
                            "\"empty\" \"\"\n",
                            md5, ITERATIONS, stored, server);
    expect_ok(userlist_parse("users", bytes_of_string(text), &users));
    free(text);
    return 0;
}

static int drop_users(void **state)
{
    (void)state;
    userlist_free(users);
    secret_cache_clear();
    return 0;
}

static struct err scene_begin(struct scene *scene, enum auth_type method, const char *user, struct bytes binding)
{
    *scene = (struct scene){.out = writer_growing(64 * 1024)};
    scene->auth = client_auth_new(method, user, userlist_find(users, user), ITERATIONS, binding);
    struct err e = client_auth_begin(scene->auth, &scene->out, &scene->step);
    if (!failed(e) && scene->step == CLIENT_AUTH_WORK) {
        scene->worked = true;
        client_auth_work(scene->auth);
        e = client_auth_worked(scene->auth, &scene->out, &scene->step);
    }
    return e;
}

static struct err scene_take(struct scene *scene, struct bytes body)
{
    writer_free(&scene->out);
    struct err e = client_auth_take(scene->auth, body, &scene->out, &scene->step);
    if (!failed(e) && scene->step == CLIENT_AUTH_WORK) {
        scene->worked = true;
        client_auth_work(scene->auth);
        e = client_auth_worked(scene->auth, &scene->out, &scene->step);
    }
    return e;
}

static void scene_end(struct scene *scene)
{
    client_auth_free(scene->auth);
    writer_free(&scene->out);
}

/* The body of the Authentication message that was written, which must be of this kind. */
static struct bytes asked(const struct scene *scene, uint32_t kind)
{
    struct reader r = reader_of(writer_bytes(&scene->out));
    assert_int_equal(reader_u8(&r), 'R');
    assert_int_equal(reader_u32(&r), scene->out.used - 1);
    assert_int_equal(reader_u32(&r), kind);
    struct bytes body = reader_rest(&r);
    assert_false(r.bad);
    return body;
}

static struct bytes text_body(const char *text)
{
    return bytes_of(text, strlen(text) + 1);
}

/* ---- cleartext ---- */

static struct err log_in_plain(const char *user, const char *password, struct scene *scene)
{
    expect_ok(scene_begin(scene, AUTH_TYPE_PLAIN, user, BYTES_NONE));
    assert_int_equal(scene->step, CLIENT_AUTH_SEND);
    assert_int_equal(asked(scene, WIRE_AUTHENTICATION_CLEARTEXT).n, 0);
    return scene_take(scene, text_body(password));
}

static void test_a_password_in_clear_is_checked_against_every_kind_of_secret(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "md5", "scram"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene scene;
        expect_ok(log_in_plain(names[i], "sesame", &scene));
        assert_int_equal(scene.step, CLIENT_AUTH_DONE);
        scene_end(&scene);
        expect_err(log_in_plain(names[i], "Sesame", &scene), ERR_DENIED, "password authentication failed");
        scene_end(&scene);
        expect_err(log_in_plain(names[i], "sesame ", &scene), ERR_DENIED, "password authentication failed");
        scene_end(&scene);
    }
}

static void test_a_stored_secret_is_no_password(void **state)
{
    (void)state;
    static const char *const names[] = {"md5", "scram"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene scene;
        expect_err(log_in_plain(names[i], userlist_find(users, names[i])->secret, &scene), ERR_DENIED,
                   "password authentication failed");
        scene_end(&scene);
    }
}

static void test_nobody_has_no_password(void **state)
{
    (void)state;
    struct scene scene;
    expect_err(log_in_plain("nobody", "sesame", &scene), ERR_DENIED, "password authentication failed");
    scene_end(&scene);
}

static void test_an_empty_password_in_clear_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "md5", "scram", "empty", "nobody"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene scene;
        expect_err(log_in_plain(names[i], "", &scene), ERR_DENIED, "empty password returned by client");
        scene_end(&scene);
    }
}

static void test_a_malformed_password_message_is_refused(void **state)
{
    (void)state;
    static const enum auth_type methods[] = {AUTH_TYPE_PLAIN, AUTH_TYPE_MD5};
    static const struct bytes bad[] = {{(const uint8_t *)"", 0},
                                       {(const uint8_t *)"sesame", 6},
                                       {(const uint8_t *)"sesame\0x", 8},
                                       {(const uint8_t *)"\0sesame\0", 8}};
    for (size_t m = 0; m < COUNT(methods); m++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            struct scene scene;
            expect_ok(scene_begin(&scene, methods[m], "plain", BYTES_NONE));
            expect_err(scene_take(&scene, bad[i]), ERR_INPUT, "PasswordMessage");
            scene_end(&scene);
        }
    }
}

/* ---- MD5 ---- */

static struct err log_in_md5(const char *user, const char *password, struct scene *scene)
{
    char secret[MD5_SECRET_SIZE];
    char answer[MD5_SECRET_SIZE];
    expect_ok(scene_begin(scene, AUTH_TYPE_MD5, user, BYTES_NONE));
    struct bytes salt = asked(scene, WIRE_AUTHENTICATION_MD5);
    assert_int_equal(salt.n, 4);
    expect_ok(md5_secret(password, user, secret));
    expect_ok(md5_answer(secret, salt.p, answer));
    return scene_take(scene, text_body(answer));
}

static void test_an_answer_in_md5_is_checked_against_plain_and_md5_secrets(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "md5"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene scene;
        expect_ok(log_in_md5(names[i], "sesame", &scene));
        assert_int_equal(scene.step, CLIENT_AUTH_DONE);
        scene_end(&scene);
        expect_err(log_in_md5(names[i], "Sesame", &scene), ERR_DENIED, "password authentication failed");
        scene_end(&scene);
    }
}

static void test_nobody_answers_in_vain(void **state)
{
    (void)state;
    static const char *const passwords[] = {"sesame", ""};
    for (size_t i = 0; i < COUNT(passwords); i++) {
        struct scene scene;
        expect_err(log_in_md5("nobody", passwords[i], &scene), ERR_DENIED, "password authentication failed");
        scene_end(&scene);
    }
}

static void test_an_empty_secret_lets_nobody_in(void **state)
{
    (void)state;
    struct scene scene;
    expect_err(log_in_md5("empty", "", &scene), ERR_DENIED, "password authentication failed");
    scene_end(&scene);
    expect_ok(scene_begin(&scene, AUTH_TYPE_SCRAM_SHA_256, "empty", BYTES_NONE));
    assert_false(scene.worked); /* no keys are made from an empty password */
    scene_end(&scene);
}

static void test_an_answer_to_another_salt_is_refused(void **state)
{
    (void)state;
    struct scene first;
    struct scene second;
    char secret[MD5_SECRET_SIZE];
    char answer[MD5_SECRET_SIZE];
    expect_ok(md5_secret("sesame", "plain", secret));
    expect_ok(scene_begin(&first, AUTH_TYPE_MD5, "plain", BYTES_NONE));
    expect_ok(scene_begin(&second, AUTH_TYPE_MD5, "plain", BYTES_NONE));
    expect_ok(md5_answer(secret, asked(&first, WIRE_AUTHENTICATION_MD5).p, answer));
    expect_err(scene_take(&second, text_body(answer)), ERR_DENIED, "password authentication failed");
    scene_end(&first);
    scene_end(&second);
}

static void test_the_md5_secret_itself_is_no_answer(void **state)
{
    (void)state;
    struct scene scene;
    expect_ok(scene_begin(&scene, AUTH_TYPE_MD5, "md5", BYTES_NONE));
    expect_err(scene_take(&scene, text_body(userlist_find(users, "md5")->secret)), ERR_DENIED,
               "password authentication failed");
    scene_end(&scene);
}

/* ---- SCRAM ---- */

/* Leads the exchange as the client, up to the answer to its proof. */
static struct err answer_scram(struct scene *scene, const char *password, struct bytes binding)
{
    bool offered = memmem(scene->out.start, scene->out.used, "SCRAM-SHA-256-PLUS", 19) != NULL;
    struct scram_client *client = scram_client_new(binding, offered);
    struct writer text = writer_growing(10000);
    struct writer message = writer_growing(10000);
    struct scram_keys keys;
    struct bytes salt;
    uint32_t iterations;
    expect_ok(scram_client_first(client, &text));
    wire_put_sasl_initial_response(&message, scram_client_mechanism(client), writer_bytes(&text));
    struct err e = scene_take(scene, bytes_of(message.start + WIRE_HEADER_SIZE, message.used - WIRE_HEADER_SIZE));
    if (!failed(e)) {
        assert_int_equal(scene->step, CLIENT_AUTH_SEND);
        expect_ok(scram_client_take_first(client, asked(scene, WIRE_AUTHENTICATION_SASL_CONTINUE), &salt, &iterations));
        expect_ok(scram_derive(password, salt, iterations, &keys));
        writer_free(&text);
        expect_ok(scram_client_final(client, &keys, &text));
        e = scene_take(scene, writer_bytes(&text));
    }
    if (!failed(e))
        expect_ok(scram_client_take_final(client, asked(scene, WIRE_AUTHENTICATION_SASL_FINAL)));
    writer_free(&text);
    writer_free(&message);
    scram_client_free(client);
    return e;
}

static struct err log_in_scram(enum auth_type method, const char *user, const char *password, struct scene *scene)
{
    expect_ok(scene_begin(scene, method, user, BYTES_NONE));
    assert_int_equal(scene->step, CLIENT_AUTH_SEND);
    assert_true(bytes_equal(asked(scene, WIRE_AUTHENTICATION_SASL), BYTES_LITERAL("SCRAM-SHA-256\0\0")));
    return answer_scram(scene, password, BYTES_NONE);
}

static void test_scram_is_checked_against_plain_and_scram_secrets(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "scram"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene scene;
        expect_ok(log_in_scram(AUTH_TYPE_SCRAM_SHA_256, names[i], "sesame", &scene));
        assert_int_equal(scene.step, CLIENT_AUTH_DONE);
        scene_end(&scene);
        expect_err(log_in_scram(AUTH_TYPE_SCRAM_SHA_256, names[i], "Sesame", &scene), ERR_DENIED,
                   "password authentication failed");
        scene_end(&scene);
    }
}

static void test_md5_asks_for_scram_where_the_secret_is_one(void **state)
{
    (void)state;
    struct scene scene;
    expect_ok(log_in_scram(AUTH_TYPE_MD5, "scram", "sesame", &scene));
    scene_end(&scene);
    expect_err(log_in_scram(AUTH_TYPE_MD5, "scram", "Sesame", &scene), ERR_DENIED, "password authentication failed");
    scene_end(&scene);
}

static void test_nobody_and_md5_secrets_fail_at_the_end_of_scram_as_a_wrong_password_does(void **state)
{
    (void)state;
    static const char *const names[] = {"nobody", "md5", "empty"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene scene;
        expect_err(log_in_scram(AUTH_TYPE_SCRAM_SHA_256, names[i], "sesame", &scene), ERR_DENIED,
                   "password authentication failed");
        scene_end(&scene);
    }
}

static void test_keys_of_a_plain_secret_are_derived_once(void **state)
{
    (void)state;
    struct scene scene;
    secret_cache_clear();
    expect_ok(log_in_scram(AUTH_TYPE_SCRAM_SHA_256, "plain", "sesame", &scene));
    assert_true(scene.worked);
    scene_end(&scene);
    expect_ok(log_in_scram(AUTH_TYPE_SCRAM_SHA_256, "plain", "sesame", &scene));
    assert_false(scene.worked);
    scene_end(&scene);
    expect_ok(log_in_scram(AUTH_TYPE_SCRAM_SHA_256, "scram", "sesame", &scene));
    assert_false(scene.worked); /* nothing to derive */
    scene_end(&scene);
}

static void test_channel_binding_is_offered_over_tls_and_holds(void **state)
{
    (void)state;
    struct scene scene;
    expect_ok(scene_begin(&scene, AUTH_TYPE_SCRAM_SHA_256, "scram", BYTES(leaf_hash)));
    assert_true(
        bytes_equal(asked(&scene, WIRE_AUTHENTICATION_SASL), BYTES_LITERAL("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")));
    expect_ok(answer_scram(&scene, "sesame", BYTES(leaf_hash)));
    assert_int_equal(scene.step, CLIENT_AUTH_DONE);
    scene_end(&scene);
    uint8_t others_hash[32] = "the hash of somebody else's leaf";
    expect_ok(scene_begin(&scene, AUTH_TYPE_SCRAM_SHA_256, "scram", BYTES(leaf_hash)));
    expect_err(answer_scram(&scene, "sesame", BYTES(others_hash)), ERR_DENIED, "password authentication failed");
    scene_end(&scene);
}

static void test_a_removed_offer_of_channel_binding_is_noticed(void **state)
{
    (void)state;
    struct scene scene;
    expect_ok(scene_begin(&scene, AUTH_TYPE_SCRAM_SHA_256, "scram", BYTES(leaf_hash)));
    struct writer message = writer_growing(1000);
    wire_put_sasl_initial_response(&message, "SCRAM-SHA-256", BYTES_LITERAL("y,,n=,r=nonce"));
    expect_err(scene_take(&scene, bytes_of(message.start + WIRE_HEADER_SIZE, message.used - WIRE_HEADER_SIZE)),
               ERR_DENIED, "SCRAM channel binding negotiation error");
    writer_free(&message);
    scene_end(&scene);
}

static void test_malformed_sasl_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct bytes body;
        const char *why;
    } bad[] = {
        {{(const uint8_t *)"SCRAM-SHA-256", 13}, "SASLInitialResponse is truncated"},
        {{(const uint8_t *)"SCRAM-SHA-256\0\0\0\0\1", 18}, "SASLInitialResponse is truncated"},
        {{(const uint8_t *)"PLAIN\0\0\0\0\0", 10}, "invalid SASL authentication mechanism"},
        {{(const uint8_t *)"SCRAM-SHA-256-PLUS\0\0\0\0\0", 23}, "invalid SASL authentication mechanism"},
        {{(const uint8_t *)"SCRAM-SHA-256\0\377\377\377\377", 18}, "malformed SCRAM message"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct scene scene;
        expect_ok(scene_begin(&scene, AUTH_TYPE_SCRAM_SHA_256, "scram", BYTES_NONE));
        expect_err(scene_take(&scene, bad[i].body), ERR_INPUT, bad[i].why);
        scene_end(&scene);
    }
}

/* ---- the machine ---- */

static void test_messages_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct writer out = writer_growing(1000);
    enum client_auth_step step;
    struct client_auth *auth =
        client_auth_new(AUTH_TYPE_PLAIN, "plain", userlist_find(users, "plain"), ITERATIONS, BYTES_NONE);
    expect_err(client_auth_take(auth, text_body("sesame"), &out, &step), ERR_INPUT, "unexpected password message");
    client_auth_free(auth);
    expect_ok(log_in_plain("plain", "sesame", &scene));
    expect_err(scene_take(&scene, text_body("sesame")), ERR_INPUT, "unexpected password message");
    scene_end(&scene);
    writer_free(&out);
    client_auth_free(NULL);
}

static void test_what_a_login_leaves_for_the_backend(void **state)
{
    (void)state;
    static const struct {
        enum auth_type method;
        const char *user;
        bool password, md5, keys;
    } cases[] = {
        {AUTH_TYPE_PLAIN, "plain", true, false, false},
        {AUTH_TYPE_PLAIN, "md5", true, true, false}, /* sent in clear, it is known */
        {AUTH_TYPE_PLAIN, "scram", true, false, false},
        {AUTH_TYPE_MD5, "plain", true, false, false},
        {AUTH_TYPE_MD5, "md5", false, true, false},
        {AUTH_TYPE_SCRAM_SHA_256, "plain", true, false, true},
        {AUTH_TYPE_SCRAM_SHA_256, "scram", false, false, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scene scene;
        if (cases[i].method == AUTH_TYPE_PLAIN)
            expect_ok(log_in_plain(cases[i].user, "sesame", &scene));
        else if (cases[i].method == AUTH_TYPE_MD5)
            expect_ok(log_in_md5(cases[i].user, "sesame", &scene));
        else
            expect_ok(log_in_scram(cases[i].method, cases[i].user, "sesame", &scene));
        struct credentials *credentials = client_auth_credentials(scene.auth);
        scene_end(&scene); /* what was left is the caller's */
        assert_int_equal(credentials->password != NULL, cases[i].password);
        if (credentials->password)
            assert_string_equal(credentials->password, "sesame");
        assert_int_equal(credentials->md5 != NULL, cases[i].md5);
        assert_int_equal(credentials->has_scram_keys, cases[i].keys);
        if (strcmp(cases[i].user, "scram") == 0 && cases[i].keys)
            assert_memory_equal(&credentials->scram_keys, &sesame_keys, sizeof sesame_keys);
        credentials_drop(credentials);
    }
}

static void test_credentials_live_as_long_as_anybody_holds_them(void **state)
{
    (void)state;
    struct credentials *credentials = credentials_new("p", NULL, NULL);
    assert_ptr_equal(credentials_ref(credentials), credentials);
    credentials_drop(credentials);
    assert_string_equal(credentials->password, "p");
    credentials_drop(credentials);
    credentials_drop(NULL);
    assert_null(credentials_ref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_password_in_clear_is_checked_against_every_kind_of_secret),
        cmocka_unit_test(test_a_stored_secret_is_no_password),
        cmocka_unit_test(test_nobody_has_no_password),
        cmocka_unit_test(test_an_empty_password_in_clear_is_refused),
        cmocka_unit_test(test_a_malformed_password_message_is_refused),
        cmocka_unit_test(test_an_answer_in_md5_is_checked_against_plain_and_md5_secrets),
        cmocka_unit_test(test_nobody_answers_in_vain),
        cmocka_unit_test(test_an_empty_secret_lets_nobody_in),
        cmocka_unit_test(test_an_answer_to_another_salt_is_refused),
        cmocka_unit_test(test_the_md5_secret_itself_is_no_answer),
        cmocka_unit_test(test_scram_is_checked_against_plain_and_scram_secrets),
        cmocka_unit_test(test_md5_asks_for_scram_where_the_secret_is_one),
        cmocka_unit_test(test_nobody_and_md5_secrets_fail_at_the_end_of_scram_as_a_wrong_password_does),
        cmocka_unit_test(test_keys_of_a_plain_secret_are_derived_once),
        cmocka_unit_test(test_channel_binding_is_offered_over_tls_and_holds),
        cmocka_unit_test(test_a_removed_offer_of_channel_binding_is_noticed),
        cmocka_unit_test(test_malformed_sasl_messages_are_refused),
        cmocka_unit_test(test_messages_out_of_turn_are_refused),
        cmocka_unit_test(test_what_a_login_leaves_for_the_backend),
        cmocka_unit_test(test_credentials_live_as_long_as_anybody_holds_them),
    };
    return cmocka_run_group_tests(tests, make_users, drop_users);
}
