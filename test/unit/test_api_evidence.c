/* libvouch: evidence by itself in each of its forms, and what a verdict tells about it by name. */
#include "api_scene.h"
#include "attest/azure_verify.h"
#include "attest/cbor.h"
#include "attest/cmw.h"
#include "attest/judge.h"
#include "attest/verifier.h"
#include "azure_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t nonce[] = "sixteen bytes..";

/* Evidence without certificates whose report is about `nonce`, in `w`, as an EAT or a CMW. */
static void make_alone(bool is_eat, struct forge_evidence *made, struct writer *w)
{
    uint8_t record[BIND_MAX];
    struct writer written = writer_over(record, sizeof record);
    struct bind bind = {.kind = BIND_KIND_REPORT, .issued_at_s = FORGE_NOW_S, .nonce = BYTES(nonce)};
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_vek plan = forge_vcek();
    assert_false(failed(bind_report_data_alone(&bind, report.report_data)));
    forge_evidence(&plan, &report, made);
    bind_write(&bind, &written);
    struct cmw cmw = {.report = BYTES(made->report), .bind = writer_bytes(&written)};
    if (is_eat)
        assert_false(failed(eat_write(&cmw, &bind, w)));
    else
        cmw_write(&cmw, w);
    assert_false(failed(writer_finish(w, "evidence")));
}

static void make_cmw(struct forge_evidence *made, struct writer *w)
{
    make_alone(false, made, w);
}

/* A request for evidence by itself, under a policy that says so much more. */
static vouch_request *request_alone(struct bytes evidence, const struct forge_evidence *made, const char *more)
{
    vouch_policy *policy = policy_of(more);
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_cmw(request, evidence.p, evidence.n, why, sizeof why), VOUCH_OK);
    endorse_all(request, made);
    vouch_request_set_policy(request, policy);
    vouch_request_set_time(request, FORGE_NOW_S + 60);
    vouch_policy_free(policy);
    return request;
}

