/* Policy files: what the keys mean, what stands for those that are absent, and every refusal with its line. */
#include "attest/policy.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "tls_pair.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECONDS   US_PER_SECOND
#define VALID_001 "544553545f4d4541535552454d454e545f56414c49445f30303100000000000000000000000000000000000000000000"
#define VALID_002 "544553545f4d4541535552454d454e545f56414c49445f30303200000000000000000000000000000000000000000000"

/* As the product's description has it. */
static const char whole_schema[] = "version: \"1.0\"\n"
                                   "measurements:\n"
                                   "  expected: \"" VALID_001 "\"\n"
                                   "  allow_list: []\n"
                                   "  mode: \"strict\"            # strict | warn | disabled\n"
                                   "tcb:\n"
                                   "  min_version: \"1.51.0\"\n"
                                   "  min_platform_version: 1\n"
                                   "  mode: \"strict\"\n"
                                   "guest:\n"
                                   "  debug_disabled: true\n"
                                   "  smt_disabled: true\n"
                                   "  min_guest_svn: 1\n"
                                   "  mode: \"strict\"\n"
                                   "nonce:\n"
                                   "  max_age: \"5m\"\n"
                                   "  required: true\n"
                                   "  min_length: 16\n"
                                   "certificates:\n"
                                   "  verify_chain: true\n"
                                   "  verify_signature: true\n"
                                   "  trusted_arks: []\n"
                                   "  allow_cached: true\n"
                                   "  cache_duration: \"1h\"\n";

static struct policy *parse(const char *text)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of_string(text), &policy);
    if (failed(e))
        fail_msg("%s", e.why);
    assert_non_null(policy);
    return policy;
}

static void assert_refused(const char *text, const char *why)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of_string(text), &policy);
    assert_null(policy);
    assert_true(failed(e));
    assert_string_equal(e.why, why);
}

static void assert_refused_with(const char *text, const char *part)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of_string(text), &policy);
    assert_null(policy);
    assert_true(failed(e));
    if (!strstr(e.why, part))
        fail_msg("\"%s\" does not say \"%s\"", e.why, part);
}

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
    struct policy *policy = parse(whole_schema);
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
    struct policy *policy = parse("version: a\n");
    hex_encode(BYTES(policy->sha256), hash);
    assert_string_equal(hash, "5ea5ef3b2c9449e4238d5bdae3509d03792a055a2dd3b2d36d93d8d05a77b3b7");
    policy_drop(policy);
}

static void test_what_a_file_leaves_out_has_the_safe_default(void **state)
{
    (void)state;
    struct policy *policy = parse("version: \"1.0\"\n");
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
    struct policy *policy = parse("guest:\n  smt_disabled: false\n");
    assert_true(policy->guest.debug_disabled);
    assert_false(policy->guest.smt_disabled);
    assert_int_equal(policy->guest.mode, POLICY_STRICT);
    policy_drop(policy);
}

static void test_every_other_value_is_taken_as_it_stands(void **state)
{
    (void)state;
    struct policy *policy = parse("version: 2\nformats: [cmw]\n"
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
    struct policy *policy = parse("measurements:\n  expected: " VALID_001 "\n  allow_list:\n    - " VALID_002 "\n");
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
        struct policy *policy = parse(text);
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
    struct policy *policy = parse("measurements:\n  expected: \"\"\n  allow_list: []\n  mode: disabled\n");
    assert_int_equal(policy->measurements.mode, POLICY_DISABLED);
    policy_drop(policy);
}

static void test_a_nonce_longer_than_the_servers_cannot_be_asked_of_the_server(void **state)
{
    (void)state;
    assert_refused("nonce:\n  min_length: 33\n",
                   "p.yaml:2: nonce.min_length: this server's nonces have 32 bytes, so none would do");
    policy_drop(parse("nonce:\n  min_length: 32\n"));
}

static void test_more_than_one_document_is_refused(void **state)
{
    (void)state;
    assert_refused("version: a\n---\nversion: b\n", "p.yaml:2: a second document begins; there may be only one");
}

static void test_a_file_without_keys_is_refused(void **state)
{
    (void)state;
    assert_refused("", "p.yaml:1: the file is empty");
    assert_refused("# nothing\n", "p.yaml:2: the file is empty");
    assert_refused("---\n", "p.yaml:2: expected keys and values, the first of them version");
    assert_refused("- version\n", "p.yaml:1: expected keys and values, the first of them version");
}

static void test_anchors_aliases_and_tags_are_refused(void **state)
{
    (void)state;
    assert_refused("version: &v a\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("guest: &g {}\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("formats: &f [cmw]\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("version: a\nguest: *g\n", "p.yaml:2: aliases (*name) are not allowed; write the value out");
    assert_refused("*v : a\n", "p.yaml:1: aliases (*name) are not allowed; write the value out");
    assert_refused("&v version: a\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("version: !!str 1\n", "p.yaml:1: tags (!name) are not allowed");
    assert_refused("guest: !x {}\n", "p.yaml:1: tags (!name) are not allowed");
    assert_refused("formats: !!seq [cmw]\n", "p.yaml:1: tags (!name) are not allowed");
}

static void test_what_is_no_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused_with("version: a\nguest: {mode: warn\n", "p.yaml:3: not YAML: ");
    assert_refused_with("version: a\n\tguest: {}\n", "p.yaml:2: not YAML: ");
    assert_refused_with("version: a\n# \xff\n", "p.yaml:2: not YAML: ");
    assert_refused_with("version: \"a\\0b\"\n", "p.yaml:1: there is a zero byte in this text");
    assert_refused_with("? [a]\n: b\n", "p.yaml:1: a key must be a word");
}

static void test_a_zero_byte_is_refused(void **state)
{
    (void)state;
    static const char text[] = "version: a\nguest:\0 {}\n";
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of(text, sizeof text - 1), &policy);
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.why, "p.yaml:2: not YAML"));
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    char *text = mem_alloc(10001 + 10);
    memcpy(text, "version: ", 9);
    memset(text + 9, '[', 10000);
    assert_refused_with(text, "p.yaml:1: maps and lists lie too deep in one another");
    free(text);
}

