/* Policy files: the values of demands, and every refusal of one with its line. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"

#define A48 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_an_old_file_keeps_its_meaning(void **state)
{
    (void)state;
    struct policy *policy = accepted("version: \"1.0\"\n");
    assert_false(policy->keeps_sessions);
    assert_false(policy->tcb.provisional_forbidden);
    assert_int_equal(policy->platform.unknown_bits, POLICY_UNKNOWN_ALLOW);
    assert_int_equal(policy->certificates.crl, SNP_CRL_IF_AVAILABLE);
    assert_int_equal(policy->certificates.crl_max_age_us, 0);
    assert_false(policy->certificates.allow_masked_chip_id);
    assert_int_equal(policy->evidence.max_age_us, 0);
    assert_int_equal(policy->chip.key_kinds, 0);
    policy_drop(policy);
}

static void test_what_is_no_demand_is_taken_as_it_stands(void **state)
{
    (void)state;
    struct policy *policy = accepted("on_policy_change: keep\n"
                                     "certificates: {crl: required, crl_max_age: 7d, allow_masked_chip_id: true}\n");
    assert_true(policy->keeps_sessions);
    assert_int_equal(policy->certificates.crl, SNP_CRL_REQUIRED);
    assert_int_equal(policy->certificates.crl_max_age_us, 7 * INT64_C(86400) * US_PER_SECOND);
    assert_true(policy->certificates.allow_masked_chip_id);
    policy_drop(policy);
    policy = accepted("on_policy_change: close\ncertificates: {crl: \"off\"}\n");
    assert_false(policy->keeps_sessions);
    assert_int_equal(policy->certificates.crl, SNP_CRL_OFF);
    policy_drop(policy);
}

static void test_words_are_refused_that_mean_nothing(void **state)
{
    (void)state;
    assert_refused("on_policy_change: stay\n", "p.yaml:1: on_policy_change: expected close or keep, found \"stay\"");
    assert_refused("certificates:\n  crl: always\n",
                   "p.yaml:2: certificates.crl: expected required, if-available or off, found \"always\"");
    assert_refused("certificates:\n  crl_max_age: 0\n",
                   "p.yaml:2: certificates.crl_max_age: expected a duration of at least a second, found \"0\"");
    assert_refused("platform:\n  unknown_bits: ignore\n",
                   "p.yaml:2: platform.unknown_bits: expected allow, warn or deny, found \"ignore\"");
    assert_refused("platform:\n  required:\n  - ecc\n  - ECC\n",
                   "p.yaml:4: platform.required: expected smt, tsme, ecc, rapl_dis, ciphertext_hiding, "
                   "alias_check_complete, iommu_write_safe or tio, found \"ECC\"");
    assert_refused("platform:\n  required: [ecc, ecc]\n", "p.yaml:2: platform.required: the same word stands twice");
    assert_refused("platform:\n  required: ecc\n",
                   "p.yaml:2: platform.required: expected a list with at least one word, found \"ecc\"");
    assert_refused("platform:\n  forbidden: []\n",
                   "p.yaml:2: platform.forbidden: expected a list with at least one word, found a list");
    assert_refused("chip:\n  products_denied: [rome]\n",
                   "p.yaml:2: chip.products_denied: expected milan, genoa, siena, bergamo or turin, found \"rome\"");
    assert_refused("chip:\n  key_kinds: [ark]\n", "p.yaml:2: chip.key_kinds: expected vcek or vlek, found \"ark\"");
    assert_refused("chip:\n  csp_ids: [\"\"]\n",
                   "p.yaml:2: chip.csp_ids: expected a name of up to 64 printable characters, found \"\"");
    assert_refused("chip:\n  csp_ids: cloud\n",
                   "p.yaml:2: chip.csp_ids: expected a list with at least one name, found \"cloud\"");
    assert_refused("evidence:\n  max_age: 0s\n",
                   "p.yaml:2: evidence.max_age: expected a duration of at least a second, found \"0s\"");
    assert_refused("launch:\n  id_key_required: 1\n",
                   "p.yaml:2: launch.id_key_required: expected true or false, found \"1\"");
}

/* A report does not tell which of the two it is of. */
static void test_siena_without_bergamo_lets_nobody_in_and_is_refused(void **state)
{
    (void)state;
    const char *why = ": a report does not tell siena from bergamo, so one without the other would let nobody in: name "
                      "both, or genoa for the whole line";
    char expected[256];
    snprintf(expected, sizeof expected, "p.yaml:2: chip.products_allowed%s", why);
    assert_refused("chip:\n  products_allowed: [milan, siena]\n", expected);
    assert_refused("chip:\n  products_allowed: [bergamo]\n", expected);
    snprintf(expected, sizeof expected, "p.yaml:2: tcb.min_current%s", why);
    assert_refused("tcb:\n  min_current: {bergamo: {snp: 1}, turin: {}}\n", expected);
    policy_drop(accepted("chip: {products_allowed: [siena, bergamo], products_denied: [turin]}\n"
                         "tcb: {min_current: {genoa: {microcode: 84}, siena: {microcode: 27}}}\n"));
}

