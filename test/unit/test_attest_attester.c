/* The attester: the first leaf, what it needs to start, changed configurations, names, and its end. */
#include "attest/attester.h"
#include "attest/plan.h"

#include "attester_scene.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <openssl/x509v3.h>

static void test_first_leaf_carries_evidence(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    struct certificate certificate;
    struct evidence evidence;
    uint8_t sha256[32];
    scene_begin(&scene, "attest_san = pooler.test, 10.0.0.1\nattest_max_age = 10min");
    scene_check_evidence(&scene, scene_digest);
    assert_true(certificate_names_host(scene_leaf(&scene), "pooler.test"));
    assert_true(certificate_names_host(scene_leaf(&scene), "10.0.0.1"));
    assert_true(X509_check_purpose(scene_leaf(&scene), X509_PURPOSE_SSL_SERVER, 0) == 1);
    attester_read_state(scene.attester, &told);
    assert_string_equal(told.provider, "stand-in");
    assert_true(told.simulated);
    assert_true(told.has_report);
    assert_memory_equal(told.config_digest, scene_digest, sizeof scene_digest);
    assert_false(failed(certificate_read(scene_leaf(&scene), &certificate)));
    assert_false(failed(evidence_find(scene_leaf(&scene), NULL, &evidence)));
    assert_true(bytes_equal(evidence.report, BYTES(told.report)));
    assert_int_equal(certificate.facts.not_before_s, evidence.bind.issued_at_s - 300);
    assert_int_equal(certificate.facts.not_after_s, evidence.bind.issued_at_s + 600);
    assert_int_equal(told.issued_at_us, evidence.bind.issued_at_s * US_PER_SECOND);
    assert_int_equal(told.not_after_us, certificate.facts.not_after_s * US_PER_SECOND);
    assert_in_range(told.next_renewal_us, clock_wall_us() + 190 * US_PER_SECOND, clock_wall_us() + 200 * US_PER_SECOND);
    assert_int_equal(X509_digest(scene_leaf(&scene), EVP_sha256(), sha256, NULL), 1);
    assert_memory_equal(told.leaf_sha256, sha256, sizeof sha256);
    assert_int_equal(told.renewals, 0);
    assert_string_equal(told.failure, "");
    certificate_release(&certificate);
    scene_close(&scene);
}

static void test_first_leaf_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    provider_stand_in_fail(err_make(ERR_NOT_NOW, "throttled"));
    struct err outcome = scene_start(&scene, "");
    assert_int_equal(outcome.code, ERR_NOT_NOW);
    assert_non_null(strstr(outcome.why, "throttled"));
    scene_close(&scene);
}

static void test_machine_without_a_provider_serves_a_leaf_without_evidence(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    struct evidence evidence;
    scene_open(&scene);
    provider_stand_in.open_error = err_make(ERR_NOT_FOUND, "none here");
    assert_false(failed(scene_start(&scene, "attest_max_age = 0.3")));
    assert_int_equal(evidence_find(scene_leaf(&scene), NULL, &evidence).code, ERR_NOT_FOUND);
    attester_read_state(scene.attester, &told);
    assert_string_equal(told.provider, "none");
    assert_false(told.simulated);
    assert_false(told.has_report);
    scene_run(&scene); /* it is renewed all the same */
    assert_int_equal(evidence_find(scene_leaf(&scene), NULL, &evidence).code, ERR_NOT_FOUND);
    scene_close(&scene);
}

static void test_required_attestation_without_a_provider_refuses_to_start(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    provider_stand_in.open_error = err_make(ERR_NOT_FOUND, "none here");
    struct err outcome = scene_start(&scene, "attest_required = 1");
    assert_int_equal(outcome.code, ERR_NOT_FOUND);
    assert_non_null(strstr(outcome.why, "attest_required = 0"));
    assert_non_null(strstr(outcome.why, "simulated"));
    scene_close(&scene);
}

static void test_named_provider_that_is_not_there_refuses_to_start(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    provider_stand_in.open_error = err_make(ERR_NOT_FOUND, "none here");
    assert_int_equal(scene_start(&scene, "attest_provider = tsm").code, ERR_NOT_FOUND);
    provider_stand_in.open_error = err_make(ERR_SYSTEM, "no permission");
    assert_int_equal(scene_start(&scene, "").code, ERR_SYSTEM); /* there, but not to be used */
    scene_close(&scene);
}

static void test_changed_configuration_takes_effect_at_once(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state before, after;
    scene_begin(&scene, "attest_san = before.test");
    attester_read_state(scene.attester, &before);
    assert_false(failed(scene_adopt(&scene, "attest_san = after.test\nattest_max_age = 10min")));
    scene_run(&scene);
    attester_read_state(scene.attester, &after);
    scene_check_evidence(&scene, scene_other_digest);
    assert_true(certificate_names_host(scene_leaf(&scene), "after.test"));
    assert_false(certificate_names_host(scene_leaf(&scene), "before.test"));
    assert_int_equal(after.not_after_us - after.issued_at_us, 600 * US_PER_SECOND);
    assert_memory_equal(before.authority_sha256, after.authority_sha256, sizeof before.authority_sha256);
    assert_int_equal(provider_stand_in.opened, 1);
    scene_close(&scene);
}

