/* The bind record and REPORT_DATA, against bytes that another encoder and another hash library made. */
#include "attest/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "attest_bytes.h"

#define BIND_HEX                                                                                                       \
    "a501010201035830000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"                 \
    "28292a2b2c2d2e2f041a6955b900055820a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"                 \
    "a5"
#define BIND_EMPTY_HEX "a5010102010340041a6955b9000540"
#define ISSUED_AT_S    1767225600

struct known {
    uint8_t digest[SHA384_SIZE];
    uint8_t nonce[32];
    uint8_t issuer[SHA384_SIZE];
    struct bind bind;
    struct bind empty;
    struct certificate_facts facts;
};

static void known_init(struct known *known)
{
    for (size_t i = 0; i < sizeof known->digest; i++)
        known->digest[i] = (uint8_t)i;
    memset(known->nonce, 0xa5, sizeof known->nonce);
    struct sample issuer = sample_of_hex("21601954f4ec64e6f1f9bc7a1dc41e3c9ed3fe1d71af50d1cd62b29549ac6061"
                                         "b50765a895dddbd51ca6a8e7dbb073f7");
    memcpy(known->issuer, issuer.byte, sizeof known->issuer);
    known->empty = (struct bind){.kind = BIND_KIND_LEAF, .issued_at_s = ISSUED_AT_S};
    known->bind = known->empty;
    known->bind.config_digest = BYTES(known->digest);
    known->bind.nonce = BYTES(known->nonce);
    known->facts = (struct certificate_facts){.spki = BYTES_LITERAL("SPKI"),
                                              .subject = BYTES_LITERAL("SUBJECT"),
                                              .san = BYTES_LITERAL("SAN"),
                                              .not_before_s = ISSUED_AT_S - 300,
                                              .not_after_s = ISSUED_AT_S + 3600};
}

static struct err parse_hex(const char *hex, struct bind *out)
{
    static struct sample sample; /* views of `out` look at it */
    sample = sample_of_hex(hex);
    return bind_parse(sample_bytes(&sample), out);
}

static struct err parse_changed(const char *from, const char *to)
{
    struct sample changed = sample_replace(sample_of_hex(BIND_HEX), from, to);
    struct bind bind;
    return bind_parse(sample_bytes(&changed), &bind);
}

static void test_record_is_written_as_known(void **state)
{
    (void)state;
    struct known known;
    known_init(&known);
    uint8_t room[BIND_MAX];
    struct writer w = writer_over(room, sizeof room);
    bind_write(&known.bind, &w);
    struct sample expected = sample_of_hex(BIND_HEX);
    assert_true(bytes_equal(writer_bytes(&w), sample_bytes(&expected)));
    w = writer_over(room, sizeof room);
    bind_write(&known.empty, &w);
    expected = sample_of_hex(BIND_EMPTY_HEX);
    assert_true(bytes_equal(writer_bytes(&w), sample_bytes(&expected)));
}

static void test_record_is_read_back(void **state)
{
    (void)state;
    struct known known;
    struct bind bind;
    known_init(&known);
    assert_false(failed(parse_hex(BIND_HEX, &bind)));
    assert_int_equal(bind.kind, BIND_KIND_LEAF);
    assert_true(bytes_equal(bind.config_digest, BYTES(known.digest)));
    assert_int_equal(bind.issued_at_s, ISSUED_AT_S);
    assert_true(bytes_equal(bind.nonce, BYTES(known.nonce)));
    assert_false(failed(parse_hex(BIND_EMPTY_HEX, &bind)));
    assert_int_equal(bind.config_digest.n, 0);
    assert_int_equal(bind.nonce.n, 0);
}

static void test_report_data_is_as_known(void **state)
{
    (void)state;
    struct known known;
    uint8_t data[SNP_REPORT_DATA_SIZE];
    known_init(&known);
    assert_false(failed(bind_report_data(&known.bind, &known.facts, known.issuer, data)));
    struct sample expected = sample_of_hex("aeb5f7d933dcd569be466267b8f1f0f0782787d6b9d5d3067516fff88f56b929"
                                           "73c364560f89309f10d4d27c3fc96411ff5e567d1483fdbfd1d1726388eed5cb");
    assert_memory_equal(data, expected.byte, sizeof data);
    known.facts.san = BYTES_NONE;
    assert_false(failed(bind_report_data(&known.empty, &known.facts, known.issuer, data)));
    expected = sample_of_hex("7b83b4050e39b828f784738035da217d31d09bbd1625f2c144b06fe3b72ac295"
                             "a38a888c7c1730c4887946eb3dc2f355164123d9f99e997ec26a3526e703864b");
    assert_memory_equal(data, expected.byte, sizeof data);
}