static void test_bits_that_are_required_and_forbidden_are_refused(void **state)
{
    (void)state;
    assert_refused("guest:\n  policy_required: [cxl]\n  policy_forbidden: [cxl]\n",
                   "p.yaml:3: guest.policy_forbidden: a bit is required, too");
    assert_refused("platform:\n  forbidden: [smt]\n  required: [smt]\n",
                   "p.yaml:2: platform.forbidden: a bit is required, too");
    assert_refused("guest:\n  min_vmpl: 2\n  max_vmpl: 1\n",
                   "p.yaml:3: guest.max_vmpl: less than min_vmpl, so no guest would do");
}

static void test_numbers_are_refused_that_do_not_fit(void **state)
{
    (void)state;
    assert_refused("tcb:\n  min_build: 256\n",
                   "p.yaml:2: tcb.min_build: expected a whole number from 0 to 255, found \"256\"");
    assert_refused("tcb:\n  launch_mitigations: 0\n",
                   "p.yaml:2: tcb.launch_mitigations: expected a number with at least one bit set, found \"0\"");
    assert_refused("tcb:\n  min_current_version: \"1.51\"\n",
                   "p.yaml:2: tcb.min_current_version: expected major.minor.build, each from 0 to 255, found \"1.51\"");
    assert_refused("guest:\n  min_abi: 1.50\n", "p.yaml:2: guest.min_abi: expected \"major.minor\" in quotes, each "
                                                "from 0 to 255, found \"1.50\"");
    assert_refused("guest:\n  min_abi: \"1.256\"\n",
                   "p.yaml:2: guest.min_abi: expected \"major.minor\" in quotes, each "
                   "from 0 to 255, found \"1.256\"");
}

static void test_exact_bits_are_refused_that_say_too_little_or_too_much(void **state)
{
    (void)state;
    const char *expected = "p.yaml:2: guest.policy_exact: expected mask and value, both of them numbers, found ";
    char why[160];
    strcpy(why, expected);
    assert_refused("guest:\n  policy_exact: 3\n", strcat(why, "\"3\""));
    strcpy(why, expected);
    assert_refused("guest:\n  policy_exact: {mask: 3}\n", strcat(why, "a map"));
    strcpy(why, expected);
    assert_refused("guest:\n  policy_exact: {mask: 3, value: 1, other: 1}\n", strcat(why, "\"other\""));
    assert_refused("guest:\n  policy_exact: {mask: 0, value: 0}\n",
                   "p.yaml:2: guest.policy_exact: mask: no bit is set, so nothing would be asked");
    assert_refused("guest:\n  policy_exact:\n    mask: 2\n    value: 1\n",
                   "p.yaml:4: guest.policy_exact: value: a bit is set that the mask leaves out");
}

static void test_values_of_another_width_are_refused(void **state)
{
    (void)state;
    assert_refused("launch:\n  host_data: [aa]\n",
                   "p.yaml:2: launch.host_data: expected 64 hexadecimal digits, found \"aa\"");
    assert_refused("launch:\n  family_id: []\n",
                   "p.yaml:2: launch.family_id: expected a list with at least one value, found a list");
    assert_refused("launch:\n  image_id:\n  - 00112233445566778899aabbccddeeff\n  - 0011\n",
                   "p.yaml:4: launch.image_id: expected 32 hexadecimal digits, found \"0011\"");
    assert_refused("launch:\n  author_key_digest: [~]\n",
                   "p.yaml:2: launch.author_key_digest: expected 96 hexadecimal digits, found nothing");
    assert_refused("chip:\n  chip_ids_denied: [aabb]\n",
                   "p.yaml:2: chip.chip_ids_denied: expected 128 or 16 hexadecimal digits, found \"aabb\"");
}

