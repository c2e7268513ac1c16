/* Reports by themselves, and certificates where there is no policy or no session: what is asked, and what is not. */
#include "attest/challenge.h"
#include "attest/judge.h"
#include "attest/verifier.h"

#include "base/clock.h"
#include "provider_stand_in.h"
#include "snp_forge.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A forged report with its certificates, and a policy that trusts their root and asks for nothing of the guest. */
struct scene {
    struct forge_evidence made;
    struct policy *policy;
    struct bind bind;
    struct verify_report_request request;
    struct verdict verdict;
};

static void begin(struct scene *scene, bool with_bind)
{
    static const char text[] = "guest: {mode: disabled}\ncertificates: {allow_simulated: true}\n";
    *scene = (struct scene){.bind = {.kind = BIND_KIND_REPORT, .issued_at_s = 1, .nonce = BYTES_LITERAL("nonce")}};
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_vek plan = forge_vcek();
    if (with_bind)
        assert_false(failed(bind_report_data_alone(&scene->bind, report.report_data)));
    forge_evidence(&plan, &report, &scene->made);
    assert_false(failed(policy_parse("p", "p", bytes_of_string(text), &scene->policy)));
    snp_arks_free(scene->policy->certificates.trusted_arks);
    scene->policy->certificates.trusted_arks = snp_arks_new();
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    snp_spki_sha256(forge.ark, hash);
    snp_arks_add_spki_sha256(scene->policy->certificates.trusted_arks, hash);
    scene->made.owned[3] = forge_der(forge.ark);
    scene->made.evidence.ark = scene->made.owned[3];
    scene->request = (struct verify_report_request){.evidence = &scene->made.evidence,
                                                    .bind = with_bind ? &scene->bind : NULL,
                                                    .policy = scene->policy,
                                                    .now_us = FORGE_NOW_S * US_PER_SECOND};
}

static void end(struct scene *scene)
{
    verdict_release(&scene->verdict);
    policy_drop(scene->policy);
    forge_evidence_free(&scene->made);
}

static void judge(struct scene *scene)
{
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    verify_report_alone(&scene->request, &scene->verdict);
}

static enum check_outcome outcome_of(const struct verdict *verdict, const char *name)
{
    const struct check *check = checklist_find(&verdict->checks, name);
    assert_non_null(check);
    return check->outcome;
}

static const char *failure_of(const struct verdict *verdict)
{
    const struct check *check = checklist_first(&verdict->checks, CHECK_FAIL);
    return check ? check->name : "";
}

static void test_a_report_that_holds_is_allowed_and_its_binding_skipped(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, false);
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), "");
    assert_int_equal(scene.verdict.kind, VERDICT_ALLOW);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_BINDING), CHECK_SKIPPED);
    assert_null(checklist_find(&scene.verdict.checks, VERIFY_CHECK_POLICY));
    end(&scene);
}

static void test_without_a_policy_only_amds_roots_are_believed(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, false);
    scene.request.policy = NULL;
    judge(&scene);
    assert_int_equal(scene.verdict.kind, VERDICT_DENY);
    assert_string_equal(failure_of(&scene.verdict), SNP_CHECK_CHAIN_ROOT);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_POLICY), CHECK_SKIPPED);
    assert_null(strstr(scene.verdict.reason, "policy"));
    end(&scene);
}

static void test_a_policy_is_held_against_a_report_by_itself(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, false);
    scene.policy->measurements.given = true;
    judge(&scene);
    assert_int_equal(scene.verdict.kind, VERDICT_DENY);
    assert_string_equal(failure_of(&scene.verdict), JUDGE_CHECK_MEASUREMENT);
    end(&scene);
}

static void test_a_bind_record_must_be_what_report_data_was_made_of(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, true);
    judge(&scene);
    assert_int_equal(scene.verdict.kind, VERDICT_ALLOW);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_BINDING), CHECK_PASS);
    assert_int_equal(scene.verdict.issued_at_s, 1);
    scene.bind.nonce = BYTES_LITERAL("another");
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), VERIFY_CHECK_BINDING);
    scene.bind.nonce = BYTES_LITERAL("nonce");
    scene.bind.issued_at_s = 2;
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), VERIFY_CHECK_BINDING);
    end(&scene);
}

static void test_a_bind_record_of_a_certificate_says_nothing_here(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, true);
    scene.bind.kind = BIND_KIND_LEAF;
    assert_true(scene.bind.issued_at_s > 0);
    judge(&scene);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_BINDING), CHECK_SKIPPED);
    assert_int_equal(scene.verdict.issued_at_s, 0); /* nothing vouches for it */
    end(&scene);
}