static void check_data_differs(const struct known *known)
{
    struct known original;
    uint8_t before[SNP_REPORT_DATA_SIZE], after[SNP_REPORT_DATA_SIZE];
    known_init(&original);
    assert_false(failed(bind_report_data(&original.bind, &original.facts, original.issuer, before)));
    assert_false(failed(bind_report_data(&known->bind, &known->facts, known->issuer, after)));
    assert_memory_not_equal(before, after, sizeof before);
}

static void test_every_bound_value_changes_report_data(void **state)
{
    (void)state;
    struct known known;
    known_init(&known);
    known.facts.spki = BYTES_LITERAL("SPKJ");
    check_data_differs(&known);
    known_init(&known);
    known.facts.subject = BYTES_LITERAL("SUBJECU");
    check_data_differs(&known);
    known_init(&known);
    known.facts.san = BYTES_LITERAL("SAO");
    check_data_differs(&known);
    known_init(&known);
    known.facts.not_before_s++;
    check_data_differs(&known);
    known_init(&known);
    known.facts.not_after_s++;
    check_data_differs(&known);
    known_init(&known);
    known.bind.issued_at_s++;
    check_data_differs(&known);
    known_init(&known);
    known.digest[47] ^= 1;
    check_data_differs(&known);
    known_init(&known);
    known.nonce[0] ^= 1;
    check_data_differs(&known);
    known_init(&known);
    known.issuer[0] ^= 1;
    check_data_differs(&known);
}

static void test_bytes_cannot_move_from_one_value_to_the_next(void **state)
{
    (void)state;
    struct known known;
    known_init(&known);
    known.facts.spki = BYTES_LITERAL("SPK");
    known.facts.subject = BYTES_LITERAL("ISUBJECT");
    check_data_differs(&known);
}

static void test_values_that_cannot_be_are_not_bound(void **state)
{
    (void)state;
    struct known known;
    uint8_t data[SNP_REPORT_DATA_SIZE], nonce[BIND_NONCE_MAX + 1] = {0};
    known_init(&known);
    known.facts.not_before_s = -1;
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_INPUT);
    known_init(&known);
    known.bind.issued_at_s = -1;
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_INPUT);
    known_init(&known);
    known.bind.config_digest.n--;
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_INPUT);
    known_init(&known);
    known.bind.nonce = BYTES(nonce);
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_INPUT);
    known_init(&known);
    known.bind.kind = 2;
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_UNSUPPORTED);
    known_init(&known);
    static const uint8_t long_name[UINT16_MAX + 1];
    known.facts.subject = BYTES(long_name);
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_LIMIT);
}

static void test_other_profiles_and_kinds_are_unsupported(void **state)
{
    (void)state;
    assert_int_equal(parse_changed("0101", "0102").code, ERR_UNSUPPORTED);
    assert_int_equal(parse_changed("0201", "0202").code, ERR_UNSUPPORTED);
    assert_int_equal(parse_changed("0201", "0204").code, ERR_UNSUPPORTED);
    struct bind bind;
    assert_int_equal(parse_hex("a201020201", &bind).code, ERR_UNSUPPORTED);
}

/* The hash was made apart from this program, from the profile alone. */
static void test_a_report_by_itself_binds_its_record_alone(void **state)
{
    (void)state;
    static const uint8_t nonce[] = {0x00, 0xff};
    struct bind bind = {.kind = BIND_KIND_REPORT, .issued_at_s = 1767225600, .nonce = BYTES(nonce)}, again;
    uint8_t room[BIND_MAX], data[SNP_REPORT_DATA_SIZE];
    char hex[2 * SNP_REPORT_DATA_SIZE + 1];
    struct writer w = writer_over(room, sizeof room);
    bind_write(&bind, &w);
    assert_int_equal(bind_parse(writer_bytes(&w), &again).code, ERR_NONE);
    assert_int_equal(again.kind, BIND_KIND_REPORT);
    assert_int_equal(bind_report_data_alone(&again, data).code, ERR_NONE);
    hex_encode(BYTES(data), hex);
    assert_string_equal(hex, "1ddd13cbc9251965db2d8d4de983392c8d24c77b944b7bc10bb4459dc2185ed1"
                             "23fc1fe353eec961cf79f313b9d5684aad4f9f5bf8624aae2085945794769289");
}

