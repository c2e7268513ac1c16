/* The attester: the first leaf, renewal, failures, changed configurations, authorities, and its end. */
#include "attest/attester.h"
#include "attest/plan.h"
#include "attest/readiness.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider_stand_in.h"
#include "tls/pem.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <openssl/x509v3.h>

#define PATIENCE_US (30 * US_PER_SECOND)

static const uint8_t digest[SHA384_SIZE] = "the digest of a configuration";
static const uint8_t other_digest[SHA384_SIZE] = "the digest of another configuration";

/* A loop with an attester on it. */
struct scene {
    struct loop *loop;
    struct timer *patience;
    struct attester *attester;
    struct tls_identity *renewed; /* what the last callback showed; kept */
    unsigned renewals;
    unsigned changes;
    unsigned failures_wanted; /* done when the state says so many */
    bool done;
    struct timer *look;
};

static void scene_lose_patience(void *arg)
{
    (void)arg;
    fail_msg("what was waited for did not happen");
}

static void scene_note_renewal(void *ctx, struct tls_identity *identity)
{
    struct scene *scene = ctx;
    tls_identity_release(scene->renewed);
    scene->renewed = tls_identity_keep(identity);
    scene->renewals++;
    scene->done = true;
}

static void scene_note_change(void *ctx)
{
    ((struct scene *)ctx)->changes++;
}
static const struct attester_ops scene_ops = {.renewed = scene_note_renewal, .changed = scene_note_change};

static void scene_look(void *arg)
{
    struct scene *scene = arg;
    struct attester_state state;
    attester_read_state(scene->attester, &state);
    if (state.failures >= scene->failures_wanted)
        scene->done = true;
    else
        timer_start(scene->look, 5 * US_PER_MS);
}

static struct config *config_of(const char *settings)
{
    /* Most tests renew faster than any device is to be asked. */
    char *text = mem_format("[pgvouch]\nattest_report_rate = 0\n%s\n", settings);
    struct config *config = NULL;
    struct err outcome = config_parse("test.ini", bytes_of_string(text), &config);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    free(text);
    return config;
}

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){0};
    provider_stand_in_reset();
    assert_false(failed(loop_new(&scene->loop)));
    scene->patience = timer_new(scene->loop, scene_lose_patience, scene);
    scene->look = timer_new(scene->loop, scene_look, scene);
    loop_stop(scene->loop);
}

static struct err scene_start(struct scene *scene, const char *settings)
{
    struct config *config = config_of(settings);
    struct err outcome = attester_start(config, digest, NULL, NULL, scene->loop, &scene_ops, scene, &scene->attester);
    config_unref(config);
    return outcome;
}

static void scene_begin(struct scene *scene, const char *settings)
{
    scene_open(scene);
    struct err outcome = scene_start(scene, settings);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
}

static struct err scene_adopt(struct scene *scene, const char *settings)
{
    struct config *config = config_of(settings);
    struct err outcome = attester_adopt(scene->attester, config, other_digest);
    config_unref(config);
    return outcome;
}

/* Turns of the loop until a callback says done. A loop that has been told to stop ends its turn and no more. */
static void scene_run(struct scene *scene)
{
    timer_start(scene->patience, PATIENCE_US);
    for (scene->done = false; !scene->done; loop_run(scene->loop))
        event_base_loop(loop_base(scene->loop), EVLOOP_ONCE);
    timer_stop(scene->patience);
}

static void scene_await_failures(struct scene *scene, unsigned wanted)
{
    scene->failures_wanted = wanted;
    timer_start(scene->look, 0);
    scene_run(scene);
}

static void scene_close(struct scene *scene)
{
    attester_stop(scene->attester);
    tls_identity_release(scene->renewed);
    timer_free(scene->look);
    timer_free(scene->patience);
    loop_free(scene->loop);
    assert_int_equal(provider_stand_in.freed, provider_stand_in.opened);
}

static X509 *leaf_of(const struct scene *scene)
{
    return tls_identity_certificate(attester_identity(scene->attester));
}

