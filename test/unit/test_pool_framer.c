/* Where messages begin, however the stream is cut. */
#include "base/reader.h"
#include "base/writer.h"
#include "pool/framer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* Of 'S' the whole body is wanted, of 'E' the first three bytes, of others nothing. */
static uint32_t want(const void *context, uint8_t type, uint32_t body_size)
{
    (void)context;
    uint32_t wanted = type == 'S' ? body_size : type == 'E' ? 3 : 0;
    return wanted < body_size ? wanted : body_size;
}

/* What came out: the bytes that passed through, and the heads as "type size wanted-part;". */
struct outcome {
    struct writer passed;
    struct writer heads;
    bool bad;
};

static struct outcome outcome_new(void)
{
    return (struct outcome){.passed = writer_growing(1024 * 1024), .heads = writer_growing(1024 * 1024)};
}

static void outcome_free(struct outcome *outcome)
{
    writer_free(&outcome->passed);
    writer_free(&outcome->heads);
}

static void feed(struct framer *framer, struct bytes input, struct outcome *outcome)
{
    /* On the heap, so that a sanitizer sees a read beyond the piece, or of an earlier piece. */
    uint8_t *copy = mem_copy(input);
    struct bytes left = bytes_of(copy, input.n);
    struct frame frame;
    struct bytes piece;
    enum framer_step step;
    while ((step = framer_next(framer, &left, want, NULL, &frame, &piece)) != FRAMER_MORE && step != FRAMER_BAD) {
        writer_put(&outcome->passed, piece);
        if (step == FRAMER_HEAD) {
            writer_format(&outcome->heads, "%c %u ", frame.type, frame.body_size);
            writer_put(&outcome->heads, frame.body);
            writer_u8(&outcome->heads, ';');
        }
    }
    outcome->bad = step == FRAMER_BAD;
    if (step == FRAMER_MORE)
        assert_int_equal(left.n, 0);
    free(copy);
}

static const char stream[] = "Z\0\0\0\5I"
                             "S\0\0\0\x0eis_super\0\0"
                             "D\0\0\0\x18twenty bytes of data"
                             "1\0\0\0\4"
                             "E\0\0\0\7abc"
                             "E\0\0\0\6ab"
                             "E\0\0\0\x0b"
                             "abcdefg"
                             "S\0\0\0\4"
                             "c\0\0\0\4";
static const char stream_heads[] = "Z 1 ;S 10 is_super\0\0;D 20 ;1 0 ;E 3 abc;E 2 ab;E 7 abc;S 0 ;c 0 ;";

static struct bytes whole(void)
{
    return bytes_of(stream, sizeof stream - 1);
}

static void expect_all(const struct outcome *outcome)
{
    assert_false(outcome->bad);
    assert_true(bytes_equal(writer_bytes(&outcome->passed), whole()));
    assert_true(bytes_equal(writer_bytes(&outcome->heads), bytes_of(stream_heads, sizeof stream_heads - 1)));
}

static void test_messages_are_found_in_one_piece(void **state)
{
    (void)state;
    struct framer framer = {0};
    struct outcome outcome = outcome_new();
    feed(&framer, whole(), &outcome);
    expect_all(&outcome);
    assert_true(framer_at_boundary(&framer));
    assert_null(framer.kept); /* nothing was cut, so nothing was kept */
    outcome_free(&outcome);
    framer_clear(&framer);
}

static void test_messages_are_found_however_the_stream_is_cut_in_three(void **state)
{
    (void)state;
    struct bytes all = whole();
    for (size_t first = 0; first <= all.n; first++) {
        for (size_t second = first; second <= all.n; second++) {
            struct framer framer = {0};
            struct outcome outcome = outcome_new();
            feed(&framer, bytes_of(all.p, first), &outcome);
            feed(&framer, bytes_of(all.p + first, second - first), &outcome);
            feed(&framer, bytes_of(all.p + second, all.n - second), &outcome);
            expect_all(&outcome);
            assert_true(framer_at_boundary(&framer));
            outcome_free(&outcome);
            framer_clear(&framer);
        }
    }
}

