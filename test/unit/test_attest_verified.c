/* Certificates that come back: what is remembered of them, what is asked again, and under which policy. */
#include "attest/judge.h"
#include "attest/provider.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "simulated.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *directory;
static struct provider *provider;
static int64_t now_us;

static int begin(void **state)
{
    (void)state;
    directory = pair_make_directory();
    now_us = clock_wall_us();
    provider = simulated_provider(directory);
    return provider ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    provider_free(provider);
    pair_remove_directory(directory);
    return 0;
}

#define SCENE_NONCES 8

/* A client's certificate that answers a nonce of ours, and what judges it. */
struct scene {
    struct tls_identity *identity;
    struct nonces *nonces;
    struct verified *verified;
    struct policy *policy;
    struct verify_request request;
    struct verdict verdict;
};

static struct tls_identity *identity_of(struct bytes nonce)
{
    int64_t now_s = now_us / US_PER_SECOND;
    struct leaf_spec spec = {
        .common_name = "client", .not_before_s = now_s - 60, .not_after_s = now_s + 3600, .for_client = true};
    struct leaf *leaf = NULL;
    struct tls_identity *identity = NULL;
    assert_false(failed(leaf_draft(&spec, NULL, &leaf)));
    assert_false(failed(evidence_attach(leaf, provider, BYTES_NONE, nonce, now_s, NULL)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    leaf_free(leaf);
    return identity;
}

static void scene_begin(struct scene *scene, const char *more)
{
    uint8_t nonce[NONCE_SIZE];
    *scene = (struct scene){.verified = verified_new(8), .policy = simulated_policy(directory, "", more, "")};
    assert_false(failed(nonces_new(SCENE_NONCES, &scene->nonces)));
    assert_false(failed(nonces_issue(scene->nonces, now_us, nonce, NULL)));
    scene->identity = identity_of(BYTES(nonce));
    scene->request = (struct verify_request){.role = VERIFY_CLIENT,
                                             .certificate = tls_identity_certificate(scene->identity),
                                             .is_tls13 = true,
                                             .policy = scene->policy,
                                             .nonces = scene->nonces,
                                             .nonces_now_us = now_us,
                                             .verified = scene->verified,
                                             .now_us = now_us};
}

static void scene_end(struct scene *scene)
{
    verdict_release(&scene->verdict);
    policy_drop(scene->policy);
    nonces_free(scene->nonces);
    verified_free(scene->verified);
    tls_identity_release(scene->identity);
}

/* Of both clocks. */
static void set_time(struct scene *scene, int64_t at_us)
{
    scene->request.now_us = scene->request.nonces_now_us = at_us;
}

/* The reason's check, "" for allow. */
static const char *judge(struct scene *scene)
{
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    verify_certificate(&scene->request, &scene->verdict);
    const struct check *failure = checklist_first(&scene->verdict.checks, CHECK_FAIL);
    assert_int_equal(scene->verdict.kind == VERDICT_DENY, failure != NULL);
    return failure ? failure->name : "";
}

/* Whether the certificate is remembered for this request. */
static bool is_known(const struct scene *scene)
{
    struct verified_key key;
    struct verified_leaf leaf = {0};
    const struct verify_request *request = &scene->request;
    assert_false(failed(
        verified_key_of(scene->verified, request->certificate, request->policy, NULL, (unsigned)request->role, &key)));
    bool found = verified_find(scene->verified, &key, request->now_us, &leaf);
    verified_leaf_release(&leaf);
    return found;
}

static void test_a_certificate_that_comes_back_gets_the_same_verdict(void **state)
{
    (void)state;
    struct scene scene;
    struct verdict first;
    scene_begin(&scene, "");
    assert_false(is_known(&scene));
    assert_string_equal(judge(&scene), "");
    assert_true(is_known(&scene));
    first = scene.verdict;
    verdict_init(&scene.verdict);
    assert_string_equal(judge(&scene), "");
    char *then = verdict_json(&first), *now = verdict_json(&scene.verdict);
    assert_string_equal(now, then); /* every check, in its order, with its words */
    assert_memory_equal(first.evidence_sha256, scene.verdict.evidence_sha256, sizeof first.evidence_sha256);
    assert_memory_equal(&first.facts, &scene.verdict.facts, sizeof first.facts);
    assert_int_equal(first.issued_at_s, scene.verdict.issued_at_s);
    assert_int_equal(first.format, scene.verdict.format);
    assert_non_null(first.lineage);
    assert_ptr_equal(first.lineage, scene.verdict.lineage);
    assert_int_equal(first.nonce_size, NONCE_SIZE);
    assert_int_equal(scene.verdict.nonce_size, NONCE_SIZE);
    assert_true(first.nonce_is_ours);
    assert_true(scene.verdict.nonce_is_ours);
    free(then);
    free(now);
    verdict_release(&first);
    scene_end(&scene);
}

static void test_what_depends_on_the_connection_is_asked_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "nonce: {max_age: 5m}\n");
    assert_string_equal(judge(&scene), "");
    scene.request.is_tls13 = false;
    assert_string_equal(judge(&scene), VERIFY_CHECK_TLS);
    scene.request.is_tls13 = true;
    set_time(&scene, now_us + INT64_C(301) * US_PER_SECOND);
    assert_true(is_known(&scene));
    assert_string_equal(judge(&scene), JUDGE_CHECK_NONCE_AGE);
    set_time(&scene, now_us);
    struct nonces *ours = scene.request.nonces;
    scene.request.nonces = NULL;
    assert_string_equal(judge(&scene), JUDGE_CHECK_NONCE);
    scene.request.nonces = ours;
    assert_string_equal(judge(&scene), "");
    scene_end(&scene);
}

