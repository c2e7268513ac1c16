/* Texts of numbers, durations, sizes, lists and addresses, and the table of settings that uses them. */
#include "config/settings.h"
#include "config/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static void test_truth_has_eight_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "yes", "true", "on", "YES", "True", "oN"};
    static const char *const no[] = {"0", "no", "false", "off", "NO", "False", "oFF"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        bool value = false;
        expect_ok(value_bool(yes[i], &value));
        assert_true(value);
        expect_ok(value_bool(no[i], &value));
        assert_false(value);
    }
}

static void test_other_words_are_not_truth(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "2", "10", "y", "t", "yes ", " no", "-1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        bool value = true;
        expect_err(value_bool(bad[i], &value), ERR_INPUT, "expected 0 or 1");
        assert_true(value);
    }
}

static void test_whole_numbers_are_read_up_to_their_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0}, {"42", 42}, {"-7", -7}, {"+7", 7}, {"0x1F", 31}, {"0777", 511}, {"100", 100}, {"-10", -10}};
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t value = 99;
        expect_ok(value_int(good[i].text, -10, 511, &value));
        assert_int_equal(value, good[i].value);
    }
}

static void test_other_texts_are_not_whole_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "x", "1x", "1 ", " 1", "1.5", "-11", "101", "--1", "+-1", "0x", "08", "1e2", "99999999999999999999", "-"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t value = 99;
        expect_err(value_int(bad[i], -10, 100, &value), ERR_INPUT, "expected a whole number between -10 and 100");
        assert_int_equal(value, 99);
    }
}

static void test_bits_are_read_up_to_all_of_them(void **state)
{
    (void)state;
    uint64_t value;
    expect_ok(value_bits("0x20000", &value));
    assert_true(value == 0x20000);
    expect_ok(value_bits("0xFFFFFFFFFFFFFFFF", &value));
    assert_true(value == UINT64_MAX);
    expect_ok(value_bits("010", &value));
    assert_true(value == 8);
    static const char *const bad[] = {"", "x", "-1", "+1", " 1", "1 ", "0x10000000000000000"};
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_err(value_bits(bad[i], &value), ERR_INPUT, "64 bits");
}

static void test_sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"512", 512}, {"512B", 512}, {"4kB", 4096}, {"4 KB", 4096}, {"2MB", 2 << 20}, {"1GB", 1 << 30}};
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t value;
        expect_ok(value_size(good[i].text, 512, 1 << 30, &value));
        assert_int_equal(value, good[i].value);
    }
}

static void test_other_texts_are_not_sizes(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "x",    "511",  "2GB",   "4TB",
                                      "4k", "4kBx", "-4kB", "1.5MB", "9223372036854775807GB"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t value = 99;
        expect_err(value_size(bad[i], 512, 1 << 30, &value), ERR_INPUT, "expected a");
        assert_int_equal(value, 99);
    }
}

static void test_decimal_numbers_are_read(void **state)
{
    (void)state;
    double value;
    expect_ok(value_decimal("2.5", 0, 10, &value));
    assert_true(value > 2.49 && value < 2.51);
    expect_ok(value_decimal(".5", 0, 10, &value));
    assert_true(value > 0.49 && value < 0.51);
    expect_ok(value_decimal("1e1", 0, 10, &value));
    assert_true(value > 9.9 && value < 10.1);
    static const char *const bad[] = {"", "x", "nan", "inf", "0x1", "10.1", "-0.1", "1 ", " 1", "1,5", "1e999"};
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_err(value_decimal(bad[i], 0, 10, &value), ERR_INPUT, "expected a number between 0 and 10");
}

static void test_durations_have_units_and_are_seconds_without(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"0", 0},
                {"1", 1000000},
                {"0.25", 250000},
                {"7us", 7},
                {"1.5ms", 1500},
                {"2s", 2000000},
                {"2 S", 2000000},
                {"3min", 180000000},
                {"3m", 180000000},
                {"1h", INT64_C(3600000000)},
                {"1d", INT64_C(86400000000)},
                {"3155760000", INT64_C(3155760000000000)}};
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t us = -1;
        expect_ok(value_duration(good[i].text, &us));
        assert_true(us == good[i].us);
    }
}

