/* Users and their secrets: auth_file, md5, and the cache of derived keys. */
#include "gate/md5.h"
#include "gate/secret_cache.h"
#include "gate/userlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

#define SCRAM_TEXT                                                                                                     \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                        \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static struct userlist *list_of(const char *text)
{
    struct userlist *list = NULL;
    expect_ok(userlist_parse("/etc/users", bytes_of_string(text), &list));
    return list;
}

/* ---- auth_file ---- */

static void test_users_are_found_by_name(void **state)
{
    (void)state;
    struct userlist *list = list_of("\"zoe\" \"z\"\n\"alice\" \"a\"\n\"\" \"nobody\"\n");
    assert_int_equal(userlist_count(list), 3);
    assert_string_equal(userlist_find(list, "alice")->secret, "a");
    assert_string_equal(userlist_find(list, "zoe")->secret, "z");
    assert_string_equal(userlist_find(list, "")->secret, "nobody");
    assert_int_equal(userlist_find(list, "zoe")->line, 1);
    assert_null(userlist_find(list, "Alice"));
    assert_null(userlist_find(list, "alic"));
    assert_string_equal(userlist_at(list, 1)->name, "alice"); /* in the order of names */
    userlist_free(list);
}

static void test_secrets_are_of_three_kinds(void **state)
{
    (void)state;
    struct userlist *list = list_of("\"p\" \"plain\"\n"
                                    "\"m\" \"md53175bce1d3201d16594cebf9d7eb3f9d\"\n"
                                    "\"s\" \"" SCRAM_TEXT "\"\n"
                                    "\"q\" \"md5 is a password\"\n"
                                    "\"r\" \"SCRAM-SHA-256\"\n");
    assert_int_equal(userlist_find(list, "p")->kind, SECRET_PLAIN);
    assert_int_equal(userlist_find(list, "m")->kind, SECRET_MD5);
    assert_int_equal(userlist_find(list, "s")->kind, SECRET_SCRAM);
    assert_int_equal(userlist_find(list, "s")->scram.iterations, 4096);
    assert_int_equal(userlist_find(list, "q")->kind, SECRET_PLAIN);
    assert_int_equal(userlist_find(list, "r")->kind, SECRET_PLAIN);
    userlist_free(list);
}

static void test_quotes_are_doubled(void **state)
{
    (void)state;
    struct userlist *list = list_of("\"a\"\"b\" \"\"\"\"\n");
    assert_string_equal(userlist_find(list, "a\"b")->secret, "\"");
    userlist_free(list);
}

static void test_what_follows_comments_and_empty_lines_are_passed_over(void **state)
{
    (void)state;
    struct userlist *list = list_of("; comment\n\n   \n  \"a\" \t \"1\" whatever \"else\"\r\n\"b\"\"\" \"2\"");
    assert_int_equal(userlist_count(list), 2);
    assert_string_equal(userlist_find(list, "a")->secret, "1");
    assert_string_equal(userlist_find(list, "b\"")->secret, "2");
    userlist_free(list);
}

static void test_the_last_line_of_a_name_counts(void **state)
{
    (void)state;
    struct userlist *list = list_of("\"a\" \"1\"\n\"b\" \"x\"\n\"a\" \"2\"\n\"a\" \"3\"\n");
    assert_int_equal(userlist_count(list), 2);
    assert_string_equal(userlist_find(list, "a")->secret, "3");
    assert_int_equal(userlist_find(list, "a")->line, 4);
    userlist_free(list);
}

