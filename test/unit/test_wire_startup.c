/* Startup packets and the SASL messages of login: whole, cut, and malformed. */
#include "base/writer.h"
#include "wire/error.h"
#include "wire/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* A packet: its length is filled in. */
static struct writer packet_of(uint32_t code, struct bytes rest)
{
    struct writer w = writer_growing(100000);
    writer_u32(&w, (uint32_t)(8 + rest.n));
    writer_u32(&w, code);
    writer_put(&w, rest);
    return w;
}

static struct wire_startup parsed; /* too large for a stack frame in every test */

static struct err parse(uint32_t code, struct bytes rest)
{
    static struct writer packet; /* what is parsed looks at it: kept until the next call */
    writer_free(&packet);
    packet = packet_of(code, rest);
    return wire_startup_parse(writer_bytes(&packet), &parsed);
}

static int forget(void **state)
{
    (void)state;
    return failed(parse(WIRE_SSL_REQUEST, BYTES_NONE)); /* a small packet, found by the leak check as reachable */
}

/* ---- sizes ---- */

static void test_a_length_is_known_from_four_bytes_on(void **state)
{
    (void)state;
    size_t size = 1;
    for (size_t n = 0; n < 4; n++) {
        expect_ok(wire_startup_size(bytes_of("\0\0\0\x20", n), &size));
        assert_int_equal(size, 0);
    }
    expect_ok(wire_startup_size(BYTES_LITERAL("\0\0\0\x20"), &size));
    assert_int_equal(size, 32);
    expect_ok(wire_startup_size(BYTES_LITERAL("\0\0\0\x20more"), &size));
    assert_int_equal(size, 32);
}

static void test_lengths_from_eight_to_the_largest_are_taken(void **state)
{
    (void)state;
    static const uint32_t good[] = {8, 9, WIRE_STARTUP_MAX - 1, WIRE_STARTUP_MAX};
    for (size_t i = 0; i < COUNT(good); i++) {
        uint8_t bytes[4];
        size_t size;
        struct writer w = writer_over(bytes, sizeof bytes);
        writer_u32(&w, good[i]);
        expect_ok(wire_startup_size(BYTES(bytes), &size));
        assert_int_equal(size, good[i]);
    }
}

static void test_other_lengths_are_refused_before_more_is_read(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0, 1, 4, 7, WIRE_STARTUP_MAX + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t bytes[4];
        size_t size = 1;
        struct writer w = writer_over(bytes, sizeof bytes);
        writer_u32(&w, bad[i]);
        expect_err(wire_startup_size(BYTES(bytes), &size), ERR_INPUT, "invalid length of startup packet");
        assert_int_equal(size, 0);
    }
}

static void test_a_length_that_is_not_the_packet_s_is_refused(void **state)
{
    (void)state;
    for (int off = -1; off <= 1; off += 2) {
        struct writer packet = packet_of(WIRE_PROTOCOL_3_0, BYTES_LITERAL("user\0me\0\0"));
        writer_patch_u32(&packet, 0, (uint32_t)((int)packet.used + off));
        expect_err(wire_startup_parse(writer_bytes(&packet), &parsed), ERR_INPUT, "invalid length");
        writer_free(&packet);
    }
}

/* ---- requests ---- */

static void test_requests_without_a_session_are_known(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_SSL_REQUEST, BYTES_NONE));
    assert_int_equal(parsed.kind, WIRE_STARTUP_SSL);
    expect_ok(parse(WIRE_GSSENC_REQUEST, BYTES_NONE));
    assert_int_equal(parsed.kind, WIRE_STARTUP_GSSENC);
    expect_ok(parse(WIRE_ATTEST_REQUEST, BYTES_LITERAL("anything")));
    assert_int_equal(parsed.kind, WIRE_STARTUP_ATTEST);
}

static void test_requests_for_encryption_with_trailing_bytes_are_refused(void **state)
{
    (void)state;
    expect_err(parse(WIRE_SSL_REQUEST, BYTES_LITERAL("\0")), ERR_INPUT, "SSLRequest has 1 trailing bytes");
    expect_err(parse(WIRE_GSSENC_REQUEST, BYTES_LITERAL("xx")), ERR_INPUT, "GSSENCRequest has 2 trailing bytes");
}