/* Of evidence from a file the policy's formats are demanded as of a peer's. */
static void test_evidence_by_itself_is_of_a_format_that_the_policy_accepts(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, true);
    judge(&scene);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_FORMAT), CHECK_PASS);
    assert_int_equal(scene.verdict.format, EVIDENCE_CMW);
    scene.request.format = EVIDENCE_EAT;
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), VERIFY_CHECK_FORMAT);
    assert_int_equal(scene.verdict.kind, VERDICT_DENY);
    scene.policy->formats[EVIDENCE_EAT] = true;
    judge(&scene);
    assert_int_equal(scene.verdict.kind, VERDICT_ALLOW);
    scene.request.format = EVIDENCE_NONE; /* told by the bind record */
    scene.policy->formats[EVIDENCE_CMW] = false;
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), VERIFY_CHECK_FORMAT);
    end(&scene);
}

static void test_a_bare_report_is_of_no_format_that_a_policy_could_refuse(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, false);
    scene.policy->formats[EVIDENCE_CMW] = false;
    judge(&scene);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_FORMAT), CHECK_SKIPPED);
    assert_int_equal(scene.verdict.kind, VERDICT_ALLOW);
    end(&scene);
}

/* No time and no nonce is believed of a record that REPORT_DATA was not made of. */
static void test_what_nothing_vouches_for_is_not_believed(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, true);
    scene.policy->evidence.max_age_us = US_PER_SECOND; /* the record says 1970 */
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), JUDGE_CHECK_EVIDENCE_AGE);
    scene.request.expected_nonce = BYTES_LITERAL("nonce");
    scene.policy->nonce.min_length = 5;
    judge(&scene);
    assert_int_equal(outcome_of(&scene.verdict, JUDGE_CHECK_NONCE), CHECK_PASS);
    scene.bind.issued_at_s = FORGE_NOW_S; /* as young as anybody could want */
    judge(&scene);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_BINDING), CHECK_FAIL);
    assert_int_equal(outcome_of(&scene.verdict, JUDGE_CHECK_EVIDENCE_AGE), CHECK_FAIL);
    assert_int_equal(outcome_of(&scene.verdict, JUDGE_CHECK_NONCE), CHECK_FAIL);
    assert_int_equal(scene.verdict.issued_at_s, 0);
    end(&scene);
}

static void test_whether_evidence_is_fresh_is_skipped_where_nobody_asks(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, true);
    judge(&scene);
    const struct check *check = checklist_find(&scene.verdict.checks, JUDGE_CHECK_NONCE);
    assert_non_null(check);
    assert_int_equal(check->outcome, CHECK_SKIPPED);
    assert_string_equal(check->found, CHALLENGE_NOT_ASKED);
    assert_int_equal(outcome_of(&scene.verdict, JUDGE_CHECK_NONCE_LENGTH), CHECK_SKIPPED);
    assert_int_equal(outcome_of(&scene.verdict, JUDGE_CHECK_NONCE_AGE), CHECK_SKIPPED);
    uint8_t due[SNP_REPORT_DATA_SIZE];
    assert_false(failed(bind_report_data_alone(&scene.bind, due)));
    scene.request.expected_data = BYTES(due);
    judge(&scene);
    check = checklist_find(&scene.verdict.checks, JUDGE_CHECK_NONCE);
    assert_int_equal(scene.verdict.kind, VERDICT_ALLOW);
    assert_non_null(strstr(check->found, "REPORT_DATA was given whole"));
    due[63] ^= 1;
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), VERIFY_CHECK_BINDING);
    end(&scene);
}

static void test_no_bytes_are_no_report_and_bind_nothing(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, true);
    scene.made.evidence.report = BYTES_NONE;
    judge(&scene);
    assert_string_equal(failure_of(&scene.verdict), SNP_CHECK_REPORT_LENGTH);
    assert_int_equal(outcome_of(&scene.verdict, VERIFY_CHECK_BINDING), CHECK_FAIL);
    end(&scene);
}

static const char *judge_with_crl(struct scene *scene, struct bytes crl)
{
    scene->made.evidence.crl = crl;
    scene->request.crl_mode = SNP_CRL_REQUIRED;
    judge(scene);
    OPENSSL_free((void *)crl.p);
    scene->made.evidence.crl = BYTES_NONE;
    return failure_of(&scene->verdict);
}

static void test_a_list_that_is_given_must_speak_for_the_intermediate(void **state)
{
    (void)state;
    struct scene scene;
    int64_t now_s = FORGE_NOW_S;
    begin(&scene, false);
    assert_string_equal(judge_with_crl(&scene, forge_crl(forge.ark, forge.ark_key, NULL, now_s - 10, now_s + 10)), "");
    assert_int_equal(scene.verdict.kind, VERDICT_ALLOW);
    const char *name = SNP_CHECK_CHAIN_REVOCATION;
    assert_string_equal(judge_with_crl(&scene, forge_crl(forge.ark, forge.ark_key, forge.ask, now_s - 10, 0)), name);
    assert_string_equal(judge_with_crl(&scene, forge_crl(forge.ark, forge.ark_key, NULL, now_s - 10, now_s - 5)), name);
    assert_string_equal(judge_with_crl(&scene, forge_crl(forge.ark, forge.ask_key, NULL, now_s - 10, 0)), name);
    assert_string_equal(judge_with_crl(&scene, forge_crl(forge.ask, forge.ask_key, NULL, now_s - 10, 0)), name);
    end(&scene);
}

