/* The bounded reader: every read, whole and cut short. */
#include "base/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static const uint8_t sample[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88};

static void test_integers_are_big_endian(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES(sample));
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u24(&r), 0x040506);
    assert_int_equal(reader_left(&r), 2);
    r = reader_of(BYTES(sample));
    assert_int_equal(reader_u32(&r), 0x01020304);
    r = reader_of(BYTES(sample));
    assert_true(reader_u64(&r) == UINT64_C(0x0102030405060788));
    expect_ok(reader_finish(&r, "sample"));
}

static void test_integers_named_le_are_little_endian(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES(sample));
    assert_int_equal(reader_u32_le(&r), 0x04030201);
    assert_int_equal(reader_left(&r), 4);
    r = reader_of(BYTES(sample));
    assert_true(reader_u64_le(&r) == UINT64_C(0x8807060504030201));
    expect_ok(reader_finish(&r, "sample"));
}

/* Each kind of read, of `size` bytes, gives the bits it read or'ed together: 0 when it failed. */
static uint64_t read_kind(struct reader *r, size_t kind)
{
    uint8_t copied[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    struct bytes view;
    switch (kind) {
    case 0:
        return reader_u8(r);
    case 1:
        return reader_u16(r);
    case 2:
        return reader_u24(r);
    case 3:
        return reader_u32(r);
    case 4:
        return reader_u64(r);
    case 5:
        return reader_u32_le(r);
    case 6:
        return reader_u64_le(r);
    case 7:
        view = reader_bytes(r, 8);
        return view.n;
    case 8:
        reader_copy(r, copied, 8);
        return !bytes_are_zero(BYTES(copied));
    case 9:
        reader_skip(r, 8);
        return !r->bad;
    default:
        return !reader_sub(r, 8).bad;
    }
}

static void test_reading_past_the_end_yields_nothing_and_is_remembered(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 8, 4, 8, 8, 8, 8, 8};
    for (size_t kind = 0; kind < COUNT(sizes); kind++) {
        for (size_t have = 0; have <= sizes[kind]; have++) {
            /* On the heap, so that a sanitizer sees a read of one byte too many. */
            uint8_t *bytes = mem_copy(bytes_of(sample, have));
            struct reader r = reader_of(bytes_of(bytes, have));
            uint64_t value = read_kind(&r, kind);
            assert_int_equal(r.bad, have < sizes[kind]);
            assert_int_equal(value != 0, have == sizes[kind]);
            assert_int_equal(reader_left(&r), 0);
            if (have < sizes[kind])
                expect_err(reader_finish(&r, "sample"), ERR_INPUT, "sample is truncated");
            else
                expect_ok(reader_finish(&r, "sample"));
            free(bytes);
        }
    }
}

static void test_a_bad_reader_gives_nothing_more(void **state)
{
    (void)state;
    for (size_t kind = 0; kind <= 10; kind++) {
        struct reader r = reader_of(BYTES(sample));
        (void)reader_bytes(&r, sizeof sample + 1);
        assert_true(r.bad);
        assert_int_equal(read_kind(&r, kind), 0);
        assert_string_equal(reader_cstring(&r), "");
        assert_int_equal(reader_rest(&r).n, 0);
    }
}

static void test_lengths_that_wrap_around_are_past_the_end(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES(sample));
    assert_int_equal(reader_bytes(&r, SIZE_MAX).n, 0);
    assert_true(r.bad);
    r = reader_of(BYTES(sample));
    reader_u8(&r);
    assert_true(reader_sub(&r, SIZE_MAX - 1).bad);
}

static void test_texts_end_with_zero(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES_LITERAL("one\0\0two\0rest"));
    assert_string_equal(reader_cstring(&r), "one");
    assert_string_equal(reader_cstring(&r), "");
    assert_string_equal(reader_cstring(&r), "two");
    assert_int_equal(reader_left(&r), 4);
    assert_false(r.bad);
    assert_string_equal(reader_cstring(&r), "");
    assert_true(r.bad);
    expect_err(reader_finish(&r, "text"), ERR_INPUT, "truncated");
}

static void test_text_of_an_empty_reader_is_bad(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES_NONE);
    assert_string_equal(reader_cstring(&r), "");
    assert_true(r.bad);
}

static void test_rest_is_everything_left(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES(sample));
    reader_skip(&r, 3);
    struct bytes rest = reader_rest(&r);
    assert_ptr_equal(rest.p, sample + 3);
    assert_int_equal(rest.n, 5);
    expect_ok(reader_finish(&r, "sample"));
    assert_int_equal(reader_rest(&r).n, 0);
    expect_ok(reader_finish(&r, "sample"));
}

static void test_a_sub_reader_ends_where_it_was_told_to(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES(sample));
    struct reader sub = reader_sub(&r, 2);
    assert_int_equal(reader_u16(&sub), 0x0102);
    expect_ok(reader_finish(&sub, "sub"));
    assert_int_equal(reader_u8(&sub), 0);
    assert_true(sub.bad);
    assert_false(r.bad);
    assert_int_equal(reader_u8(&r), 3);
}

static void test_trailing_bytes_are_refused(void **state)
{
    (void)state;
    struct reader r = reader_of(BYTES(sample));
    reader_u32(&r);
    expect_err(reader_finish(&r, "sample"), ERR_INPUT, "sample has 4 trailing bytes");
    reader_skip(&r, 3);
    expect_err(reader_finish(&r, "sample"), ERR_INPUT, "sample has 1 trailing bytes");
    reader_skip(&r, 1);
    expect_ok(reader_finish(&r, "sample"));
}

static void test_copy_fills_with_zeros_when_cut_short(void **state)
{
    (void)state;
    uint8_t out[4] = {9, 9, 9, 9};
    struct reader r = reader_of(bytes_of(sample, 3));
    reader_copy(&r, out, 4);
    assert_true(bytes_are_zero(BYTES(out)));
    r = reader_of(BYTES(sample));
    reader_copy(&r, out, 4);
    assert_memory_equal(out, sample, 4);
    reader_copy(&r, out, 0);
    assert_false(r.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_integers_named_le_are_little_endian),
        cmocka_unit_test(test_reading_past_the_end_yields_nothing_and_is_remembered),
        cmocka_unit_test(test_a_bad_reader_gives_nothing_more),
        cmocka_unit_test(test_lengths_that_wrap_around_are_past_the_end),
        cmocka_unit_test(test_texts_end_with_zero),
        cmocka_unit_test(test_text_of_an_empty_reader_is_bad),
        cmocka_unit_test(test_rest_is_everything_left),
        cmocka_unit_test(test_a_sub_reader_ends_where_it_was_told_to),
        cmocka_unit_test(test_trailing_bytes_are_refused),
        cmocka_unit_test(test_copy_fills_with_zeros_when_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
