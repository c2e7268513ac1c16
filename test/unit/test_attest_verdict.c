/* The verdict's only way from deny to anything else, its reasons, and its JSON. */
#include "attest/verdict.h"

#include "attest/judge.h"
#include "attest/printable.h"
#include "base/mem.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const required[] = {"first", "second", NULL};

struct scene {
    struct policy *policy;
    struct verdict verdict;
};

static int setup(void **state)
{
    struct scene *scene = NEW(struct scene);
    struct err e = policy_parse("strict", "p.yaml", BYTES_LITERAL("version: \"1.0\"\n"), &scene->policy);
    if (failed(e))
        return -1;
    verdict_init(&scene->verdict);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    verdict_release(&scene->verdict);
    policy_drop(scene->policy);
    free(scene);
    return 0;
}

static void add(struct scene *scene, const char *name, enum check_outcome outcome)
{
    checklist_add(&scene->verdict.checks, name, outcome, "something", "something else");
}

static void conclude(struct scene *scene)
{
    verdict_conclude(&scene->verdict, scene->policy, required);
}

static void assert_verdict(const struct scene *scene, enum verdict_kind kind, const char *reason)
{
    assert_string_equal(scene->verdict.reason, reason);
    assert_string_equal(verdict_kind_name(scene->verdict.kind), verdict_kind_name(kind));
}

static void test_a_verdict_begins_as_deny(void **state)
{
    assert_verdict(*state, VERDICT_DENY, "nothing has been judged");
}

static void test_everything_passed_is_allow(void **state)
{
    add(*state, "first", CHECK_PASS);
    add(*state, "second", CHECK_PASS);
    conclude(*state);
    assert_verdict(*state, VERDICT_ALLOW, "");
}

static void test_skipped_checks_do_not_hinder(void **state)
{
    add(*state, "first", CHECK_PASS);
    add(*state, "second", CHECK_SKIPPED);
    conclude(*state);
    assert_verdict(*state, VERDICT_ALLOW, "");
}

static void test_a_required_check_that_is_missing_is_deny(void **state)
{
    add(*state, "second", CHECK_PASS);
    add(*state, "third", CHECK_PASS);
    conclude(*state);
    assert_verdict(*state, VERDICT_DENY, "first: the check was not made (policy \"strict\")");
}

static void test_a_missing_check_is_deny_also_beside_warnings(void **state)
{
    add(*state, "first", CHECK_WARN);
    conclude(*state);
    assert_verdict(*state, VERDICT_DENY, "second: the check was not made (policy \"strict\")");
}

