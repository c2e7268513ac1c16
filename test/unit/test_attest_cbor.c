/* CBOR in deterministic encoding: what is written, and every other way of writing it refused. */
#include "attest/cbor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest_bytes.h"

#include "base/mem.h"

static struct err scan_hex(const char *hex)
{
    struct sample sample = sample_of_hex(hex);
    return cbor_scan(sample_bytes(&sample), "the sample");
}

static void expect_refused(const char *hex, const char *why)
{
    struct err outcome = scan_hex(hex);
    if (outcome.code != ERR_INPUT || !strstr(outcome.why, why))
        fail_msg("%s: \"%s\" instead of \"%s\"", hex, outcome.why, why);
}

static void expect_accepted(const char *hex)
{
    struct err outcome = scan_hex(hex);
    if (failed(outcome))
        fail_msg("%s: %s", hex, outcome.why);
}

static void test_integers_are_written_in_the_shortest_form(void **state)
{
    (void)state;
    /* From another encoder. */
    static const struct {
        uint64_t value;
        const char *hex;
    } known[] = {{0, "00"},
                 {23, "17"},
                 {24, "1818"},
                 {255, "18ff"},
                 {256, "190100"},
                 {65535, "19ffff"},
                 {65536, "1a00010000"},
                 {UINT32_MAX, "1affffffff"},
                 {UINT64_C(4294967296), "1b0000000100000000"},
                 {UINT64_MAX, "1bffffffffffffffff"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t room[16];
        struct writer w = writer_over(room, sizeof room);
        cbor_write_uint(&w, known[i].value);
        struct sample expected = sample_of_hex(known[i].hex);
        assert_true(bytes_equal(writer_bytes(&w), sample_bytes(&expected)));
        expect_accepted(known[i].hex);
        struct reader r = reader_of(writer_bytes(&w));
        assert_true(cbor_read_uint(&r) == known[i].value);
        assert_false(failed(reader_finish(&r, "it")));
    }
}

static void test_every_type_of_the_profile_is_read_back(void **state)
{
    (void)state;
    uint8_t room[64];
    struct writer w = writer_over(room, sizeof room);
    cbor_write_map(&w, 1);
    cbor_write_text(&w, "key");
    cbor_write_array(&w, 2);
    cbor_write_bytes(&w, BYTES_LITERAL("value"));
    cbor_write_uint(&w, 1000);
    assert_false(failed(cbor_scan(writer_bytes(&w), "it")));
    struct reader r = reader_of(writer_bytes(&w));
    assert_int_equal(cbor_read_map(&r), 1);
    cbor_read_text(&r, "key");
    assert_int_equal(cbor_read_array(&r), 2);
    assert_true(bytes_equal(cbor_read_bytes(&r), BYTES_LITERAL("value")));
    assert_int_equal(cbor_read_uint(&r), 1000);
    assert_false(failed(reader_finish(&r, "it")));
}

static void test_item_of_another_type_is_bad(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES_LITERAL("\x61k"));
    assert_int_equal(cbor_read_bytes(&r).n, 0);
    assert_true(r.bad);
    r = reader_of(BYTES_LITERAL("\x61k"));
    cbor_read_text(&r, "l");
    assert_true(r.bad);
    r = reader_of(BYTES_LITERAL("\x20"));
    assert_int_equal(cbor_read_uint(&r), 0);
    assert_true(r.bad);
    r = reader_of(BYTES_LITERAL("\xa0"));
    assert_int_equal(cbor_read_array(&r), 0);
    assert_true(r.bad);
    r = reader_of(BYTES_LITERAL("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_int_equal(cbor_read_bytes(&r).n, 0);
    assert_true(r.bad);
}

static void test_well_formed_items_are_accepted(void **state)
{
    (void)state;
    expect_accepted("20");                 /* -1 */
    expect_accepted("40");                 /* no bytes */
    expect_accepted("80");                 /* nothing in an array */
    expect_accepted("a20100200a");         /* 1 before -1 */
    expect_accepted("a2181800617a01");     /* 24 before "z" */
    expect_accepted("a2617a0062616101");   /* a shorter text first */
    expect_accepted("818181818181818100"); /* eight deep */
}

static void test_heads_that_are_not_shortest_are_refused(void **state)
{
    (void)state;
    expect_refused("1817", "shortest form");
    expect_refused("1900ff", "shortest form");
    expect_refused("1a0000ffff", "shortest form");
    expect_refused("1b00000000ffffffff", "shortest form");
    expect_refused("5803616263", "shortest form");
    expect_refused("980100", "shortest form");
    expect_refused("b8010000", "shortest form");
}

static void test_indefinite_lengths_are_refused(void **state)
{
    (void)state;
    expect_refused("5f4161ff", "indefinite");
    expect_refused("7f6161ff", "indefinite");
    expect_refused("9f00ff", "indefinite");
    expect_refused("bf0000ff", "indefinite");
}

static void test_reserved_heads_are_refused(void **state)
{
    (void)state;
    expect_refused("1c", "malformed");
    expect_refused("5d", "malformed");
    expect_refused("9e", "malformed");
}

static void test_tags_floats_and_simple_values_are_refused(void **state)
{
    (void)state;
    expect_refused("c000", "tag, float or simple");
    expect_refused("f5", "tag, float or simple");
    expect_refused("f6", "tag, float or simple");
    expect_refused("f93c00", "tag, float or simple");
}

static void test_map_keys_out_of_order_or_twice_are_refused(void **state)
{
    (void)state;
    expect_refused("a202000100", "out of order");
    expect_refused("a2616200616100", "out of order");
    expect_refused("a262616100616200", "out of order");
    expect_refused("a201000100", "twice");
    expect_refused("a2636b657900636b657901", "twice");
    expect_refused("81a201000100", "twice");
}

static void test_lengths_beyond_the_input_are_refused(void **state)
{
    (void)state;
    expect_refused("5affffffff00", "longer than the input"); /* 4 GiB */
    expect_refused("7affffffff00", "longer than the input");
    expect_refused("5bffffffffffffffff00", "longer than the input"); /* all there is */
    expect_refused("9affffffff00", "more items");
    expect_refused("baffffffff00", "more items");
    expect_refused("bb800000000000000100", "more items"); /* twice of it is 2 in 64 bits */
    expect_refused("436162", "longer than the input");
    expect_refused("830000", "more items");
}

static void test_truncated_input_is_refused(void **state)
{
    (void)state;
    expect_refused("", "truncated");
    expect_refused("19", "truncated");
    expect_refused("1901", "truncated");
    expect_refused("1b00000001", "truncated");
    expect_refused("82826261610019", "truncated");
}

static void test_trailing_bytes_are_refused(void **state)
{
    (void)state;
    expect_refused("0000", "trailing");
    expect_refused("a00000", "trailing");
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    expect_refused("81818181818181818100", "too deeply");
    expect_refused("a100a100a100a100a100a100a100a100a10000", "too deeply");
    size_t depth = 10000;
    uint8_t *deep = mem_alloc(depth + 1);
    memset(deep, 0x81, depth);
    struct err outcome = cbor_scan(bytes_of(deep, depth + 1), "it");
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, "too deeply"));
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_written_in_the_shortest_form),
        cmocka_unit_test(test_every_type_of_the_profile_is_read_back),
        cmocka_unit_test(test_item_of_another_type_is_bad),
        cmocka_unit_test(test_well_formed_items_are_accepted),
        cmocka_unit_test(test_heads_that_are_not_shortest_are_refused),
        cmocka_unit_test(test_indefinite_lengths_are_refused),
        cmocka_unit_test(test_reserved_heads_are_refused),
        cmocka_unit_test(test_tags_floats_and_simple_values_are_refused),
        cmocka_unit_test(test_map_keys_out_of_order_or_twice_are_refused),
        cmocka_unit_test(test_lengths_beyond_the_input_are_refused),
        cmocka_unit_test(test_truncated_input_is_refused),
        cmocka_unit_test(test_trailing_bytes_are_refused),
        cmocka_unit_test(test_nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
