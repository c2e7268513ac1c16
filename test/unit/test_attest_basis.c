/* What a verdict was based on, and what another policy makes of it later. */
#include "attest/basis.h"

#include "attest/judge.h"
#include "attest/tpm_quote.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "snp_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Evidence that was verified, and the basis of a verdict on it. */
struct scene {
    struct forge_vek plan;
    struct snp_report report;
    struct forge_evidence made;
    struct snp_trust trust;
    struct basis basis;
    int64_t now_s;
    bool is_untrusted; /* the later policy does not name our ARK */
    struct verdict verdict;
};

static int setup(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->plan = forge_vcek();
    scene->report = forge_report(SNP_VEK_VCEK);
    scene->trust = forge_trust();
    scene->now_s = FORGE_NOW_S;
    verdict_init(&scene->verdict);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    verdict_release(&scene->verdict);
    basis_release(&scene->basis);
    forge_evidence_free(&scene->made);
    free(scene);
    return 0;
}

/* The first verdict, of evidence as it was made. */
static void take_basis(struct scene *scene)
{
    struct checklist checks = CHECKLIST_EMPTY;
    struct verdict first;
    verdict_init(&first);
    first.format = EVIDENCE_CMW;
    first.nonce_size = 32;
    first.nonce_is_ours = true;
    snp_verify_keep(&scene->made.evidence, &scene->trust, &checks, &first.facts, &first.lineage);
    scene->basis = basis_of(&first);
    checklist_free(&checks);
    verdict_release(&first);
}

static void begin(struct scene *scene)
{
    forge_evidence(&scene->plan, &scene->report, &scene->made);
    take_basis(scene);
}

static void begin_with_crl(struct scene *scene, struct bytes crl)
{
    forge_evidence(&scene->plan, &scene->report, &scene->made);
    scene->made.evidence.crl = crl;
    take_basis(scene);
    scene->made.evidence.crl = BYTES_NONE;
    OPENSSL_free((void *)crl.p);
}

/* The name of the check for which a policy of these lines, and of these of `certificates`, does not let it in; "" when
 * it does. */
static const char *lost(struct scene *scene, const char *top, const char *certificates)
{
    char *text = mem_format("%s\ncertificates: {allow_simulated: true, %s}\n", top, certificates);
    struct policy *policy = NULL;
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    struct err e = policy_parse("strict", "p", bytes_of_string(text), &policy);
    if (failed(e))
        fail_msg("%s", e.why);
    free(text);
    policy->guest.debug_disabled = policy->guest.smt_disabled = false;
    snp_spki_sha256(forge.ark, hash);
    if (!scene->is_untrusted)
        snp_arks_add_spki_sha256(policy->certificates.trusted_arks, hash);
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    basis_judge(&scene->basis, policy, NULL, scene->now_s * US_PER_SECOND, &scene->verdict);
    policy_drop(policy);
    const struct check *failure = checklist_first(&scene->verdict.checks, CHECK_FAIL);
    if ((failure != NULL) != (scene->verdict.kind == VERDICT_DENY))
        fail_msg("%s", scene->verdict.reason);
    return failure ? failure->name : "";
}

static void assert_reason_has(const struct scene *scene, const char *text)
{
    if (!strstr(scene->verdict.reason, text))
        fail_msg("\"%s\" says nothing of \"%s\"", scene->verdict.reason, text);
}

static void test_what_the_policy_still_wants_is_let_in(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "chip: {key_kinds: [vcek], products_allowed: [milan]}", ""), "");
    assert_int_equal(scene->verdict.kind, VERDICT_ALLOW);
}

static void test_the_evidence_must_be_of_a_format_that_is_accepted(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "formats: [eat, azure]", ""), VERIFY_CHECK_FORMAT);
    assert_reason_has(scene, "format: cmw, expected a format that the policy accepts (policy \"strict\")");
    assert_string_equal(lost(scene, "formats: [eat, cmw]", ""), "");
}

static void test_a_report_that_binds_no_key_must_be_tolerated(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    scene->basis.format = EVIDENCE_GO_EAT;
    assert_string_equal(lost(scene, "formats: [go-eat]", ""), VERIFY_CHECK_BINDING);
    assert_string_equal(lost(scene, "formats: [go-eat]", "allow_unbound: true"), "");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
}

static void test_a_chip_that_hides_must_be_tolerated(void **state)
{
    struct scene *scene = *state;
    memset(scene->report.chip_id, 0, sizeof scene->report.chip_id);
    scene->trust.allow_masked_chip_id = true;
    begin(scene);
    assert_string_equal(lost(scene, "", "allow_masked_chip_id: true"), "");
    assert_string_equal(lost(scene, "", "allow_masked_chip_id: false"), SNP_CHECK_CHIP_ID);
    assert_reason_has(scene, "chip_id: masked");
}