static void test_cancel_keys_of_old_and_new_protocols_are_taken(void **state)
{
    (void)state;
    static const size_t sizes[] = {8, 9, 36, WIRE_CANCEL_KEY_MAX};
    uint8_t key[WIRE_CANCEL_KEY_MAX];
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        expect_ok(parse(WIRE_CANCEL_REQUEST, bytes_of(key, sizes[i])));
        assert_int_equal(parsed.kind, WIRE_STARTUP_CANCEL);
        assert_true(bytes_equal(parsed.cancel_key, bytes_of(key, sizes[i])));
    }
}

static void test_cancel_keys_too_short_or_long_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 4, 7, WIRE_CANCEL_KEY_MAX + 1};
    uint8_t key[WIRE_CANCEL_KEY_MAX + 1] = {0};
    for (size_t i = 0; i < COUNT(sizes); i++)
        expect_err(parse(WIRE_CANCEL_REQUEST, bytes_of(key, sizes[i])), ERR_INPUT, "invalid length of CancelRequest");
}

/* ---- StartupMessage ---- */

static void test_parameters_are_read(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_PROTOCOL_3_0, BYTES_LITERAL("user\0me\0database\0db\0options\0\0\0")));
    assert_int_equal(parsed.kind, WIRE_STARTUP_MESSAGE);
    assert_int_equal(parsed.minor, 0);
    assert_int_equal(parsed.parameter_count, 3);
    assert_string_equal(parsed.parameters[0].name, "user");
    assert_string_equal(parsed.parameters[0].value, "me");
    assert_string_equal(wire_startup_value(&parsed, "database"), "db");
    assert_string_equal(wire_startup_value(&parsed, "options"), "");
    assert_null(wire_startup_value(&parsed, "Database"));
    assert_null(wire_startup_value(&parsed, "me"));
}

static void test_a_message_without_parameters_is_read(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_PROTOCOL_3_0, BYTES_LITERAL("\0")));
    assert_int_equal(parsed.parameter_count, 0);
}

static void test_the_last_of_repeated_parameters_counts(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_PROTOCOL_3_0, BYTES_LITERAL("user\0me\0database\0db\0user\0you\0user\0them\0\0")));
    assert_int_equal(parsed.parameter_count, 2);
    assert_string_equal(wire_startup_value(&parsed, "user"), "them");
}

static void test_protocol_options_are_kept_apart(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_PROTOCOL_3_0 | 2, BYTES_LITERAL("user\0me\0_pq_.one\0x\0_pq_.\0\0_pq\0v\0\0")));
    assert_int_equal(parsed.minor, 2);
    assert_int_equal(parsed.option_count, 2);
    assert_string_equal(parsed.options[0], "_pq_.one");
    assert_string_equal(parsed.options[1], "_pq_.");
    assert_int_equal(parsed.parameter_count, 2);
    assert_null(wire_startup_value(&parsed, "_pq_.one"));
}

static void test_minor_versions_are_told(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_PROTOCOL_3_0 | 0xFFFF, BYTES_LITERAL("user\0me\0\0")));
    assert_int_equal(parsed.minor, 0xFFFF);
}

static void test_other_protocols_are_refused(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0, 0x00020000, 0x00040000, 0x00010003, 0xFFFFFFFF, 1234 << 16 | 1};
    for (size_t i = 0; i < COUNT(codes); i++)
        expect_err(parse(codes[i], BYTES_LITERAL("user\0me\0\0")), ERR_UNSUPPORTED, "unsupported frontend protocol");
    expect_err(parse(0x00020007, BYTES_LITERAL("user\0me\0\0")), ERR_UNSUPPORTED, "2.7: server supports 3.0 to 3.2");
}

static void test_a_message_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct writer whole = packet_of(WIRE_PROTOCOL_3_0, BYTES_LITERAL("user\0me\0database\0db\0_pq_.x\0y\0\0"));
    expect_ok(wire_startup_parse(writer_bytes(&whole), &parsed));
    for (size_t n = 0; n < whole.used; n++) {
        uint8_t *cut = mem_copy(bytes_of(whole.start, n)); /* on the heap, for sanitizers to see its end */
        if (n >= 4) {
            struct writer length = writer_over(cut, 4);
            writer_u32(&length, (uint32_t)n); /* the length itself tells no lie */
        }
        expect_err(wire_startup_parse(bytes_of(cut, n), &parsed), ERR_INPUT, "invalid");
        free(cut);
    }
    writer_free(&whole);
}

