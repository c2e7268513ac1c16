/* Evidence from Azure in a certificate: what holds, and which check says what is wrong. */
#include "attest/azure_verify.h"
#include "attest/cmw.h"
#include "attest/judge.h"
#include "attest/verifier.h"
#include "azure_forge.h"
#include "base/clock.h"
#include "base/mem.h"
#include "simulated.h"
#include "snp/psp.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *directory;
static struct psp *psp;
static EVP_PKEY *attestation_key, *other_key;

static int begin(void **state)
{
    (void)state;
    struct psp_identity identity;
    directory = pair_make_directory();
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    attestation_key = azure_forge_key(2048);
    other_key = azure_forge_key(2048);
    return failed(psp_open(directory, &identity, &psp)) ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    psp_free(psp);
    EVP_PKEY_free(attestation_key);
    EVP_PKEY_free(other_key);
    pair_remove_directory(directory);
    return 0;
}

static const uint8_t some_value[SNP_REPORT_DATA_SIZE] = "what is not to be bound";

struct scene {
    struct leaf *leaf;
    struct tls_identity *identity;
    struct policy *policy;
    struct nonces *nonces;
    uint8_t nonce[NONCE_SIZE], value[SNP_REPORT_DATA_SIZE], over[EVIDENCE_AZURE_QUALIFY_SIZE];
    uint8_t report[SNP_REPORT_SIZE], table_room[8192], bind_room[BIND_MAX], azure_room[EVIDENCE_AZURE_MAX];
    struct bind bind;
    struct azure_plan plan;
    struct azure_forged forged;
    struct verdict verdict;
};

static int scene_begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct leaf_spec spec = {
        .common_name = "client", .not_before_s = now_s - 60, .not_after_s = now_s + 3600, .for_client = true};
    verdict_init(&scene->verdict);
    if (failed(leaf_draft(&spec, NULL, &scene->leaf)) || failed(nonces_new(16, &scene->nonces)) ||
        failed(nonces_issue(scene->nonces, clock_boot_us(), scene->nonce, NULL)))
        return -1;
    scene->bind = (struct bind){.kind = BIND_KIND_LEAF, .issued_at_s = now_s, .nonce = BYTES(scene->nonce)};
    if (failed(bind_report_data(&scene->bind, leaf_facts(scene->leaf), leaf_issuer_spki_sha384(scene->leaf),
                                scene->value)))
        return -1;
    scene->plan = azure_forge_plan(attestation_key, scene->value, scene->over);
    *state = scene;
    return 0;
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    verdict_release(&scene->verdict);
    policy_drop(scene->policy);
    nonces_free(scene->nonces);
    tls_identity_release(scene->identity);
    leaf_free(scene->leaf);
    free(scene);
    return 0;
}

static void set_policy(struct scene *scene, const char *top)
{
    scene->policy = simulated_policy(directory, top, "measurements: {mode: disabled}\n", "");
}

static void make_report(struct scene *scene)
{
    azure_forge(&scene->plan, &scene->forged);
    assert_false(failed(psp_report(psp, scene->forged.report_data, 0, scene->report)));
}

static struct cmw collect(struct scene *scene)
{
    struct snp_certtable table = {.vcek = psp_vcek(psp), .intermediate = psp_ask(psp), .ark = psp_ark(psp)};
    struct writer certs = writer_over(scene->table_room, sizeof scene->table_room);
    struct writer bind = writer_over(scene->bind_room, sizeof scene->bind_room);
    struct writer azure = writer_over(scene->azure_room, sizeof scene->azure_room);
    snp_certtable_write(&table, &certs);
    bind_write(&scene->bind, &bind);
    evidence_azure_write(&scene->forged.record, &azure);
    assert_false(certs.bad || bind.bad || azure.bad);
    return (struct cmw){.report = BYTES(scene->report),
                        .certs = writer_bytes(&certs),
                        .bind = writer_bytes(&bind),
                        .azure = writer_bytes(&azure)};
}

static void judge_as(struct scene *scene, enum verify_role role, const struct cmw *cmw)
{
    struct writer extension = writer_growing(CMW_MAX);
    cmw_write_extension(cmw, &extension);
    assert_false(failed(leaf_add_extension(scene->leaf, CMW_OID, writer_bytes(&extension))));
    writer_free(&extension);
    assert_false(failed(leaf_sign(scene->leaf, &scene->identity)));
    struct verify_request request = {.role = role,
                                     .certificate = tls_identity_certificate(scene->identity),
                                     .is_tls13 = true,
                                     .policy = scene->policy,
                                     .nonces = scene->nonces,
                                     .nonces_now_us = clock_boot_us(),
                                     .now_us = clock_wall_us()};
    verify_certificate(&request, &scene->verdict);
}

