/*
 * Every CBOR that strangers hand us, spoilt at every place where it can be: lengths of 4 GiB, nesting 10,000 deep, keys
 * that stand twice, indefinite lengths, heads that are longer than need be, bytes behind the end. All of it is refused.
 */
#include "attest/bind.h"
#include "attest/cbor.h"
#include "attest/cmw.h"
#include "attest/corim_snp.h"
#include "attest/eat.h"
#include "attest/evidence_foreign.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#define ROOM         65536
#define DEPTH        10000

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- good ones ---- */

static uint8_t report[SNP_REPORT_SIZE];
static const char nonce[] = "0123456789abcdef";
static struct bind good_bind;

static int begin(void **state)
{
    (void)state;
    struct snp_report fields = {.version = 3, .chip_id = {1, 2, 3}};
    snp_report_write(&fields, report);
    good_bind =
        (struct bind){.kind = BIND_KIND_LEAF, .issued_at_s = 1760000000, .nonce = bytes_of(nonce, sizeof nonce - 1)};
    return 0;
}

static void write_cmw_around(struct bytes bind, struct writer *w)
{
    struct cmw cmw = {.report = BYTES(report), .bind = bind};
    cmw_write(&cmw, w);
}

static void write_bind(struct writer *w)
{
    bind_write(&good_bind, w);
}

static void write_cmw(struct writer *w)
{
    uint8_t room[BIND_MAX];
    struct writer bind = writer_over(room, sizeof room);
    write_bind(&bind);
    write_cmw_around(writer_bytes(&bind), w);
}

static void write_eat(struct writer *w)
{
    uint8_t room[BIND_MAX];
    struct writer bind = writer_over(room, sizeof room);
    write_bind(&bind);
    struct cmw cmw = {.report = BYTES(report), .bind = writer_bytes(&bind)};
    assert_false(failed(eat_write(&cmw, &good_bind, w)));
}

static void write_record_around(struct bytes token, struct writer *w)
{
    cbor_write_array(w, 3);
    cbor_write_text(w, EAT_MEDIA_TYPE);
    cbor_write_bytes(w, token);
    cbor_write_uint(w, CMW_EVIDENCE);
}

static void write_record(struct writer *w)
{
    struct writer token = writer_growing(EAT_MAX);
    write_eat(&token);
    write_record_around(writer_bytes(&token), w);
    writer_free(&token);
}

/* As the Go proxy writes it: keys in any order, and members that nobody reads. */
static void write_go_eat(struct writer *w)
{
    cbor_write_map(w, 5);
    cbor_write_uint(w, 10);
    cbor_write_bytes(w, bytes_of(nonce, sizeof nonce - 1));
    cbor_write_uint(w, 6);
    cbor_write_uint(w, 1760000000);
    cbor_write_uint(w, 1002);
    cbor_write_map(w, 2);
    cbor_write_text(w, "tcb");
    cbor_write_array(w, 2);
    cbor_write_uint(w, 1);
    cbor_write_text(w, "two");
    cbor_write_text(w, "measurement");
    cbor_write_bytes(w, BYTES_LITERAL("of something"));
    cbor_write_uint(w, 1001);
    cbor_write_bytes(w, BYTES(report));
    cbor_write_uint(w, 1100);
    cbor_write_array(w, 1);
    cbor_write_bytes(w, BYTES_LITERAL("a certificate"));
}

static void write_key_hash(struct writer *w)
{
    uint8_t hash[32] = {0};
    cbor_write_array(w, 2);
    cbor_write_uint(w, 1);
    cbor_write_bytes(w, BYTES(hash));
}

static void write_claims_around(struct bytes key_hash, struct writer *w)
{
    cbor_write_map(w, 2);
    cbor_write_text(w, "pubkey-hash");
    cbor_write_bytes(w, key_hash);
    cbor_write_text(w, "nonce");
    cbor_write_bytes(w, bytes_of(nonce, sizeof nonce - 1));
}

static void write_claims(struct writer *w)
{
    uint8_t room[64];
    struct writer key_hash = writer_over(room, sizeof room);
    write_key_hash(&key_hash);
    write_claims_around(writer_bytes(&key_hash), w);
}

static void write_dice_around(struct bytes claims, struct writer *w)
{
    cbor_write_tag(w, EVIDENCE_DICE_TAG);
    cbor_write_array(w, 2);
    cbor_write_bytes(w, BYTES(report));
    cbor_write_bytes(w, claims);
}

static void write_dice(struct writer *w)
{
    uint8_t room[256];
    struct writer claims = writer_over(room, sizeof room);
    write_claims(&claims);
    write_dice_around(writer_bytes(&claims), w);
}

