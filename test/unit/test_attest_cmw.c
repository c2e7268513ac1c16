/* The conceptual message wrapper, against bytes that another encoder made. */
#include "attest/cmw.h"
#include "attest/cmw_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "attest_bytes.h"

#define CMW_HEX                                                                                                        \
    "a463736e7083782e6170706c69636174696f6e2f766e642e616d642e7365762d736e702e6174746573746174696f6e2d"                 \
    "7265706f7274465245504f5254046462696e648378216170706c69636174696f6e2f766e642e7067766f7563682e6269"                 \
    "6e642b63626f724442494e44046563657274738378236170706c69636174696f6e2f766e642e616d642e676863622e67"                 \
    "7569642d7461626c6545434552545302685f5f636d77635f74777461673a7067766f7563682c323032363a736e702f76"                 \
    "31"

#define BIND_KEY_HEX  "6462696e64"
#define CERTS_KEY_HEX "656365727473"
#define TYPE_KEY_HEX  "685f5f636d77635f74"

static const struct cmw known = {.report = {(const uint8_t *)"REPORT", 6},
                                 .certs = {(const uint8_t *)"CERTS", 5},
                                 .bind = {(const uint8_t *)"BIND", 4}};

static struct err parse_changed(const char *from, const char *to)
{
    struct sample changed = sample_replace(sample_of_hex(CMW_HEX), from, to);
    struct cmw cmw;
    return cmw_parse(sample_bytes(&changed), &cmw);
}

static void expect_input_error(struct err outcome)
{
    assert_int_equal(outcome.code, ERR_INPUT);
}

static void check_equals_known(const struct cmw *cmw)
{
    assert_true(bytes_equal(cmw->report, known.report));
    assert_true(bytes_equal(cmw->certs, known.certs));
    assert_true(bytes_equal(cmw->bind, known.bind));
}

static void test_collection_is_written_as_known(void **state)
{
    (void)state;
    uint8_t room[512];
    struct writer w = writer_over(room, sizeof room);
    struct sample expected = sample_of_hex(CMW_HEX);
    cmw_write(&known, &w);
    assert_true(bytes_equal(writer_bytes(&w), sample_bytes(&expected)));
}

static void test_collection_is_read_back(void **state)
{
    (void)state;
    struct sample sample = sample_of_hex(CMW_HEX);
    struct cmw cmw;
    assert_false(failed(cmw_parse(sample_bytes(&sample), &cmw)));
    check_equals_known(&cmw);
}

static void test_certificates_alone_may_be_empty(void **state)
{
    (void)state;
    assert_false(failed(parse_changed("454345525453", "40")));
    expect_input_error(parse_changed("465245504f5254", "40"));
    expect_input_error(parse_changed("4442494e44", "40"));
}

static void test_indicator_may_be_absent_but_not_wrong(void **state)
{
    (void)state;
    struct sample changed = sample_replace(sample_of_hex(CMW_HEX), "8378236170", "8278236170");
    changed = sample_replace(changed, "45434552545302", "454345525453");
    struct cmw cmw;
    assert_false(failed(cmw_parse(sample_bytes(&changed), &cmw)));
    check_equals_known(&cmw);
    expect_input_error(parse_changed("45434552545302", "45434552545304"));
    expect_input_error(parse_changed("45434552545302", "45434552545340"));
    expect_input_error(parse_changed("8378236170", "8478236170"));
}

static void test_other_collections_are_refused(void **state)
{
    (void)state;
    expect_input_error(parse_changed("2f7631", "2f7632"));             /* type …/v2 */
    expect_input_error(parse_changed("63736e70", "63736e71"));         /* "snq" */
    expect_input_error(parse_changed("7265706f7274", "7265706f7275")); /* media type */
    expect_input_error(parse_changed("465245504f5254", "665245504f5254"));
    struct cmw cmw;
    expect_input_error(cmw_parse(BYTES_LITERAL("\xa0"), &cmw));
    expect_input_error(cmw_parse(BYTES_LITERAL("\x83\x61t\x41v\x04"), &cmw)); /* a record of its own */
    expect_input_error(cmw_parse(BYTES_LITERAL("{\"__cmwc_t\":1}"), &cmw));
}

static void test_members_of_other_names_are_refused(void **state)
{
    (void)state;
    expect_input_error(parse_changed("a463736e70", "a5617a0063736e70"));
    struct sample more = sample_of_hex(CMW_HEX "697a7a7a7a7a7a7a7a7a00");
    more.byte[0] = 0xa5;
    struct cmw cmw;
    expect_input_error(cmw_parse(sample_bytes(&more), &cmw));
}

static void test_members_in_another_order_or_twice_are_refused(void **state)
{
    (void)state;
    expect_input_error(parse_changed(BIND_KEY_HEX, "63736e70"));
    expect_input_error(parse_changed(CERTS_KEY_HEX, BIND_KEY_HEX));
    expect_input_error(parse_changed(TYPE_KEY_HEX, "60"));
}

static void test_collection_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct sample whole = sample_of_hex(CMW_HEX);
    struct cmw cmw;
    for (size_t n = 0; n < whole.n; n++)
        expect_input_error(cmw_parse(bytes_of(whole.byte, n), &cmw));
    whole.byte[whole.n++] = 0;
    expect_input_error(cmw_parse(sample_bytes(&whole), &cmw));
}

