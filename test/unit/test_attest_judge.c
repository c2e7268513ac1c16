/* Each demand of a policy, met and not met, in every mode and without a report. */
#include "attest/judge.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOOD_MEASUREMENT 0x54

#define NOW_US           (INT64_C(1750000000) * 1000000) /* 2025-06-15 15:06:40 */

/* Demands that the scene's policy makes; test_attest_demands.c has the others. */
static const char *const all_names[] = {JUDGE_CHECK_SIMULATED,        JUDGE_CHECK_MEASUREMENT, JUDGE_CHECK_MIN_VERSION,
                                        JUDGE_CHECK_PLATFORM_VERSION, JUDGE_CHECK_DEBUG,       JUDGE_CHECK_SMT,
                                        JUDGE_CHECK_GUEST_SVN};
#define ALL_COUNT (sizeof all_names / sizeof all_names[0])

/* A policy that demands everything, and facts that meet it. */
struct scene {
    struct policy *policy;
    struct snp_facts facts;
    struct checklist checks;
};

static struct policy_measurement *allow(struct policy *policy, uint8_t fill)
{
    struct policy_measurements *measurements = &policy->measurements;
    measurements->given = true;
    measurements->allowed =
        mem_resize(measurements->allowed, (measurements->count + 1) * sizeof measurements->allowed[0]);
    struct policy_measurement *allowed = &measurements->allowed[measurements->count++];
    *allowed =
        (struct policy_measurement){.name = mem_string("set"), .not_before_s = INT64_MIN, .not_after_s = INT64_MAX};
    memset(allowed->bytes, fill, sizeof allowed->bytes);
    return allowed;
}

static int setup(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->policy = policy_default();
    allow(scene->policy, GOOD_MEASUREMENT);
    scene->policy->tcb.min_version = (struct policy_firmware){true, {1, 51, 3}};
    scene->policy->tcb.min_platform_version = (struct policy_number){true, 0x100};
    scene->policy->guest.min_guest_svn = (struct policy_number){true, 2};
    scene->facts.report_is_read = true;
    scene->facts.root = SNP_ROOT_AMD;
    memset(scene->facts.report.measurement, GOOD_MEASUREMENT, SNP_MEASUREMENT_SIZE);
    scene->facts.report.committed = (struct snp_firmware_version){1, 51, 3};
    scene->facts.report.current_tcb.bytes[1] = 1;
    scene->facts.report.policy = UINT64_C(1) << SNP_POLICY_RESERVED_ONE;
    scene->facts.report.guest_svn = 2;
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    checklist_free(&scene->checks);
    policy_drop(scene->policy);
    free(scene);
    return 0;
}

static void set_modes(struct scene *scene, enum policy_mode mode)
{
    scene->policy->measurements.mode = mode;
    scene->policy->tcb.mode = mode;
    scene->policy->guest.mode = mode;
}

/* Judges afresh. */
static const struct check *judged(struct scene *scene, const char *name)
{
    checklist_free(&scene->checks);
    judge_report(scene->policy, &scene->facts, NOW_US, &scene->checks);
    assert_string_equal(judge_missing(&scene->checks), JUDGE_CHECK_PCRS);
    judge_pcrs(scene->policy, NULL, BYTES_NONE, &scene->checks);
    assert_string_equal(judge_missing(&scene->checks), JUDGE_CHECK_EVIDENCE_AGE);
    judge_age(scene->policy, NOW_US / 1000000, NOW_US, &scene->checks);
    assert_null(judge_missing(&scene->checks));
    return checklist_find(&scene->checks, name);
}

static void assert_outcome(struct scene *scene, const char *name, enum check_outcome outcome)
{
    assert_string_equal(check_outcome_name(judged(scene, name)->outcome), check_outcome_name(outcome));
}

/* `name` is not met: it fails, warns or is skipped by the mode; every other demand stays met. */
static void assert_not_met(struct scene *scene, const char *name)
{
    set_modes(scene, POLICY_STRICT);
    assert_outcome(scene, name, CHECK_FAIL);
    for (size_t i = 0; i < ALL_COUNT; i++)
        if (strcmp(all_names[i], name) != 0)
            assert_outcome(scene, all_names[i], CHECK_PASS);
    set_modes(scene, POLICY_WARN);
    assert_outcome(scene, name, CHECK_WARN);
    assert_false(checklist_has_failure(&scene->checks));
    set_modes(scene, POLICY_DISABLED);
    assert_outcome(scene, name, CHECK_SKIPPED);
    assert_non_null(strstr(judged(scene, name)->found, "mode is disabled"));
    set_modes(scene, POLICY_STRICT);
}