static void test_what_one_kind_binds_is_not_made_for_the_other(void **state)
{
    (void)state;
    struct known known;
    uint8_t data[SNP_REPORT_DATA_SIZE];
    known_init(&known);
    assert_int_equal(bind_report_data_alone(&known.bind, data).code, ERR_UNSUPPORTED);
    known.bind.kind = BIND_KIND_REPORT;
    assert_int_equal(bind_report_data(&known.bind, &known.facts, known.issuer, data).code, ERR_UNSUPPORTED);
    assert_int_equal(bind_report_data_alone(&known.bind, data).code, ERR_NONE);
    known.bind.issued_at_s = -1;
    assert_int_equal(bind_report_data_alone(&known.bind, data).code, ERR_INPUT);
}

static void test_members_missing_added_or_of_another_type_are_refused(void **state)
{
    (void)state;
    struct bind bind;
    assert_int_equal(parse_hex("a0", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("80", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a201010201", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a4010102010340041a6955b900", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a6010102010340041a6955b90005400600", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a5010102010340041a6955b9000640", &bind).code, ERR_INPUT); /* key 6 for 5 */
    assert_int_equal(parse_hex("a5010102010360041a6955b9000540", &bind).code, ERR_INPUT); /* text for bytes */
    assert_int_equal(parse_hex("a501010201034004200540", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a5010102010340043a6955b9000540", &bind).code, ERR_INPUT); /* before 1970 */
    assert_int_equal(parse_hex("a5010102010340041b80000000000000000540", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a5010102010340041b0000003afff4417f0540", &bind).code, ERR_NONE); /* the end of 9999 */
    assert_int_equal(parse_hex("a5010102010340041b0000003afff441800540", &bind).code, ERR_INPUT);
    assert_int_equal(parse_hex("a5410102010340041a6955b9000540", &bind).code, ERR_INPUT);
}

static void test_lengths_that_the_profile_does_not_know_are_refused(void **state)
{
    (void)state;
    struct bind bind;
    assert_int_equal(parse_hex("a501010201034101041a6955b9000540", &bind).code, ERR_INPUT);
    struct sample longer = sample_of_hex("a5010102010340041a6955b900055841");
    longer.n += BIND_NONCE_MAX + 1;
    assert_int_equal(bind_parse(sample_bytes(&longer), &bind).code, ERR_INPUT);
    longer = sample_of_hex("a5010102010340041a6955b900055840");
    longer.n += BIND_NONCE_MAX;
    assert_false(failed(bind_parse(sample_bytes(&longer), &bind)));
    longer = sample_of_hex(BIND_EMPTY_HEX);
    longer.n = BIND_MAX + 1;
    assert_int_equal(bind_parse(sample_bytes(&longer), &bind).code, ERR_INPUT);
}

static void test_encodings_that_are_not_deterministic_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_changed("041a6955b900", "041b000000006955b900").code, ERR_INPUT);
    assert_int_equal(parse_changed("01010201", "02010101").code, ERR_INPUT);
    assert_int_equal(parse_changed("01010201", "01010101").code, ERR_INPUT);
    assert_int_equal(parse_changed("a501", "b80501").code, ERR_INPUT);
    struct sample trailing = sample_of_hex(BIND_HEX "00");
    struct bind bind;
    assert_int_equal(bind_parse(sample_bytes(&trailing), &bind).code, ERR_INPUT);
}

static void test_record_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct sample whole = sample_of_hex(BIND_HEX);
    struct bind bind;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(bind_parse(bytes_of(whole.byte, n), &bind).code, ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_is_written_as_known),
        cmocka_unit_test(test_record_is_read_back),
        cmocka_unit_test(test_report_data_is_as_known),
        cmocka_unit_test(test_every_bound_value_changes_report_data),
        cmocka_unit_test(test_bytes_cannot_move_from_one_value_to_the_next),
        cmocka_unit_test(test_values_that_cannot_be_are_not_bound),
        cmocka_unit_test(test_other_profiles_and_kinds_are_unsupported),
        cmocka_unit_test(test_a_report_by_itself_binds_its_record_alone),
        cmocka_unit_test(test_what_one_kind_binds_is_not_made_for_the_other),
        cmocka_unit_test(test_members_missing_added_or_of_another_type_are_refused),
        cmocka_unit_test(test_lengths_that_the_profile_does_not_know_are_refused),
        cmocka_unit_test(test_encodings_that_are_not_deterministic_are_refused),
        cmocka_unit_test(test_record_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