static void test_no_checks_at_all_are_deny(void **state)
{
    struct scene *scene = *state;
    conclude(scene);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    verdict_conclude(&scene->verdict, scene->policy, (const char *const[]){NULL});
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_one_failure_is_deny_and_the_first_is_the_reason(void **state)
{
    add(*state, "first", CHECK_WARN);
    add(*state, "second", CHECK_FAIL);
    checklist_add(&((struct scene *)*state)->verdict.checks, "third", CHECK_FAIL, "", "");
    conclude(*state);
    assert_verdict(*state, VERDICT_DENY, "second: something else, expected something (policy \"strict\")");
}

static void test_a_failure_that_nobody_required_is_deny(void **state)
{
    add(*state, "first", CHECK_PASS);
    add(*state, "second", CHECK_PASS);
    add(*state, "third", CHECK_FAIL);
    conclude(*state);
    assert_verdict(*state, VERDICT_DENY, "third: something else, expected something (policy \"strict\")");
}

static void test_a_warning_is_warn_and_the_first_is_the_reason(void **state)
{
    add(*state, "first", CHECK_PASS);
    checklist_add(&((struct scene *)*state)->verdict.checks, "second", CHECK_WARN, "", "odd");
    add(*state, "third", CHECK_WARN);
    conclude(*state);
    assert_verdict(*state, VERDICT_WARN, "second: odd (policy \"strict\")");
}

static void test_a_measurement_is_refused_in_words_of_its_own(void **state)
{
    struct scene *scene = *state;
    scene->verdict.facts.report_is_read = true;
    checklist_add(&scene->verdict.checks, JUDGE_CHECK_MEASUREMENT, CHECK_FAIL, "6666", "5445");
    conclude(scene);
    assert_verdict(scene, VERDICT_DENY, "measurement 5445 is not allowed by policy \"strict\"");
}

static void test_debugging_is_refused_in_words_of_its_own(void **state)
{
    struct scene *scene = *state;
    scene->verdict.facts.report_is_read = true;
    checklist_add(&scene->verdict.checks, JUDGE_CHECK_DEBUG, CHECK_FAIL, "no", "yes");
    conclude(scene);
    assert_verdict(scene, VERDICT_DENY, "the guest may be debugged, which policy \"strict\" forbids");
}

static void test_nothing_is_said_of_a_report_that_was_not_read(void **state)
{
    struct scene *scene = *state;
    checklist_add(&scene->verdict.checks, JUDGE_CHECK_MEASUREMENT, CHECK_FAIL, "6666", "the report could not be read");
    conclude(scene);
    assert_verdict(scene, VERDICT_DENY, "measurement: the report could not be read, expected 6666 (policy \"strict\")");
}

static void test_the_policy_is_named_with_version_and_hash(void **state)
{
    struct scene *scene = *state;
    char hash[9];
    char version[32];
    conclude(scene);
    hex_encode(bytes_of(scene->policy->sha256, 4), hash);
    snprintf(version, sizeof version, "1.0 (%s)", hash);
    assert_string_equal(scene->verdict.policy, "strict");
    assert_string_equal(scene->verdict.policy_version, version);
}

static void test_without_a_policy_the_verdict_names_none(void **state)
{
    struct scene *scene = *state;
    add(scene, "first", CHECK_PASS);
    add(scene, "second", CHECK_PASS);
    verdict_conclude(&scene->verdict, NULL, required);
    assert_verdict(scene, VERDICT_ALLOW, "");
    assert_string_equal(scene->verdict.policy, "");
    assert_string_equal(scene->verdict.policy_version, "");
}

static void test_a_reason_is_bounded_and_holds_no_control_characters(void **state)
{
    struct scene *scene = *state;
    char *found = mem_alloc(1001);
    memset(found, 'x', 1000);
    memcpy(found, "a\nb\x7f\xffz\xc3\xa9", 8);
    checklist_add(&scene->verdict.checks, "first", CHECK_FAIL, "", found);
    conclude(scene);
    assert_int_equal(strlen(scene->verdict.reason), VERDICT_REASON_MAX);
    assert_memory_equal(scene->verdict.reason, "first: a?b??z\xc3\xa9xxx", 18);
    free(found);
}

static void assert_printable(const char *text, size_t limit, const char *expected)
{
    char *printable = printable_text(text, limit);
    assert_string_equal(printable, expected);
    free(printable);
}

static void test_text_is_cut_between_characters_and_cleaned(void **state)
{
    (void)state;
    assert_printable(NULL, 10, "");
    assert_printable("", 10, "");
    assert_printable("abc", 0, "");
    assert_printable("\xe2\x82\xac\xe2\x82\xac", 5, "\xe2\x82\xac");
    assert_printable("\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80");
    assert_printable("\xc0\xaf", 10, "??");                  /* overlong */
    assert_printable("\xe0\x80\xaf", 10, "???");             /* overlong */
    assert_printable("\xed\xa0\x80", 10, "???");             /* a surrogate */
    assert_printable("\xf4\x90\x80\x80", 10, "????");        /* beyond U+10FFFF */
    assert_printable("\xe2\x82", 10, "??");                  /* the end comes too soon */
    assert_printable("\xc2\x85|\xc2\xa0", 10, "?|\xc2\xa0"); /* C1; a space that does not break */
}

static void test_the_json_holds_every_check(void **state)
{
    struct scene *scene = *state;
    add(scene, "first", CHECK_PASS);
    checklist_add(&scene->verdict.checks, "second", CHECK_FAIL, "a \"quoted\" word", "\xff\n");
    conclude(scene);
    char *text = verdict_json(&scene->verdict);
    assert_null(strchr(text, '\n'));
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "deny");
    assert_string_equal(json_string_value(json_object_get(json, "reason")), scene->verdict.reason);
    const json_t *checks = json_object_get(json, "checks");
    assert_int_equal(json_array_size(checks), 2);
    const json_t *second = json_array_get(checks, 1);
    assert_string_equal(json_string_value(json_object_get(second, "name")), "second");
    assert_string_equal(json_string_value(json_object_get(second, "outcome")), "fail");
    assert_string_equal(json_string_value(json_object_get(second, "expected")), "a \"quoted\" word");
    assert_string_equal(json_string_value(json_object_get(second, "found")), "??");
    json_decref(json);
    free(text);
}

static void test_a_released_verdict_is_an_empty_deny(void **state)
{
    struct scene *scene = *state;
    add(scene, "first", CHECK_PASS);
    verdict_release(&scene->verdict);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_int_equal(scene->verdict.checks.count, 0);
    assert_null(scene->verdict.reason);
    char *text = verdict_json(&scene->verdict);
    assert_string_equal(text, "{\"verdict\":\"deny\",\"reason\":\"\",\"checks\":[]}");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_verdict_begins_as_deny),
        TEST(test_everything_passed_is_allow),
        TEST(test_skipped_checks_do_not_hinder),
        TEST(test_a_required_check_that_is_missing_is_deny),
        TEST(test_a_missing_check_is_deny_also_beside_warnings),
        TEST(test_no_checks_at_all_are_deny),
        TEST(test_one_failure_is_deny_and_the_first_is_the_reason),
        TEST(test_a_failure_that_nobody_required_is_deny),
        TEST(test_a_warning_is_warn_and_the_first_is_the_reason),
        TEST(test_a_measurement_is_refused_in_words_of_its_own),
        TEST(test_debugging_is_refused_in_words_of_its_own),
        TEST(test_nothing_is_said_of_a_report_that_was_not_read),
        TEST(test_the_policy_is_named_with_version_and_hash),
        TEST(test_without_a_policy_the_verdict_names_none),
        TEST(test_a_reason_is_bounded_and_holds_no_control_characters),
        TEST(test_text_is_cut_between_characters_and_cleaned),
        TEST(test_the_json_holds_every_check),
        TEST(test_a_released_verdict_is_an_empty_deny),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
