/* The tool's command lines: what is understood, and that every slip is named. */
#include "app/vouch_address.h"
#include "app/vouch_options.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_WORDS 16

static void assert_address(const char *text, const char *host, int port)
{
    char *found_host = NULL;
    int found_port = 0;
    struct err e = vouch_address_read(text, &found_host, &found_port);
    assert_string_equal(e.why, "");
    assert_string_equal(found_host, host);
    assert_int_equal(found_port, port);
    free(found_host);
}

static void assert_says(struct err e, const char *part)
{
    assert_true(failed(e));
    if (!strstr(e.why, part))
        fail_msg("\"%s\" does not say \"%s\"", e.why, part);
}

static void assert_no_address(const char *text, enum err_code code, const char *part)
{
    char *host = NULL;
    int port;
    struct err e = vouch_address_read(text, &host, &port);
    assert_says(e, part);
    assert_int_equal(e.code, code);
    assert_null(host);
}

static void test_host_and_port_are_told_apart(void **state)
{
    (void)state;
    assert_address("localhost:6432", "localhost", 6432);
    assert_address("db.example.org:1", "db.example.org", 1);
    assert_address("127.0.0.1:65535", "127.0.0.1", 65535);
}

static void test_ipv6_addresses_stand_in_brackets(void **state)
{
    (void)state;
    assert_address("[::1]:6432", "::1", 6432);
    assert_address("[2001:db8::2]", "2001:db8::2", 5432);
    assert_address("[fe80::1%eth0]:7", "fe80::1%eth0", 7);
}

static void test_without_a_port_it_is_postgresqls(void **state)
{
    (void)state;
    assert_address("localhost", "localhost", 5432);
}

static void test_ports_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"h:",    "h:0",  "h:65536", "h:-1",    "h:x",          "h:54 ",
                                        "h:+54", "h:05", "h:0x10",  "h:1:2",   "[::1]:",       "[::1]:65536",
                                        "h:1.5", "h: 1", "h:6432x", "h:99999", "h:4294972728", "h:184467440737095"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_no_address(texts[i], ERR_INPUT, "a port is a number between 1 and 65535");
}

static void test_hosts_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_no_address("", ERR_INPUT, "the host is missing");
    assert_no_address(":6432", ERR_INPUT, "the host is missing");
    assert_no_address("[]:6432", ERR_INPUT, "the host is missing");
    assert_no_address("[localhost]:6432", ERR_INPUT, "no IPv6 address");
    assert_no_address("[::1", ERR_INPUT, "closing bracket");
    assert_no_address("[::1]6432", ERR_INPUT, "expected HOST:PORT");
    assert_no_address("two words:1", ERR_INPUT, "names no host");
    assert_no_address("h\x7f:1", ERR_INPUT, "names no host");
    assert_no_address("a]b:1", ERR_INPUT, "names no host");
}

static void test_an_ipv6_address_without_brackets_is_refused_with_advice(void **state)
{
    (void)state;
    assert_no_address("::1", ERR_INPUT, "[::1]:PORT");
    assert_no_address("2001:db8::1:6432", ERR_INPUT, "in brackets");
}

static void test_unix_sockets_are_refused(void **state)
{
    (void)state;
    assert_no_address("/var/run/postgresql", ERR_UNSUPPORTED, "Unix socket");
    assert_no_address("./socket:6432", ERR_UNSUPPORTED, "Unix socket");
    assert_no_address("@abstract", ERR_UNSUPPORTED, "Unix socket");
    assert_no_address("postgres://localhost:5432/x", ERR_UNSUPPORTED, "give HOST:PORT");
}

/* `words` ends with NULL; getopt reorders a copy. */
static int words_copy(const char *const *words, char **argv)
{
    int argc = 0;
    for (; words[argc]; argc++) {
        assert_true(argc < MAX_WORDS);
        argv[argc] = (char *)words[argc];
    }
    argv[argc] = NULL;
    return argc;
}

static struct err verify_read(const char *const *words, struct vouch_verify_options *out)
{
    char *argv[MAX_WORDS + 1];
    int argc = words_copy(words, argv);
    return vouch_verify_options_read(argc, argv, out);
}