static void test_a_signature_that_did_not_hold_must_be_tolerated(void **state)
{
    struct scene *scene = *state;
    forge_evidence(&scene->plan, &scene->report, &scene->made);
    scene->made.report[SNP_REPORT_SIGNED_SIZE] ^= 1;
    take_basis(scene);
    assert_string_equal(lost(scene, "", "verify_signature: false"), "");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
    assert_string_equal(lost(scene, "", "verify_signature: true"), SNP_CHECK_REPORT_SIGNATURE);
}

static void test_a_signature_of_another_algorithm_must_be_tolerated(void **state)
{
    struct scene *scene = *state;
    scene->report.signature_algo = 2;
    begin(scene);
    assert_string_equal(lost(scene, "", "verify_signature: false"), "");
    assert_string_equal(lost(scene, "", ""), SNP_CHECK_REPORT_SIGNATURE);
}

static void test_a_signature_that_held_holds_whatever_was_asked(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "", "verify_signature: false"), "");
    assert_string_equal(lost(scene, "", "verify_signature: true"), "");
}

/* Nobody knows whether the chain would verify up to a root that was not trusted then. */
static void test_a_chain_that_was_not_verified_must_be_tolerated(void **state)
{
    struct scene *scene = *state;
    scene->trust.arks = NULL;
    begin(scene);
    assert_null(scene->basis.lineage);
    assert_string_equal(lost(scene, "", "verify_chain: false"), "");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
    assert_string_equal(lost(scene, "", "verify_chain: true"), SNP_CHECK_CHAIN);
    assert_reason_has(scene, "the chain did not verify when the session began");
}

static void test_the_root_must_be_trusted(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    scene->is_untrusted = true;
    assert_string_equal(lost(scene, "", ""), SNP_CHECK_CHAIN_ROOT);
    assert_reason_has(scene, "a root that certificates.trusted_arks does not name");
    assert_string_equal(lost(scene, "", "verify_chain: false"), "");
}

static void test_certificates_must_still_be_valid(void **state)
{
    struct scene *scene = *state;
    scene->plan.not_after_s = FORGE_NOW_S + FORGE_DAY_S;
    begin(scene);
    scene->now_s = FORGE_NOW_S + FORGE_DAY_S;
    assert_string_equal(lost(scene, "", ""), "");
    scene->now_s++;
    assert_string_equal(lost(scene, "", ""), SNP_CHECK_CHAIN_VALIDITY);
    assert_string_equal(lost(scene, "", "verify_chain: false"), "");
}

static void test_a_list_that_is_required_must_be_there(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "", "crl: if-available"), "");
    assert_string_equal(lost(scene, "", "crl: required"), SNP_CHECK_CHAIN_REVOCATION);
    assert_reason_has(scene, "there is no revocation list of this root");
    assert_string_equal(lost(scene, "", "crl: required, verify_chain: false"), "");
}

static void test_the_list_that_came_along_must_not_be_too_old(void **state)
{
    struct scene *scene = *state;
    begin_with_crl(scene, forge_crl(forge.ark, forge.ark_key, NULL, FORGE_NOW_S - 100, FORGE_NOW_S + FORGE_DAY_S));
    assert_string_equal(lost(scene, "", "crl: required, crl_max_age: 100s"), "");
    assert_string_equal(lost(scene, "", "crl: required, crl_max_age: 99s"), SNP_CHECK_CHAIN_REVOCATION);
    assert_reason_has(scene, "the revocation list is too old");
}

static void test_a_list_that_nobody_looked_at_may_revoke(void **state)
{
    struct scene *scene = *state;
    scene->trust.crl_mode = SNP_CRL_OFF;
    begin_with_crl(scene, forge_crl(forge.ark, forge.ark_key, forge.ask, FORGE_NOW_S - 100, 0));
    assert_string_equal(lost(scene, "", "crl: \"off\""), "");
    assert_string_equal(lost(scene, "", "crl: if-available"), SNP_CHECK_CHAIN_REVOCATION);
    assert_reason_has(scene, "the root has revoked the intermediate");
}

static void test_a_list_that_was_not_kept_cannot_be_looked_at(void **state)
{
    struct scene *scene = *state;
    static const uint8_t zeros[SNP_LINEAGE_CRL_MAX + 1];
    scene->trust.crl_mode = SNP_CRL_OFF;
    forge_evidence(&scene->plan, &scene->report, &scene->made);
    scene->made.evidence.crl = BYTES(zeros);
    take_basis(scene);
    scene->made.evidence.crl = BYTES_NONE;
    assert_string_equal(lost(scene, "", "crl: \"off\""), "");
    assert_string_equal(lost(scene, "", "crl: if-available"), SNP_CHECK_CHAIN_REVOCATION);
    assert_reason_has(scene, "the list that came along was too long to be kept");
}

