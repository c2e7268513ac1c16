/* The console's grammar. */
#include "admin/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The only statement of a text; the caller releases it. */
static struct command parsed(const char *text)
{
    struct command command;
    struct err e = command_parse(&text, &command);
    if (failed(e))
        fail_msg("%s", e.why);
    assert_string_equal(text, "");
    return command;
}

static void assert_kind(const char *text, enum command_kind kind, const char *operand)
{
    struct command command = parsed(text);
    assert_int_equal(command.kind, kind);
    if (operand)
        assert_string_equal(command.operand, operand);
    else
        assert_null(command.operand);
    command_release(&command);
}

static void assert_refused(const char *text, const char *why)
{
    const char *at = text;
    struct command command;
    struct err e = command_parse(&at, &command);
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.why, why);
    assert_ptr_equal(at, text);
}

static void test_keywords_are_read_in_any_case(void **state)
{
    (void)state;
    struct command command = parsed("sHoW pOoLs");
    assert_int_equal(command.kind, COMMAND_SHOW);
    assert_int_equal(command.show, SHOW_POOLS);
    assert_string_equal(command.tag, "SHOW");
    command_release(&command);
}

static void test_every_table_has_a_name_that_is_read_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SHOW_KINDS; i++) {
        char text[64];
        snprintf(text, sizeof text, "SHOW %s%s", show_kind_name((enum show_kind)i),
                 i == SHOW_ATTESTATION ? " 'x'" : "");
        struct command command = parsed(text);
        assert_int_equal(command.show, i);
        command_release(&command);
    }
}

static void test_operands_are_words_identifiers_and_texts(void **state)
{
    (void)state;
    assert_kind("PAUSE", COMMAND_PAUSE, NULL);
    assert_kind("PAUSE My-Db.1", COMMAND_PAUSE, "My-Db.1");
    assert_kind("PAUSE \"My \"\"db\"", COMMAND_PAUSE, "My \"db");
    assert_kind("KILL 'it''s'", COMMAND_KILL, "it's");
    assert_kind("KILL_CLIENT 1234", COMMAND_KILL_CLIENT, "1234");
    assert_kind("SHOW ATTESTATION 'a-1'", COMMAND_SHOW, "a-1");
}

static void test_a_quoted_keyword_is_no_keyword(void **state)
{
    (void)state;
    assert_refused("\"RELOAD\"", "invalid command '\"RELOAD\"', use SHOW HELP;");
    assert_kind("PAUSE \"reload\"", COMMAND_PAUSE, "reload");
}

static void test_comments_and_blanks_are_skipped(void **state)
{
    (void)state;
    assert_kind("/* who; */ RELOAD -- now;", COMMAND_RELOAD, NULL);
    assert_kind("-- ping", COMMAND_EMPTY, NULL);
    assert_kind(" \t\r\n", COMMAND_EMPTY, NULL);
    assert_kind("RELOAD;", COMMAND_RELOAD, NULL);
}

static void test_statements_are_taken_one_by_one(void **state)
{
    (void)state;
    const char *text = "SHOW VERSION; RELOAD;;PAUSE a;b";
    static const enum command_kind kinds[] = {COMMAND_SHOW, COMMAND_RELOAD, COMMAND_EMPTY, COMMAND_PAUSE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct command command;
        assert_int_equal(command_parse(&text, &command).code, ERR_NONE);
        assert_int_equal(command.kind, kinds[i]);
        command_release(&command);
    }
    assert_string_equal(text, "b");
}

static void assert_set(const char *text, const char *name, const char *value)
{
    struct command command = parsed(text);
    assert_int_equal(command.kind, COMMAND_SET);
    assert_string_equal(command.name, name);
    assert_string_equal(command.operand, value);
    command_release(&command);
}

static void test_set_takes_a_setting_and_its_value(void **state)
{
    (void)state;
    assert_set("SET verbose=1", "verbose", "1");
    assert_set("SET verbose = 1", "verbose", "1");
    assert_set("set verbose TO '1';", "verbose", "1");
    assert_set("SET server_check_query = 'select ''2'''", "server_check_query", "select '2'");
    assert_set("SET server_reset_query = ''", "server_reset_query", "");
    assert_set("SET nobody_knows_this = 1", "nobody_knows_this", "1");
}