static void test_too_many_nodes_are_refused(void **state)
{
    (void)state;
    size_t n = 2 * 20000;
    char *text = mem_alloc(10 + n + 2);
    memcpy(text, "formats: [", 10);
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + 10 + i, "a,", 2);
    text[10 + n] = ']';
    assert_refused_with(text, "there is too much in this file");
    free(text);
}

static void test_a_file_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    char *text = mem_alloc(POLICY_FILE_MAX + 1);
    memset(text, ' ', POLICY_FILE_MAX + 1);
    struct err e = policy_parse("strict", "p.yaml", bytes_of(text, POLICY_FILE_MAX + 1), &policy);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_null(policy);
    free(text);
}

static void write_file(const char *path, struct bytes content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content.p, 1, content.n, file), content.n);
    assert_int_equal(fclose(file), 0);
}

static void test_roots_are_read_from_files_beside_the_policy_and_from_hashes(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *policy_path = mem_format("%s/p.yaml", directory);
    char *der_path = mem_format("%s/milan.der", directory);
    char *pem_path = mem_format("%s/genoa.pem", directory);
    static const char hash[] = "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08";
    write_file(der_path, snp_amd_ark_der(SNP_PRODUCT_MILAN));
    FILE *pem = fopen(pem_path, "w");
    assert_non_null(pem);
    assert_int_equal(PEM_write_X509(pem, snp_amd_ark(SNP_PRODUCT_GENOA)), 1);
    assert_int_equal(fclose(pem), 0);
    char *text = mem_format("certificates:\n  trusted_arks:\n  - milan.der\n  - %s\n  - %s\n", pem_path, hash);
    write_file(policy_path, bytes_of_string(text));

    struct policy *policy = NULL;
    struct err e = policy_load("roots", policy_path, &policy);
    if (failed(e))
        fail_msg("%s", e.why);
    uint8_t spki[SNP_SPKI_SHA256_SIZE];
    assert_int_equal(snp_arks_count(policy->certificates.trusted_arks), 3);
    snp_spki_sha256(snp_amd_ark(SNP_PRODUCT_MILAN), spki);
    assert_true(snp_arks_trust(policy->certificates.trusted_arks, spki));
    snp_spki_sha256(snp_amd_ark(SNP_PRODUCT_GENOA), spki);
    assert_true(snp_arks_trust(policy->certificates.trusted_arks, spki));
    assert_false(failed(hex_decode(hash, spki, sizeof spki)));
    assert_true(snp_arks_trust(policy->certificates.trusted_arks, spki));
    policy_drop(policy);
    free(text);
    free(pem_path);
    free(der_path);
    free(policy_path);
    pair_remove_directory(directory);
}

static void test_roots_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_refused_with("certificates:\n  trusted_arks:\n  - /nowhere/ark.pem\n",
                        "p.yaml:3: certificates.trusted_arks: cannot open \"/nowhere/ark.pem\"");
    assert_refused_with("certificates:\n  veks:\n  - /nowhere/vcek.der\n",
                        "p.yaml:3: certificates.veks: cannot open \"/nowhere/vcek.der\"");
    assert_refused_with("certificates:\n  veks: [/]\n", "\"/\" is not a file");
    assert_refused_with("certificates:\n  veks: [[]]\n", "expected the file of a VCEK's or VLEK's certificate");
    assert_refused_with("certificates:\n  veks: a\n", "expected a list of files");
    assert_refused_with("certificates:\n  trusted_arks: [/]\n", "\"/\" is not a file");
    assert_refused_with("certificates:\n  trusted_arks: [/dev/null]\n", "\"/dev/null\" is not a file");
    assert_refused("certificates:\n  trusted_arks: ark.pem\n",
                   "p.yaml:2: certificates.trusted_arks: expected a list of files or hashes, found \"ark.pem\"");
    assert_refused("certificates:\n  trusted_arks: [\"\"]\n",
                   "p.yaml:2: certificates.trusted_arks: expected the file of a root's certificate, or 64 hexadecimal "
                   "digits, found \"\"");
    char *directory = pair_make_directory();
    char *path = mem_format("%s/ask.der", directory);
    char *text = mem_format("certificates:\n  trusted_arks: [%s]\n", path);
    write_file(path, snp_amd_intermediate_der(SNP_PRODUCT_MILAN, SNP_VEK_VCEK));
    assert_refused_with(text, "p.yaml:2: certificates.trusted_arks: \"");
    write_file(path, BYTES_LITERAL("nothing of the kind"));
    assert_refused_with(text, "p.yaml:2: certificates.trusted_arks: \"");
    free(text);
    free(path);
    pair_remove_directory(directory);
}