static void test_malformed_lines_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } bad[] = {
        {"a \"1\"", "expected \"user\" \"secret\", both in double quotes"},
        {"\"a\"", "expected \"user\" \"secret\""},
        {"\"a\" 1", "expected \"user\" \"secret\""},
        {"\"a", "expected \"user\" \"secret\""},
        {"\"a\" \"1", "expected \"user\" \"secret\""},
        {"\"a\" \"1\"\"", "expected \"user\" \"secret\""},
        {"# not a comment here", "expected \"user\" \"secret\""},
        {"\"a\" \"SCRAM-SHA-256$x\"", "malformed SCRAM secret"},
        {"\"a\" \"SCRAM-SHA-256$4096:AAAA$AAAA:AAAA\"", "malformed SCRAM secret"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct userlist *list = NULL;
        char *text = mem_format("\"x\" \"y\"\n%s\n", bad[i].line);
        struct err e = userlist_parse("/etc/users", bytes_of_string(text), &list);
        expect_err(e, ERR_INPUT, "/etc/users:2: ");
        expect_err(e, ERR_INPUT, bad[i].why);
        assert_null(list);
        free(text);
    }
    struct userlist *list = NULL;
    expect_err(userlist_parse("u", BYTES_LITERAL("\"a\" \"1\"\n\0"), &list), ERR_INPUT, "u: there is a zero byte");
}

static void test_an_error_does_not_tell_the_secret(void **state)
{
    (void)state;
    struct userlist *list = NULL;
    struct err e = userlist_parse("u", BYTES_LITERAL("\"a\" \"SCRAM-SHA-256$sesame\"\n"), &list);
    assert_true(failed(e));
    assert_null(strstr(e.why, "sesame"));
    e = userlist_parse("u", BYTES_LITERAL("\"a\" \"sesame\n"), &list);
    assert_true(failed(e));
    assert_null(strstr(e.why, "sesame"));
}

static void test_a_name_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char *text = mem_alloc(10001);
    struct userlist *list = NULL;
    memset(text, 'x', 10000);
    text[0] = '"';
    memcpy(text + 9990, "\" \"1\"\n", 6);
    expect_err(userlist_parse("u", bytes_of(text, 9996), &list), ERR_INPUT, "u:1: expected");
    free(text);
}

static void test_files_are_read(void **state)
{
    (void)state;
    char *directory = scratch_make();
    char *path = scratch_file(directory, "users", "\"a\" \"1\"\n");
    struct userlist *list = NULL;
    expect_ok(userlist_load(path, &list));
    assert_string_equal(userlist_find(list, "a")->secret, "1");
    userlist_free(list);
    list = NULL;
    expect_ok(userlist_load("", &list)); /* none is named */
    assert_int_equal(userlist_count(list), 0);
    assert_null(userlist_find(list, "a"));
    userlist_free(list);
    list = NULL;
    expect_err(userlist_load("/nonexistent/users", &list), ERR_SYSTEM, "cannot open \"/nonexistent/users\"");
    assert_null(list);
    userlist_free(NULL);
    free(path);
    scratch_remove(directory);
}

/* ---- md5 ---- */

static void test_md5_secrets_and_answers_are_postgresql_s(void **state)
{
    (void)state;
    char secret[MD5_SECRET_SIZE];
    char answer[MD5_SECRET_SIZE];
    expect_ok(md5_secret("postgres", "postgres", secret));
    assert_string_equal(secret, "md53175bce1d3201d16594cebf9d7eb3f9d");
    expect_ok(md5_answer(secret, (const uint8_t *)"\1\2\3\4", answer));
    assert_string_equal(answer, "md568be9ed08db75f318087ab337aaea044");
}