static void test_configuration_that_changes_while_a_leaf_is_made_wins(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "attest_san = first.test");
    provider_stand_in_hold(true);
    assert_false(failed(scene_adopt(&scene, "attest_san = second.test")));
    provider_stand_in_await();
    assert_false(failed(scene_adopt(&scene, "attest_san = third.test")));
    assert_false(failed(scene_adopt(&scene, "attest_san = fourth.test")));
    provider_stand_in_hold(false);
    scene_run(&scene);
    assert_int_equal(scene.renewals, 1);
    assert_true(certificate_names_host(scene_leaf(&scene), "fourth.test"));
    assert_int_equal(provider_stand_in.reports, 3); /* first, second, fourth */
    scene_close(&scene);
}

static void test_configuration_that_cannot_be_changes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "attest_san = pooler.test");
    struct tls_identity *first = attester_identity(scene.attester);
    struct err outcome = scene_adopt(&scene, "attest_san = not a name");
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, "attest_san"));
    assert_true(failed(scene_adopt(&scene, "attest_ca_cert = /nowhere\nattest_ca_key = /nowhere")));
    assert_true(failed(scene_adopt(&scene, "attest_ca_file = /nowhere/ca.pem")));
    assert_ptr_equal(attester_identity(scene.attester), first);
    assert_int_equal(provider_stand_in.reports, 1);
    scene_close(&scene);
}

static void test_changed_simulation_opens_the_provider_anew(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "attest_provider = simulated");
    assert_false(failed(scene_adopt(&scene, "attest_provider = simulated\nattest_simulated_guest_svn = 2")));
    scene_run(&scene);
    assert_int_equal(provider_stand_in.opened, 2);
    assert_int_equal(provider_stand_in.freed, 1);
    provider_stand_in.open_error = err_make(ERR_SYSTEM, "no");
    assert_int_equal(scene_adopt(&scene, "attest_provider = simulated\nattest_simulated_guest_svn = 3").code,
                     ERR_SYSTEM);
    scene_close(&scene);
}

static void test_attester_stops_while_the_device_keeps_it_waiting(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    provider_stand_in_hold(true);
    assert_false(failed(scene_adopt(&scene, "")));
    provider_stand_in_await();
    scene_close(&scene); /* returns */
    assert_int_equal(scene.renewals, 0);
}

static void test_no_callback_comes_after_the_stop(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    assert_false(failed(scene_adopt(&scene, "")));
    attester_stop(scene.attester); /* its leaf may be made, but is not collected */
    scene.attester = NULL;
    for (int i = 0; i < 3; i++)
        event_base_loop(loop_base(scene.loop), EVLOOP_NONBLOCK);
    assert_int_equal(scene.renewals, 0);
    scene_close(&scene);
}

static void expect_names(const char *settings, const char *host, const char *expected)
{
    struct config *config = scene_config(settings);
    char *names = plan_names(&config->set, host);
    assert_string_equal(names, expected);
    free(names);
    config_unref(config);
}

static void test_names_are_the_host_and_the_addresses_listened_on(void **state)
{
    (void)state;
    expect_names("", "db1", "db1");
    expect_names("", "", "");
    expect_names("listen_addr = 10.0.0.1, pooler.test", "db1", "db1,10.0.0.1,pooler.test");
    expect_names("listen_addr = *", "db1", "db1,localhost,127.0.0.1,::1");
    expect_names("listen_addr = 0.0.0.0", "", "localhost,127.0.0.1,::1");
    expect_names("listen_addr = 127.0.0.1", "db1", "db1,127.0.0.1,localhost");
    expect_names("listen_addr = *\nattest_san = only.test", "db1", "only.test");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_leaf_carries_evidence),
        cmocka_unit_test(test_first_leaf_that_cannot_be_made_is_an_error),
        cmocka_unit_test(test_machine_without_a_provider_serves_a_leaf_without_evidence),
        cmocka_unit_test(test_required_attestation_without_a_provider_refuses_to_start),
        cmocka_unit_test(test_named_provider_that_is_not_there_refuses_to_start),
        cmocka_unit_test(test_changed_configuration_takes_effect_at_once),
        cmocka_unit_test(test_configuration_that_changes_while_a_leaf_is_made_wins),
        cmocka_unit_test(test_configuration_that_cannot_be_changes_nothing),
        cmocka_unit_test(test_changed_simulation_opens_the_provider_anew),
        cmocka_unit_test(test_attester_stops_while_the_device_keeps_it_waiting),
        cmocka_unit_test(test_no_callback_comes_after_the_stop),
        cmocka_unit_test(test_names_are_the_host_and_the_addresses_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