static void assert_fact(const vouch_verdict *verdict, const char *name, const char *text)
{
    const char *found = vouch_verdict_fact(verdict, name);
    if (strcmp(found, text) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", name, found, text);
}

static void assert_fact_of(const vouch_request *request, const char *name, const char *text)
{
    vouch_verdict *verdict = verdict_of(request);
    assert_fact(verdict, name, text);
    vouch_verdict_free(verdict);
}

static void test_token_is_read_and_its_format_demanded(void **state)
{
    (void)state;
    struct forge_evidence made;
    struct writer token = writer_growing(EAT_MAX), record = writer_growing(EAT_MAX);
    make_alone(true, &made, &token);
    cbor_write_array(&record, 2);
    cbor_write_text(&record, EAT_MEDIA_TYPE);
    cbor_write_bytes(&record, writer_bytes(&token));
    const struct bytes forms[] = {writer_bytes(&token), writer_bytes(&record)};
    for (size_t i = 0; i < 2; i++) {
        vouch_request *request = request_alone(forms[i], &made, "formats: [eat]\n");
        assert_int_equal(vouch_request_set_nonce(request, nonce, sizeof nonce, why, sizeof why), VOUCH_OK);
        assert_string_equal(failure_of(request), "");
        assert_fact_of(request, "format", "eat");
        vouch_request_free(request);
        request = request_alone(forms[i], &made, "");
        assert_string_equal(failure_of(request), VERIFY_CHECK_FORMAT);
        vouch_request_free(request);
    }
    writer_free(&token);
    writer_free(&record);
    forge_evidence_free(&made);
}

static void test_cmw_is_refused_where_the_policy_names_other_formats(void **state)
{
    (void)state;
    struct forge_evidence made;
    struct writer cmw = writer_growing(CMW_MAX);
    make_cmw(&made, &cmw);
    vouch_request *request = request_alone(writer_bytes(&cmw), &made, "formats: [dice]\n");
    assert_string_equal(failure_of(request), VERIFY_CHECK_FORMAT);
    vouch_request_free(request);
    writer_free(&cmw);
    forge_evidence_free(&made);
}

/* What a virtual machine of Azure's makes: the report is over claims, and the quote over the rest. */
struct azure_scene {
    EVP_PKEY *key;
    struct azure_forged forged;
    struct forge_evidence made;
    struct writer cmw;
};

static void azure_begin(struct azure_scene *scene, bool spoils_signature)
{
    uint8_t value[SNP_REPORT_DATA_SIZE], over[EVIDENCE_AZURE_QUALIFY_SIZE], bind_room[BIND_MAX];
    uint8_t azure_room[EVIDENCE_AZURE_MAX];
    struct bind bind = {.kind = BIND_KIND_REPORT, .issued_at_s = FORGE_NOW_S, .nonce = BYTES(nonce)};
    struct writer record = writer_over(bind_room, sizeof bind_room), azure = writer_over(azure_room, sizeof azure_room);
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_vek vek = forge_vcek();
    scene->key = azure_forge_key(2048);
    assert_false(failed(bind_report_data_alone(&bind, value)));
    struct azure_plan plan = azure_forge_plan(scene->key, value, over);
    plan.spoils_signature = spoils_signature;
    azure_forge(&plan, &scene->forged);
    memcpy(report.report_data, scene->forged.report_data, sizeof report.report_data);
    forge_evidence(&vek, &report, &scene->made);
    bind_write(&bind, &record);
    evidence_azure_write(&scene->forged.record, &azure);
    struct cmw cmw = {
        .report = BYTES(scene->made.report), .bind = writer_bytes(&record), .azure = writer_bytes(&azure)};
    scene->cmw = writer_growing(CMW_MAX);
    cmw_write(&cmw, &scene->cmw);
    assert_false(failed(writer_finish(&scene->cmw, "CMW")));
}

static void azure_end(struct azure_scene *scene)
{
    writer_free(&scene->cmw);
    forge_evidence_free(&scene->made);
    EVP_PKEY_free(scene->key);
}

static void test_quote_of_a_cmw_from_azure_is_verified(void **state)
{
    (void)state;
    struct azure_scene scene;
    azure_begin(&scene, false);
    vouch_request *request = request_alone(writer_bytes(&scene.cmw), &scene.made, "formats: [azure]\n");
    assert_int_equal(vouch_request_set_nonce(request, nonce, sizeof nonce, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), "");
    assert_fact_of(request, "format", "azure");
    vouch_request_free(request);
    request = request_alone(writer_bytes(&scene.cmw), &scene.made, "");
    assert_string_equal(failure_of(request), VERIFY_CHECK_FORMAT);
    vouch_request_free(request);
    azure_end(&scene);
    azure_begin(&scene, true);
    request = request_alone(writer_bytes(&scene.cmw), &scene.made, "formats: [azure]\n");
    assert_string_equal(failure_of(request), AZURE_CHECK_QUOTE);
    assert_fact_of(request, "issued_at", ""); /* the quote would have vouched for it */
    vouch_request_free(request);
    azure_end(&scene);
}

static void test_hcl_report_is_read_and_its_claims_held_against_it(void **state)
{
    (void)state;
    struct azure_scene scene;
    uint8_t room[HCL_REPORT_MAX];
    azure_begin(&scene, false);
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        if (spoilt)
            scene.forged.claims[1] ^= 1;
        struct bytes hcl = azure_forge_hcl(BYTES(scene.made.report), scene.forged.record.claims, 2600, room);
        vouch_policy *policy = policy_of("formats: [azure]\n");
        vouch_request *request = vouch_request_new();
        assert_int_equal(vouch_request_set_report(request, hcl.p, hcl.n, why, sizeof why), VOUCH_OK);
        endorse_all(request, &scene.made);
        vouch_request_set_time(request, FORGE_NOW_S);
        vouch_request_set_policy(request, policy);
        assert_string_equal(failure_of(request), spoilt ? AZURE_CHECK_CLAIMS : "");
        vouch_policy_free(policy);
        vouch_request_free(request);
    }
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_report(request, room, 1500, why, sizeof why), VOUCH_ERROR_INPUT); /* cut */
    vouch_request_free(request);
    azure_end(&scene);
}