static void test_bytes_behind_the_terminator_are_refused(void **state)
{
    (void)state;
    expect_err(parse(WIRE_PROTOCOL_3_0, BYTES_LITERAL("user\0me\0\0\0")), ERR_INPUT, "1 trailing bytes");
    expect_err(parse(WIRE_PROTOCOL_3_0, BYTES_LITERAL("\0user\0me\0\0")), ERR_INPUT, "9 trailing bytes");
}

static struct writer many_parameters(size_t count, bool same)
{
    struct writer w = writer_growing(200000);
    for (size_t i = 0; i < count; i++) {
        writer_format(&w, "p%zu", same ? 0 : i);
        writer_u8(&w, 0);
        writer_cstring(&w, "v");
    }
    writer_u8(&w, 0);
    return w;
}

static void test_parameters_up_to_the_largest_number_are_taken_and_not_one_more(void **state)
{
    (void)state;
    static const size_t counts[] = {WIRE_PARAMETERS_MAX, WIRE_PARAMETERS_MAX + 1, 10000};
    for (size_t i = 0; i < COUNT(counts); i++) {
        for (int same = 0; same <= 1; same++) {
            struct writer w = many_parameters(counts[i], same != 0);
            if (counts[i] <= WIRE_PARAMETERS_MAX) {
                expect_ok(parse(WIRE_PROTOCOL_3_0, writer_bytes(&w)));
                assert_int_equal(parsed.parameter_count, same ? 1 : WIRE_PARAMETERS_MAX);
            } else {
                expect_err(parse(WIRE_PROTOCOL_3_0, writer_bytes(&w)), ERR_LIMIT, "more than 512 parameters");
            }
            writer_free(&w);
        }
    }
}

static void test_protocol_options_count_as_parameters(void **state)
{
    (void)state;
    struct writer w = writer_growing(100000);
    for (size_t i = 0; i <= WIRE_PARAMETERS_MAX; i++)
        writer_put(&w, BYTES_LITERAL("_pq_.o\0v\0"));
    writer_u8(&w, 0);
    expect_err(parse(WIRE_PROTOCOL_3_0, writer_bytes(&w)), ERR_LIMIT, "more than 512 parameters");
    writer_free(&w);
}

static void test_nothing_of_an_earlier_packet_remains(void **state)
{
    (void)state;
    expect_ok(parse(WIRE_CANCEL_REQUEST, BYTES_LITERAL("12345678")));
    expect_ok(parse(WIRE_PROTOCOL_3_0 | 2, BYTES_LITERAL("user\0me\0_pq_.x\0y\0\0")));
    assert_int_equal(parsed.cancel_key.n, 0);
    expect_ok(parse(WIRE_SSL_REQUEST, BYTES_NONE));
    assert_int_equal(parsed.parameter_count + parsed.option_count + parsed.minor, 0);
}

/* ---- SASL ---- */

static void test_a_sasl_initial_response_is_read(void **state)
{
    (void)state;
    const char *mechanism;
    struct bytes data;
    expect_ok(wire_sasl_initial_parse(BYTES_LITERAL("SCRAM-SHA-256\0\0\0\0\004n,,x"), &mechanism, &data));
    assert_string_equal(mechanism, "SCRAM-SHA-256");
    assert_true(bytes_equal(data, BYTES_LITERAL("n,,x")));
    expect_ok(wire_sasl_initial_parse(BYTES_LITERAL("X\0\0\0\0\0"), &mechanism, &data));
    assert_int_equal(data.n, 0);
    assert_non_null(data.p);
}

static void test_a_sasl_initial_response_may_have_no_data(void **state)
{
    (void)state;
    const char *mechanism;
    struct bytes data = BYTES_LITERAL("x");
    expect_ok(wire_sasl_initial_parse(BYTES_LITERAL("SCRAM-SHA-256\0\377\377\377\377"), &mechanism, &data));
    assert_null(data.p);
    assert_int_equal(data.n, 0);
}

