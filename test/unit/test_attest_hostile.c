/*
 * Every CBOR that strangers hand us, spoilt at every place where it can be: lengths of 4 GiB, nesting 10,000 deep, keys
 * that stand twice, indefinite lengths, heads that are longer than need be, bytes behind the end. All of it is refused.
 */
#include "attest/cbor.h"
#include "base/mem.h"
#include "cbor_documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEPTH 10000

/* ---- how they are spoilt ---- */

/* An item of a good document. */
struct item {
    uint8_t major;
    uint64_t value;
    size_t start, content, end; /* of the head, behind it, and behind the item */
    size_t first_pair_end;      /* of a map that is not empty */
};

static uint64_t head_value(const uint8_t *p, size_t *content)
{
    uint8_t low = p[0] & 0x1f;
    size_t more = low < 24 ? 0 : (size_t)1 << (low - 24);
    uint64_t value = low < 24 ? low : 0;
    for (size_t i = 0; i < more; i++)
        value = value << 8 | p[1 + i];
    *content = 1 + more;
    return value;
}

typedef void spoiler(struct bytes good, const struct item *item, struct writer *w);

struct spoiling {
    const struct cbor_document *document;
    const char *how;
    spoiler *spoil;
    struct bytes good;
    unsigned tried;
};

static size_t visit(struct spoiling *s, size_t at);

static void try_spoilt(struct spoiling *s, const struct item *item)
{
    struct writer w = writer_growing(CBOR_DOCUMENT_ROOM);
    s->spoil(s->good, item, &w);
    assert_false(w.bad);
    if (w.used > 0) {
        struct err outcome = s->document->read(writer_bytes(&w));
        if (outcome.code != ERR_INPUT && outcome.code != ERR_UNSUPPORTED && outcome.code != ERR_LIMIT)
            fail_msg("%s with %s at byte %zu: code %d \"%s\"", s->document->name, s->how, item->start, outcome.code,
                     outcome.why);
        s->tried++;
    }
    writer_free(&w);
}

/* Walks over a good document, and spoils each item of it in turn. Returns where the item ends. */
static size_t visit(struct spoiling *s, size_t at)
{
    struct item item = {.major = s->good.p[at] >> 5, .start = at};
    size_t head;
    item.value = head_value(s->good.p + at, &head);
    item.content = item.end = at + head;
    if (item.major == 2 || item.major == 3)
        item.end += item.value;
    uint64_t inner = item.major == 4 ? item.value : item.major == 5 ? 2 * item.value : item.major == 6 ? 1 : 0;
    for (uint64_t i = 0; i < inner; i++) {
        item.end = visit(s, item.end);
        if (i == 1)
            item.first_pair_end = item.end;
    }
    try_spoilt(s, &item);
    return item.end;
}

static struct bytes part(struct bytes whole, size_t from, size_t to)
{
    return bytes_of(whole.p + from, to - from);
}

/* The document with other bytes in place of some. */
static void splice(struct bytes good, size_t from, size_t to, struct bytes with, struct writer *w)
{
    writer_put(w, part(good, 0, from));
    writer_put(w, with);
    writer_put(w, part(good, to, good.n));
}

static bool is_string_or_list(const struct item *item)
{
    return item->major >= 2 && item->major <= 5;
}

static void claim_4_gib(struct bytes good, const struct item *item, struct writer *w)
{
    uint8_t head[] = {(uint8_t)(item->major << 5 | 26), 0xff, 0xff, 0xff, 0xff};
    if (is_string_or_list(item))
        splice(good, item->start, item->content, BYTES(head), w);
}

static void claim_all_there_is(struct bytes good, const struct item *item, struct writer *w)
{
    uint8_t head[] = {(uint8_t)(item->major << 5 | 27), 0x80, 0, 0, 0, 0, 0, 0, 1};
    if (is_string_or_list(item))
        splice(good, item->start, item->content, BYTES(head), w);
}

static void nest(struct bytes good, const struct item *item, uint8_t head, struct writer *w)
{
    uint8_t *deep = mem_alloc(DEPTH + 1);
    memset(deep, head, DEPTH);
    splice(good, item->start, item->end, bytes_of(deep, DEPTH + 1), w);
    free(deep);
}

static void nest_arrays(struct bytes good, const struct item *item, struct writer *w)
{
    nest(good, item, 0x81, w);
}

static void nest_tags(struct bytes good, const struct item *item, struct writer *w)
{
    nest(good, item, 0xc1, w);
}

static void nest_maps(struct bytes good, const struct item *item, struct writer *w)
{
    uint8_t *deep = mem_alloc(2 * DEPTH + 1);
    for (size_t i = 0; i < DEPTH; i++)
        deep[2 * i] = 0xa1;
    splice(good, item->start, item->end, bytes_of(deep, 2 * DEPTH + 1), w);
    free(deep);
}

