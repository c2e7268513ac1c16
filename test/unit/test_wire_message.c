/* Every message that we build, byte by byte. */
#include "wire/error.h"
#include "wire/message.h"
#include "wire/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* Compares what was written with a literal, and begins anew. */
#define expect_message(w, literal)                                                                                     \
    do {                                                                                                               \
        expect_ok(writer_finish((w), "message"));                                                                      \
        assert_int_equal((w)->used, sizeof(literal) - 1);                                                              \
        assert_memory_equal((w)->start, (literal), sizeof(literal) - 1);                                               \
        writer_free(w);                                                                                                \
    } while (0)

static void test_requests_for_authentication(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", NULL};
    struct writer w = writer_growing(1000);
    wire_put_authentication_ok(&w);
    expect_message(&w, "R\0\0\0\010\0\0\0\0");
    wire_put_authentication_cleartext(&w);
    expect_message(&w, "R\0\0\0\010\0\0\0\003");
    wire_put_authentication_md5(&w, (const uint8_t *)"\1\2\3\4");
    expect_message(&w, "R\0\0\0\014\0\0\0\005\1\2\3\4");
    wire_put_authentication_sasl(&w, mechanisms);
    expect_message(&w, "R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    wire_put_authentication_sasl(&w, mechanisms + 1);
    expect_message(&w, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0");
    wire_put_authentication_sasl_continue(&w, BYTES_LITERAL("r=x"));
    expect_message(&w, "R\0\0\0\x0b\0\0\0\x0br=x");
    wire_put_authentication_sasl_final(&w, BYTES_LITERAL("v=x"));
    expect_message(&w, "R\0\0\0\x0b\0\0\0\x0cv=x");
}

static void test_what_a_session_begins_with(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    wire_put_parameter_status(&w, "DateStyle", "ISO, MDY");
    expect_message(&w, "S\0\0\0\x17"
                       "DateStyle\0ISO, MDY\0");
    wire_put_backend_key_data(&w, 0x01020304, BYTES_LITERAL("abcd"));
    expect_message(&w, "K\0\0\0\x0c\1\2\3\4abcd");
    wire_put_backend_key_data(&w, 7, BYTES_LITERAL("0123456789abcdef0123456789abcdef"));
    expect_message(&w, "K\0\0\0\x28\0\0\0\007"
                       "0123456789abcdef0123456789abcdef");
    wire_put_ready_for_query(&w, 'I');
    expect_message(&w, "Z\0\0\0\005I");
    wire_put_ready_for_query(&w, 'E');
    expect_message(&w, "Z\0\0\0\005E");
}

static void test_errors_and_notices(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    wire_put_error(&w, "FATAL", "28000", "no", NULL, NULL);
    expect_message(&w, "E\0\0\0\x1e"
                       "SFATAL\0VFATAL\0C28000\0Mno\0\0");
    wire_put_error(&w, "ERROR", "0A000", "no", "because", "do");
    expect_message(&w, "E\0\0\0\x2b"
                       "SERROR\0VERROR\0C0A000\0Mno\0Dbecause\0Hdo\0\0");
    wire_put_notice(&w, "NOTICE", "00000", "hi");
    expect_message(&w, "N\0\0\0\x20"
                       "SNOTICE\0VNOTICE\0C00000\0Mhi\0\0");
}

static void test_an_error_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    struct wire_error error;
    wire_put_error(&w, "FATAL", "08P01", "message", "detail", "hint");
    expect_ok(wire_error_parse(bytes_of(w.start + WIRE_HEADER_SIZE, w.used - WIRE_HEADER_SIZE), &error));
    assert_string_equal(error.severity, "FATAL");
    assert_string_equal(error.sqlstate, "08P01");
    assert_string_equal(error.message, "message");
    assert_string_equal(error.detail, "detail");
    assert_string_equal(error.hint, "hint");
    writer_free(&w);
}

static void test_negotiation_names_the_newest_protocol_and_unknown_options(void **state)
{
    (void)state;
    static const char *const unknown[] = {"_pq_.one", "_pq_.two"};
    struct writer w = writer_growing(1000);
    wire_put_negotiate_protocol_version(&w, 2, unknown, 2);
    expect_message(&w, "v\0\0\0\x1e\0\3\0\2\0\0\0\2_pq_.one\0_pq_.two\0");
    wire_put_negotiate_protocol_version(&w, 0, NULL, 0);
    expect_message(&w, "v\0\0\0\x0c\0\3\0\0\0\0\0\0");
}

static void test_ends_of_commands_and_messages_without_a_body(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    wire_put_command_complete(&w, "SELECT 1");
    expect_message(&w, "C\0\0\0\x0dSELECT 1\0");
    static const uint8_t types[] = {WIRE_PARSE_COMPLETE, WIRE_BIND_COMPLETE,        WIRE_CLOSE_COMPLETE,
                                    WIRE_NO_DATA,        WIRE_EMPTY_QUERY_RESPONSE, WIRE_PORTAL_SUSPENDED};
    for (size_t i = 0; i < COUNT(types); i++)
        wire_put_empty(&w, types[i]);
    expect_message(&w, "1\0\0\0\4"
                       "2\0\0\0\4"
                       "3\0\0\0\4"
                       "n\0\0\0\4"
                       "I\0\0\0\4"
                       "s\0\0\0\4");
}

static void test_what_a_frontend_begins_with(void **state)
{
    (void)state;
    static const char *const parameters[] = {"user", "me", "database", "db", NULL};
    struct writer w = writer_growing(1000);
    wire_put_ssl_request(&w);
    expect_message(&w, "\0\0\0\010\004\322\026\057");
    wire_put_startup(&w, parameters);
    expect_message(&w, "\0\0\0\x1d\0\3\0\0user\0me\0database\0db\0\0");
    wire_put_cancel_request(&w, BYTES_LITERAL("pid!secret"));
    expect_message(&w, "\0\0\0\x12\004\322\026\056pid!secret");
}

static void test_startup_packets_are_parsed_as_they_were_written(void **state)
{
    (void)state;
    static const char *const parameters[] = {"user", "me", "application_name", "", NULL};
    static struct wire_startup parsed;
    struct writer w = writer_growing(1000);
    wire_put_startup(&w, parameters);
    expect_ok(wire_startup_parse(writer_bytes(&w), &parsed));
    assert_string_equal(wire_startup_value(&parsed, "user"), "me");
    assert_string_equal(wire_startup_value(&parsed, "application_name"), "");
    writer_free(&w);
    wire_put_cancel_request(&w, BYTES_LITERAL("pid!secret"));
    expect_ok(wire_startup_parse(writer_bytes(&w), &parsed));
    assert_true(bytes_equal(parsed.cancel_key, BYTES_LITERAL("pid!secret")));
    writer_free(&w);
}

static void test_answers_to_authentication(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    wire_put_password(&w, "secret");
    expect_message(&w, "p\0\0\0\013secret\0");
    wire_put_sasl_initial_response(&w, "SCRAM-SHA-256", BYTES_LITERAL("n,,n=,r=x"));
    expect_message(&w, "p\0\0\0\x1fSCRAM-SHA-256\0\0\0\0\011n,,n=,r=x");
    wire_put_sasl_response(&w, BYTES_LITERAL("c=biws"));
    expect_message(&w, "p\0\0\0\012c=biws");
}

static void test_a_sasl_initial_response_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    const char *mechanism;
    struct bytes data;
    wire_put_sasl_initial_response(&w, "SCRAM-SHA-256", BYTES_LITERAL("n,,"));
    expect_ok(
        wire_sasl_initial_parse(bytes_of(w.start + WIRE_HEADER_SIZE, w.used - WIRE_HEADER_SIZE), &mechanism, &data));
    assert_string_equal(mechanism, "SCRAM-SHA-256");
    assert_true(bytes_equal(data, BYTES_LITERAL("n,,")));
    writer_free(&w);
}