static void test_a_malformed_sasl_initial_response_is_refused(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"SCRAM", 5},                    /* no terminator */
        {(const uint8_t *)"S\0\0\0\0", 5},                /* half a length */
        {(const uint8_t *)"S\0\0\0\0\5abcd", 10},         /* too little */
        {(const uint8_t *)"S\0\0\0\0\3abcd", 10},         /* too much */
        {(const uint8_t *)"S\0\377\377\377\376abcd", 10}, /* -2 */
        {(const uint8_t *)"S\0\177\377\377\377abcd", 10},
        {(const uint8_t *)"S\0\377\377\377\377a", 7}, /* none, and yet some */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *mechanism;
        struct bytes data;
        expect_err(wire_sasl_initial_parse(bad[i], &mechanism, &data), ERR_INPUT, "SASLInitialResponse");
    }
}

/* ---- errors of a server ---- */

static void test_the_fields_of_an_error_are_read(void **state)
{
    (void)state;
    struct wire_error error;
    expect_ok(
        wire_error_parse(BYTES_LITERAL("SFEHLER\0VERROR\0C57P01\0Mgoing\0Dwhy\0Hwait\0Fpostgres.c\0L100\0\0"), &error));
    assert_string_equal(error.severity, "ERROR"); /* and not the translated one */
    assert_string_equal(error.sqlstate, "57P01");
    assert_string_equal(error.message, "going");
    assert_string_equal(error.detail, "why");
    assert_string_equal(error.hint, "wait");
}

static void test_an_old_server_s_severity_is_taken(void **state)
{
    (void)state;
    struct wire_error error;
    expect_ok(wire_error_parse(BYTES_LITERAL("SFATAL\0C28000\0Mno\0\0"), &error));
    assert_string_equal(error.severity, "FATAL");
    assert_string_equal(error.detail, "");
    assert_string_equal(error.hint, "");
}

static void test_an_error_without_fields_is_read(void **state)
{
    (void)state;
    struct wire_error error;
    expect_ok(wire_error_parse(BYTES_LITERAL("\0"), &error));
    assert_string_equal(error.message, "");
    assert_string_equal(error.severity, "");
}

static void test_an_error_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "SERROR\0VERROR\0C42601\0Mno\0";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct wire_error error;
        uint8_t *cut = mem_copy(bytes_of(whole, n));
        expect_err(wire_error_parse(bytes_of(cut, n), &error), ERR_INPUT, "ErrorResponse is truncated");
        free(cut);
    }
    struct wire_error error;
    expect_ok(wire_error_parse(bytes_of(whole, sizeof whole), &error));
    expect_err(wire_error_parse(BYTES_LITERAL("SERROR\0\0x"), &error), ERR_INPUT, "trailing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_length_is_known_from_four_bytes_on),
        cmocka_unit_test(test_lengths_from_eight_to_the_largest_are_taken),
        cmocka_unit_test(test_other_lengths_are_refused_before_more_is_read),
        cmocka_unit_test(test_a_length_that_is_not_the_packet_s_is_refused),
        cmocka_unit_test(test_requests_without_a_session_are_known),
        cmocka_unit_test(test_requests_for_encryption_with_trailing_bytes_are_refused),
        cmocka_unit_test(test_cancel_keys_of_old_and_new_protocols_are_taken),
        cmocka_unit_test(test_cancel_keys_too_short_or_long_are_refused),
        cmocka_unit_test(test_parameters_are_read),
        cmocka_unit_test(test_a_message_without_parameters_is_read),
        cmocka_unit_test(test_the_last_of_repeated_parameters_counts),
        cmocka_unit_test(test_protocol_options_are_kept_apart),
        cmocka_unit_test(test_minor_versions_are_told),
        cmocka_unit_test(test_other_protocols_are_refused),
        cmocka_unit_test(test_a_message_cut_at_any_byte_is_refused),
        cmocka_unit_test(test_bytes_behind_the_terminator_are_refused),
        cmocka_unit_test(test_parameters_up_to_the_largest_number_are_taken_and_not_one_more),
        cmocka_unit_test(test_protocol_options_count_as_parameters),
        cmocka_unit_test(test_nothing_of_an_earlier_packet_remains),
        cmocka_unit_test(test_a_sasl_initial_response_is_read),
        cmocka_unit_test(test_a_sasl_initial_response_may_have_no_data),
        cmocka_unit_test(test_a_malformed_sasl_initial_response_is_refused),
        cmocka_unit_test(test_the_fields_of_an_error_are_read),
        cmocka_unit_test(test_an_old_server_s_severity_is_taken),
        cmocka_unit_test(test_an_error_without_fields_is_read),
        cmocka_unit_test(test_an_error_cut_at_any_byte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