static void test_facts_that_meet_everything_pass_everything(void **state)
{
    for (size_t i = 0; i < ALL_COUNT; i++)
        assert_outcome(*state, all_names[i], CHECK_PASS);
}

static void test_a_measurement_that_is_not_listed_is_not_met(void **state)
{
    struct scene *scene = *state;
    scene->facts.report.measurement[47] ^= 1;
    assert_not_met(scene, JUDGE_CHECK_MEASUREMENT);
    assert_int_equal(strlen(judged(scene, JUDGE_CHECK_MEASUREMENT)->found), 96);
    assert_int_equal(strlen(judged(scene, JUDGE_CHECK_MEASUREMENT)->expected), 96);
}

static void test_any_listed_measurement_will_do(void **state)
{
    struct scene *scene = *state;
    allow(scene->policy, 0x55);
    assert_outcome(scene, JUDGE_CHECK_MEASUREMENT, CHECK_PASS);
    memset(scene->facts.report.measurement, 0x55, SNP_MEASUREMENT_SIZE);
    assert_outcome(scene, JUDGE_CHECK_MEASUREMENT, CHECK_PASS);
    memset(scene->facts.report.measurement, 0x56, SNP_MEASUREMENT_SIZE);
    assert_not_met(scene, JUDGE_CHECK_MEASUREMENT);
    assert_string_equal(judged(scene, JUDGE_CHECK_MEASUREMENT)->expected, "one of the 2 that the policy lists");
}

static void test_a_given_group_that_lists_none_allows_none(void **state)
{
    struct scene *scene = *state;
    free(scene->policy->measurements.allowed[--scene->policy->measurements.count].name);
    assert_not_met(scene, JUDGE_CHECK_MEASUREMENT);
}

static void test_a_measurement_that_nobody_asks_about_is_skipped(void **state)
{
    struct scene *scene = *state;
    scene->policy->measurements.given = false;
    assert_outcome(scene, JUDGE_CHECK_MEASUREMENT, CHECK_SKIPPED);
    assert_string_equal(judged(scene, JUDGE_CHECK_MEASUREMENT)->found, "the policy asks nothing");
}