static void write_head(uint8_t major, uint64_t value, struct writer *w)
{
    writer_u8(w, (uint8_t)(major << 5 | 27));
    writer_u64(w, value);
}

/* Heads of eight bytes are longer than any of these needs. */
static void lengthen_head(struct bytes good, const struct item *item, struct writer *w)
{
    uint8_t room[9];
    struct writer head = writer_over(room, sizeof room);
    write_head(item->major, item->value, &head);
    splice(good, item->start, item->content, writer_bytes(&head), w);
}

static void leave_length_open(struct bytes good, const struct item *item, struct writer *w)
{
    if (!is_string_or_list(item))
        return;
    writer_put(w, part(good, 0, item->start));
    writer_u8(w, (uint8_t)(item->major << 5 | 31));
    writer_put(w, part(good, item->major < 4 ? item->start : item->content, item->end));
    writer_u8(w, 0xff);
    writer_put(w, part(good, item->end, good.n));
}

static void repeat_first_pair(struct bytes good, const struct item *item, struct writer *w)
{
    if (item->major != 5 || item->value == 0)
        return;
    writer_put(w, part(good, 0, item->start));
    cbor_write_map(w, item->value + 1);
    writer_put(w, part(good, item->content, item->first_pair_end));
    writer_put(w, part(good, item->content, good.n));
}

static void append_byte(struct bytes good, const struct item *item, struct writer *w)
{
    if (item->start > 0)
        return;
    writer_put(w, good);
    writer_u8(w, 0);
}

/* One byte less, at every place where an item begins. */
static void cut(struct bytes good, const struct item *item, struct writer *w)
{
    writer_put(w, part(good, 0, item->start));
}

static void spoil_all(const char *how, spoiler *spoil)
{
    for (size_t i = 0; i < CBOR_DOCUMENTS; i++) {
        struct writer w = writer_growing(CBOR_DOCUMENT_ROOM);
        cbor_documents[i].write(&w);
        assert_false(w.bad);
        struct spoiling s = {&cbor_documents[i], how, spoil, writer_bytes(&w), 0};
        assert_int_equal(visit(&s, 0), s.good.n);
        if (s.tried == 0 && (cbor_documents[i].has_map || spoil != repeat_first_pair))
            fail_msg("%s: nothing was tried with %s", cbor_documents[i].name, how);
        writer_free(&w);
    }
}

/* ---- tests ---- */

static void test_good_ones_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < CBOR_DOCUMENTS; i++) {
        struct writer w = writer_growing(CBOR_DOCUMENT_ROOM);
        cbor_documents[i].write(&w);
        struct err outcome = cbor_documents[i].read(writer_bytes(&w));
        if (failed(outcome))
            fail_msg("%s: %s", cbor_documents[i].name, outcome.why);
        writer_free(&w);
    }
}

static void test_lengths_of_4_gib_are_refused(void **state)
{
    (void)state;
    spoil_all("a length of 4 GiB", claim_4_gib);
    spoil_all("a length of 2^63 + 1", claim_all_there_is);
}

static void test_nesting_10000_deep_is_refused(void **state)
{
    (void)state;
    spoil_all("10,000 arrays", nest_arrays);
    spoil_all("10,000 maps", nest_maps);
    spoil_all("10,000 tags", nest_tags);
}

static void test_map_keys_that_stand_twice_are_refused(void **state)
{
    (void)state;
    spoil_all("a key twice", repeat_first_pair);
}

static void test_indefinite_lengths_are_refused(void **state)
{
    (void)state;
    spoil_all("an indefinite length", leave_length_open);
}

static void test_heads_that_are_not_shortest_are_refused(void **state)
{
    (void)state;
    spoil_all("a long head", lengthen_head);
}

static void test_trailing_bytes_are_refused(void **state)
{
    (void)state;
    spoil_all("a trailing byte", append_byte);
}

static void test_documents_that_end_early_are_refused(void **state)
{
    (void)state;
    spoil_all("its end missing", cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones_are_read),
        cmocka_unit_test(test_lengths_of_4_gib_are_refused),
        cmocka_unit_test(test_nesting_10000_deep_is_refused),
        cmocka_unit_test(test_map_keys_that_stand_twice_are_refused),
        cmocka_unit_test(test_indefinite_lengths_are_refused),
        cmocka_unit_test(test_heads_that_are_not_shortest_are_refused),
        cmocka_unit_test(test_trailing_bytes_are_refused),
        cmocka_unit_test(test_documents_that_end_early_are_refused),
    };
    return cmocka_run_group_tests(tests, cbor_documents_begin, NULL);
}