static void test_what_drivers_set_by_themselves_has_no_effect(void **state)
{
    (void)state;
    assert_kind("SET client_encoding TO 'UTF8'", COMMAND_NOTHING, NULL);
    assert_kind("SET extra_float_digits = 3", COMMAND_NOTHING, NULL);
    assert_kind("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", COMMAND_NOTHING, NULL);
    assert_kind("SET TIME ZONE 'UTC'", COMMAND_NOTHING, NULL);
    assert_kind("SET datestyle = ISO, MDY", COMMAND_NOTHING, NULL);
    assert_kind("RESET ALL", COMMAND_NOTHING, NULL);
    assert_kind("DISCARD ALL", COMMAND_NOTHING, NULL);
    assert_kind("SAVEPOINT s", COMMAND_NOTHING, NULL);
    assert_kind("SELECT pg_advisory_unlock_all();", COMMAND_NOTHING, NULL);
    assert_refused("SELECT pg_advisory_unlock_all(), 1",
                   "invalid command 'SELECT pg_advisory_unlock_all(), 1', use SHOW HELP;");
}

static void test_transactions_begin_and_end(void **state)
{
    (void)state;
    assert_kind("BEGIN", COMMAND_BEGIN, NULL);
    assert_kind("START TRANSACTION READ ONLY", COMMAND_BEGIN, NULL);
    assert_kind("COMMIT", COMMAND_END, NULL);
    assert_kind("END", COMMAND_END, NULL);
    assert_kind("ROLLBACK", COMMAND_END, NULL);
    assert_kind("ROLLBACK TO SAVEPOINT s", COMMAND_NOTHING, NULL);
}

static void test_shutdown_has_three_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum shutdown_mode mode;
    } ways[] = {
        {"SHUTDOWN", SHUTDOWN_NOW},
        {"SHUTDOWN WAIT_FOR_SERVERS", SHUTDOWN_WAIT_FOR_SERVERS},
        {"shutdown wait_for_clients", SHUTDOWN_WAIT_FOR_CLIENTS},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct command command = parsed(ways[i].text);
        assert_int_equal(command.kind, COMMAND_SHUTDOWN);
        assert_int_equal(command.shutdown, ways[i].mode);
        command_release(&command);
    }
    assert_refused("SHUTDOWN NOW", "invalid command 'SHUTDOWN NOW', use SHOW HELP;");
}

static void test_what_is_no_command_is_refused_in_its_own_words(void **state)
{
    (void)state;
    assert_refused("SELECT 1", "invalid command 'SELECT 1', use SHOW HELP;");
    assert_refused("  SELECT 1  ; RELOAD", "invalid command 'SELECT 1', use SHOW HELP;");
    assert_refused("SHOW", "invalid command 'SHOW', use SHOW HELP;");
    assert_refused("SHOW FDS", "invalid command 'SHOW FDS', use SHOW HELP;");
    assert_refused("SHOW POOLS x", "invalid command 'SHOW POOLS x', use SHOW HELP;");
    assert_refused("RELOAD x", "invalid command 'RELOAD x', use SHOW HELP;");
    assert_refused("PAUSE a b", "invalid command 'PAUSE a b', use SHOW HELP;");
    assert_refused("SET verbose", "invalid command 'SET verbose', use SHOW HELP;");
    assert_refused("SET verbose = 1 2", "invalid command 'SET verbose = 1 2', use SHOW HELP;");
    assert_refused("SET = 1", "invalid command 'SET = 1', use SHOW HELP;");
}

static void test_quotes_and_comments_without_end_are_refused(void **state)
{
    (void)state;
    assert_refused("PAUSE 'a", "invalid command 'PAUSE 'a', use SHOW HELP;");
    assert_refused("PAUSE \"a", "invalid command 'PAUSE \"a', use SHOW HELP;");
    assert_refused("PAUSE /* a", "invalid command 'PAUSE /* a', use SHOW HELP;");
    assert_refused("/* a", "invalid command '/* a', use SHOW HELP;");
    assert_refused("BEGIN 'a", "invalid command 'BEGIN 'a', use SHOW HELP;");
}