static void test_committed_firmware_is_compared_from_the_major_part_on(void **state)
{
    struct scene *scene = *state;
    static const struct {
        struct snp_firmware_version version;
        bool is_met;
    } cases[] = {{{1, 51, 3}, true},  {{1, 51, 4}, true},    {{1, 52, 0}, true},    {{2, 0, 0}, true},
                 {{1, 51, 2}, false}, {{1, 50, 255}, false}, {{0, 255, 255}, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene->facts.report.committed = cases[i].version;
        if (cases[i].is_met)
            assert_outcome(scene, JUDGE_CHECK_MIN_VERSION, CHECK_PASS);
        else
            assert_not_met(scene, JUDGE_CHECK_MIN_VERSION);
    }
}

static void test_the_version_that_counts_is_the_committed_one(void **state)
{
    struct scene *scene = *state;
    scene->facts.report.current = (struct snp_firmware_version){9, 9, 9};
    scene->facts.report.committed = (struct snp_firmware_version){1, 0, 0};
    assert_not_met(scene, JUDGE_CHECK_MIN_VERSION);
}

static void test_the_platform_version_is_current_tcb_as_an_integer(void **state)
{
    struct scene *scene = *state;
    memset(scene->facts.report.reported_tcb.bytes, 0xff, 8);
    scene->facts.report.current_tcb.bytes[0] = 0xff;
    scene->facts.report.current_tcb.bytes[1] = 0;
    assert_not_met(scene, JUDGE_CHECK_PLATFORM_VERSION);
    scene->facts.report.current_tcb.bytes[7] = 1;
    assert_outcome(scene, JUDGE_CHECK_PLATFORM_VERSION, CHECK_PASS);
}

static void test_a_guest_that_may_be_debugged_is_not_met(void **state)
{
    struct scene *scene = *state;
    scene->facts.report.policy |= UINT64_C(1) << SNP_POLICY_DEBUG;
    assert_not_met(scene, JUDGE_CHECK_DEBUG);
    scene->policy->guest.debug_disabled = false;
    assert_outcome(scene, JUDGE_CHECK_DEBUG, CHECK_SKIPPED);
}

static void test_smt_is_not_met_when_it_is_allowed_or_on(void **state)
{
    struct scene *scene = *state;
    uint64_t quiet = scene->facts.report.policy;
    scene->facts.report.policy |= UINT64_C(1) << SNP_POLICY_SMT;
    assert_not_met(scene, JUDGE_CHECK_SMT);
    scene->facts.report.platform_info |= UINT64_C(1) << SNP_PLATFORM_SMT;
    assert_not_met(scene, JUDGE_CHECK_SMT);
    scene->facts.report.policy = quiet;
    assert_not_met(scene, JUDGE_CHECK_SMT);
    scene->policy->guest.smt_disabled = false;
    assert_outcome(scene, JUDGE_CHECK_SMT, CHECK_SKIPPED);
}

static void test_an_older_guest_is_not_met(void **state)
{
    struct scene *scene = *state;
    scene->facts.report.guest_svn = 1;
    assert_not_met(scene, JUDGE_CHECK_GUEST_SVN);
    scene->policy->guest.min_guest_svn = (struct policy_number){0};
    assert_outcome(scene, JUDGE_CHECK_GUEST_SVN, CHECK_SKIPPED);
}

static void test_minima_that_are_not_asked_for_are_skipped(void **state)
{
    struct scene *scene = *state;
    scene->policy->tcb.min_version.given = false;
    scene->policy->tcb.min_platform_version.given = false;
    assert_outcome(scene, JUDGE_CHECK_MIN_VERSION, CHECK_SKIPPED);
    assert_outcome(scene, JUDGE_CHECK_PLATFORM_VERSION, CHECK_SKIPPED);
}

static void test_a_report_that_was_not_read_meets_no_demand(void **state)
{
    struct scene *scene = *state;
    scene->facts.report_is_read = false;
    scene->facts.root = SNP_ROOT_NONE;
    for (size_t i = 0; i < ALL_COUNT; i++)
        assert_outcome(scene, all_names[i], CHECK_FAIL);
    set_modes(scene, POLICY_WARN);
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_FAIL);
    for (size_t i = 1; i < ALL_COUNT; i++) {
        assert_outcome(scene, all_names[i], CHECK_WARN);
        assert_string_equal(judged(scene, all_names[i])->found, "the report could not be read");
    }
    set_modes(scene, POLICY_DISABLED);
    for (size_t i = 1; i < ALL_COUNT; i++)
        assert_outcome(scene, all_names[i], CHECK_SKIPPED);
}

static void test_a_software_psp_fails_in_every_mode_unless_it_is_allowed(void **state)
{
    struct scene *scene = *state;
    scene->facts.root = SNP_ROOT_EXTRA;
    scene->facts.simulated = true;
    for (int mode = POLICY_STRICT; mode <= POLICY_DISABLED; mode++) {
        set_modes(scene, (enum policy_mode)mode);
        assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_FAIL);
    }
    scene->policy->certificates.verify_chain = false;
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_FAIL);
    scene->policy->certificates.allow_simulated = true;
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_PASS);
}

static void test_an_extra_root_that_is_no_software_psp_passes(void **state)
{
    struct scene *scene = *state;
    scene->facts.root = SNP_ROOT_EXTRA;
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_PASS);
}

static void test_an_unknown_root_fails_unless_the_chain_is_not_asked_for(void **state)
{
    struct scene *scene = *state;
    scene->facts.root = SNP_ROOT_NONE;
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_FAIL);
    scene->policy->certificates.allow_simulated = true;
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_FAIL);
    scene->policy->certificates.verify_chain = false;
    assert_outcome(scene, JUDGE_CHECK_SIMULATED, CHECK_SKIPPED);
}

static const char *const snp_names[] = {SNP_CHECK_REPORT_LENGTH,
                                        SNP_CHECK_REPORT_VERSION,
                                        SNP_CHECK_SIGNATURE_ALGORITHM,
                                        SNP_CHECK_UNSIGNED_BYTES,
                                        SNP_CHECK_VEK_CERTIFICATE,
                                        SNP_CHECK_VEK_EXTENSIONS,
                                        SNP_CHECK_CHAIN,
                                        SNP_CHECK_CHAIN_ROOT,
                                        SNP_CHECK_CHAIN_VALIDITY,
                                        SNP_CHECK_CHAIN_REVOCATION,
                                        SNP_CHECK_REPORT_SIGNATURE,
                                        SNP_CHECK_KEY_KIND,
                                        SNP_CHECK_PRODUCT,
                                        SNP_CHECK_CHIP_ID,
                                        SNP_CHECK_CSP_ID,
                                        SNP_CHECK_TCB,
                                        SNP_CHECK_REPORTED_TCB,
                                        SNP_CHECK_COMMITTED_TCB,
                                        SNP_CHECK_COMMITTED_VERSION};