static void test_a_policy_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    assert_int_equal(policy_load("p", "/nowhere/p.yaml", &policy).code, ERR_SYSTEM);
    assert_int_equal(policy_load("p", "/", &policy).code, ERR_INPUT);
    assert_null(policy);
}

/* What stands in the log after loading such a policy. */
static char *log_of_loading(const char *text)
{
    char *directory = pair_make_directory();
    char *policy_path = mem_format("%s/p.yaml", directory);
    char *log_path = mem_format("%s/log", directory);
    struct policy *policy = NULL;
    char *log = mem_alloc(4096);
    write_file(policy_path, bytes_of_string(text));
    assert_false(failed(log_open(&(struct log_target){.file = log_path})));
    assert_false(failed(policy_load("gaps", policy_path, &policy)));
    assert_false(failed(log_open(&(struct log_target){.to_stderr = true})));
    policy_drop(policy);
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    assert_true(fread(log, 1, 4095, file) < 4095);
    assert_int_equal(fclose(file), 0);
    free(log_path);
    free(policy_path);
    pair_remove_directory(directory);
    return log;
}

static void test_what_a_policy_leaves_open_is_said_at_load(void **state)
{
    (void)state;
    char *log = log_of_loading("certificates: {verify_chain: false, verify_signature: false}\n");
    assert_non_null(strstr(log, "WARNING policy \"gaps\": no measurements are named"));
    assert_non_null(strstr(log, "WARNING policy \"gaps\": certificates.verify_chain is false"));
    assert_non_null(strstr(log, "WARNING policy \"gaps\": certificates.verify_signature is false"));
    free(log);
    log = log_of_loading(whole_schema);
    assert_string_equal(log, "");
    free(log);
}

static void test_policies_are_loaded_by_name_whole_or_not_at_all(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *a = mem_format("%s/a.yaml", directory);
    char *b = mem_format("%s/b.yaml", directory);
    char *ini = mem_format("[policies]\nstrict = %s\nlax = %s\n[pgvouch]\nlisten_addr = 127.0.0.1\n", a, b);
    struct config *config = NULL;
    struct policies policies;
    write_file(a, BYTES_LITERAL("version: a\nmeasurements: {mode: disabled}\nnonce: {max_age: 10m}\n"));
    write_file(b, BYTES_LITERAL("version: b\nmeasurements: {mode: disabled}\n"));
    struct err e = config_parse("test.ini", bytes_of_string(ini), &config);
    if (failed(e))
        fail_msg("%s", e.why);

    assert_false(failed(policies_load(config, &policies)));
    assert_int_equal(policies.count, 2);
    assert_string_equal(policies_find(&policies, "strict")->version, "a");
    assert_string_equal(policies_find(&policies, "lax")->version, "b");
    assert_null(policies_find(&policies, "none"));
    assert_int_equal(policies_nonce_max_age_us(&policies), 600 * SECONDS);
    struct policy *kept = policy_ref(policies_find(&policies, "strict"));
    policies_free(&policies);
    assert_int_equal(policies_nonce_max_age_us(&policies), 0);
    assert_string_equal(kept->version, "a");
    policy_drop(kept);

    write_file(a, BYTES_LITERAL("version: a\nmeasurments: {mode: disabled}\n"));
    e = policies_load(config, &policies);
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.why, "policy \"strict\": "));
    assert_non_null(strstr(e.why, "a.yaml:2: unknown key \"measurments\"; did you mean measurements?"));
    assert_int_equal(policies.count, 0);
    assert_null(policies.policy);
    config_unref(config);
    free(ini);
    free(b);
    free(a);
    pair_remove_directory(directory);
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
        cmocka_unit_test(test_a_nonce_longer_than_the_servers_cannot_be_asked_of_the_server),
        cmocka_unit_test(test_more_than_one_document_is_refused),
        cmocka_unit_test(test_a_file_without_keys_is_refused),
        cmocka_unit_test(test_anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(test_what_is_no_yaml_is_refused_with_its_line),
        cmocka_unit_test(test_a_zero_byte_is_refused),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_too_many_nodes_are_refused),
        cmocka_unit_test(test_a_file_above_the_limit_is_refused),
        cmocka_unit_test(test_roots_are_read_from_files_beside_the_policy_and_from_hashes),
        cmocka_unit_test(test_roots_that_are_none_are_refused),
        cmocka_unit_test(test_a_policy_that_cannot_be_read_is_an_error),
        cmocka_unit_test(test_what_a_policy_leaves_open_is_said_at_load),
        cmocka_unit_test(test_policies_are_loaded_by_name_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