static void test_the_nonce_must_be_what_is_asked_for(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "nonce: {min_length: 32}", ""), "");
    assert_string_equal(lost(scene, "nonce: {min_length: 33, source: any}", ""), JUDGE_CHECK_NONCE_LENGTH);
    scene->basis.nonce_is_ours = false;
    assert_string_equal(lost(scene, "nonce: {source: any}", ""), "");
    assert_string_equal(lost(scene, "nonce: {source: server}", ""), JUDGE_CHECK_NONCE);
    scene->basis.nonce_size = 0;
    assert_string_equal(lost(scene, "nonce: {required: false}", ""), "");
    assert_string_equal(lost(scene, "nonce: {required: true}", ""), JUDGE_CHECK_NONCE);
    assert_reason_has(scene, "nonce: the evidence carried none");
    assert_string_equal(lost(scene, "nonce: {mode: warn}", ""), "");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
    assert_reason_has(scene, "nonce: the evidence carried none");
    assert_string_equal(lost(scene, "nonce: {mode: disabled}", ""), "");
    assert_int_equal(scene->verdict.kind, VERDICT_ALLOW);
    scene->basis.nonce_size = 32;
    assert_string_equal(lost(scene, "nonce: {mode: warn}", ""), "");
    assert_reason_has(scene, "nonce: when the session began nobody asked whose it is");
    scene->basis.nonce_is_ours = true;
    assert_string_equal(lost(scene, "nonce: {mode: warn, source: any, min_length: 33}", ""), "");
    assert_reason_has(scene, "nonce_length: 32 bytes");
}

static void test_every_demand_is_made_again_in_its_mode(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "chip: {key_kinds: [vlek]}", ""), JUDGE_CHECK_KEY_KIND_ALLOWED);
    assert_string_equal(lost(scene, "chip: {key_kinds: [vlek], mode: warn}", ""), "");
    assert_string_equal(lost(scene, "chip: {products_denied: [milan]}", ""), JUDGE_CHECK_PRODUCT_DENIED);
    assert_string_equal(lost(scene, "guest: {min_vmpl: 3}", ""), JUDGE_CHECK_MIN_VMPL);
}

static void test_ages_are_not_asked_again(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, "evidence: {max_age: 1s}\nnonce: {max_age: 1s}", ""), "");
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"

/* PCRs 1 and 11, of zeros and ones. */
static void quote_pcrs(struct scene *scene)
{
    uint8_t pcrs[2 * TPM_PCR_SIZE] = {0};
    memset(pcrs + TPM_PCR_SIZE, 0x11, TPM_PCR_SIZE);
    scene->basis.pcrs = mem_copy(BYTES(pcrs));
    scene->basis.pcrs_quoted = 1 << 1 | 1 << 11;
}

static void test_pcrs_are_those_that_were_quoted(void **state)
{
    static const char both[] = "formats: [cmw, azure]\nlaunch: {tpm_pcrs: {1: \"" ZEROS "\", 11: \"" ONES "\"}}",
                      other[] = "formats: [cmw, azure]\nlaunch: {tpm_pcrs: {11: \"" ZEROS "\"}}",
                      third[] = "formats: [cmw, azure]\nlaunch: {tpm_pcrs: {12: \"" ZEROS "\"}}";
    struct scene *scene = *state;
    begin(scene);
    assert_string_equal(lost(scene, both, ""), JUDGE_CHECK_PCRS); /* nobody quoted any */
    quote_pcrs(scene);
    assert_string_equal(lost(scene, both, ""), "");
    assert_string_equal(lost(scene, other, ""), JUDGE_CHECK_PCRS);
    assert_string_equal(lost(scene, third, ""), JUDGE_CHECK_PCRS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_the_policy_still_wants_is_let_in),
        TEST(test_the_evidence_must_be_of_a_format_that_is_accepted),
        TEST(test_a_report_that_binds_no_key_must_be_tolerated),
        TEST(test_a_chip_that_hides_must_be_tolerated),
        TEST(test_a_signature_that_did_not_hold_must_be_tolerated),
        TEST(test_a_signature_of_another_algorithm_must_be_tolerated),
        TEST(test_a_signature_that_held_holds_whatever_was_asked),
        TEST(test_a_chain_that_was_not_verified_must_be_tolerated),
        TEST(test_the_root_must_be_trusted),
        TEST(test_certificates_must_still_be_valid),
        TEST(test_a_list_that_is_required_must_be_there),
        TEST(test_the_list_that_came_along_must_not_be_too_old),
        TEST(test_a_list_that_nobody_looked_at_may_revoke),
        TEST(test_a_list_that_was_not_kept_cannot_be_looked_at),
        TEST(test_the_nonce_must_be_what_is_asked_for),
        TEST(test_every_demand_is_made_again_in_its_mode),
        TEST(test_ages_are_not_asked_again),
        TEST(test_pcrs_are_those_that_were_quoted),
    };
    return cmocka_run_group_tests_name("attest_basis", tests, forge_begin, forge_end);
}