static void judge(struct scene *scene)
{
    make_report(scene);
    struct cmw cmw = collect(scene);
    judge_as(scene, VERIFY_CLIENT, &cmw);
}

#define FORMATS "formats: [azure]\n"

static void assert_check(const struct scene *scene, const char *name, enum check_outcome outcome, const char *found)
{
    const struct check *check = checklist_find(&scene->verdict.checks, name);
    if (!check)
        fail_msg("there is no check %s", name);
    else if (check->outcome != outcome || !strstr(check->found, found))
        fail_msg("%s: outcome %d, found \"%s\"", name, check->outcome, check->found);
}

/* The first failure, and what depends on it. */
static void expect_failure(struct scene *scene, const char *name, const char *found)
{
    set_policy(scene, FORMATS);
    judge(scene);
    const struct check *first = checklist_first(&scene->verdict.checks, CHECK_FAIL);
    assert_string_equal(first ? first->name : "", name);
    assert_check(scene, name, CHECK_FAIL, found);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_evidence_from_azure_holds_from_link_to_link(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, FORMATS);
    judge(scene);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_PASS, "azure");
    assert_check(scene, AZURE_CHECK_CLAIMS, CHECK_PASS, "it is");
    assert_check(scene, AZURE_CHECK_KEY, CHECK_PASS, "RSA with 2048 bits");
    assert_check(scene, AZURE_CHECK_QUOTE, CHECK_PASS, "it is");
    assert_check(scene, AZURE_CHECK_USER_DATA, CHECK_PASS, "they are");
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_PASS, "");
    assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    assert_string_equal(scene->verdict.reason, "");
    assert_int_equal(scene->verdict.kind, VERDICT_ALLOW);
    assert_int_equal(scene->verdict.format, EVIDENCE_AZURE);
}

static void test_the_default_policy_does_not_accept_azure(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "");
    judge(scene);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "azure");
    assert_null(checklist_find(&scene->verdict.checks, AZURE_CHECK_QUOTE));
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_a_policy_for_azure_does_not_accept_plain_evidence(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, FORMATS);
    azure_forge(&scene->plan, &scene->forged);
    assert_false(failed(psp_report(psp, scene->value, 0, scene->report)));
    struct cmw cmw = collect(scene);
    cmw.azure = BYTES_NONE;
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "cmw");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

/* An Azure guest may not pass for one that owns its REPORT_DATA. */
static void test_the_record_cannot_be_left_out(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [cmw, azure]\n");
    make_report(scene);
    struct cmw cmw = collect(scene);
    cmw.azure = BYTES_NONE;
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_PASS, "cmw");
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_a_quote_by_another_key_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.key = other_key;
    expect_failure(scene, AZURE_CHECK_QUOTE, "did not sign");
    assert_check(scene, AZURE_CHECK_KEY, CHECK_PASS, "");
    assert_check(scene, AZURE_CHECK_USER_DATA, CHECK_PASS, "");
}

/* The attacker's own key, in claims that the report says nothing of. */
static void test_claims_that_name_another_key_are_refused(void **state)
{
    struct scene *scene = *state;
    struct azure_forged theirs;
    set_policy(scene, FORMATS);
    make_report(scene);
    scene->plan.key = scene->plan.key_in_claims = other_key;
    azure_forge(&scene->plan, &theirs);
    scene->forged.record = theirs.record;
    struct cmw cmw = collect(scene);
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, AZURE_CHECK_CLAIMS, CHECK_FAIL, "other runtime claims");
    assert_check(scene, AZURE_CHECK_QUOTE, CHECK_PASS, "");
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, AZURE_CHECK_CLAIMS);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_one_flipped_bit_of_the_claims_is_refused(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, FORMATS);
    make_report(scene);
    *strstr(scene->forged.claims, "true") = 'T';
    struct cmw cmw = collect(scene);
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, AZURE_CHECK_CLAIMS, CHECK_FAIL, "other runtime claims");
    assert_check(scene, AZURE_CHECK_KEY, CHECK_FAIL, "no JSON");
    assert_check(scene, AZURE_CHECK_QUOTE, CHECK_FAIL, "no attestation key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_the_rest_of_report_data_must_be_zero(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, FORMATS);
    azure_forge(&scene->plan, &scene->forged);
    scene->forged.report_data[SNP_REPORT_DATA_SIZE - 1] = 1;
    assert_false(failed(psp_report(psp, scene->forged.report_data, 0, scene->report)));
    struct cmw cmw = collect(scene);
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, AZURE_CHECK_CLAIMS, CHECK_FAIL, "");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_other_user_data_are_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.user_data = some_value;
    expect_failure(scene, AZURE_CHECK_USER_DATA, "other user data");
    assert_check(scene, AZURE_CHECK_QUOTE, CHECK_PASS, "");
}