static void test_facts_are_told_by_name(void **state)
{
    (void)state;
    struct forge_evidence made;
    struct writer cmw = writer_growing(CMW_MAX);
    make_cmw(&made, &cmw);
    vouch_request *request = request_alone(writer_bytes(&cmw), &made, "");
    assert_fact_of(request, "nonce", "not-asked");
    assert_int_equal(vouch_request_set_nonce(request, nonce, sizeof nonce, why, sizeof why), VOUCH_OK);
    vouch_verdict *verdict = verdict_of(request);
    struct snp_report report;
    char hex[2 * SNP_CHIP_ID_SIZE + 1];
    assert_false(failed(snp_report_parse(BYTES(made.report), &report)));
    hex_encode(BYTES(report.chip_id), hex);
    assert_fact(verdict, "chip_id", hex);
    hex_encode(BYTES(report.reported_tcb.bytes), hex);
    assert_fact(verdict, "reported_tcb", hex);
    snprintf(hex, sizeof hex, "%u", snp_tcb_get(report.current_tcb, SNP_TCB_LAYOUT_MILAN, SNP_TCB_MICROCODE));
    assert_fact(verdict, "current_tcb.microcode", hex);
    assert_fact(verdict, "current_tcb.fmc", ""); /* Turin's */
    snprintf(hex, sizeof hex, "%lld", (long long)FORGE_NOW_S);
    assert_fact(verdict, "issued_at", hex);
    snprintf(hex, sizeof hex, "0x%016llx", (unsigned long long)report.policy);
    assert_fact(verdict, "guest_policy", hex);
    assert_fact(verdict, "policy", "mine.yaml");
    assert_fact(verdict, "nonce", "answered");
    assert_fact(verdict, "product", "milan");
    assert_fact(verdict, "key_kind", "vcek");
    assert_fact(verdict, "format", "cmw");
    assert_fact(verdict, "root", "policy");
    assert_fact(verdict, "simulated", "true");
    assert_fact(verdict, "vmpl", "0");
    assert_fact(verdict, "id_key_digest", "");
    assert_fact(verdict, "csp_id", "");
    assert_fact(verdict, "colour", "");
    vouch_verdict_free(verdict);
    assert_int_equal(vouch_request_set_nonce(request, "another nonce...", 16, why, sizeof why), VOUCH_OK);
    assert_fact_of(request, "nonce", "refused");
    vouch_request_free(request);
    writer_free(&cmw);
    forge_evidence_free(&made);
}

static void test_every_fact_has_a_name_of_its_own_and_none_is_told_of_no_report(void **state)
{
    (void)state;
    uint8_t bytes[64] = {1};
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_report(request, bytes, sizeof bytes, why, sizeof why), VOUCH_OK);
    endorse(request, VOUCH_VEK, BYTES(bytes));
    vouch_verdict *verdict = verdict_of(request);
    size_t count = 0;
    while (*vouch_fact_name(count))
        count++;
    assert_true(count > 50);
    assert_string_equal(vouch_fact_name(SIZE_MAX), "");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(vouch_fact_name(i), vouch_fact_name(j));
    for (size_t i = 0; i < count; i++) {
        const char *name = vouch_fact_name(i);
        bool is_of_the_verdict =
            strcmp(name, "format") == 0 || strcmp(name, "nonce") == 0 || strcmp(name, "checked_at") == 0;
        assert_int_equal(*vouch_verdict_fact(verdict, name) != '\0', is_of_the_verdict);
    }
    vouch_verdict_free(verdict);
    vouch_request_free(request);
}

static void test_nonce_of_a_cmw_must_be_the_one_that_is_expected(void **state)
{
    (void)state;
    struct forge_evidence made;
    struct writer cmw = writer_growing(CMW_MAX);
    make_cmw(&made, &cmw);
    vouch_policy *policy = policy_of("");
    vouch_request *request = vouch_request_new();
    struct bytes bytes = writer_bytes(&cmw);
    assert_int_equal(vouch_request_set_cmw(request, bytes.p, bytes.n, why, sizeof why), VOUCH_OK);
    endorse_all(request, &made);
    vouch_request_set_policy(request, policy);
    vouch_request_set_time(request, FORGE_NOW_S);
    assert_string_equal(failure_of(request), "");
    assert_int_equal(vouch_request_set_nonce(request, nonce, sizeof nonce, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), "");
    assert_int_equal(vouch_request_set_nonce(request, nonce, sizeof nonce - 1, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), JUDGE_CHECK_NONCE);
    assert_int_equal(vouch_request_set_nonce(request, "another nonce...", 16, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), JUDGE_CHECK_NONCE);
    vouch_request_free(request);
    vouch_policy_free(policy);
    writer_free(&cmw);
    forge_evidence_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonce_of_a_cmw_must_be_the_one_that_is_expected),
        cmocka_unit_test(test_token_is_read_and_its_format_demanded),
        cmocka_unit_test(test_cmw_is_refused_where_the_policy_names_other_formats),
        cmocka_unit_test(test_quote_of_a_cmw_from_azure_is_verified),
        cmocka_unit_test(test_hcl_report_is_read_and_its_claims_held_against_it),
        cmocka_unit_test(test_facts_are_told_by_name),
        cmocka_unit_test(test_every_fact_has_a_name_of_its_own_and_none_is_told_of_no_report),
    };
    return cmocka_run_group_tests_name("api_evidence", tests, forge_begin, forge_end);
}