static void test_lengths_of_four_gigabytes_are_refused(void **state)
{
    (void)state;
    expect_input_error(parse_changed("465245504f5254", "5affffffff5245504f5254"));
    expect_input_error(parse_changed("a463736e70", "baffffffff63736e70"));
    static const uint8_t zeros[CMW_MAX + 1];
    struct cmw cmw;
    expect_input_error(cmw_parse(BYTES(zeros), &cmw));
}

static void test_extension_is_a_der_octet_string(void **state)
{
    (void)state;
    uint8_t room[512];
    struct writer w = writer_over(room, sizeof room);
    struct sample expected = sample_of_hex("0481c1" CMW_HEX);
    struct cmw cmw;
    cmw_write_extension(&known, &w);
    assert_false(w.bad);
    assert_true(bytes_equal(writer_bytes(&w), sample_bytes(&expected)));
    assert_false(failed(cmw_parse_extension(writer_bytes(&w), &cmw)));
    check_equals_known(&cmw);
}

static void test_extension_of_every_size_comes_back(void **state)
{
    (void)state;
    static uint8_t content[CMW_MAX], room[CMW_MAX + 8];
    static const size_t sizes[] = {1, 50, 60, 1184, 32000, 48 * 1024 - 400};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct cmw cmw, big = known;
        big.certs = bytes_of(content, sizes[i]);
        struct writer w = writer_over(room, sizeof room);
        cmw_write_extension(&big, &w);
        assert_false(w.bad);
        assert_false(failed(cmw_parse_extension(writer_bytes(&w), &cmw)));
        assert_int_equal(cmw.certs.n, sizes[i]);
    }
}

static void test_evidence_that_is_too_large_is_not_written(void **state)
{
    (void)state;
    static uint8_t content[CMW_MAX], room[CMW_MAX + 1024];
    struct cmw big = known;
    big.certs = BYTES(content);
    struct writer w = writer_over(room, sizeof room);
    cmw_write_extension(&big, &w);
    assert_true(w.bad);
}

static void test_extension_in_another_shape_is_refused(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "",
        "04",
        "0481",
        "0480" CMW_HEX "0000", /* indefinite */
        "048200c1" CMW_HEX,    /* not the fewest octets */
        "04830000c1" CMW_HEX,
        "0481c0" CMW_HEX, /* one byte behind */
        "0481c2" CMW_HEX, /* one byte short */
        "0481c1" CMW_HEX "00",
        "0381c1" CMW_HEX,
        "2481c1" CMW_HEX, /* constructed */
        "048105a463736e70",
        CMW_HEX,
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct sample sample = sample_of_hex(shapes[i]);
        struct cmw cmw;
        expect_input_error(cmw_parse_extension(sample_bytes(&sample), &cmw));
    }
    struct cmw cmw;
    assert_int_equal(cmw_parse_extension(BYTES_LITERAL("\x0c\x02{}"), &cmw).code, ERR_INPUT); /* to be rewritten */
}

static void assert_rewritten(const char *json, struct bytes due)
{
    struct writer w = writer_growing(CMW_MAX);
    assert_true(cmw_json_is_likely(bytes_of_string(json)));
    assert_int_equal(cmw_json_rewrite(bytes_of_string(json), &w).code, ERR_NONE);
    assert_int_equal(w.used, due.n);
    assert_memory_equal(w.start, due.p, due.n);
    writer_free(&w);
}

static void test_json_is_rewritten_in_deterministic_cbor(void **state)
{
    (void)state;
    struct bytes json = BYTES_NONE;
    assert_true(cmw_unwrap_json(BYTES_LITERAL("\x0c\x02{}"), &json));
    assert_true(bytes_equal(json, BYTES_LITERAL("{}")));
    assert_false(cmw_unwrap_json(BYTES_LITERAL("\x0c\x02{}\0"), &json));
    assert_false(cmw_unwrap_json(BYTES_LITERAL("\x0c\x03{}"), &json));
    assert_false(cmw_unwrap_json(BYTES_LITERAL("\x04\x02{}"), &json));
    assert_rewritten(" [\"x\", \"-_8\"]", BYTES_LITERAL("\x82\x61x\x42\xfb\xff"));
    assert_rewritten("{\"ab\":\"t\",\"c\":[\"x\",\"\",24],\"a\":[\"x\",\"AQ\"]}", /* the shorter name first */
                     BYTES_LITERAL("\xa3\x61\x61\x82\x61x\x41\x01\x61\x63\x83\x61x\x40\x18\x18\x62"
                                   "ab"
                                   "\x61t"));
    assert_false(cmw_json_is_likely(BYTES_LITERAL(" \n")));
    assert_false(cmw_json_is_likely(BYTES_LITERAL("\"x\"")));
    assert_false(cmw_json_is_likely(BYTES_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collection_is_written_as_known),
        cmocka_unit_test(test_collection_is_read_back),
        cmocka_unit_test(test_certificates_alone_may_be_empty),
        cmocka_unit_test(test_indicator_may_be_absent_but_not_wrong),
        cmocka_unit_test(test_other_collections_are_refused),
        cmocka_unit_test(test_members_of_other_names_are_refused),
        cmocka_unit_test(test_members_in_another_order_or_twice_are_refused),
        cmocka_unit_test(test_collection_cut_anywhere_is_refused),
        cmocka_unit_test(test_lengths_of_four_gigabytes_are_refused),
        cmocka_unit_test(test_extension_is_a_der_octet_string),
        cmocka_unit_test(test_extension_of_every_size_comes_back),
        cmocka_unit_test(test_evidence_that_is_too_large_is_not_written),
        cmocka_unit_test(test_extension_in_another_shape_is_refused),
        cmocka_unit_test(test_json_is_rewritten_in_deterministic_cbor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