/* The leaf carries a report over what it says, its issuer and this digest. */
static void check_evidence(const struct scene *scene, const uint8_t *expected_digest)
{
    struct certificate certificate;
    struct evidence evidence;
    uint8_t issuer_spki[SHA384_SIZE], report_data[SNP_REPORT_DATA_SIZE];
    struct tls_identity *identity = attester_identity(scene->attester);
    assert_false(failed(certificate_read(leaf_of(scene), &certificate)));
    assert_false(failed(evidence_find(leaf_of(scene), NULL, &evidence)));
    X509 *issuer = certificate_find_issuer(leaf_of(scene), tls_identity_chain(identity));
    assert_non_null(issuer);
    assert_false(failed(certificate_spki_sha384(issuer, issuer_spki)));
    assert_false(failed(evidence_report_data(&evidence, &certificate, issuer_spki, report_data)));
    assert_memory_equal(evidence.report.p + 0x50, report_data, sizeof report_data);
    assert_true(bytes_equal(evidence.bind.config_digest, bytes_of(expected_digest, SHA384_SIZE)));
    assert_int_equal(evidence.bind.nonce.n, 0);
    certificate_release(&certificate);
}

static void test_first_leaf_carries_evidence(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    struct certificate certificate;
    struct evidence evidence;
    uint8_t sha256[32];
    scene_begin(&scene, "attest_san = pooler.test, 10.0.0.1\nattest_max_age = 10min");
    check_evidence(&scene, digest);
    assert_true(certificate_names_host(leaf_of(&scene), "pooler.test"));
    assert_true(certificate_names_host(leaf_of(&scene), "10.0.0.1"));
    assert_true(X509_check_purpose(leaf_of(&scene), X509_PURPOSE_SSL_SERVER, 0) == 1);
    attester_read_state(scene.attester, &told);
    assert_string_equal(told.provider, "stand-in");
    assert_true(told.simulated);
    assert_true(told.has_report);
    assert_memory_equal(told.config_digest, digest, sizeof digest);
    assert_false(failed(certificate_read(leaf_of(&scene), &certificate)));
    assert_false(failed(evidence_find(leaf_of(&scene), NULL, &evidence)));
    assert_true(bytes_equal(evidence.report, BYTES(told.report)));
    assert_int_equal(certificate.facts.not_before_s, evidence.bind.issued_at_s - 300);
    assert_int_equal(certificate.facts.not_after_s, evidence.bind.issued_at_s + 600);
    assert_int_equal(told.issued_at_us, evidence.bind.issued_at_s * US_PER_SECOND);
    assert_int_equal(told.not_after_us, certificate.facts.not_after_s * US_PER_SECOND);
    assert_in_range(told.next_renewal_us, clock_wall_us() + 190 * US_PER_SECOND, clock_wall_us() + 200 * US_PER_SECOND);
    assert_int_equal(X509_digest(leaf_of(&scene), EVP_sha256(), sha256, NULL), 1);
    assert_memory_equal(told.leaf_sha256, sha256, sizeof sha256);
    assert_int_equal(told.renewals, 0);
    assert_string_equal(told.failure, "");
    certificate_release(&certificate);
    scene_close(&scene);
}

