/* The writer: over an array and growing, up to its limit and one byte beyond. */
#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static void expect_written(const struct writer *w, struct bytes expected)
{
    expect_ok(writer_finish(w, "it"));
    assert_int_equal(w->used, expected.n);
    assert_memory_equal(w->start, expected.p, expected.n);
}

static void test_integers_are_big_endian(void **state)
{
    (void)state;
    uint8_t array[18];
    struct writer w = writer_over(array, sizeof array);
    writer_u8(&w, 0x01);
    writer_u16(&w, 0x0203);
    writer_u24(&w, 0x040506);
    writer_u32(&w, 0x0708090A);
    writer_u64(&w, UINT64_C(0x0B0C0D0E0F101112));
    expect_written(&w, BYTES_LITERAL("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12"));
}

static void test_texts_and_bytes_are_appended(void **state)
{
    (void)state;
    struct writer w = writer_growing(100);
    writer_put(&w, BYTES_LITERAL("a\0b"));
    writer_put(&w, BYTES_NONE);
    writer_cstring(&w, "text");
    writer_format(&w, "%d-%s", 42, "x");
    writer_lp(&w, BYTES_LITERAL("lp"));
    expect_written(&w, BYTES_LITERAL("a\0btext\00042-x\0\002lp"));
    writer_free(&w);
}

/* Each kind writes `size` bytes. */
static void write_kind(struct writer *w, size_t kind)
{
    switch (kind) {
    case 0:
        writer_u8(w, 1);
        break;
    case 1:
        writer_u16(w, 1);
        break;
    case 2:
        writer_u24(w, 1);
        break;
    case 3:
        writer_u32(w, 1);
        break;
    case 4:
        writer_u64(w, 1);
        break;
    case 5:
        writer_put(w, BYTES_LITERAL("12345"));
        break;
    case 6:
        writer_cstring(w, "12345");
        break;
    case 7:
        writer_format(w, "%s", "12345");
        break;
    case 8:
        writer_lp(w, BYTES_LITERAL("123"));
        break;
    default:
        (void)writer_reserve(w, 7);
        break;
    }
}
static const size_t kind_sizes[] = {1, 2, 3, 4, 8, 5, 6, 5, 5, 7};

static void test_an_array_takes_what_fits_and_not_a_byte_more(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < COUNT(kind_sizes); kind++) {
        for (size_t size = 0; size <= kind_sizes[kind]; size++) {
            uint8_t *array = mem_alloc(size);
            struct writer w = writer_over(array, size);
            write_kind(&w, kind);
            assert_int_equal(w.bad, size < kind_sizes[kind]);
            if (w.bad)
                expect_err(writer_finish(&w, "message"), ERR_LIMIT, "message is too large");
            else
                assert_int_equal(w.used, size);
            free(array);
        }
    }
}

static void test_a_growing_writer_grows_to_its_limit_and_not_beyond(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < COUNT(kind_sizes); kind++) {
        for (size_t over = 0; over <= 1; over++) {
            struct writer w = writer_growing(1000 + kind_sizes[kind] - over);
            for (size_t i = 0; i < 1000; i++)
                writer_u8(&w, (uint8_t)i);
            assert_false(w.bad);
            write_kind(&w, kind);
            assert_int_equal(w.bad, over == 1);
            if (!w.bad)
                assert_int_equal(w.used, 1000 + kind_sizes[kind]);
            for (size_t i = 0; i < 1000; i++)
                assert_int_equal(w.start[i], (uint8_t)i);
            writer_free(&w);
        }
    }
}

static void test_a_bad_writer_ignores_what_follows(void **state)
{
    (void)state;
    uint8_t array[4] = {0};
    struct writer w = writer_over(array, sizeof array);
    writer_u16(&w, 0x0102);
    writer_u32(&w, 0xFFFFFFFF);
    for (size_t kind = 0; kind < COUNT(kind_sizes); kind++)
        write_kind(&w, kind);
    writer_patch_u32(&w, 0, 0xFFFFFFFF);
    assert_null(writer_reserve(&w, 0));
    assert_int_equal(w.used, 2);
    assert_memory_equal(array, "\1\2\0\0", 4);
    assert_true(failed(writer_finish(&w, "it")));
}

static void test_lengths_that_wrap_around_do_not_fit(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    writer_u8(&w, 1);
    assert_null(writer_reserve(&w, SIZE_MAX));
    assert_true(w.bad);
    writer_free(&w);
}

static void test_numbers_too_large_for_their_field_are_refused(void **state)
{
    (void)state;
    struct writer w = writer_growing(100000);
    writer_u24(&w, 0xFFFFFF);
    expect_written(&w, BYTES_LITERAL("\xff\xff\xff"));
    writer_u24(&w, 0x1000000);
    assert_true(w.bad);
    writer_free(&w);

    uint8_t *large = mem_alloc(65536);
    w = writer_growing(100000);
    writer_lp(&w, bytes_of(large, 65535));
    expect_ok(writer_finish(&w, "it"));
    assert_memory_equal(w.start, "\xff\xff\0", 3);
    writer_free(&w);
    w = writer_growing(100000);
    writer_lp(&w, bytes_of(large, 65536));
    assert_true(w.bad);
    writer_free(&w);
    free(large);
}

static void test_a_length_is_patched_where_it_was_written(void **state)
{
    (void)state;
    struct writer w = writer_growing(100);
    writer_put(&w, BYTES_LITERAL("a....b"));
    writer_patch_u32(&w, 1, 0x01020304);
    expect_written(&w, BYTES_LITERAL("a\1\2\3\4b"));
    writer_patch_u32(&w, 2, 0);
    expect_written(&w, BYTES_LITERAL("a\1\0\0\0\0"));
    writer_free(&w);
}

static void test_patching_what_was_not_written_is_refused(void **state)
{
    (void)state;
    static const size_t places[] = {3, 6, 7, SIZE_MAX, SIZE_MAX - 2};
    for (size_t i = 0; i < COUNT(places); i++) {
        uint8_t array[32] = {0};
        struct writer w = writer_over(array, sizeof array);
        writer_put(&w, BYTES_LITERAL("123456"));
        writer_patch_u32(&w, places[i], 0xFFFFFFFF);
        assert_true(w.bad);
        assert_memory_equal(array, "123456\0\0\0\0\0", 11);
    }
}

static void test_reserved_room_counts_as_written(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    uint8_t *room = writer_reserve(&w, 300);
    memset(room, 'x', 300);
    writer_u8(&w, 'y');
    assert_int_equal(writer_bytes(&w).n, 301);
    assert_int_equal(w.start[299], 'x');
    assert_int_equal(w.start[300], 'y');
    writer_free(&w);
    assert_int_equal(w.used, 0);
    writer_u8(&w, 'z'); /* a freed writer begins again, with its limit */
    expect_written(&w, BYTES_LITERAL("z"));
    writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_texts_and_bytes_are_appended),
        cmocka_unit_test(test_an_array_takes_what_fits_and_not_a_byte_more),
        cmocka_unit_test(test_a_growing_writer_grows_to_its_limit_and_not_beyond),
        cmocka_unit_test(test_a_bad_writer_ignores_what_follows),
        cmocka_unit_test(test_lengths_that_wrap_around_do_not_fit),
        cmocka_unit_test(test_numbers_too_large_for_their_field_are_refused),
        cmocka_unit_test(test_a_length_is_patched_where_it_was_written),
        cmocka_unit_test(test_patching_what_was_not_written_is_refused),
        cmocka_unit_test(test_reserved_room_counts_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
