/* What the group nonce asks, in every mode, and that a nonce is used up whichever policy lets it in. */
#include "attest/challenge.h"

#include "attest/judge.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"

#define NOW    (INT64_C(1800000000) * US_PER_SECOND)
#define MINUTE (60 * US_PER_SECOND)

static const uint8_t our_key[SHA384_SIZE] = {1};
static const uint8_t other_key[SHA384_SIZE] = {2};

/* A client's evidence of our format, made now, whose nonce this server gave out now; and what came of it. */
struct scene {
    struct nonces *nonces;
    uint8_t nonce[NONCE_SIZE];
    struct challenge_answer at;
    struct checklist checks;
};

static int setup(void **state)
{
    static struct scene scene;
    scene = (struct scene){0};
    if (failed(nonces_new(2, &scene.nonces)) || failed(nonces_issue(scene.nonces, NOW, scene.nonce, NULL)))
        return -1;
    scene.at = (struct challenge_answer){.nonces = scene.nonces,
                                         .nonce = BYTES(scene.nonce),
                                         .binds_time = true,
                                         .issued_at_s = NOW / US_PER_SECOND,
                                         .spki_sha384 = our_key,
                                         .now_us = NOW,
                                         .nonces_now_us = NOW};
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    checklist_free(&scene->checks);
    nonces_free(scene->nonces);
    return 0;
}

/* The outcomes of nonce, nonce_length and nonce_age: p, w, f or s each. */
static const char *judged(struct scene *scene, const char *policy_text)
{
    static const char *const names[] = {JUDGE_CHECK_NONCE, JUDGE_CHECK_NONCE_LENGTH, JUDGE_CHECK_NONCE_AGE};
    static char outcomes[4];
    struct policy *policy = accepted(policy_text);
    checklist_free(&scene->checks);
    scene->checks = (struct checklist)CHECKLIST_EMPTY;
    scene->at.policy = policy;
    (void)challenge_judge(&scene->at, &scene->checks);
    for (size_t i = 0; i < 3; i++)
        outcomes[i] = check_outcome_name(checklist_find(&scene->checks, names[i])->outcome)[0];
    policy_drop(policy);
    return outcomes;
}

static void assert_judged_in_each_mode(struct scene *scene, const char *keys, const char *strict, const char *warn)
{
    char text[128];
    snprintf(text, sizeof text, "nonce: {%s, mode: strict}\n", keys);
    assert_string_equal(judged(scene, text), strict);
    snprintf(text, sizeof text, "nonce: {%s}\n", keys);
    assert_string_equal(judged(scene, text), strict);
    snprintf(text, sizeof text, "nonce: {%s, mode: warn}\n", keys);
    assert_string_equal(judged(scene, text), warn);
    snprintf(text, sizeof text, "nonce: {%s, mode: disabled}\n", keys);
    assert_string_equal(judged(scene, text), "sss");
    for (size_t i = 0; i < scene->checks.count; i++)
        assert_string_equal(scene->checks.checks[i].found, "nonce.mode is disabled");
}

static void test_a_fresh_nonce_passes(void **state)
{
    assert_judged_in_each_mode(*state, "required: true", "ppp", "ppp");
}

static void test_what_is_not_met_fails_warns_or_is_not_looked_at(void **state)
{
    struct scene *scene = *state;
    scene->at.nonce = BYTES_NONE;
    assert_judged_in_each_mode(scene, "required: true", "ffp", "wwp");
    scene->at.issued_at_s -= 600;
    assert_judged_in_each_mode(scene, "required: true", "fff", "www");
    assert_judged_in_each_mode(scene, "required: false", "ssf", "ssw");
    scene->at.nonce = BYTES_LITERAL("0123456789abcdef");
    assert_judged_in_each_mode(scene, "required: true", "fpf", "wpw");
    assert_judged_in_each_mode(scene, "source: any, min_length: 17", "pff", "pww");
    scene->at.nonces = NULL;
    scene->at.nonce = BYTES(scene->nonce);
    assert_judged_in_each_mode(scene, "required: true", "fpf", "wpw");
}

static void test_an_old_nonce_fails_or_warns_by_its_age(void **state)
{
    struct scene *scene = *state;
    scene->at.nonces_now_us = scene->at.now_us += 6 * MINUTE;
    assert_judged_in_each_mode(scene, "required: true", "ppf", "ppw");
    assert_judged_in_each_mode(scene, "max_age: 10m, min_length: 32", "ppp", "ppp");
}

static void test_evidence_that_binds_no_time_has_no_age_in_any_mode(void **state)
{
    struct scene *scene = *state;
    scene->at.binds_time = false;
    scene->at.nonce = BYTES_NONE;
    assert_judged_in_each_mode(scene, "required: true", "fff", "www");
    assert_judged_in_each_mode(scene, "required: false", "ssw", "ssw");
}

static void test_a_replay_fails_or_warns(void **state)
{
    struct scene *scene = *state;
    assert_string_equal(judged(scene, "version: a\n"), "ppp");
    scene->at.spki_sha384 = other_key;
    assert_judged_in_each_mode(scene, "required: true", "fpp", "wpp");
    assert_string_equal(checklist_find(&scene->checks, JUDGE_CHECK_NONCE)->found, "nonce.mode is disabled");
}

/* ---- what a policy that lets in leaves to the others ---- */