static void test_md5_secrets_are_known_by_their_form(void **state)
{
    (void)state;
    assert_true(md5_is_secret("md53175bce1d3201d16594cebf9d7eb3f9d"));
    static const char *const others[] = {"",
                                         "md5",
                                         "md53175bce1d3201d16594cebf9d7eb3f9",
                                         "md53175bce1d3201d16594cebf9d7eb3f9d0",
                                         "MD53175bce1d3201d16594cebf9d7eb3f9d",
                                         "md53175bce1d3201d16594cebf9d7eb3f9g",
                                         "md53175BCE1D3201D16594CEBF9D7EB3F9D"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(md5_is_secret(others[i]));
}

/* ---- the cache ---- */

#define SALT BYTES_LITERAL("salt")

static void keep(const char *password, struct bytes salt, uint32_t iterations, uint8_t mark)
{
    struct scram_keys keys;
    memset(&keys, mark, sizeof keys);
    secret_cache_keep(password, salt, iterations, &keys);
}

/* What was kept, 0 for nothing. */
static uint8_t found(const char *password, struct bytes salt, uint32_t iterations)
{
    struct scram_keys keys;
    return secret_cache_find(password, salt, iterations, &keys) ? keys.client_key[0] : 0;
}

static int empty_cache(void **state)
{
    (void)state;
    secret_cache_clear();
    return 0;
}

static void test_kept_keys_are_found_by_password_salt_and_iterations(void **state)
{
    (void)state;
    assert_int_equal(found("p", SALT, 1), 0);
    keep("p", SALT, 1, 7);
    keep("q", SALT, 1, 8);
    keep("p", BYTES_LITERAL("tlas"), 1, 9);
    keep("p", SALT, 2, 10);
    assert_int_equal(found("p", SALT, 1), 7);
    assert_int_equal(found("q", SALT, 1), 8);
    assert_int_equal(found("p", BYTES_LITERAL("tlas"), 1), 9);
    assert_int_equal(found("p", SALT, 2), 10);
    assert_int_equal(found("P", SALT, 1), 0);
    assert_int_equal(found("tp", BYTES_LITERAL("sal"), 1), 0); /* the border between the two counts */
    keep("p", SALT, 1, 11);
    assert_int_equal(found("p", SALT, 1), 11);
}

static void test_a_cleared_cache_knows_nothing(void **state)
{
    (void)state;
    keep("p", SALT, 1, 7);
    secret_cache_clear();
    assert_int_equal(found("p", SALT, 1), 0);
    secret_cache_clear();
}

static void test_the_oldest_makes_room(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 1024; i++)
        keep("p", SALT, i, 7);
    assert_int_equal(found("p", SALT, 1), 7);
    keep("p", SALT, 1025, 7);
    assert_int_equal(found("p", SALT, 1), 0);
    assert_int_equal(found("p", SALT, 2), 7);
    assert_int_equal(found("p", SALT, 1025), 7);
}

static void test_keys_are_derived_once(void **state)
{
    (void)state;
    struct scram_keys derived;
    struct scram_keys keys;
    expect_ok(scram_derive("pencil", SALT, 3, &derived));
    expect_ok(secret_cache_derive("pencil", SALT, 3, &keys));
    assert_memory_equal(&keys, &derived, sizeof keys);
    assert_true(secret_cache_find("pencil", SALT, 3, &keys));
    keep("pencil", SALT, 3, 9); /* what is kept is believed, so nothing is derived again */
    expect_ok(secret_cache_derive("pencil", SALT, 3, &keys));
    assert_int_equal(keys.client_key[0], 9);
}

static void test_passwords_too_long_for_the_cache_are_derived_every_time(void **state)
{
    (void)state;
    char *password = mem_alloc(70001);
    struct scram_keys keys;
    memset(password, 'x', 70000);
    expect_ok(secret_cache_derive(password, SALT, 1, &keys));
    assert_false(secret_cache_find(password, SALT, 1, &keys));
    free(password);
}

#define with_cache(test) cmocka_unit_test_setup_teardown(test, empty_cache, empty_cache)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users_are_found_by_name),
        cmocka_unit_test(test_secrets_are_of_three_kinds),
        cmocka_unit_test(test_quotes_are_doubled),
        cmocka_unit_test(test_what_follows_comments_and_empty_lines_are_passed_over),
        cmocka_unit_test(test_the_last_line_of_a_name_counts),
        cmocka_unit_test(test_malformed_lines_are_refused_with_their_place),
        cmocka_unit_test(test_an_error_does_not_tell_the_secret),
        cmocka_unit_test(test_a_name_that_is_too_long_is_refused),
        cmocka_unit_test(test_files_are_read),
        cmocka_unit_test(test_md5_secrets_and_answers_are_postgresql_s),
        cmocka_unit_test(test_md5_secrets_are_known_by_their_form),
        with_cache(test_kept_keys_are_found_by_password_salt_and_iterations),
        with_cache(test_a_cleared_cache_knows_nothing),
        with_cache(test_the_oldest_makes_room),
        with_cache(test_keys_are_derived_once),
        with_cache(test_passwords_too_long_for_the_cache_are_derived_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