static struct tls_identity *identity_with_new_nonce(const struct scene *scene, int64_t issued_us,
                                                    uint8_t nonce[NONCE_SIZE])
{
    assert_false(failed(nonces_issue(scene->nonces, issued_us, nonce, NULL)));
    return identity_of(bytes_of(nonce, NONCE_SIZE));
}

/* The age that is found is young in both: what cannot be told is whether another key has used the nonce. */
static void test_a_nonce_that_cannot_be_decided_lets_nobody_in(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t nonce[NONCE_SIZE], other[NONCE_SIZE];
    scene_begin(&scene, "");
    struct tls_identity *first = identity_with_new_nonce(&scene, now_us, nonce);
    struct tls_identity *second = identity_of(BYTES(nonce));
    scene.request.certificate = tls_identity_certificate(first);
    assert_string_equal(judge(&scene), "");
    scene.request.certificate = tls_identity_certificate(second);
    assert_string_equal(judge(&scene), JUDGE_CHECK_NONCE);
    assert_false(scene.verdict.nonce_is_ours);
    set_time(&scene, now_us - 10 * US_PER_SECOND); /* before it was given out */
    assert_string_equal(judge(&scene), JUDGE_CHECK_NONCE);

    int64_t later_us = now_us + 400 * US_PER_SECOND;
    struct tls_identity *third = identity_with_new_nonce(&scene, later_us, other);
    set_time(&scene, later_us);
    scene.request.certificate = tls_identity_certificate(third);
    assert_string_equal(judge(&scene), ""); /* who used the first is forgotten now */
    scene.policy->nonce.max_age_us = 7200 * US_PER_SECOND;
    scene.request.certificate = tls_identity_certificate(second);
    assert_string_equal(judge(&scene), JUDGE_CHECK_NONCE);
    tls_identity_release(first);
    tls_identity_release(second);
    tls_identity_release(third);
    scene_end(&scene);
}

static void test_a_certificate_that_expires_while_it_is_known_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "nonce: {max_age: 2h}\n");
    scene.policy->certificates.cache_duration_us = INT64_C(7200) * US_PER_SECOND;
    assert_string_equal(judge(&scene), "");
    set_time(&scene, now_us + INT64_C(3601) * US_PER_SECOND);
    assert_true(is_known(&scene));
    assert_string_equal(judge(&scene), VERIFY_CHECK_VALIDITY);
    scene_end(&scene);
}

static void test_what_is_known_is_forgotten_in_time(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    scene.policy->certificates.cache_duration_us = INT64_C(10) * US_PER_SECOND;
    assert_string_equal(judge(&scene), "");
    set_time(&scene, now_us + INT64_C(9) * US_PER_SECOND);
    assert_true(is_known(&scene));
    set_time(&scene, now_us + INT64_C(10) * US_PER_SECOND);
    assert_false(is_known(&scene));
    scene_end(&scene);
}