static struct err cert_read(const char *const *words, struct vouch_cert_options *out)
{
    char *argv[MAX_WORDS + 1];
    int argc = words_copy(words, argv);
    return vouch_cert_options_read(argc, argv, out);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_verify_refused(const char *const *words, const char *part)
{
    struct vouch_verify_options options;
    assert_says(verify_read(words, &options), part);
    vouch_verify_options_release(&options);
}

static void assert_cert_refused(const char *const *words, const char *part)
{
    struct vouch_cert_options options;
    assert_says(cert_read(words, &options), part);
    vouch_cert_options_release(&options);
}

static void test_verify_takes_all_its_options_in_any_order(void **state)
{
    (void)state;
    struct vouch_verify_options options;
    struct err e = verify_read(WORDS("verify", "--json", "[::1]:6432", "--policy", "p.yaml", "--ca=ca.pem",
                                     "--save-report", "r.bin", "--direct-tls", "--timeout", "500ms"),
                               &options);
    assert_string_equal(e.why, "");
    assert_string_equal(options.host, "::1");
    assert_int_equal(options.port, 6432);
    assert_string_equal(options.policy, "p.yaml");
    assert_string_equal(options.ca, "ca.pem");
    assert_string_equal(options.save_report, "r.bin");
    assert_true(options.json);
    assert_true(options.direct_tls);
    assert_int_equal(options.timeout_us, 500 * US_PER_MS);
    assert_false(options.help);
    vouch_verify_options_release(&options);
}

static void test_verify_has_defaults(void **state)
{
    (void)state;
    struct vouch_verify_options options;
    assert_false(failed(verify_read(WORDS("verify", "h", "--policy", "p"), &options)));
    assert_null(options.ca);
    assert_null(options.save_report);
    assert_false(options.json);
    assert_false(options.direct_tls);
    assert_int_equal(options.timeout_us, 10 * US_PER_SECOND);
    vouch_verify_options_release(&options);
}

static void test_options_behind_the_server_count_under_posixly_correct(void **state)
{
    (void)state;
    struct vouch_verify_options options;
    setenv("POSIXLY_CORRECT", "1", 1);
    struct err e = verify_read(WORDS("verify", "h:1", "--policy", "p", "--json"), &options);
    unsetenv("POSIXLY_CORRECT");
    assert_string_equal(e.why, "");
    assert_true(options.json);
    vouch_verify_options_release(&options);
}

static void test_the_server_may_stand_behind_two_dashes(void **state)
{
    (void)state;
    struct vouch_verify_options options;
    assert_false(failed(verify_read(WORDS("verify", "--policy", "p", "--", "h:1"), &options)));
    assert_string_equal(options.host, "h");
    vouch_verify_options_release(&options);
    assert_verify_refused(WORDS("verify", "--policy", "p", "h:1", "--", "h:2"), "one word too many");
}

static void test_help_needs_nothing_else(void **state)
{
    (void)state;
    struct vouch_verify_options verify;
    struct vouch_cert_options cert;
    assert_false(failed(verify_read(WORDS("verify", "--help"), &verify)));
    assert_true(verify.help);
    vouch_verify_options_release(&verify);
    assert_false(failed(cert_read(WORDS("cert", "-h"), &cert)));
    assert_true(cert.help);
    vouch_cert_options_release(&cert);
}

static void test_wrong_lines_for_verify_are_named(void **state)
{
    (void)state;
    assert_verify_refused(WORDS("verify"), "the server is missing");
    assert_verify_refused(WORDS("verify", "--policy", "p"), "the server is missing");
    assert_verify_refused(WORDS("verify", "h:1", "--policy"), "--policy needs a value");
    assert_verify_refused(WORDS("verify", "h:1", "--policy", ""), "--policy is empty");
    assert_verify_refused(WORDS("verify", "h:1", "--policy", "a", "--policy", "b"), "given twice");
    assert_verify_refused(WORDS("verify", "h:1", "h:2", "--policy", "p"), "\"h:2\" is one word too many");
    assert_verify_refused(WORDS("verify", "h:1", "--polcy", "p"), "unknown option --polcy");
    assert_verify_refused(WORDS("verify", "h:1", "-x"), "unknown option -x");
    assert_verify_refused(WORDS("verify", "h:1", "--json=yes"), "takes no value");
    assert_verify_refused(WORDS("verify", "h:0", "--policy", "p"), "a port is a number");
    assert_verify_refused(WORDS("verify", "h:1", "--policy", "p", "--timeout", "0"), "longer than 0");
    assert_verify_refused(WORDS("verify", "h:1", "--policy", "p", "--timeout", "soon"), "--timeout \"soon\"");
}

static void test_cert_takes_all_its_options(void **state)
{
    (void)state;
    struct vouch_cert_options options;
    struct err e = cert_read(WORDS("cert", "--out", "d", "--nonce", "00ff", "--cn", "app", "--ttl", "5min", "--ca-cert",
                                   "c.pem", "--ca-key=k.pem", "--state-dir", "s", "--product", "turin"),
                             &options);
    assert_string_equal(e.why, "");
    assert_string_equal(options.out, "d");
    assert_string_equal(options.nonce, "00ff");
    assert_null(options.nonce_url);
    assert_string_equal(options.cn, "app");
    assert_null(options.san);
    assert_int_equal(options.ttl_us, 300 * US_PER_SECOND);
    assert_string_equal(options.ca_cert, "c.pem");
    assert_string_equal(options.ca_key, "k.pem");
    assert_string_equal(options.settings.attest_state_dir, "s");
    assert_int_equal(options.settings.attest_simulated_product, ATTEST_PRODUCT_TURIN);
    vouch_cert_options_release(&options);
}

static void test_cert_is_simulated_by_default_with_its_keys_beside_it(void **state)
{
    (void)state;
    struct vouch_cert_options options;
    assert_false(failed(cert_read(WORDS("cert", "--out", "d"), &options)));
    assert_int_equal(options.settings.attest_provider, ATTEST_PROVIDER_SIMULATED);
    assert_string_equal(options.settings.attest_state_dir, "d");
    assert_int_equal(options.ttl_us, 3600 * US_PER_SECOND);
    vouch_cert_options_release(&options);
}

static void test_another_provider_gets_no_state_directory(void **state)
{
    (void)state;
    struct vouch_cert_options options;
    assert_false(failed(cert_read(WORDS("cert", "--out", "d", "--provider", "auto"), &options)));
    assert_int_equal(options.settings.attest_provider, ATTEST_PROVIDER_AUTO);
    assert_string_equal(options.settings.attest_state_dir, "");
    vouch_cert_options_release(&options);
}

static void test_simulated_settings_can_be_set(void **state)
{
    (void)state;
    struct vouch_cert_options options;
    struct err e = cert_read(WORDS("cert", "--out", "d", "--set", "attest_simulated_policy=0xa0000", "--set",
                                   "attest_simulated_platform_info=0x27", "--set=attest_simulated_firmware=1.2.3"),
                             &options);
    assert_string_equal(e.why, "");
    assert_int_equal(options.settings.attest_simulated_policy, 0xa0000);
    assert_int_equal(options.settings.attest_simulated_platform_info, 0x27);
    assert_string_equal(options.settings.attest_simulated_firmware, "1.2.3");
    vouch_cert_options_release(&options);
}

static void test_san_may_be_given_several_times(void **state)
{
    (void)state;
    struct vouch_cert_options options;
    assert_false(
        failed(cert_read(WORDS("cert", "--out", "d", "--san", "dns:a.example,b.example", "--san", "::1"), &options)));
    assert_string_equal(options.san, "dns:a.example,b.example,::1");
    vouch_cert_options_release(&options);
}

static void test_wrong_lines_for_cert_are_named(void **state)
{
    (void)state;
    assert_cert_refused(WORDS("cert"), "--out DIR is missing");
    assert_cert_refused(WORDS("cert", "d"), "\"d\" is no option");
    assert_cert_refused(WORDS("cert", "--out", "d", "--", "e"), "\"e\" is no option");
    assert_cert_refused(WORDS("cert", "--out", "d", "--nonce", "00", "--nonce-url", "http://h/"), "exclude each other");
    assert_cert_refused(WORDS("cert", "--out", "d", "--ca-cert", "c"), "belong together");
    assert_cert_refused(WORDS("cert", "--out", "d", "--ca-key", "k"), "belong together");
    assert_cert_refused(WORDS("cert", "--out", "d", "--ttl", "0"), "--ttl must be longer than 0");
    assert_cert_refused(WORDS("cert", "--out", "d", "--ttl", "4000d"), "at most ten years");
    assert_cert_refused(WORDS("cert", "--out", "d", "--san", "not a name"), "--san");
    assert_cert_refused(WORDS("cert", "--out", "d", "--provider", "magic"), "--provider");
    assert_cert_refused(WORDS("cert", "--out", "d", "--product", "rome"), "--product");
    assert_cert_refused(WORDS("cert", "--out", "d", "--measurement", "5445"), "attest_simulated_measurement");
    assert_cert_refused(WORDS("cert", "--out", "d", "--json"), "unknown option --json");
}

static void test_settings_that_would_do_nothing_are_refused(void **state)
{
    (void)state;
    assert_cert_refused(WORDS("cert", "--out", "d", "--set", "attest_log=x"), "cannot be set here");
    assert_cert_refused(WORDS("cert", "--out", "d", "--set", "listen_port=1"), "cannot be set here");
    assert_cert_refused(WORDS("cert", "--out", "d", "--set", "attest_simulated_colour=red"), "cannot be set here");
    assert_cert_refused(WORDS("cert", "--out", "d", "--set", "attest_simulated_policy"), "expected NAME=VALUE");
    assert_cert_refused(WORDS("cert", "--out", "d", "--set", "attest_simulated_policy=many"), "--set");
    assert_cert_refused(WORDS("cert", "--out", "d", "--set", "attest_simulated_tcb=1.2.3"), "attest_simulated_tcb");
}

static void test_a_report_needs_no_server_and_a_server_no_policy(void **state)
{
    (void)state;
    struct vouch_verify_options options;
    struct err e = verify_read(WORDS("verify", "--report", "r.bin", "--vcek", "v.der", "--ask", "a.pem", "--ark",
                                     "r.pem", "--crl", "c.pem", "--at", "1970-01-02T00:00:01Z"),
                               &options);
    assert_string_equal(e.why, "");
    assert_null(options.host);
    assert_null(options.policy);
    assert_string_equal(options.report, "r.bin");
    assert_string_equal(options.files.vcek, "v.der");
    assert_string_equal(options.files.ask, "a.pem");
    assert_string_equal(options.files.ark, "r.pem");
    assert_string_equal(options.files.crl, "c.pem");
    assert_true(options.files.has_at);
    assert_int_equal(options.files.at_us, 86401 * US_PER_SECOND);
    vouch_verify_options_release(&options);
    assert_false(failed(verify_read(WORDS("verify", "h:1"), &options)));
    assert_false(options.files.has_at);
    vouch_verify_options_release(&options);
}

static void test_a_table_has_all_certificates_and_a_list_goes_with_a_server(void **state)
{
    (void)state;
    static const char *const others[] = {"--vek", "--vcek", "--vlek", "--ask", "--ark"};
    struct vouch_verify_options options;
    assert_false(failed(verify_read(WORDS("verify", "--report", "r", "--certs", "t", "--crl", "c"), &options)));
    assert_string_equal(options.files.certs, "t");
    vouch_verify_options_release(&options);
    assert_false(failed(verify_read(WORDS("verify", "h:1", "--crl", "c"), &options)));
    assert_string_equal(options.files.crl, "c");
    vouch_verify_options_release(&options);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_verify_refused(WORDS("verify", "--report", "r", "--certs", "t", others[i], "f"), "--certs has all");
    assert_verify_refused(WORDS("verify", "h:1", "--certs", "t"), "belong to --report");
}

static void test_times_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "now",
                                        "2025-01-31",
                                        "2025-02-29T00:00:00Z",
                                        "2025-01-31T24:00:00Z",
                                        "2025-01-31T00:00:00",
                                        "2025-01-31T00:00:00Z ",
                                        " 2025-01-31T00:00:00Z",
                                        "2025-1-31T00:00:00Z",
                                        "1969-12-31T23:59:59Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_verify_refused(WORDS("verify", "h:1", "--at", wrong[i]), "expected a time in UTC");
}

