/* Views of bytes, hexadecimal, allocation, time and the distance between names. */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/distance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static void test_bytes_are_equal_by_length_and_content(void **state)
{
    (void)state;
    static bool (*const equals[])(struct bytes, struct bytes) = {bytes_equal, bytes_equal_secret};
    for (size_t i = 0; i < COUNT(equals); i++) {
        assert_true(equals[i](BYTES_LITERAL("abc"), bytes_of_string("abc")));
        assert_true(equals[i](BYTES_NONE, BYTES_LITERAL("")));
        assert_false(equals[i](BYTES_LITERAL("abc"), BYTES_LITERAL("abd")));
        assert_false(equals[i](BYTES_LITERAL("abc"), BYTES_LITERAL("Abc")));
        assert_false(equals[i](BYTES_LITERAL("abc"), BYTES_LITERAL("ab")));
        assert_false(equals[i](BYTES_LITERAL("abc"), BYTES_NONE));
        assert_false(equals[i](BYTES_LITERAL("a\0b"), BYTES_LITERAL("a\0c")));
    }
}

static void test_zero_bytes_are_known(void **state)
{
    (void)state;
    assert_true(bytes_are_zero(BYTES_NONE));
    assert_true(bytes_are_zero(BYTES_LITERAL("\0\0\0")));
    assert_false(bytes_are_zero(BYTES_LITERAL("\0\0\1")));
    assert_false(bytes_are_zero(BYTES_LITERAL("\1\0\0")));
}

static void test_hex_goes_there_and_back(void **state)
{
    (void)state;
    uint8_t all[256];
    uint8_t again[256] = {0};
    char text[513];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    hex_encode(BYTES(all), text);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_string_equal(text + 508, "feff");
    expect_ok(hex_decode(text, again, sizeof again));
    assert_memory_equal(all, again, sizeof all);
    hex_encode(BYTES_NONE, text);
    assert_string_equal(text, "");
}

static void test_hex_of_either_case_is_read(void **state)
{
    (void)state;
    uint8_t out[3];
    expect_ok(hex_decode("aBCdeF", out, 3));
    assert_memory_equal(out, "\xab\xcd\xef", 3);
}

static void test_hex_of_another_length_is_refused(void **state)
{
    (void)state;
    uint8_t out[3];
    expect_err(hex_decode("abcde", out, 3), ERR_INPUT, "expected 6 hexadecimal digits, found 5");
    expect_err(hex_decode("abcdef0", out, 3), ERR_INPUT, "found 7");
    expect_err(hex_decode("", out, 3), ERR_INPUT, "found 0");
}

static void test_hex_with_another_character_is_refused(void **state)
{
    (void)state;
    static const char others[] = "gG/:@`{ -\x7f\x80\xff";
    for (const char *other = others; *other; other++) {
        uint8_t out[2];
        char high[] = "00?0";
        char low[] = "0?00";
        high[2] = *other;
        low[1] = *other;
        expect_err(hex_decode(high, out, 2), ERR_INPUT, "position 3");
        expect_err(hex_decode(low, out, 2), ERR_INPUT, "position 2");
    }
}

static void test_copies_are_whole_and_end_with_zero(void **state)
{
    (void)state;
    char *text = mem_string_of(BYTES_LITERAL("a\0b"));
    uint8_t *copy = mem_copy(BYTES_LITERAL("a\0b"));
    assert_memory_equal(text, "a\0b\0", 4);
    assert_memory_equal(copy, "a\0b", 3);
    free(text);
    free(copy);
    assert_null(mem_string(NULL));
    mem_free_secret(NULL, 5);
    mem_free_secret_string(NULL);
}

static void test_time_is_shown_in_utc(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_text(0, text);
    assert_string_equal(text, "1970-01-01 00:00:00.000 UTC");
    clock_text(1769903999123999, text);
    assert_string_equal(text, "2026-01-31 23:59:59.123 UTC");
}

static void test_distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("pool_mode", "pool_mode"), 0);
    assert_int_equal(text_distance("poolmode", "pool_mode"), 1);
    assert_int_equal(text_distance("pool_mode", "pol_mode"), 1);
    assert_int_equal(text_distance("pool_mode", "pool-mode"), 1);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("abc", ""), 3);
}

static void test_long_names_are_not_compared(void **state)
{
    (void)state;
    char name[DISTANCE_TEXT_MAX + 2];
    memset(name, 'x', sizeof name);
    name[DISTANCE_TEXT_MAX] = '\0';
    assert_int_equal(text_distance(name, name), 0);
    assert_int_equal(text_distance(name, ""), DISTANCE_TEXT_MAX);
    name[DISTANCE_TEXT_MAX] = 'x';
    name[DISTANCE_TEXT_MAX + 1] = '\0';
    assert_true(text_distance(name, "a") == SIZE_MAX);
    assert_true(text_distance("a", name) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_equal_by_length_and_content),
        cmocka_unit_test(test_zero_bytes_are_known),
        cmocka_unit_test(test_hex_goes_there_and_back),
        cmocka_unit_test(test_hex_of_either_case_is_read),
        cmocka_unit_test(test_hex_of_another_length_is_refused),
        cmocka_unit_test(test_hex_with_another_character_is_refused),
        cmocka_unit_test(test_copies_are_whole_and_end_with_zero),
        cmocka_unit_test(test_time_is_shown_in_utc),
        cmocka_unit_test(test_distance_counts_edits),
        cmocka_unit_test(test_long_names_are_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