static void test_without_user_data_the_quote_binds(void **state)
{
    struct scene *scene = *state;
    scene->plan.user_data = NULL;
    set_policy(scene, FORMATS);
    judge(scene);
    assert_check(scene, AZURE_CHECK_USER_DATA, CHECK_SKIPPED, "the quote alone");
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_int_equal(scene->verdict.kind, VERDICT_ALLOW);
}

static void test_a_quote_over_something_else_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.over = BYTES_LITERAL("challenge");
    expect_failure(scene, VERIFY_CHECK_BINDING, "the quote is about another");
    assert_check(scene, AZURE_CHECK_QUOTE, CHECK_PASS, "");
}

/* The value itself, not its hash: nobody's bytes but ours are quoted. */
static void test_a_quote_over_the_value_itself_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.over = BYTES(scene->value);
    expect_failure(scene, VERIFY_CHECK_BINDING, "the quote is about another");
}

static void test_evidence_about_another_nonce_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->nonce[0] ^= 1; /* the record's view; value and quote are of the nonce as it was */
    expect_failure(scene, AZURE_CHECK_USER_DATA, "other user data");
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "the quote is about another");
}

static void test_what_no_tpm_made_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.magic = 0xff544348;
    expect_failure(scene, AZURE_CHECK_QUOTE, "not made by a TPM");
}

static void test_another_attestation_than_a_quote_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.type = 0x8017; /* certify */
    expect_failure(scene, AZURE_CHECK_QUOTE, "something else (8017)");
}

static void test_another_signature_algorithm_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.algorithm = 0x0016; /* RSAPSS */
    expect_failure(scene, AZURE_CHECK_QUOTE, "0016");
}

static void test_a_signature_that_is_wrong_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.spoils_signature = true;
    expect_failure(scene, AZURE_CHECK_QUOTE, "did not sign");
}

static void test_pcrs_that_were_not_quoted_are_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.spoils_pcrs = true;
    expect_failure(scene, AZURE_CHECK_QUOTE, "other PCRs");
}

static void test_pcrs_of_another_bank_are_refused(void **state)
{
    struct scene *scene = *state;
    scene->plan.bank = 0x0004; /* SHA-1 */
    expect_failure(scene, AZURE_CHECK_QUOTE, "SHA-256 bank");
}

static void test_a_malformed_record_is_no_evidence(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, FORMATS);
    make_report(scene);
    struct cmw cmw = collect(scene);
    cmw.azure = BYTES_LITERAL("\xa0");
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "azure record");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

/* ---- PCRs ---- */

#define PCR_OF(digits) digits digits digits digits digits digits digits digits
#define PCR_4          PCR_OF("04040404")
#define PCR_5          PCR_OF("05050505")

static void expect_pcrs(struct scene *scene, const char *launch, enum check_outcome outcome, const char *found)
{
    char *top = mem_format(FORMATS "launch: {%s}\n", launch);
    set_policy(scene, top);
    free(top);
    judge(scene);
    assert_check(scene, JUDGE_CHECK_PCRS, outcome, found);
    assert_int_equal(scene->verdict.kind, outcome == CHECK_FAIL   ? VERDICT_DENY
                                          : outcome == CHECK_WARN ? VERDICT_WARN
                                                                  : VERDICT_ALLOW);
}

/* The forged PCR n has n in every byte. */
static void test_pcrs_that_the_policy_lists_are_allowed(void **state)
{
    expect_pcrs(*state, "tpm_pcrs: {4: " PCR_4 ", 5: [" PCR_4 ", " PCR_5 "]}", CHECK_PASS, "they are");
}

static void test_a_pcr_with_another_value_is_refused(void **state)
{
    expect_pcrs(*state, "tpm_pcrs: {4: " PCR_4 ", 5: [" PCR_4 "]}", CHECK_FAIL, "PCR 5 is 0505");
}

static void test_another_pcr_only_warns_where_the_mode_says_so(void **state)
{
    expect_pcrs(*state, "tpm_pcrs: {4: " PCR_5 "}, mode: warn", CHECK_WARN, "PCR 4 is 0404");
}

static void test_pcrs_are_skipped_where_nobody_asks(void **state)
{
    expect_pcrs(*state, "mode: strict", CHECK_SKIPPED, "asks nothing");
}

static void test_pcrs_of_a_quote_that_does_not_hold_are_not_believed(void **state)
{
    struct scene *scene = *state;
    scene->plan.spoils_signature = true;
    expect_pcrs(scene, "tpm_pcrs: {4: " PCR_4 "}", CHECK_FAIL, "no TPM quotes any");
}