static void test_a_missing_operand_is_named(void **state)
{
    (void)state;
    assert_refused("DISABLE", "a database is required");
    assert_refused("ENABLE;", "a database is required");
    assert_refused("KILL_CLIENT", "an id is required");
    assert_refused("SHOW ATTESTATION", "an id is required");
}

static void test_a_parameter_takes_its_value_when_it_is_bound(void **state)
{
    (void)state;
    struct command bound;
    struct command command = parsed("SHOW ATTESTATION $2");
    assert_int_equal(command.parameter, 2);
    assert_null(command.operand);
    assert_int_equal(command_bind(&command, "id", &bound).code, ERR_NONE);
    assert_string_equal(bound.operand, "id");
    assert_int_equal(bound.parameter, 0);
    command_release(&bound);
    assert_int_equal(command_bind(&command, NULL, &bound).code, ERR_INPUT);
    command_release(&command);
}

static void test_a_setting_cannot_be_bound_to_null(void **state)
{
    (void)state;
    struct command bound;
    struct command command = parsed("SET verbose = $1");
    assert_int_equal(command_bind(&command, NULL, &bound).code, ERR_INPUT);
    assert_int_equal(command_bind(&command, "2", &bound).code, ERR_NONE);
    assert_string_equal(bound.name, "verbose");
    assert_string_equal(bound.operand, "2");
    command_release(&bound);
    command_release(&command);
}

static void test_parameters_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_refused("PAUSE $0", "there is no parameter $0");
    assert_refused("PAUSE $100", "there is no parameter $100");
    assert_refused("PAUSE $99999999999999999999", "there is no parameter $9999999999999999999");
}

static void test_only_show_and_what_has_no_effect_is_for_everybody(void **state)
{
    (void)state;
    static const char *const for_all[] = {"SHOW POOLS", "BEGIN", "COMMIT", "SET datestyle = ISO", "", "RESET ALL"};
    static const char *const for_admins[] = {"RELOAD",        "PAUSE",     "RESUME",    "KILL",
                                             "KILL_CLIENT 1", "SET a=1",   "RECONNECT", "SHUTDOWN",
                                             "WAIT_CLOSE x",  "DISABLE x", "ENABLE x"};
    for (size_t i = 0; i < sizeof for_all / sizeof *for_all; i++) {
        struct command command = parsed(for_all[i]);
        assert_false(command_needs_admin(&command));
        command_release(&command);
    }
    for (size_t i = 0; i < sizeof for_admins / sizeof *for_admins; i++) {
        struct command command = parsed(for_admins[i]);
        assert_true(command_needs_admin(&command));
        command_release(&command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords_are_read_in_any_case),
        cmocka_unit_test(test_every_table_has_a_name_that_is_read_back),
        cmocka_unit_test(test_operands_are_words_identifiers_and_texts),
        cmocka_unit_test(test_a_quoted_keyword_is_no_keyword),
        cmocka_unit_test(test_comments_and_blanks_are_skipped),
        cmocka_unit_test(test_statements_are_taken_one_by_one),
        cmocka_unit_test(test_set_takes_a_setting_and_its_value),
        cmocka_unit_test(test_what_drivers_set_by_themselves_has_no_effect),
        cmocka_unit_test(test_transactions_begin_and_end),
        cmocka_unit_test(test_shutdown_has_three_ways),
        cmocka_unit_test(test_what_is_no_command_is_refused_in_its_own_words),
        cmocka_unit_test(test_quotes_and_comments_without_end_are_refused),
        cmocka_unit_test(test_a_missing_operand_is_named),
        cmocka_unit_test(test_a_parameter_takes_its_value_when_it_is_bound),
        cmocka_unit_test(test_a_setting_cannot_be_bound_to_null),
        cmocka_unit_test(test_parameters_out_of_range_are_refused),
        cmocka_unit_test(test_only_show_and_what_has_no_effect_is_for_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