/* A class-id of a report, a measurement, its GUEST_SVN, and a value that nobody reads. */
static void write_comid(struct writer *w)
{
    uint8_t measurement[SNP_MEASUREMENT_SIZE] = {7};
    cbor_write_map(w, 3);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "en-GB");
    cbor_write_uint(w, 1);
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "release 7");
    cbor_write_uint(w, 1);
    cbor_write_uint(w, 3);
    cbor_write_uint(w, 4);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 0);
    cbor_write_array(w, 1);
    cbor_write_array(w, 2);
    cbor_write_map(w, 1); /* environment */
    cbor_write_uint(w, 0);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 0);
    cbor_write_tag(w, CORIM_TAG_OID);
    cbor_write_bytes(w, BYTES_LITERAL("\x2b\x06\x01\x04\x01\x9c\x78\x03\x01"));
    cbor_write_array(w, 3); /* measurements */
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_uint(w, 641);
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 2);
    cbor_write_array(w, 1);
    cbor_write_array(w, 2);
    cbor_write_uint(w, 7);
    cbor_write_bytes(w, BYTES(measurement));
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_uint(w, 1);
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 1);
    cbor_write_tag(w, CORIM_TAG_MIN_SVN);
    cbor_write_uint(w, 2);
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_uint(w, 642);
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 4);
    cbor_write_tag(w, CORIM_TAG_BYTES);
    cbor_write_bytes(w, BYTES_LITERAL("host data"));
}

static void write_corim_around(struct bytes comid, struct writer *w)
{
    cbor_write_tag(w, CORIM_TAG_CORIM);
    cbor_write_map(w, 4);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "a manifest");
    cbor_write_uint(w, 1);
    cbor_write_array(w, 2);
    cbor_write_tag(w, CORIM_TAG_COMID);
    cbor_write_bytes(w, comid);
    cbor_write_tag(w, 505);
    cbor_write_bytes(w, BYTES_LITERAL("a CoSWID"));
    cbor_write_uint(w, 3);
    cbor_write_tag(w, CORIM_TAG_URI);
    cbor_write_text(w, "tag:amd.com,2024:snp-corim-profile");
    cbor_write_uint(w, 4);
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_tag(w, CORIM_TAG_TIME);
    cbor_write_uint(w, 1700000000);
    cbor_write_uint(w, 1);
    cbor_write_tag(w, CORIM_TAG_TIME);
    cbor_write_uint(w, 1800000000);
}

static void write_corim(struct writer *w)
{
    uint8_t room[512];
    struct writer comid = writer_over(room, sizeof room);
    write_comid(&comid);
    write_corim_around(writer_bytes(&comid), w);
}

static void write_meta(struct writer *w)
{
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "the release team");
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 1);
    cbor_write_tag(w, CORIM_TAG_TIME);
    cbor_write_uint(w, 1800000000);
}

static void write_header_around(struct bytes meta, struct writer *w)
{
    cbor_write_map(w, 4);
    cbor_write_uint(w, 1);
    writer_u8(w, 0x26); /* -7: ES256 */
    cbor_write_uint(w, 3);
    cbor_write_text(w, "application/rim+cbor");
    cbor_write_uint(w, 4);
    cbor_write_bytes(w, BYTES_LITERAL("key"));
    cbor_write_uint(w, 8);
    cbor_write_bytes(w, meta);
}

static void write_header(struct writer *w)
{
    uint8_t room[128];
    struct writer meta = writer_over(room, sizeof room);
    write_meta(&meta);
    write_header_around(writer_bytes(&meta), w);
}

static void write_signed_around(struct bytes header, struct bytes payload, struct writer *w)
{
    uint8_t signature[64] = {0};
    cbor_write_tag(w, COSE_SIGN1_TAG);
    cbor_write_array(w, 4);
    cbor_write_bytes(w, header);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 33);
    cbor_write_bytes(w, BYTES_LITERAL("a chain"));
    cbor_write_bytes(w, payload);
    cbor_write_bytes(w, BYTES(signature));
}

static void write_signed(struct writer *w)
{
    uint8_t header_room[256], payload_room[1024];
    struct writer header = writer_over(header_room, sizeof header_room);
    struct writer payload = writer_over(payload_room, sizeof payload_room);
    write_header(&header);
    write_corim(&payload);
    write_signed_around(writer_bytes(&header), writer_bytes(&payload), w);
}

/* ---- how they are read ---- */

static struct err read_bind(struct bytes cbor)
{
    struct bind bind;
    return bind_parse(cbor, &bind);
}

static struct err read_cmw(struct bytes cbor)
{
    struct cmw cmw;
    return cmw_parse(cbor, &cmw);
}