/* Let in by this policy under our key, and then shown to a strict one, which is patient, under another. */
static void assert_used_up(struct scene *scene, const char *lenient, const char *outcomes)
{
    assert_string_equal(judged(scene, lenient), outcomes);
    scene->at.spki_sha384 = other_key;
    assert_string_equal(judged(scene, "nonce: {max_age: 1h}\n"), "fpp");
    assert_string_equal(checklist_find(&scene->checks, JUDGE_CHECK_NONCE)->found, "bound to another key");
    scene->at.spki_sha384 = our_key;
    assert_string_equal(judged(scene, "nonce: {max_age: 1h}\n"), "ppp");
}

static void test_a_nonce_is_used_up_where_its_mode_is_disabled(void **state)
{
    assert_used_up(*state, "nonce: {mode: disabled}\n", "sss");
}

static void test_a_nonce_is_used_up_where_it_is_too_old_and_only_warned_of(void **state)
{
    struct scene *scene = *state;
    scene->at.nonces_now_us = scene->at.now_us += 6 * MINUTE;
    assert_used_up(scene, "nonce: {mode: warn}\n", "ppw");
}

static void test_a_nonce_is_used_up_where_any_would_do(void **state)
{
    assert_used_up(*state, "nonce: {source: any}\n", "ppp");
}

static void test_nobody_uses_up_a_nonce_with_evidence_that_does_not_hold(void **state)
{
    struct scene *scene = *state;
    struct policy *policy = accepted("nonce: {mode: disabled}\n");
    scene->at.policy = policy;
    checklist_add(&scene->checks, "binding", CHECK_FAIL, "", "");
    (void)challenge_judge(&scene->at, &scene->checks);
    policy_drop(policy);
    scene->at.spki_sha384 = other_key;
    assert_string_equal(judged(scene, "version: a\n"), "ppp");
}

/* The table holds two: a third cannot be remembered, and so is taken by nobody. */
static void test_a_nonce_that_cannot_be_remembered_is_taken_by_no_other_policy(void **state)
{
    struct scene *scene = *state;
    uint8_t others[2][NONCE_SIZE];
    int64_t age_us;
    for (size_t i = 0; i < 2; i++) {
        assert_false(failed(nonces_issue(scene->nonces, NOW, others[i], NULL)));
        assert_int_equal(nonces_claim(scene->nonces, BYTES(others[i]), our_key, NOW, 60 * MINUTE, &age_us),
                         NONCE_FRESH);
    }
    scene->at.nonces_now_us = scene->at.now_us = NOW + 1;
    assert_string_equal(judged(scene, "nonce: {mode: disabled}\n"), "sss");
    scene->at.spki_sha384 = other_key;
    assert_string_equal(judged(scene, "version: a\n"), "fpp");
    assert_string_equal(checklist_find(&scene->checks, JUDGE_CHECK_NONCE)->found,
                        "from the future, or too old to tell who used it");
    uint8_t later[NONCE_SIZE];
    assert_false(failed(nonces_issue(scene->nonces, NOW + 1, later, NULL)));
    assert_int_equal(nonces_look(scene->nonces, BYTES(later), our_key, NOW + 1, MINUTE, &age_us), NONCE_FULL);
    scene->at.spki_sha384 = our_key; /* those that are remembered are as good as before */
    assert_int_equal(nonces_look(scene->nonces, BYTES(others[0]), our_key, NOW + 1, MINUTE, &age_us), NONCE_FRESH);
}

/* ---- a nonce of the caller's ---- */

static void test_what_the_caller_asked_for_must_be_there_in_every_mode(void **state)
{
    static const struct {
        const char *policy;
        char length; /* of 7 bytes */
    } cases[] = {{"version: a\n", 'f'}, {"nonce: {mode: warn}\n", 'w'}, {"nonce: {mode: disabled}\n", 's'}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct checklist checks = CHECKLIST_EMPTY;
        struct policy *policy = accepted(cases[i].policy);
        challenge_expect(policy, BYTES_LITERAL("1234567"), BYTES_LITERAL("1234568"), "", &checks);
        assert_int_equal(checklist_find(&checks, JUDGE_CHECK_NONCE)->outcome, CHECK_FAIL);
        assert_int_equal(check_outcome_name(checklist_find(&checks, JUDGE_CHECK_NONCE_LENGTH)->outcome)[0],
                         cases[i].length);
        checklist_free(&checks);
        policy_drop(policy);
    }
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_a_fresh_nonce_passes),
        IN_SCENE(test_what_is_not_met_fails_warns_or_is_not_looked_at),
        IN_SCENE(test_an_old_nonce_fails_or_warns_by_its_age),
        IN_SCENE(test_evidence_that_binds_no_time_has_no_age_in_any_mode),
        IN_SCENE(test_a_replay_fails_or_warns),
        IN_SCENE(test_a_nonce_is_used_up_where_its_mode_is_disabled),
        IN_SCENE(test_a_nonce_is_used_up_where_it_is_too_old_and_only_warned_of),
        IN_SCENE(test_a_nonce_is_used_up_where_any_would_do),
        IN_SCENE(test_nobody_uses_up_a_nonce_with_evidence_that_does_not_hold),
        IN_SCENE(test_a_nonce_that_cannot_be_remembered_is_taken_by_no_other_policy),
        cmocka_unit_test(test_what_the_caller_asked_for_must_be_there_in_every_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
