/* What SCRAM is made of: stored secrets, prepared passwords, base64. */
#include "gate/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static const char vector_password[] = "pencil"; /* RFC 7677 section 3 */
static const char vector_salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";

static uint8_t salt[16];
static struct scram_keys keys;
static struct scram_secret secret;

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, derive, NULL);
}