static void test_what_is_known_does_not_outlive_a_clock_that_is_set_back(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    assert_string_equal(judge(&scene), "");
    set_time(&scene, now_us - 1);
    assert_false(is_known(&scene));
    set_time(&scene, now_us); /* nor does it come back */
    assert_false(is_known(&scene));
    scene.request.now_us = now_us - 30 * US_PER_SECOND;
    assert_string_equal(judge(&scene), "");
    assert_true(is_known(&scene));
    scene_end(&scene);
}

/* Of a caller's time near the end of all times, too. */
static void test_how_long_a_verdict_is_kept_does_not_overflow(void **state)
{
    (void)state;
    const int64_t late_us = INT64_MAX - US_PER_SECOND - 1;
    struct verified *verified = verified_new(1);
    struct verified_key key = {0};
    struct policy policy = {.certificates.cache_duration_us = INT64_MAX};
    struct verified_leaf leaf = {.facts.valid_until_s = INT64_MAX / US_PER_SECOND}, found = {0};
    verified_keep(verified, &key, &policy, late_us, &leaf);
    assert_true(verified_find(verified, &key, late_us, &found));
    verified_leaf_release(&found);
    assert_false(verified_find(verified, &key, INT64_MAX - 1, &found));
    verified_free(verified);
}

/* All that there is room for are bound, and then the wall clock is set back. */
static void test_nonces_expire_whatever_the_wall_clock_says(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t nonce[NONCE_SIZE], later[NONCE_SIZE];
    int64_t later_us = now_us + NONCE_DEFAULT_AGE_US + 1;
    scene_begin(&scene, "");
    for (size_t i = 0; i < SCENE_NONCES; i++) {
        struct tls_identity *identity = identity_with_new_nonce(&scene, now_us, nonce);
        scene.request.certificate = tls_identity_certificate(identity);
        assert_string_equal(judge(&scene), "");
        tls_identity_release(identity);
    }
    struct tls_identity *identity = identity_with_new_nonce(&scene, later_us, later);
    scene.request.certificate = tls_identity_certificate(identity);
    scene.request.now_us = now_us - 50 * US_PER_SECOND;
    assert_string_equal(judge(&scene), JUDGE_CHECK_NONCE);
    scene.request.nonces_now_us = later_us;
    assert_string_equal(judge(&scene), "");
    tls_identity_release(identity);
    scene_end(&scene);
}

static void test_another_policy_of_the_same_text_knows_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    assert_string_equal(judge(&scene), "");
    struct policy *first = scene.policy;
    scene.policy = simulated_policy(directory, "", "", "");
    scene.request.policy = scene.policy;
    assert_false(is_known(&scene));
    snp_arks_free(scene.policy->certificates.trusted_arks); /* as if its file of roots had changed */
    scene.policy->certificates.trusted_arks = snp_arks_new();
    assert_string_equal(judge(&scene), SNP_CHECK_CHAIN_ROOT);
    policy_drop(first);
    scene_end(&scene);
}

static void test_a_policy_without_a_cache_remembers_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    scene.policy->certificates.allow_cached = false;
    assert_string_equal(judge(&scene), "");
    scene.policy->certificates.allow_cached = true;
    assert_false(is_known(&scene));
    scene_end(&scene);
}

/* What is known was found without it. */
static void test_a_list_that_is_named_is_asked(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    assert_string_equal(judge(&scene), "");
    assert_true(is_known(&scene));
    scene.request.crl = BYTES_LITERAL("this is no list");
    assert_string_equal(judge(&scene), SNP_CHECK_CHAIN_REVOCATION);
    scene.request.crl = BYTES_NONE;
    assert_string_equal(judge(&scene), "");
    scene_end(&scene);
}

static void test_another_role_knows_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    assert_string_equal(judge(&scene), "");
    scene.request.role = VERIFY_SERVER;
    assert_false(is_known(&scene));
    scene_end(&scene);
}