static void test_a_report_comes_from_a_device_unless_it_is_said_otherwise(void **state)
{
    (void)state;
    char *argv[MAX_WORDS + 1];
    int argc = words_copy(WORDS("report", "--nonce", "00", "--format", "raw", "--out", "f"), argv);
    struct vouch_report_options options;
    assert_false(failed(vouch_report_options_read(argc, argv, &options)));
    assert_int_equal(options.settings.attest_provider, ATTEST_PROVIDER_AUTO);
    assert_int_equal(options.format, EVIDENCE_RAW);
    assert_string_equal(options.nonce, "00");
    assert_string_equal(options.out, "f");
    vouch_report_options_release(&options);
}

static void test_policy_knows_what_it_is_to_do(void **state)
{
    (void)state;
    char *argv[MAX_WORDS + 1];
    int argc = words_copy(WORDS("policy", "test", "p.yaml", "--vek", "v", "r.bin", "--json"), argv);
    struct vouch_policy_options options;
    assert_false(failed(vouch_policy_options_read(argc, argv, &options)));
    assert_int_equal(options.action, VOUCH_POLICY_TEST);
    assert_string_equal(options.file, "p.yaml");
    assert_string_equal(options.evidence, "r.bin");
    assert_string_equal(options.files.vek, "v");
    assert_true(options.json);
    assert_false(options.names_kds);
    vouch_policy_options_release(&options);
    argc = words_copy(WORDS("policy", "test", "p.yaml", "c.crt", "--crl", "c.der", "--cache", "d", "--offline"), argv);
    assert_false(failed(vouch_policy_options_read(argc, argv, &options)));
    assert_string_equal(options.files.crl, "c.der");
    assert_string_equal(options.settings.kds_cache_dir, "d");
    assert_true(options.settings.kds_offline);
    vouch_policy_options_release(&options);
    argc = words_copy(WORDS("policy", "init", "--from", "r.bin"), argv);
    assert_false(failed(vouch_policy_options_read(argc, argv, &options)));
    assert_int_equal(options.action, VOUCH_POLICY_INIT);
    assert_string_equal(options.evidence, "r.bin");
    assert_null(options.file);
    vouch_policy_options_release(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_and_port_are_told_apart),
        cmocka_unit_test(test_ipv6_addresses_stand_in_brackets),
        cmocka_unit_test(test_without_a_port_it_is_postgresqls),
        cmocka_unit_test(test_ports_that_are_none_are_refused),
        cmocka_unit_test(test_hosts_that_are_none_are_refused),
        cmocka_unit_test(test_an_ipv6_address_without_brackets_is_refused_with_advice),
        cmocka_unit_test(test_unix_sockets_are_refused),
        cmocka_unit_test(test_verify_takes_all_its_options_in_any_order),
        cmocka_unit_test(test_verify_has_defaults),
        cmocka_unit_test(test_options_behind_the_server_count_under_posixly_correct),
        cmocka_unit_test(test_the_server_may_stand_behind_two_dashes),
        cmocka_unit_test(test_help_needs_nothing_else),
        cmocka_unit_test(test_wrong_lines_for_verify_are_named),
        cmocka_unit_test(test_cert_takes_all_its_options),
        cmocka_unit_test(test_cert_is_simulated_by_default_with_its_keys_beside_it),
        cmocka_unit_test(test_another_provider_gets_no_state_directory),
        cmocka_unit_test(test_simulated_settings_can_be_set),
        cmocka_unit_test(test_san_may_be_given_several_times),
        cmocka_unit_test(test_wrong_lines_for_cert_are_named),
        cmocka_unit_test(test_settings_that_would_do_nothing_are_refused),
        cmocka_unit_test(test_a_report_needs_no_server_and_a_server_no_policy),
        cmocka_unit_test(test_a_table_has_all_certificates_and_a_list_goes_with_a_server),
        cmocka_unit_test(test_times_that_are_none_are_refused),
        cmocka_unit_test(test_a_report_comes_from_a_device_unless_it_is_said_otherwise),
        cmocka_unit_test(test_policy_knows_what_it_is_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