static void test_other_texts_are_not_durations(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "x",     "-1",  "1y",  "1 week", "s",
                                      "3155760001", "1e300", "inf", "nan", "0x10",   "1s2"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t us = 99;
        expect_err(value_duration(bad[i], &us), ERR_INPUT, "expected");
        assert_int_equal(us, 99);
    }
}

static void test_durations_are_shown_shortest(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } shown[] = {{0, "0"},           {1, "0.000001"},  {250000, "0.25"}, {1000000, "1"}, {INT64_C(3600000000), "3600"},
                 {10500000, "10.5"}, {-1, "-0.000001"}};
    for (size_t i = 0; i < COUNT(shown); i++) {
        char *text = value_duration_text(shown[i].us);
        assert_string_equal(text, shown[i].text);
        free(text);
    }
}

static void test_lists_are_walked_without_blanks_and_empty_items(void **state)
{
    (void)state;
    const char *cursor = " a , b b,,c,  ,";
    static const char *const items[] = {"a", "b b", "c"};
    struct bytes item;
    for (size_t i = 0; i < COUNT(items); i++) {
        assert_true(value_list_next(&cursor, &item));
        assert_true(bytes_equal(item, bytes_of_string(items[i])));
    }
    assert_false(value_list_next(&cursor, &item));
    assert_false(value_list_next(&cursor, &item));
}

static void test_lists_are_searched(void **state)
{
    (void)state;
    assert_true(value_list_has("a, bc", "bc"));
    assert_false(value_list_has("a, bc", "b"));
    assert_false(value_list_has("a, bc", "BC"));
    assert_false(value_list_has("", ""));
    assert_true(value_list_has_nocase("a, bc", "BC"));
    assert_false(value_list_has_nocase("a, bcd", "BC"));
}

static void test_hosts_and_ports_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
    } good[] = {{"127.0.0.1:80", "127.0.0.1", 80},
                {"[2001:db8::1]:443", "2001:db8::1", 443},
                {":0", "", 0},
                {"localhost:65535", "localhost", 65535}};
    for (size_t i = 0; i < COUNT(good); i++) {
        char *host;
        int port;
        expect_ok(value_host_port(good[i].text, &host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
        free(host);
    }
}

static void test_other_texts_are_not_host_and_port(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "host",   "host:", "host:x", "host:65536",
                                      "host:-1", "::1:80", "[::1]", "[::1",   "[::1]80"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *host = NULL;
        int port;
        expect_err(value_host_port(bad[i], &host, &port), ERR_INPUT, "expected");
        assert_null(host);
    }
}

static void test_tls_protocols_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned bits;
    } good[] = {{"secure", 12},          {"all", 15}, {"legacy", 15}, {"tlsv1.3", 8}, {"TLSv1.2,tlsv1.3", 12},
                {"tlsv1.0 : tlsv1.1", 3}};
    for (size_t i = 0; i < COUNT(good); i++) {
        unsigned bits = 0;
        expect_ok(value_tls_protocols(good[i].text, &bits));
        assert_int_equal(bits, good[i].bits);
    }
    static const char *const bad[] = {"", ",", "tlsv1.4", "tlsv1", "secure,ssl3", "tlsv1.33"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        unsigned bits;
        expect_err(value_tls_protocols(bad[i], &bits), ERR_INPUT, "expected secure, all, or a list");
    }
}

/* ---- the table of settings ---- */

static void test_every_default_stands_in_the_table_as_it_is_shown_or_means_the_same(void **state)
{
    (void)state;
    struct settings defaults;
    struct settings again;
    settings_init(&defaults);
    settings_init(&again);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type == SETTING_TYPE_GROUP || setting->alias_of)
            continue;
        char *text = setting_text(setting, &defaults);
        expect_ok(setting_set(setting, text, &again)); /* what is shown can be written into a file */
        assert_true(setting_equal(setting, &defaults, &again));
        free(text);
    }
    settings_free(&defaults);
    settings_free(&again);
}