#define SNP_COUNT (sizeof snp_names / sizeof snp_names[0])

/* Everything of snp_verify has failed; what does the policy make of it? */
static void assert_relaxed(struct scene *scene, const char *const *warned)
{
    checklist_free(&scene->checks);
    for (size_t i = 0; i < SNP_COUNT; i++)
        checklist_add(&scene->checks, snp_names[i], CHECK_FAIL, "", "");
    judge_relax(scene->policy, &scene->checks);
    for (size_t i = 0; i < scene->checks.count; i++) {
        const struct check *check = &scene->checks.checks[i];
        bool warns = false;
        for (size_t j = 0; warned[j]; j++)
            warns = warns || strcmp(warned[j], check->name) == 0;
        if (check->outcome != (warns ? CHECK_WARN : CHECK_FAIL))
            fail_msg("%s: %s", check->name, check_outcome_name(check->outcome));
    }
}

static void test_nothing_is_relaxed_where_everything_is_verified(void **state)
{
    struct scene *scene = *state;
    assert_relaxed(scene, (const char *const[]){NULL});
    assert_int_equal(scene->checks.count, SNP_COUNT);
}

static void test_verify_chain_false_relaxes_the_chain_alone_and_warns(void **state)
{
    struct scene *scene = *state;
    scene->policy->certificates.verify_chain = false;
    assert_relaxed(scene, (const char *const[]){"verify_chain", SNP_CHECK_CHAIN, SNP_CHECK_CHAIN_ROOT,
                                                SNP_CHECK_CHAIN_VALIDITY, SNP_CHECK_CHAIN_REVOCATION, NULL});
    assert_int_equal(scene->checks.count, SNP_COUNT + 1);
}

static void test_verify_signature_false_relaxes_the_signature_alone_and_warns(void **state)
{
    struct scene *scene = *state;
    scene->policy->certificates.verify_signature = false;
    assert_relaxed(scene, (const char *const[]){"verify_signature", SNP_CHECK_SIGNATURE_ALGORITHM,
                                                SNP_CHECK_REPORT_SIGNATURE, NULL});
    assert_int_equal(scene->checks.count, SNP_COUNT + 1);
}

static void test_relaxing_warns_also_where_everything_passed(void **state)
{
    struct scene *scene = *state;
    scene->policy->certificates.verify_chain = false;
    scene->policy->certificates.verify_signature = false;
    checklist_add(&scene->checks, SNP_CHECK_CHAIN, CHECK_PASS, "", "");
    judge_relax(scene->policy, &scene->checks);
    assert_int_equal(scene->checks.count, 3);
    assert_int_equal(scene->checks.checks[0].outcome, CHECK_PASS);
    assert_int_equal(checklist_find(&scene->checks, JUDGE_CHECK_VERIFY_CHAIN)->outcome, CHECK_WARN);
    assert_int_equal(checklist_find(&scene->checks, JUDGE_CHECK_VERIFY_SIGNATURE)->outcome, CHECK_WARN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_facts_that_meet_everything_pass_everything),
        TEST(test_a_measurement_that_is_not_listed_is_not_met),
        TEST(test_any_listed_measurement_will_do),
        TEST(test_a_given_group_that_lists_none_allows_none),
        TEST(test_a_measurement_that_nobody_asks_about_is_skipped),
        TEST(test_committed_firmware_is_compared_from_the_major_part_on),
        TEST(test_the_version_that_counts_is_the_committed_one),
        TEST(test_the_platform_version_is_current_tcb_as_an_integer),
        TEST(test_a_guest_that_may_be_debugged_is_not_met),
        TEST(test_smt_is_not_met_when_it_is_allowed_or_on),
        TEST(test_an_older_guest_is_not_met),
        TEST(test_minima_that_are_not_asked_for_are_skipped),
        TEST(test_a_report_that_was_not_read_meets_no_demand),
        TEST(test_a_software_psp_fails_in_every_mode_unless_it_is_allowed),
        TEST(test_an_extra_root_that_is_no_software_psp_passes),
        TEST(test_an_unknown_root_fails_unless_the_chain_is_not_asked_for),
        TEST(test_nothing_is_relaxed_where_everything_is_verified),
        TEST(test_verify_chain_false_relaxes_the_chain_alone_and_warns),
        TEST(test_verify_signature_false_relaxes_the_signature_alone_and_warns),
        TEST(test_relaxing_warns_also_where_everything_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