static void test_queries_and_the_end(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    wire_put_query(&w, "SELECT 1");
    expect_message(&w, "Q\0\0\0\x0dSELECT 1\0");
    wire_put_query(&w, "");
    expect_message(&w, "Q\0\0\0\005\0");
    wire_put_terminate(&w);
    expect_message(&w, "X\0\0\0\4");
}

static void test_messages_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);
    size_t at = wire_begin(&w, 'd');
    writer_put(&w, BYTES_LITERAL("row"));
    wire_end(&w, at);
    at = wire_begin(&w, 'c');
    wire_end(&w, at);
    at = wire_begin(&w, 0);
    writer_u8(&w, 'x');
    wire_end(&w, at);
    expect_message(&w, "d\0\0\0\7rowc\0\0\0\4\0\0\0\5x");
}

static void test_a_message_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    for (size_t size = 0; size < 13; size++) {
        uint8_t array[13];
        struct writer w = writer_over(array, size);
        wire_put_command_complete(&w, "SELECT 1");
        expect_err(writer_finish(&w, "CommandComplete"), ERR_LIMIT, "CommandComplete is too large");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_for_authentication),
        cmocka_unit_test(test_what_a_session_begins_with),
        cmocka_unit_test(test_errors_and_notices),
        cmocka_unit_test(test_an_error_is_read_as_it_was_written),
        cmocka_unit_test(test_negotiation_names_the_newest_protocol_and_unknown_options),
        cmocka_unit_test(test_ends_of_commands_and_messages_without_a_body),
        cmocka_unit_test(test_what_a_frontend_begins_with),
        cmocka_unit_test(test_startup_packets_are_parsed_as_they_were_written),
        cmocka_unit_test(test_answers_to_authentication),
        cmocka_unit_test(test_a_sasl_initial_response_is_read_as_it_was_written),
        cmocka_unit_test(test_queries_and_the_end),
        cmocka_unit_test(test_messages_stand_one_behind_the_other),
        cmocka_unit_test(test_a_message_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
