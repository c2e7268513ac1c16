/* The attester: renewal, its failures and its pace, and what they make of readiness. */
#include "attest/attester.h"
#include "attest/readiness.h"

#include "attester_scene.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_leaf_is_renewed_at_a_third_of_its_age(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.6");
    X509 *first = scene_leaf(&scene);
    X509_up_ref(first);
    int64_t began_us = clock_monotonic_us();
    scene_run(&scene);
    assert_true(clock_monotonic_us() - began_us >= 200 * US_PER_MS - 20 * US_PER_MS);
    assert_int_equal(scene.renewals, 1);
    assert_ptr_equal(scene.renewed, attester_identity(scene.attester));
    assert_int_not_equal(X509_cmp(first, scene_leaf(&scene)), 0);
    scene_check_evidence(&scene, scene_digest);
    attester_read_state(scene.attester, &told);
    assert_int_equal(told.renewals, 1);
    scene_run(&scene);
    assert_int_equal(scene.renewals, 2);
    X509_free(first);
    scene_close(&scene);
}

static void test_renewed_leaf_has_the_same_issuer_and_another_key(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state before, after;
    uint8_t first[SHA384_SIZE], second[SHA384_SIZE];
    scene_begin(&scene, "attest_max_age = 0.3");
    attester_read_state(scene.attester, &before);
    assert_false(failed(certificate_spki_sha384(scene_leaf(&scene), first)));
    scene_run(&scene);
    attester_read_state(scene.attester, &after);
    assert_false(failed(certificate_spki_sha384(scene_leaf(&scene), second)));
    assert_memory_equal(before.authority_sha256, after.authority_sha256, sizeof before.authority_sha256);
    assert_memory_not_equal(before.leaf_sha256, after.leaf_sha256, sizeof before.leaf_sha256);
    assert_memory_not_equal(first, second, sizeof first);
    scene_close(&scene);
}

static void test_failed_renewal_keeps_the_leaf_and_is_tried_again(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.6");
    struct tls_identity *first = attester_identity(scene.attester);
    provider_stand_in_fail(err_make(ERR_SYSTEM, "the device is on fire"));
    scene_await_failures(&scene, 3);
    attester_read_state(scene.attester, &told);
    assert_ptr_equal(attester_identity(scene.attester), first);
    assert_int_equal(scene.renewals, 0);
    assert_non_null(strstr(told.failure, "on fire"));
    assert_true(told.has_report);
    assert_true(told.next_renewal_us > told.issued_at_us);
    provider_stand_in_fail(OK);
    scene_run(&scene);
    attester_read_state(scene.attester, &told);
    assert_int_equal(scene.renewals, 1);
    assert_int_equal(told.failures, 0);
    assert_string_equal(told.failure, "");
    scene_close(&scene);
}

static void test_retries_grow_further_apart_up_to_the_period(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state first, last;
    scene_begin(&scene, "attest_max_age = 0.6"); /* period 200 ms: retries after 50, 100, 200, 200, … */
    provider_stand_in_fail(err_make(ERR_SYSTEM, "no"));
    attester_read_state(scene.attester, &first);
    scene_await_failures(&scene, 5);
    attester_read_state(scene.attester, &last);
    assert_true(last.next_renewal_us - first.next_renewal_us >= (50 + 100 + 200 + 200 + 200 - 40) * US_PER_MS);
    scene_close(&scene);
}

static void test_attester_goes_on_trying_after_the_leaf_is_out_of_date(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.3"); /* a certificate of one second */
    provider_stand_in_fail(err_make(ERR_SYSTEM, "no"));
    do {
        attester_read_state(scene.attester, &told);
        scene_await_failures(&scene, (unsigned)told.failures + 1);
    } while (told.not_after_us > clock_wall_us());
    provider_stand_in_fail(OK);
    scene_run(&scene);
    attester_read_state(scene.attester, &told);
    assert_int_equal(scene.renewals, 1);
    assert_true(told.not_after_us > clock_wall_us());
    scene_close(&scene);
}