static void test_evidence_that_does_not_hold_is_not_remembered(void **state)
{
    (void)state;
    struct scene scene, other;
    scene_begin(&scene, "");
    snp_arks_free(scene.policy->certificates.trusted_arks);
    scene.policy->certificates.trusted_arks = snp_arks_new();
    assert_string_equal(judge(&scene), SNP_CHECK_CHAIN_ROOT);
    assert_false(is_known(&scene));
    scene_end(&scene);
    scene_begin(
        &other,
        "measurements: {mode: strict, allow_list: ["
        "'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000']}\n");
    assert_string_equal(judge(&other), JUDGE_CHECK_MEASUREMENT); /* holds, and is not what the policy wants */
    assert_true(is_known(&other));
    assert_string_equal(judge(&other), JUDGE_CHECK_MEASUREMENT);
    scene_end(&other);
}

static void test_a_measurement_that_holds_for_a_time_is_judged_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(
        &scene,
        "measurements: {allow_list: ["
        "'544553545f4d4541535552454d454e545f56414c49445f30303100000000000000000000000000000000000000000000']}\n");
    scene.policy->measurements.allowed[0].not_after_s = now_us / US_PER_SECOND + 60;
    assert_false(judge_is_timeless(scene.policy));
    assert_string_equal(judge(&scene), "");
    set_time(&scene, now_us + INT64_C(61) * US_PER_SECOND);
    assert_true(is_known(&scene));
    assert_string_equal(judge(&scene), JUDGE_CHECK_MEASUREMENT);
    scene_end(&scene);
}

/* A copy whose own signature is broken: of a peer that proved its key that says nothing, of a file it does. */
static void test_the_signature_of_a_leaf_by_its_own_key_is_asked_of_a_file_alone(void **state)
{
    (void)state;
    struct scene scene;
    unsigned char *der = NULL;
    X509 *broken = NULL;
    scene_begin(&scene, "");
    int size = i2d_X509(scene.request.certificate, &der);
    assert_true(size > 0);
    der[size - 1] ^= 1;
    assert_false(failed(certificate_parse(bytes_of(der, (size_t)size), &broken)));
    scene.request.certificate = broken;
    assert_string_equal(judge(&scene), "");
    scene.request.role = VERIFY_FILE;
    assert_string_equal(judge(&scene), VERIFY_CHECK_BINDING);
    X509_free(broken);
    OPENSSL_free(der);
    scene_end(&scene);
}

static void test_the_least_used_leaves_first(void **state)
{
    (void)state;
    struct scene scene;
    scene_begin(&scene, "");
    verified_free(scene.verified);
    scene.verified = verified_new(1);
    scene.request.verified = scene.verified;
    assert_string_equal(judge(&scene), "");
    X509 *first = scene.request.certificate;
    uint8_t nonce[NONCE_SIZE];
    assert_false(failed(nonces_issue(scene.nonces, now_us, nonce, NULL)));
    struct tls_identity *second = identity_of(BYTES(nonce));
    scene.request.certificate = tls_identity_certificate(second);
    assert_string_equal(judge(&scene), "");
    assert_true(is_known(&scene));
    scene.request.certificate = first;
    assert_false(is_known(&scene));
    tls_identity_release(second);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_that_comes_back_gets_the_same_verdict),
        cmocka_unit_test(test_what_depends_on_the_connection_is_asked_again),
        cmocka_unit_test(test_a_nonce_that_cannot_be_decided_lets_nobody_in),
        cmocka_unit_test(test_a_certificate_that_expires_while_it_is_known_is_refused),
        cmocka_unit_test(test_what_is_known_is_forgotten_in_time),
        cmocka_unit_test(test_what_is_known_does_not_outlive_a_clock_that_is_set_back),
        cmocka_unit_test(test_how_long_a_verdict_is_kept_does_not_overflow),
        cmocka_unit_test(test_nonces_expire_whatever_the_wall_clock_says),
        cmocka_unit_test(test_another_policy_of_the_same_text_knows_nothing),
        cmocka_unit_test(test_a_policy_without_a_cache_remembers_nothing),
        cmocka_unit_test(test_a_list_that_is_named_is_asked),
        cmocka_unit_test(test_another_role_knows_nothing),
        cmocka_unit_test(test_evidence_that_does_not_hold_is_not_remembered),
        cmocka_unit_test(test_a_measurement_that_holds_for_a_time_is_judged_again),
        cmocka_unit_test(test_the_signature_of_a_leaf_by_its_own_key_is_asked_of_a_file_alone),
        cmocka_unit_test(test_the_least_used_leaves_first),
    };
    return cmocka_run_group_tests_name("attest_verified", tests, begin, end);
}