static void test_leaf_is_renewed_at_a_third_of_its_age(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state told;
    scene_begin(&scene, "attest_max_age = 0.6");
    X509 *first = leaf_of(&scene);
    X509_up_ref(first);
    int64_t began_us = clock_monotonic_us();
    scene_run(&scene);
    assert_true(clock_monotonic_us() - began_us >= 200 * US_PER_MS - 20 * US_PER_MS);
    assert_int_equal(scene.renewals, 1);
    assert_ptr_equal(scene.renewed, attester_identity(scene.attester));
    assert_int_not_equal(X509_cmp(first, leaf_of(&scene)), 0);
    check_evidence(&scene, digest);
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
    assert_false(failed(certificate_spki_sha384(leaf_of(&scene), first)));
    scene_run(&scene);
    attester_read_state(scene.attester, &after);
    assert_false(failed(certificate_spki_sha384(leaf_of(&scene), second)));
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
    assert_int_equal(evidence_find(leaf_of(&scene), NULL, &evidence).code, ERR_NOT_FOUND);
    attester_read_state(scene.attester, &told);
    assert_string_equal(told.provider, "none");
    assert_false(told.simulated);
    assert_false(told.has_report);
    scene_run(&scene); /* it is renewed all the same */
    assert_int_equal(evidence_find(leaf_of(&scene), NULL, &evidence).code, ERR_NOT_FOUND);
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
    check_evidence(&scene, other_digest);
    assert_true(certificate_names_host(leaf_of(&scene), "after.test"));
    assert_false(certificate_names_host(leaf_of(&scene), "before.test"));
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
    assert_true(certificate_names_host(leaf_of(&scene), "fourth.test"));
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

static void test_authority_outlasts_a_restart_in_the_state_directory(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state first, second;
    struct stat about;
    char *place = pair_make_directory();
    char *settings = mem_format("attest_state_dir = %s/state\nattest_ca_file = %s/public.pem", place, place);
    char *ca_file = mem_format("%s/public.pem", place), *state_dir = mem_format("%s/state", place);
    char *key_file = mem_format("%s/ca.key", state_dir);
    STACK_OF(X509) *written = NULL;
    uint8_t sha256[32];
    scene_begin(&scene, settings);
    attester_read_state(scene.attester, &first);
    scene_close(&scene);
    assert_int_equal(stat(state_dir, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(key_file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(ca_file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0644);
    assert_false(failed(pem_load_certificates(ca_file, &written)));
    assert_int_equal(X509_digest(sk_X509_value(written, 0), EVP_sha256(), sha256, NULL), 1);
    assert_memory_equal(sha256, first.authority_sha256, sizeof sha256);
    certificate_list_free(written);

    scene_begin(&scene, settings);
    attester_read_state(scene.attester, &second);
    scene_close(&scene);
    assert_memory_equal(first.authority_sha256, second.authority_sha256, sizeof first.authority_sha256);
    free(key_file);
    free(ca_file);
    free(settings);
    pair_remove_directory(state_dir);
    pair_remove_directory(place);
}

static void test_authority_without_a_state_directory_is_a_new_one(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state first, second;
    scene_begin(&scene, "");
    attester_read_state(scene.attester, &first);
    scene_close(&scene);
    scene_begin(&scene, "");
    attester_read_state(scene.attester, &second);
    scene_close(&scene);
    assert_memory_not_equal(first.authority_sha256, second.authority_sha256, sizeof first.authority_sha256);
}

static void test_authority_of_the_operator_issues_the_leaf(void **state)
{
    (void)state;
    struct scene scene;
    char *place = pair_make_directory();
    char *cert = mem_format("%s/op.pem", place), *key = mem_format("%s/op.key", place);
    char *settings = mem_format("attest_ca_cert = %s\nattest_ca_key = %s", cert, key);
    struct authority *authority = pair_authority("operator");
    assert_false(failed(authority_save(authority, cert, key)));
    scene_begin(&scene, settings);
    check_evidence(&scene, digest);
    X509 *issuer = sk_X509_value(tls_identity_chain(attester_identity(scene.attester)), 0);
    assert_int_equal(X509_cmp(issuer, authority_certificate(authority)), 0);
    assert_false(failed(scene_adopt(&scene, ""))); /* back to one of our own */
    scene_run(&scene);
    check_evidence(&scene, other_digest);
    issuer = sk_X509_value(tls_identity_chain(attester_identity(scene.attester)), 0);
    assert_int_not_equal(X509_cmp(issuer, authority_certificate(authority)), 0);
    scene_close(&scene);
    authority_free(authority);
    free(settings);
    free(key);
    free(cert);
    pair_remove_directory(place);
}

static void test_leaf_of_an_expired_authority_is_not_made(void **state)
{
    (void)state;
    struct scene scene;
    char *place = pair_make_directory();
    char *cert = mem_format("%s/op.pem", place), *key = mem_format("%s/op.key", place);
    char *settings = mem_format("attest_ca_cert = %s\nattest_ca_key = %s\nattest_max_age = 0.3", cert, key);
    struct authority *authority = NULL;
    assert_false(failed(authority_make("operator", 1, &authority)));
    assert_false(failed(authority_save(authority, cert, key)));
    while (authority_not_after_s(authority) > clock_wall_us() / US_PER_SECOND)
        usleep(20000);
    scene_open(&scene);
    struct err outcome = scene_start(&scene, settings);
    assert_int_equal(outcome.code, ERR_NOT_NOW);
    assert_non_null(strstr(outcome.why, "expired"));
    scene_close(&scene);
    authority_free(authority);
    free(settings);
    free(key);
    free(cert);
    pair_remove_directory(place);
}

static void expect_names(const char *settings, const char *host, const char *expected)
{
    struct config *config = config_of(settings);
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
        cmocka_unit_test(test_authority_outlasts_a_restart_in_the_state_directory),
        cmocka_unit_test(test_authority_without_a_state_directory_is_a_new_one),
        cmocka_unit_test(test_authority_of_the_operator_issues_the_leaf),
        cmocka_unit_test(test_leaf_of_an_expired_authority_is_not_made),
        cmocka_unit_test(test_names_are_the_host_and_the_addresses_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