static struct err read_eat(struct bytes cbor)
{
    struct eat eat;
    return eat_parse(cbor, &eat);
}

static struct err read_record(struct bytes cbor)
{
    struct eat eat;
    struct writer w = writer_growing(ROOM);
    cmw_wrap(cbor, &w);
    struct err outcome = eat_parse_extension(writer_bytes(&w), &eat);
    writer_free(&w);
    return outcome;
}

static struct err read_go_eat(struct bytes cbor)
{
    struct evidence_go_eat eat;
    return evidence_go_eat_parse(cbor, &eat);
}

static struct err read_dice(struct bytes cbor)
{
    struct evidence_dice dice;
    return evidence_dice_parse(cbor, &dice);
}

static struct err take_nothing(void *arg, const struct corim_reference *reference)
{
    (void)arg;
    (void)reference;
    return OK;
}

static struct err read_corim(struct bytes cbor)
{
    struct corim corim;
    TRY(corim_parse(cbor, &corim));
    return corim_snp_each(&corim, take_nothing, NULL);
}

/* The same of what stands inside another one. */
static struct err read_around(struct bytes inner, void (*write)(struct bytes inner, struct writer *w),
                              struct err (*read)(struct bytes cbor))
{
    struct writer w = writer_growing(ROOM);
    write(inner, &w);
    struct err outcome = read(writer_bytes(&w));
    writer_free(&w);
    return outcome;
}

static struct err read_claims(struct bytes cbor)
{
    return read_around(cbor, write_dice_around, read_dice);
}

static struct err read_key_hash(struct bytes cbor)
{
    return read_around(cbor, write_claims_around, read_claims);
}

static struct err read_comid(struct bytes cbor)
{
    return read_around(cbor, write_corim_around, read_corim);
}

static void write_signed_by_header(struct bytes header, struct writer *w)
{
    uint8_t room[1024];
    struct writer payload = writer_over(room, sizeof room);
    write_corim(&payload);
    write_signed_around(header, writer_bytes(&payload), w);
}

static struct err read_header(struct bytes cbor)
{
    return read_around(cbor, write_signed_by_header, read_corim);
}

static struct err read_meta(struct bytes cbor)
{
    return read_around(cbor, write_header_around, read_header);
}

static const struct format {
    const char *name;
    void (*write)(struct writer *w);
    struct err (*read)(struct bytes cbor);
    bool has_map;
} formats[] = {
    {"bind record", write_bind, read_bind, true},
    {"CMW", write_cmw, read_cmw, true},
    {"EAT", write_eat, read_eat, true},
    {"EAT in a record", write_record, read_record, false},
    {"go-eat", write_go_eat, read_go_eat, true},
    {"DICE", write_dice, read_dice, false},
    {"DICE claims", write_claims, read_claims, true},
    {"DICE key hash", write_key_hash, read_key_hash, false},
    {"CoRIM", write_corim, read_corim, true},
    {"CoMID", write_comid, read_comid, true},
    {"signed CoRIM", write_signed, read_corim, true},
    {"COSE header", write_header, read_header, true},
    {"CoRIM meta data", write_meta, read_meta, true},
};

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
    const struct format *format;
    const char *how;
    spoiler *spoil;
    struct bytes good;
    unsigned tried;
};

static size_t visit(struct spoiling *s, size_t at);

static void try_spoilt(struct spoiling *s, const struct item *item)
{
    struct writer w = writer_growing(ROOM);
    s->spoil(s->good, item, &w);
    assert_false(w.bad);
    if (w.used > 0) {
        struct err outcome = s->format->read(writer_bytes(&w));
        if (outcome.code != ERR_INPUT && outcome.code != ERR_UNSUPPORTED && outcome.code != ERR_LIMIT)
            fail_msg("%s with %s at byte %zu: code %d \"%s\"", s->format->name, s->how, item->start, outcome.code,
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
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct writer w = writer_growing(ROOM);
        formats[i].write(&w);
        assert_false(w.bad);
        struct spoiling s = {&formats[i], how, spoil, writer_bytes(&w), 0};
        assert_int_equal(visit(&s, 0), s.good.n);
        if (s.tried == 0 && (formats[i].has_map || spoil != repeat_first_pair))
            fail_msg("%s: nothing was tried with %s", formats[i].name, how);
        writer_free(&w);
    }
}

/* ---- tests ---- */

static void test_good_ones_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct writer w = writer_growing(ROOM);
        formats[i].write(&w);
        struct err outcome = formats[i].read(writer_bytes(&w));
        if (failed(outcome))
            fail_msg("%s: %s", formats[i].name, outcome.why);
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
    return cmocka_run_group_tests(tests, begin, NULL);
}