static void test_evidence_without_a_tpm_meets_no_demand_for_pcrs(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [cmw, azure]\nlaunch: {tpm_pcrs: {4: " PCR_4 "}}\n");
    azure_forge(&scene->plan, &scene->forged);
    assert_false(failed(psp_report(psp, scene->value, 0, scene->report)));
    struct cmw cmw = collect(scene);
    cmw.azure = BYTES_NONE;
    judge_as(scene, VERIFY_CLIENT, &cmw);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_check(scene, JUDGE_CHECK_PCRS, CHECK_FAIL, "no TPM quotes any");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void expect_policy_error(const char *pcrs, const char *why)
{
    struct policy *policy = NULL;
    char *text = mem_format("measurements: {mode: disabled}\nlaunch:\n  tpm_pcrs: %s\nformats: [azure]\n", pcrs);
    struct err outcome = policy_parse("p", "p.yaml", bytes_of_string(text), &policy);
    if (outcome.code != ERR_INPUT || !strstr(outcome.why, "p.yaml:3: launch.tpm_pcrs: ") || !strstr(outcome.why, why))
        fail_msg("%s: %d \"%s\"", pcrs, outcome.code, outcome.why);
    free(text);
}

static void test_demands_for_pcrs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_policy_error("[4]", "a map of numbers");
    expect_policy_error("{}", "a map of numbers");
    expect_policy_error("{24: " PCR_4 "}", "0 to 23");
    expect_policy_error("{04: " PCR_4 "}", "0 to 23");
    expect_policy_error("{-1: " PCR_4 "}", "0 to 23");
    expect_policy_error("{100: " PCR_4 "}", "0 to 23");
    expect_policy_error("{4: 04}", "64 hexadecimal digits");
    expect_policy_error("{4: []}", "at least one");
    expect_policy_error("{4: [[" PCR_4 "]]}", "64 hexadecimal digits");
}

/* A report that no certificate carries, as `vouch report` makes it. */
static void test_a_report_by_itself_is_bound_by_its_quote(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [cmw, azure]\n");
    scene->bind.kind = BIND_KIND_REPORT;
    assert_false(failed(bind_report_data_alone(&scene->bind, scene->value)));
    scene->plan = azure_forge_plan(attestation_key, scene->value, scene->over);
    make_report(scene);
    struct snp_evidence snp = {
        .report = BYTES(scene->report), .vcek = psp_vcek(psp), .intermediate = psp_ask(psp), .ark = psp_ark(psp)};
    struct verify_report_request request = {.evidence = &snp,
                                            .bind = &scene->bind,
                                            .azure = &scene->forged.record,
                                            .policy = scene->policy,
                                            .now_us = clock_wall_us()};
    verify_report_alone(&request, &scene->verdict);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_check(scene, AZURE_CHECK_USER_DATA, CHECK_PASS, "they are");
    assert_int_equal(scene->verdict.kind, VERDICT_ALLOW);
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    scene->bind.issued_at_s++;
    verify_report_alone(&request, &scene->verdict);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "the quote is about another");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    scene->bind.issued_at_s--;
    scene->policy->formats[EVIDENCE_AZURE] = false;
    verify_report_alone(&request, &scene->verdict);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "azure");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_evidence_from_azure_holds_from_link_to_link),
        SCENE(test_the_default_policy_does_not_accept_azure),
        SCENE(test_a_policy_for_azure_does_not_accept_plain_evidence),
        SCENE(test_the_record_cannot_be_left_out),
        SCENE(test_a_quote_by_another_key_is_refused),
        SCENE(test_claims_that_name_another_key_are_refused),
        SCENE(test_one_flipped_bit_of_the_claims_is_refused),
        SCENE(test_the_rest_of_report_data_must_be_zero),
        SCENE(test_other_user_data_are_refused),
        SCENE(test_without_user_data_the_quote_binds),
        SCENE(test_a_quote_over_something_else_is_refused),
        SCENE(test_a_quote_over_the_value_itself_is_refused),
        SCENE(test_evidence_about_another_nonce_is_refused),
        SCENE(test_what_no_tpm_made_is_refused),
        SCENE(test_another_attestation_than_a_quote_is_refused),
        SCENE(test_another_signature_algorithm_is_refused),
        SCENE(test_a_signature_that_is_wrong_is_refused),
        SCENE(test_pcrs_that_were_not_quoted_are_refused),
        SCENE(test_pcrs_of_another_bank_are_refused),
        SCENE(test_a_malformed_record_is_no_evidence),
        SCENE(test_a_report_by_itself_is_bound_by_its_quote),
        SCENE(test_pcrs_that_the_policy_lists_are_allowed),
        SCENE(test_a_pcr_with_another_value_is_refused),
        SCENE(test_another_pcr_only_warns_where_the_mode_says_so),
        SCENE(test_pcrs_are_skipped_where_nobody_asks),
        SCENE(test_pcrs_of_a_quote_that_does_not_hold_are_not_believed),
        SCENE(test_evidence_without_a_tpm_meets_no_demand_for_pcrs),
        cmocka_unit_test(test_demands_for_pcrs_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