static void test_every_setting_has_one_name_and_a_description(void **state)
{
    (void)state;
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type == SETTING_TYPE_GROUP) {
            assert_null(setting_find(setting->name));
            continue;
        }
        assert_ptr_equal(setting_find(setting->name), setting);
        assert_true(strlen(setting->doc) > 10);
        if (setting->alias_of)
            assert_non_null(setting_find(setting->alias_of));
    }
    assert_null(setting_find("Pool_Mode"));
    assert_null(setting_find(""));
}

static void test_defaults_are_pgbouncer_s(void **state)
{
    (void)state;
    struct settings set;
    settings_init(&set);
    assert_int_equal(set.listen_port, 6432);
    assert_int_equal(set.pool_mode, POOL_MODE_SESSION);
    assert_int_equal(set.max_client_conn, 100);
    assert_int_equal(set.default_pool_size, 20);
    assert_int_equal(set.auth_type, AUTH_TYPE_MD5);
    assert_int_equal(set.unix_socket_mode, 0777);
    assert_int_equal(set.server_tls_sslmode, SSLMODE_PREFER);
    assert_int_equal(set.client_tls_sslmode, SSLMODE_DISABLE);
    assert_true(set.query_wait_timeout_us == 120000000);
    assert_true(set.server_lifetime_us == INT64_C(3600000000));
    assert_string_equal(set.server_reset_query, "DISCARD ALL");
    assert_string_equal(set.unix_socket_dir, "/tmp");
    assert_string_equal(set.listen_addr, "");
    settings_free(&set);
}

static void test_near_names_are_suggested(void **state)
{
    (void)state;
    assert_string_equal(setting_nearest("poolmode"), "pool_mode");
    assert_string_equal(setting_nearest("max_client_con"), "max_client_conn");
    assert_string_equal(setting_nearest("defualt_pool_size"), "default_pool_size");
    assert_null(setting_nearest("wibble"));
    assert_null(setting_nearest("x"));
    assert_null(setting_nearest("a_name_that_is_much_longer_than_any_setting_could_be_expected_to_be"));
}

static void test_values_that_do_not_fit_leave_the_setting(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *why;
    } bad[] = {
        {"listen_port", "65536", "invalid value \"65536\" for parameter listen_port: expected a whole number"},
        {"pool_mode", "sesion", "expected one of session, transaction, statement"},
        {"syslog", "maybe", "expected 0 or 1"},
        {"server_lifetime", "-1", "between 0 and 100 years"},
        {"pkt_buf", "100", "for parameter pkt_buf: expected a whole number"},
        {"unix_socket_mode", "010000", "for parameter unix_socket_mode"},
        {"attest_simulated_policy", "-1", "expected a number of 64 bits"},
        {"attest_simulated_throttle", "many", "expected a number between"},
        {"auth_type", "peer", "expected one of any, trust"}, /* of HBA lines alone */
    };
    struct settings set;
    struct settings before;
    settings_init(&set);
    settings_init(&before);
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct setting *setting = setting_find(bad[i].name);
        expect_err(setting_set(setting, bad[i].text, &set), ERR_INPUT, bad[i].why);
        assert_true(setting_equal(setting, &set, &before));
    }
    settings_free(&set);
    settings_free(&before);
}

static void test_words_of_a_choice_are_taken_in_any_case(void **state)
{
    (void)state;
    struct settings set;
    settings_init(&set);
    expect_ok(setting_set(setting_find("pool_mode"), "Transaction", &set));
    assert_int_equal(set.pool_mode, POOL_MODE_TRANSACTION);
    char *text = setting_text(setting_find("pool_mode"), &set);
    assert_string_equal(text, "transaction");
    free(text);
    settings_free(&set);
}

static void test_numbers_are_shown_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *name, *written, *shown;
    } values[] = {{"unix_socket_mode", "0700", "0700"},
                  {"attest_simulated_policy", "131072", "0x20000"},
                  {"server_lifetime", "1h", "3600"},
                  {"max_packet_size", "1MB", "1048576"},
                  {"syslog", "yes", "1"},
                  {"job_name", "x", "x"}};
    struct settings set;
    settings_init(&set);
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct setting *setting = setting_find(values[i].name);
        expect_ok(setting_set(setting, values[i].written, &set));
        char *text = setting_text(setting, &set);
        assert_string_equal(text, values[i].shown);
        free(text);
    }
    assert_string_equal(set.service_name, "x"); /* job_name is another name of it */
    settings_free(&set);
}