static void test_minima_of_a_tcb_are_refused_that_no_product_has(void **state)
{
    (void)state;
    const char *map = "p.yaml:2: tcb.min_launch: expected a map of products, with at least one of milan, genoa, "
                      "siena, bergamo and turin, found ";
    char why[160];
    strcpy(why, map);
    assert_refused("tcb:\n  min_launch: 7\n", strcat(why, "\"7\""));
    strcpy(why, map);
    assert_refused("tcb:\n  min_launch: {}\n", strcat(why, "a map"));
    assert_refused("tcb:\n  min_launch:\n    rome: {snp: 1}\n",
                   "p.yaml:3: tcb.min_launch: expected milan, genoa, siena, bergamo or turin, found \"rome\"");
    assert_refused("tcb:\n  min_launch:\n    milan: 7\n",
                   "p.yaml:3: tcb.min_launch: expected a map of components, found \"7\"");
    assert_refused("tcb:\n  min_launch:\n    milan:\n      fmc: 1\n",
                   "p.yaml:4: tcb.min_launch: expected bootloader, tee, snp or microcode, found \"fmc\"");
    assert_refused("tcb:\n  min_launch:\n    turin:\n      ucode: 1\n",
                   "p.yaml:4: tcb.min_launch: expected fmc, bootloader, tee, snp or microcode, found \"ucode\"");
    assert_refused("tcb:\n  min_launch:\n    turin:\n      snp: 256\n",
                   "p.yaml:4: tcb.min_launch: expected a whole number from 0 to 255, found \"256\"");
    assert_refused("tcb:\n  min_launch: {milan: {snp: 1}, milan: {snp: 2}}\n",
                   "p.yaml:2: the key milan stands twice; first in line 2");
}

static void test_sets_of_measurements_are_refused_that_are_incomplete(void **state)
{
    (void)state;
#define SETS "measurements:\n  sets:\n  "
    assert_refused("measurements:\n  sets: {}\n", "p.yaml:2: measurements.sets: expected a list of sets, found a map");
    assert_refused("measurements:\n  sets: []\n", "p.yaml:1: measurements: name at least one, or set mode: disabled");
    assert_refused(SETS "- a\n", "p.yaml:3: measurements.sets: expected a set: a map of name, values, not_before or "
                                 "not_after, found \"a\"");
    assert_refused(SETS "- {values: [" A48 "]}\n", "p.yaml:3: measurements.sets: a set must have a name");
    assert_refused(SETS "- {name: \"\", values: [" A48 "]}\n",
                   "p.yaml:3: measurements.sets: expected a name of up to 64 printable characters, found \"\"");
    assert_refused(SETS "- {name: a}\n",
                   "p.yaml:3: measurements.sets: a set must have a list of values with at least one");
    assert_refused(SETS "- {name: a, values: []}\n",
                   "p.yaml:3: measurements.sets: a set must have a list of values with at least one");
    assert_refused(SETS "- name: a\n    values:\n    - bb\n",
                   "p.yaml:5: measurements.sets: expected a measurement of 96 hexadecimal digits, found \"bb\"");
    assert_refused(SETS "- name: a\n    retire: 2026-01-01\n",
                   "p.yaml:4: measurements.sets: expected name, values, not_before or not_after, found \"retire\"");
    assert_refused(SETS "- {name: a, values: [" A48 "], not_before: 2026-01-02, not_after: 2026-01-01}\n",
                   "p.yaml:3: measurements.sets: not_before is later than not_after, so the set would never hold");
#undef SETS
}

static void test_times_are_refused_that_are_none(void **state)
{
    static const char *const times[] = {"2026",
                                        "2026-13-01",
                                        "2026-02-30",
                                        "26-01-01",
                                        "2026-1-1",
                                        "2026-01-01T00:00:00",
                                        "2026-01-01 00:00:00",
                                        "2026-01-01T24:00:00Z",
                                        "yesterday",
                                        "2026-01-01Z",
                                        "\"\"",
                                        "2026-01-01T00:00:60Z",
                                        "1750000000",
                                        "2026-01-01T00:00:00+01:00"};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[256];
        struct policy *policy = NULL;
        strcpy(text, "measurements:\n  sets:\n  - name: a\n    not_after: ");
        struct err e = policy_parse("strict", "p.yaml", bytes_of_string(strcat(text, times[i])), &policy);
        if (!failed(e) || !strstr(e.why, "p.yaml:4: measurements.sets: expected a time of UTC"))
            fail_msg("%s: %s", times[i], e.why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_old_file_keeps_its_meaning),
        cmocka_unit_test(test_what_is_no_demand_is_taken_as_it_stands),
        cmocka_unit_test(test_words_are_refused_that_mean_nothing),
        cmocka_unit_test(test_siena_without_bergamo_lets_nobody_in_and_is_refused),
        cmocka_unit_test(test_bits_that_are_required_and_forbidden_are_refused),
        cmocka_unit_test(test_numbers_are_refused_that_do_not_fit),
        cmocka_unit_test(test_exact_bits_are_refused_that_say_too_little_or_too_much),
        cmocka_unit_test(test_values_of_another_width_are_refused),
        cmocka_unit_test(test_minima_of_a_tcb_are_refused_that_no_product_has),
        cmocka_unit_test(test_sets_of_measurements_are_refused_that_are_incomplete),
        cmocka_unit_test(test_times_are_refused_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