static void test_messages_are_found_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct bytes all = whole();
    for (size_t size = 1; size <= 12; size++) {
        struct framer framer = {0};
        struct outcome outcome = outcome_new();
        for (size_t at = 0; at < all.n; at += size)
            feed(&framer, bytes_of(all.p + at, size < all.n - at ? size : all.n - at), &outcome);
        expect_all(&outcome);
        outcome_free(&outcome);
        framer_clear(&framer);
    }
}

static void test_it_is_known_whether_the_stream_stands_between_messages(void **state)
{
    (void)state;
    struct framer framer = {0};
    struct outcome outcome = outcome_new();
    assert_true(framer_at_boundary(&framer));
    feed(&framer, BYTES_LITERAL("D\0\0"), &outcome); /* half a head */
    assert_false(framer_at_boundary(&framer));
    assert_int_equal(outcome.passed.used, 0);
    feed(&framer, BYTES_LITERAL("\0\6x"), &outcome); /* half a body */
    assert_false(framer_at_boundary(&framer));
    assert_int_equal(outcome.passed.used, 6);
    feed(&framer, BYTES_LITERAL("y"), &outcome);
    assert_true(framer_at_boundary(&framer));
    assert_int_equal(outcome.passed.used, 7);
    outcome_free(&outcome);
    framer_clear(&framer);
}

static void test_what_is_kept_is_freed_once_it_is_used(void **state)
{
    (void)state;
    struct framer framer = {0};
    struct outcome outcome = outcome_new();
    feed(&framer, BYTES_LITERAL("S\0\0\0"), &outcome);
    assert_non_null(framer.kept);
    feed(&framer, BYTES_LITERAL("\6ab"), &outcome);
    assert_null(framer.kept);
    outcome_free(&outcome);
    framer_clear(&framer);
}

static void test_lengths_that_cannot_be_are_bad(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        {(const uint8_t *)"D\0\0\0\0", 5},   {(const uint8_t *)"D\0\0\0\3", 5},
        {(const uint8_t *)"D\200\0\0\0", 5}, {(const uint8_t *)"D\377\377\377\377", 5},
        {(const uint8_t *)"S\0\1\0\5", 5},   {(const uint8_t *)"S\177\377\377\377", 5},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t cut = 0; cut <= bad[i].n; cut++) {
            struct framer framer = {0};
            struct outcome outcome = outcome_new();
            feed(&framer, bytes_of(bad[i].p, cut), &outcome);
            if (!outcome.bad)
                feed(&framer, bytes_of(bad[i].p + cut, bad[i].n - cut), &outcome);
            assert_true(outcome.bad);
            assert_int_equal(outcome.heads.used + outcome.passed.used, 0);
            outcome_free(&outcome);
            framer_clear(&framer);
        }
    }
}

static void test_the_longest_lengths_pass(void **state)
{
    (void)state;
    struct framer framer = {0};
    struct outcome outcome = outcome_new();
    feed(&framer, BYTES_LITERAL("D\177\377\377\377"), &outcome); /* a row of 2 GB: nothing is kept of it */
    assert_false(outcome.bad);
    assert_int_equal(framer.body_left, INT32_MAX - 4);
    assert_null(framer.kept);
    framer_clear(&framer);
    outcome_free(&outcome);

    uint8_t *body = mem_alloc(65536);
    framer = (struct framer){0};
    outcome = outcome_new();
    feed(&framer, BYTES_LITERAL("S\0\1\0\4"), &outcome); /* the most that is seen whole: 64 kB */
    assert_false(outcome.bad);
    feed(&framer, bytes_of(body, 65535), &outcome);
    assert_int_equal(outcome.passed.used, 0);
    feed(&framer, bytes_of(body, 1), &outcome);
    assert_int_equal(outcome.passed.used, 65541);
    framer_clear(&framer);
    outcome_free(&outcome);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_found_in_one_piece),
        cmocka_unit_test(test_messages_are_found_however_the_stream_is_cut_in_three),
        cmocka_unit_test(test_messages_are_found_in_pieces_of_any_size),
        cmocka_unit_test(test_it_is_known_whether_the_stream_stands_between_messages),
        cmocka_unit_test(test_what_is_kept_is_freed_once_it_is_used),
        cmocka_unit_test(test_lengths_that_cannot_be_are_bad),
        cmocka_unit_test(test_the_longest_lengths_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