static void test_secrets_are_not_shown(void **state)
{
    (void)state;
    const struct setting *secret = setting_find("auth_ldap_options");
    struct settings set;
    assert_true(secret->flags & SETTING_SECRET);
    settings_init(&set);
    char *text = setting_shown(secret, &set);
    assert_string_equal(text, "");
    free(text);
    expect_ok(setting_set(secret, "ldapbindpasswd=x", &set));
    text = setting_shown(secret, &set);
    assert_string_equal(text, "******");
    free(text);
    text = setting_shown(setting_find("listen_port"), &set);
    assert_string_equal(text, "6432");
    free(text);
    settings_free(&set);
}

static void test_copies_are_equal_and_their_own(void **state)
{
    (void)state;
    struct settings set;
    struct settings copy;
    settings_init(&set);
    expect_ok(setting_set(setting_find("logfile"), "/one", &set));
    settings_copy(&set, &copy);
    for (size_t i = 0; i < setting_count(); i++)
        if (setting_at(i)->type != SETTING_TYPE_GROUP)
            assert_true(setting_equal(setting_at(i), &set, &copy));
    expect_ok(setting_set(setting_find("logfile"), "/two", &copy));
    assert_string_equal(set.logfile, "/one");
    assert_false(setting_equal(setting_find("logfile"), &set, &copy));
    settings_free(&set);
    settings_free(&copy);
}

static void test_words_have_their_values(void **state)
{
    (void)state;
    assert_string_equal(auth_type_text(AUTH_TYPE_SCRAM_SHA_256), "scram-sha-256");
    assert_string_equal(auth_type_text(AUTH_TYPE_REJECT), "reject");
    assert_string_equal(auth_type_text(AUTH_TYPE_PEER), "peer");
    assert_string_equal(sslmode_text(SSLMODE_VERIFY_FULL), "verify-full");
    assert_null(pool_mode_text(CONFIG_UNSET));
    assert_null(pool_mode_text(3));
    assert_int_equal(enum_value(auth_type_words, "reject"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_has_eight_words),
        cmocka_unit_test(test_other_words_are_not_truth),
        cmocka_unit_test(test_whole_numbers_are_read_up_to_their_limits),
        cmocka_unit_test(test_other_texts_are_not_whole_numbers),
        cmocka_unit_test(test_bits_are_read_up_to_all_of_them),
        cmocka_unit_test(test_sizes_have_units),
        cmocka_unit_test(test_other_texts_are_not_sizes),
        cmocka_unit_test(test_decimal_numbers_are_read),
        cmocka_unit_test(test_durations_have_units_and_are_seconds_without),
        cmocka_unit_test(test_other_texts_are_not_durations),
        cmocka_unit_test(test_durations_are_shown_shortest),
        cmocka_unit_test(test_lists_are_walked_without_blanks_and_empty_items),
        cmocka_unit_test(test_lists_are_searched),
        cmocka_unit_test(test_hosts_and_ports_are_taken_apart),
        cmocka_unit_test(test_other_texts_are_not_host_and_port),
        cmocka_unit_test(test_tls_protocols_are_named),
        cmocka_unit_test(test_every_default_stands_in_the_table_as_it_is_shown_or_means_the_same),
        cmocka_unit_test(test_every_setting_has_one_name_and_a_description),
        cmocka_unit_test(test_defaults_are_pgbouncer_s),
        cmocka_unit_test(test_near_names_are_suggested),
        cmocka_unit_test(test_values_that_do_not_fit_leave_the_setting),
        cmocka_unit_test(test_words_of_a_choice_are_taken_in_any_case),
        cmocka_unit_test(test_numbers_are_shown_as_they_are_written),
        cmocka_unit_test(test_secrets_are_not_shown),
        cmocka_unit_test(test_copies_are_equal_and_their_own),
        cmocka_unit_test(test_words_have_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