/* A certificate whose evidence is of a provider that signs nothing: what is looked at is which checks are made. */
static void judge_certificate(struct verify_request *request, struct verdict *verdict)
{
    struct settings set;
    struct provider *provider = NULL;
    struct leaf *leaf = NULL;
    struct tls_identity *identity = NULL;
    int64_t now_us = clock_wall_us(), now_s = now_us / US_PER_SECOND;
    struct leaf_spec spec = {
        .common_name = "peer", .not_before_s = now_s - 60, .not_after_s = now_s + 60, .for_client = true};
    provider_stand_in_reset();
    settings_init(&set);
    assert_false(failed(__wrap_provider_open(&set, &provider)));
    settings_free(&set);
    assert_false(failed(leaf_draft(&spec, NULL, &leaf)));
    assert_false(failed(evidence_attach(leaf, provider, BYTES_NONE, BYTES_NONE, now_s, NULL)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    request->certificate = tls_identity_certificate(identity);
    request->now_us = now_us;
    verdict_init(verdict);
    verify_certificate(request, verdict);
    tls_identity_release(identity);
    leaf_free(leaf);
    provider_free(provider);
}

static void test_a_client_is_never_judged_without_a_policy(void **state)
{
    (void)state;
    struct verdict verdict;
    judge_certificate(&(struct verify_request){.role = VERIFY_CLIENT, .is_tls13 = true}, &verdict);
    assert_int_equal(verdict.kind, VERDICT_DENY);
    assert_int_equal(outcome_of(&verdict, JUDGE_CHECK_NONCE), CHECK_FAIL);
    verdict_release(&verdict);
}

static void test_a_server_without_a_policy_is_asked_for_binding_and_times(void **state)
{
    (void)state;
    struct verdict verdict;
    judge_certificate(&(struct verify_request){.role = VERIFY_SERVER, .is_tls13 = true}, &verdict);
    assert_int_equal(verdict.kind, VERDICT_DENY);
    assert_int_equal(outcome_of(&verdict, VERIFY_CHECK_BINDING), CHECK_PASS);
    assert_int_equal(outcome_of(&verdict, VERIFY_CHECK_VALIDITY), CHECK_PASS);
    assert_int_equal(outcome_of(&verdict, VERIFY_CHECK_ISSUED), CHECK_PASS);
    assert_int_equal(outcome_of(&verdict, VERIFY_CHECK_POLICY), CHECK_SKIPPED);
    assert_int_equal(outcome_of(&verdict, SNP_CHECK_CHAIN), CHECK_FAIL);
    assert_null(checklist_find(&verdict.checks, JUDGE_CHECK_SIMULATED));
    verdict_release(&verdict);
}

static void test_a_file_is_not_asked_for_session_and_nonce(void **state)
{
    (void)state;
    struct verdict verdict;
    struct policy *policy = policy_default();
    judge_certificate(&(struct verify_request){.role = VERIFY_FILE, .policy = policy}, &verdict);
    assert_int_equal(outcome_of(&verdict, VERIFY_CHECK_TLS), CHECK_SKIPPED);
    assert_int_equal(outcome_of(&verdict, JUDGE_CHECK_NONCE), CHECK_SKIPPED);
    assert_int_equal(outcome_of(&verdict, JUDGE_CHECK_NONCE_LENGTH), CHECK_SKIPPED);
    assert_int_equal(outcome_of(&verdict, JUDGE_CHECK_NONCE_AGE), CHECK_SKIPPED);
    assert_int_equal(outcome_of(&verdict, VERIFY_CHECK_BINDING), CHECK_PASS);
    assert_int_equal(verdict.kind, VERDICT_DENY);
    verdict_release(&verdict);
    policy_drop(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_that_holds_is_allowed_and_its_binding_skipped),
        cmocka_unit_test(test_without_a_policy_only_amds_roots_are_believed),
        cmocka_unit_test(test_a_policy_is_held_against_a_report_by_itself),
        cmocka_unit_test(test_a_bind_record_must_be_what_report_data_was_made_of),
        cmocka_unit_test(test_a_bind_record_of_a_certificate_says_nothing_here),
        cmocka_unit_test(test_evidence_by_itself_is_of_a_format_that_the_policy_accepts),
        cmocka_unit_test(test_a_bare_report_is_of_no_format_that_a_policy_could_refuse),
        cmocka_unit_test(test_what_nothing_vouches_for_is_not_believed),
        cmocka_unit_test(test_whether_evidence_is_fresh_is_skipped_where_nobody_asks),
        cmocka_unit_test(test_no_bytes_are_no_report_and_bind_nothing),
        cmocka_unit_test(test_a_list_that_is_given_must_speak_for_the_intermediate),
        cmocka_unit_test(test_a_client_is_never_judged_without_a_policy),
        cmocka_unit_test(test_a_server_without_a_policy_is_asked_for_binding_and_times),
        cmocka_unit_test(test_a_file_is_not_asked_for_session_and_nonce),
    };
    return cmocka_run_group_tests_name("attest_verifier", tests, forge_begin, forge_end);
}