static void test_provider_that_does_not_answer_keeps_the_leaf_and_is_complained_of(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.6");
    struct tls_identity *first = attester_identity(scene.attester);
    provider_stand_in_hold(true);
    scene_await_failures(&scene, 2);
    attester_read_state(scene.attester, &told);
    assert_ptr_equal(attester_identity(scene.attester), first);
    assert_int_equal(scene.renewals, 0);
    assert_non_null(strstr(told.failure, "has not answered for"));
    provider_stand_in_hold(false);
    scene_run(&scene);
    attester_read_state(scene.attester, &told);
    assert_int_equal(scene.renewals, 1);
    assert_int_equal(told.failures, 0);
    scene_close(&scene);
}

static void test_requests_keep_to_the_pace_that_is_set(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.3\nattest_report_rate = 2\nattest_report_burst = 1"); /* period 100 ms */
    int64_t began_us = clock_monotonic_us();
    for (int i = 0; i < 3; i++)
        scene_run(&scene);
    assert_true(clock_monotonic_us() - began_us >= 1400 * US_PER_MS);
    attester_read_state(scene.attester, &told);
    assert_int_equal(told.pace.requests, 4);
    assert_int_equal(told.pace.failures, 0);
    assert_int_equal(told.failures, 0);
    scene_close(&scene);
}

static void test_request_that_would_wait_too_long_fails_the_renewal_with_a_reason(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.6\nattest_report_rate = 0.01\nattest_report_burst = 1");
    scene_await_failures(&scene, 1);
    attester_read_state(scene.attester, &told);
    assert_non_null(strstr(told.failure, "no request waits longer than 20 s"));
    assert_int_equal(provider_stand_in.reports, 1);
    assert_int_equal(told.pace.refused, 1);
    assert_false(failed(scene_adopt(&scene, "attest_max_age = 10min"))); /* with no limit to the rate */
    scene_run(&scene);
    assert_int_equal(provider_stand_in.reports, 2);
    scene_close(&scene);
}

static void test_lost_key_makes_not_ready_while_the_leaf_serves(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.6");
    attester_read_state(scene.attester, &told);
    assert_false(failed(readiness_of(&told, clock_wall_us())));
    struct tls_identity *first = attester_identity(scene.attester);
    provider_stand_in_fail(err_make(ERR_KEY_LOST, "wiped"));
    scene_await_failures(&scene, 2);
    attester_read_state(scene.attester, &told);
    struct err lack = readiness_of(&told, told.issued_at_us);
    assert_int_equal(lack.code, ERR_KEY_LOST);
    assert_string_equal(readiness_reason(&lack), "key_lost");
    assert_non_null(strstr(lack.why, "serves until"));
    assert_ptr_equal(attester_identity(scene.attester), first);
    assert_true(scene.changes >= 2);
    provider_stand_in_fail(OK); /* another key, after the driver was loaded anew */
    scene_run(&scene);
    attester_read_state(scene.attester, &told);
    assert_false(failed(readiness_of(&told, clock_wall_us())));
    assert_false(told.pace.key_is_lost);
    scene_close(&scene);
}

static void test_certificate_that_is_out_of_date_makes_not_ready(void **state)
{
    (void)state;
    struct attester_state told = {.not_after_us = 1000};
    assert_false(failed(readiness_of(&told, 999)));
    struct err lack = readiness_of(&told, 1000);
    assert_int_equal(lack.code, ERR_TIMEOUT);
    assert_string_equal(readiness_reason(&lack), "certificate_expired");
    told.pace.key_is_lost = true;
    lack = readiness_of(&told, 1000);
    assert_int_equal(lack.code, ERR_KEY_LOST);
    assert_non_null(strstr(lack.why, "out of date since"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf_is_renewed_at_a_third_of_its_age),
        cmocka_unit_test(test_renewed_leaf_has_the_same_issuer_and_another_key),
        cmocka_unit_test(test_failed_renewal_keeps_the_leaf_and_is_tried_again),
        cmocka_unit_test(test_retries_grow_further_apart_up_to_the_period),
        cmocka_unit_test(test_attester_goes_on_trying_after_the_leaf_is_out_of_date),
        cmocka_unit_test(test_provider_that_does_not_answer_keeps_the_leaf_and_is_complained_of),
        cmocka_unit_test(test_requests_keep_to_the_pace_that_is_set),
        cmocka_unit_test(test_request_that_would_wait_too_long_fails_the_renewal_with_a_reason),
        cmocka_unit_test(test_lost_key_makes_not_ready_while_the_leaf_serves),
        cmocka_unit_test(test_certificate_that_is_out_of_date_makes_not_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
