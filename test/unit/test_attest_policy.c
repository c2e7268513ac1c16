/* Policies as text: what the keys mean, what stands for those that are absent, and every refusal with its line. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"

#define SECONDS   US_PER_SECOND
#define VALID_002 "544553545f4d4541535552454d454e545f56414c49445f30303200000000000000000000000000000000000000000000"

static void assert_measurement(const struct policy *policy, size_t index, const char *hex)
{
    char text[2 * SNP_MEASUREMENT_SIZE + 1];
    assert_true(index < policy->measurements.count);
    hex_encode(BYTES(policy->measurements.allowed[index].bytes), text);
    assert_string_equal(text, hex);
}

static void assert_defaults(const struct policy *policy)
{
    assert_false(policy->measurements.given);
    assert_int_equal(policy->measurements.mode, POLICY_STRICT);
    assert_int_equal(policy->measurements.count, 0);
    assert_int_equal(policy->tcb.mode, POLICY_STRICT);
    assert_false(policy->tcb.min_version.given);
    assert_false(policy->tcb.min_platform_version.given);
    assert_int_equal(policy->guest.mode, POLICY_STRICT);
    assert_true(policy->guest.debug_disabled);
    assert_true(policy->guest.smt_disabled);
    assert_int_equal(policy->guest.min_guest_svn.value, 0);
    assert_true(policy->nonce.required);
    assert_int_equal(policy->nonce.max_age_us, 300 * SECONDS);
    assert_int_equal(policy->nonce.min_length, 16);
    assert_int_equal(policy->nonce.source, POLICY_NONCE_SERVER);
    assert_true(policy->certificates.verify_chain);
    assert_true(policy->certificates.verify_signature);
    assert_int_equal(snp_arks_count(policy->certificates.trusted_arks), 0);
    assert_false(policy->certificates.allow_simulated);
    assert_true(policy->certificates.allow_cached);
    assert_int_equal(policy->certificates.cache_duration_us, 3600 * SECONDS);
    assert_true(policy->formats[EVIDENCE_CMW]);
    assert_false(policy->formats[EVIDENCE_NONE]);
    assert_false(policy->formats[EVIDENCE_GO_EAT]);
    assert_false(policy->formats[EVIDENCE_DICE]);
    assert_false(policy->formats[EVIDENCE_RAW]);
    assert_false(policy->certificates.allow_unbound);
    assert_int_equal(veks_count(policy->certificates.veks), 0);
}

static void test_the_whole_schema_loads_and_means_what_it_says(void **state)
{
    (void)state;
    struct policy *policy = accepted(whole_schema);
    assert_string_equal(policy->name, "strict");
    assert_string_equal(policy->path, "p.yaml");
    assert_string_equal(policy->version, "1.0");
    assert_true(policy->measurements.given);
    assert_int_equal(policy->measurements.count, 1);
    assert_measurement(policy, 0, VALID_001);
    assert_true(policy->tcb.min_version.given);
    assert_int_equal(policy->tcb.min_version.version.major, 1);
    assert_int_equal(policy->tcb.min_version.version.minor, 51);
    assert_int_equal(policy->tcb.min_version.version.build, 0);
    assert_true(policy->tcb.min_platform_version.given);
    assert_int_equal(policy->tcb.min_platform_version.value, 1);
    assert_int_equal(policy->guest.min_guest_svn.value, 1);
    assert_int_equal(policy->nonce.max_age_us, 300 * SECONDS);
    assert_int_equal(policy->certificates.cache_duration_us, 3600 * SECONDS);
    assert_true(policy->loaded_at_us > 0);
    policy_drop(policy);
}

static void test_the_hash_is_of_the_whole_file(void **state)
{
    (void)state;
    char hash[65];
    struct policy *policy = accepted("version: a\n");
    hex_encode(BYTES(policy->sha256), hash);
    assert_string_equal(hash, "5ea5ef3b2c9449e4238d5bdae3509d03792a055a2dd3b2d36d93d8d05a77b3b7");
    policy_drop(policy);
}

static void test_what_a_file_leaves_out_has_the_safe_default(void **state)
{
    (void)state;
    struct policy *policy = accepted("version: \"1.0\"\n");
    assert_defaults(policy);
    policy_drop(policy);
}

static void test_the_default_policy_has_the_safe_defaults(void **state)
{
    (void)state;
    struct policy *policy = policy_default();
    assert_defaults(policy);
    assert_string_equal(policy->version, "");
    policy_drop(policy);
}

static void test_a_group_that_says_little_keeps_the_other_defaults(void **state)
{
    (void)state;
    struct policy *policy = accepted("guest:\n  smt_disabled: false\n");
    assert_true(policy->guest.debug_disabled);
    assert_false(policy->guest.smt_disabled);
    assert_int_equal(policy->guest.mode, POLICY_STRICT);
    policy_drop(policy);
}

static void test_every_other_value_is_taken_as_it_stands(void **state)
{
    (void)state;
    struct policy *policy =
        accepted("version: 2\nformats: [cmw]\n"
                 "measurements: {allow_list: [" VALID_001 ", " VALID_002 "], mode: warn}\n"
                 "tcb: {min_platform_version: 0xd315000000000004, mode: disabled}\n"
                 "guest: {debug_disabled: false, min_guest_svn: 4294967295, mode: warn}\n"
                 "nonce: {required: false, min_length: 64, source: any}\n"
                 "certificates: {verify_chain: false, verify_signature: False, allow_simulated: TRUE,"
                 " allow_cached: false, cache_duration: 0}\n");
    assert_string_equal(policy->version, "2");
    assert_int_equal(policy->measurements.count, 2);
    assert_measurement(policy, 1, VALID_002);
    assert_int_equal(policy->measurements.mode, POLICY_WARN);
    assert_true(policy->tcb.min_platform_version.value == UINT64_C(0xd315000000000004));
    assert_int_equal(policy->tcb.mode, POLICY_DISABLED);
    assert_false(policy->guest.debug_disabled);
    assert_true(policy->guest.min_guest_svn.value == UINT32_MAX);
    assert_false(policy->nonce.required);
    assert_int_equal(policy->nonce.min_length, 64);
    assert_int_equal(policy->nonce.source, POLICY_NONCE_ANY);
    assert_false(policy->certificates.verify_chain);
    assert_false(policy->certificates.verify_signature);
    assert_true(policy->certificates.allow_simulated);
    assert_false(policy->certificates.allow_cached);
    assert_int_equal(policy->certificates.cache_duration_us, 0);
    policy_drop(policy);
}

static void test_expected_and_allow_list_are_one_set(void **state)
{
    (void)state;
    struct policy *policy = accepted("measurements:\n  expected: " VALID_001 "\n  allow_list:\n    - " VALID_002 "\n");
    assert_int_equal(policy->measurements.count, 2);
    assert_measurement(policy, 0, VALID_001);
    assert_measurement(policy, 1, VALID_002);
    policy_drop(policy);
}

static void test_durations_are_read_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } forms[] = {{"5m", 300},     {"1h", 3600},   {"30s", 30},        {"90", 90},
                 {"1h30m", 5400}, {"2d", 172800}, {"1d2h3m4s", 93784}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "nonce:\n  max_age: %s\n", forms[i].text);
        struct policy *policy = accepted(text);
        assert_int_equal(policy->nonce.max_age_us, forms[i].seconds * SECONDS);
        policy_drop(policy);
    }
}

static void test_what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const forms[] = {"5x",  "m",    "1.5h",        "-5m",  "30m1h", "5m5m", "1h30",
                                        "5 m", "367d", "9999999999s", "\"\"", "~",     "[]"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "nonce:\n  max_age: %s\n", forms[i]);
        assert_refused_with(text, "p.yaml:2: nonce.max_age: expected a duration");
    }
    assert_refused("nonce:\n  max_age: 0s\n",
                   "p.yaml:2: nonce.max_age: expected a duration of at least a second, found \"0s\"");
}

static void test_unknown_keys_are_refused_and_the_nearest_is_named(void **state)
{
    (void)state;
    assert_refused("version: \"1.0\"\nguest:\n  smt_disabeld: true\n",
                   "p.yaml:3: unknown key \"smt_disabeld\" in guest; did you mean smt_disabled?");
    assert_refused("version: \"1.0\"\nmeasurement:\n  mode: warn\n",
                   "p.yaml:2: unknown key \"measurement\"; did you mean measurements?");
    assert_refused("guest:\n  max_age: 5m\n", "p.yaml:2: unknown key \"max_age\" in guest");
    assert_refused("guest:\n  min_length: 16\n", "p.yaml:2: unknown key \"min_length\" in guest; it belongs to nonce");
    assert_refused("debug_disabled: true\n", "p.yaml:1: unknown key \"debug_disabled\"; it belongs to guest");
    assert_refused("quite_something_else: 1\n", "p.yaml:1: unknown key \"quite_something_else\"");
    assert_refused("<<: {}\n", "p.yaml:1: unknown key \"<<\"");
}

static void test_keys_that_stand_twice_are_refused(void **state)
{
    (void)state;
    assert_refused("version: a\nversion: b\n", "p.yaml:2: the key version stands twice; first in line 1");
    assert_refused("guest:\n  mode: warn\n  min_guest_svn: 1\n  mode: strict\n",
                   "p.yaml:4: the key mode stands twice; first in line 2");
    assert_refused("guest: {}\ntcb: {}\nguest: {}\n", "p.yaml:3: the key guest stands twice; first in line 1");
}

static void test_values_of_the_wrong_type_are_refused(void **state)
{
    (void)state;
    assert_refused("guest:\n  debug_disabled: maybe\n",
                   "p.yaml:2: guest.debug_disabled: expected true or false, found \"maybe\"");
    assert_refused("guest:\n  debug_disabled: \"true\"\n",
                   "p.yaml:2: guest.debug_disabled: expected true or false, found \"true\"");
    assert_refused("guest:\n  debug_disabled:\n",
                   "p.yaml:2: guest.debug_disabled: expected true or false, found nothing");
    assert_refused("guest:\n  debug_disabled: yes\n",
                   "p.yaml:2: guest.debug_disabled: expected true or false, found \"yes\"");
    assert_refused("guest:\n  mode: Strict\n",
                   "p.yaml:2: guest.mode: expected strict, warn or disabled, found \"Strict\"");
    assert_refused("guest:\n  mode: [strict]\n",
                   "p.yaml:2: guest.mode: expected strict, warn or disabled, found a list");
    assert_refused("guest: strict\n", "p.yaml:1: guest: expected a group of keys, found \"strict\"");
    assert_refused("guest:\n", "p.yaml:1: guest: expected a group of keys, found nothing");
    assert_refused("guest: []\n", "p.yaml:1: guest: expected a group of keys, found a list");
    assert_refused("nonce:\n  source: client\n", "p.yaml:2: nonce.source: expected server or any, found \"client\"");
    assert_refused("version: []\n",
                   "p.yaml:1: version: expected a word of up to 64 printable characters, found a list");
    assert_refused("version: ~\n",
                   "p.yaml:1: version: expected a word of up to 64 printable characters, found nothing");
    assert_refused("version: \"1\\n2\"\n",
                   "p.yaml:1: version: expected a word of up to 64 printable characters, found \"1?2\"");
    assert_refused("formats: cmw\n", "p.yaml:1: formats: expected a list of formats with at least one, found \"cmw\"");
    assert_refused("formats: []\n", "p.yaml:1: formats: expected a list of formats with at least one, found a list");
    assert_refused("formats: [cmw, none]\n",
                   "p.yaml:1: formats: expected cmw, eat, azure, go-eat, dice or raw, found \"none\"");
    assert_refused("formats:\n- cmw\n- cmw\n", "p.yaml:3: formats: the same format stands twice");
}

static void test_numbers_out_of_bounds_or_unclear_are_refused(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "-1", "4294967296", "1.0", "010", "0x", "one", "\"1\"", "+1", "1 2", "0x100000000", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[96];
        snprintf(text, sizeof text, "guest:\n  min_guest_svn: %s\n", forms[i]);
        assert_refused_with(text, "p.yaml:2: guest.min_guest_svn: expected a whole number from 0 to 4294967295");
    }
    assert_refused("nonce:\n  min_length: 65\n",
                   "p.yaml:2: nonce.min_length: expected a whole number from 0 to 64, found \"65\"");
    assert_refused("tcb:\n  min_platform_version: 18446744073709551616\n",
                   "p.yaml:2: tcb.min_platform_version: expected a whole number from 0 to 18446744073709551615, found "
                   "\"18446744073709551616\"");
}

static void test_firmware_versions_have_three_parts(void **state)
{
    (void)state;
    static const char *const forms[] = {"1.51", "1.51.0.0", "256.0.0", "1..0", ".1.2",
                                        "1.2.", "1.51.x",   "01.2.3",  "\"\"", "1.2.3 "};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[64];
        bool quoted = strchr(forms[i], ' ') != NULL;
        snprintf(text, sizeof text, "tcb:\n  min_version: %s%s%s\n", quoted ? "'" : "", forms[i], quoted ? "'" : "");
        assert_refused_with(text, "p.yaml:2: tcb.min_version: expected major.minor.build, each from 0 to 255");
    }
}

static void test_measurements_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_refused_with("measurements:\n  expected: \"5445\"\n",
                        "p.yaml:2: measurements.expected: expected a measurement of 96 hexadecimal digits");
    assert_refused_with("measurements:\n  allow_list:\n  - " VALID_001 "\n  - " VALID_001 "00\n",
                        "p.yaml:4: measurements.allow_list: expected a measurement of 96 hexadecimal digits");
    assert_refused_with("measurements:\n  allow_list:\n  - \"\"\n",
                        "p.yaml:3: measurements.allow_list: expected a measurement");
    assert_refused_with("measurements:\n  expected: ~\n", "p.yaml:2: measurements.expected: expected a measurement");
    assert_refused("measurements:\n  allow_list: " VALID_001 "\n",
                   "p.yaml:2: measurements.allow_list: expected a list of measurements, found "
                   "\"544553545f4d4541535552454d454e545f56414c49445f3030310000\"…");
}

static void test_a_measurements_group_without_any_is_refused_unless_disabled(void **state)
{
    (void)state;
    const char *why = "p.yaml:2: measurements: name at least one, or set mode: disabled";
    assert_refused("version: a\nmeasurements:\n  expected: \"\"\n  allow_list: []\n", why);
    assert_refused("version: a\nmeasurements:\n  mode: warn\n", why);
    assert_refused("version: a\nmeasurements: {}\n", why);
    struct policy *policy = accepted("measurements:\n  expected: \"\"\n  allow_list: []\n  mode: disabled\n");
    assert_int_equal(policy->measurements.mode, POLICY_DISABLED);
    policy_drop(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_schema_loads_and_means_what_it_says),
        cmocka_unit_test(test_the_hash_is_of_the_whole_file),
        cmocka_unit_test(test_what_a_file_leaves_out_has_the_safe_default),
        cmocka_unit_test(test_the_default_policy_has_the_safe_defaults),
        cmocka_unit_test(test_a_group_that_says_little_keeps_the_other_defaults),
        cmocka_unit_test(test_every_other_value_is_taken_as_it_stands),
        cmocka_unit_test(test_expected_and_allow_list_are_one_set),
        cmocka_unit_test(test_durations_are_read_in_every_form),
        cmocka_unit_test(test_what_is_no_duration_is_refused),
        cmocka_unit_test(test_unknown_keys_are_refused_and_the_nearest_is_named),
        cmocka_unit_test(test_keys_that_stand_twice_are_refused),
        cmocka_unit_test(test_values_of_the_wrong_type_are_refused),
        cmocka_unit_test(test_numbers_out_of_bounds_or_unclear_are_refused),
        cmocka_unit_test(test_firmware_versions_have_three_parts),
        cmocka_unit_test(test_measurements_that_are_none_are_refused),
        cmocka_unit_test(test_a_measurements_group_without_any_is_refused_unless_disabled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
