/* Which formats of evidence are read at all, and the plainest: a raw report, whose certificate must be at hand. */
#include "attest/judge.h"
#include "base/mem.h"
#include "evidence_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the raw report ---- */

static void test_raw_report_of_this_key_holds_but_for_its_age(void **state)
{
    struct scene *scene = *state;
    scene_set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    scene_make_raw(scene, BYTES_NONE);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    scene_assert_check(scene, SNP_CHECK_VEK_CERTIFICATE, CHECK_PASS, "VCEK");
    scene_assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_PASS, "holds");
    scene_assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "binds no time");
    scene_assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_WARN, "binds no time");
    assert_int_equal(scene->verdict.issued_at_s, 0);
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
}

static void test_raw_report_is_refused_where_a_nonce_is_required(void **state)
{
    struct scene *scene = *state;
    scene_set_policy_with_veks(scene, "formats: [raw]\n");
    scene_make_raw(scene, BYTES_NONE);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_judge(scene);
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_FAIL, "none");
    scene_assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_FAIL, "binds no time");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_raw_report_without_a_certificate_at_hand_is_refused(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [raw]\nnonce:\n  required: false\n", "");
    scene_make_raw(scene, BYTES_NONE);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_judge(scene);
    scene_assert_check(scene, SNP_CHECK_VEK_CERTIFICATE, CHECK_FAIL, "neither a VCEK nor a VLEK");
    scene_assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_FAIL, "");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_raw_report_of_another_key_is_refused(void **state)
{
    struct scene *scene = *state;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    scene_set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    assert_false(failed(evidence_raw_report_data(BYTES_LITERAL("another key"), BYTES_NONE, report_data)));
    scene_make_report(scene, report_data);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

/* The nonce does not travel with the report: it is the one that was asked for, or the binding fails. */
static void test_raw_report_over_the_nonce_that_was_asked_for_holds(void **state)
{
    struct scene *scene = *state;
    scene_set_policy_with_veks(scene, "formats: [raw]\n");
    scene_make_raw(scene, BYTES_LITERAL("a challenge of ours"));
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene->expected_nonce = BYTES_LITERAL("a challenge of ours");
    scene_judge_as(scene, VERIFY_FILE);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "it is");
    scene_assert_check(scene, JUDGE_CHECK_NONCE_LENGTH, CHECK_PASS, "19 bytes");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN); /* verify_chain is false */
    scene->expected_nonce = BYTES_LITERAL("another challenge");
    scene_judge_as(scene, VERIFY_FILE);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key, name, time or nonce");
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_FAIL, "none");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    scene->expected_nonce = BYTES_NONE;
    scene_judge_as(scene, VERIFY_FILE);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key, name, time or nonce");
}

static void test_raw_report_without_the_nonce_that_was_asked_for_is_refused(void **state)
{
    struct scene *scene = *state;
    scene_set_policy_with_veks(scene, "formats: [raw]\n");
    scene_make_raw(scene, BYTES_NONE);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene->expected_nonce = BYTES_LITERAL("a challenge of ours");
    scene_judge_as(scene, VERIFY_FILE);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key, name, time or nonce");
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_FAIL, "none");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_raw_report_of_another_length_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[SNP_REPORT_SIZE + 1] = {0};
    struct bytes report = BYTES_NONE;
    assert_int_equal(evidence_raw_parse(bytes_of(bytes, SNP_REPORT_SIZE - 1), &report).code, ERR_INPUT);
    assert_int_equal(evidence_raw_parse(BYTES(bytes), &report).code, ERR_INPUT);
    assert_int_equal(evidence_raw_parse(BYTES_NONE, &report).code, ERR_INPUT);
    assert_int_equal(report.n, 0);
    assert_int_equal(evidence_raw_parse(bytes_of(bytes, SNP_REPORT_SIZE), &report).code, ERR_NONE);
}

static void test_unbound_is_allowed_of_no_other_format(void **state)
{
    struct scene *scene = *state;
    uint8_t report_data[SNP_REPORT_DATA_SIZE] = {0};
    char *certificates = mem_format(VEKS "  allow_unbound: true\n", scene_vcek_path);
    scene_set_policy(scene, "formats: [raw]\nnonce:\n  required: false\n", certificates);
    free(certificates);
    scene_make_report(scene, report_data);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

/* ---- which formats are read at all ---- */

static void test_format_that_the_policy_does_not_name_is_refused_unread(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "", "");
    scene_add_extension(scene, EVIDENCE_DICE, BYTES_LITERAL("nonsense"));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_PASS, "found");
    scene_assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "dice");
    assert_null(scene_find_check(scene, VERIFY_CHECK_BINDING));
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_int_equal(scene->verdict.format, EVIDENCE_DICE);
}

static void test_malformed_evidence_of_a_format_that_is_named_is_refused(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [cmw, go-eat, dice, raw]\n", "");
    scene_add_extension(scene, EVIDENCE_DICE, BYTES_LITERAL("nonsense"));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "not tagged CBOR");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_evidence_of_two_formats_is_refused_whatever_the_policy_says(void **state)
{
    struct scene *scene = *state;
    scene_set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    scene_make_raw(scene, BYTES_NONE);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_add_extension(scene, EVIDENCE_GO_EAT, BYTES_LITERAL("\xa0"));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "two formats, go-eat and raw");
    assert_null(scene_find_check(scene, VERIFY_CHECK_BINDING));
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_one_foreign_format_in_two_extensions_is_refused(void **state)
{
    struct scene *scene = *state;
    scene_set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    scene_make_raw(scene, BYTES_NONE);
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "two extensions");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

/* ---- certificates at hand ---- */

static void test_certificate_at_hand_is_found_by_chip_kind_and_tcb(void **state)
{
    struct scene *scene = *state;
    struct snp_report report, other;
    struct veks *veks = veks_new();
    scene_make_raw(scene, BYTES_NONE);
    assert_false(failed(snp_report_parse(BYTES(scene->report), &report)));
    assert_int_equal(veks_find(veks, &report).n, 0);
    assert_false(failed(veks_add(veks, psp_vcek(scene_psp))));
    assert_int_equal(veks_count(veks), 1);
    assert_true(bytes_equal(veks_find(veks, &report), psp_vcek(scene_psp)));
    other = report;
    other.chip_id[0] ^= 1;
    assert_int_equal(veks_find(veks, &other).n, 0);
    other = report;
    other.reported_tcb.bytes[0] ^= 1;
    assert_int_equal(veks_find(veks, &other).n, 0);
    other = report;
    other.key_info |= SNP_SIGNING_KEY_VLEK << 2;
    assert_int_equal(veks_find(veks, &other).n, 0);
    other.key_info = SNP_SIGNING_KEY_NONE << 2;
    assert_int_equal(veks_find(veks, &other).n, 0);
    veks_free(veks);
}

static void test_only_certificates_of_report_keys_are_kept_at_hand(void **state)
{
    (void)state;
    struct veks *veks = veks_new();
    assert_int_equal(veks_add(veks, BYTES_LITERAL("nonsense")).code, ERR_INPUT);
    assert_int_equal(veks_add(veks, psp_ask(scene_psp)).code, ERR_INPUT);
    assert_int_equal(veks_add(veks, BYTES_NONE).code, ERR_INPUT);
    assert_int_equal(veks_count(veks), 0);
    for (int i = 0; i < VEKS_MAX; i++)
        assert_false(failed(veks_add(veks, psp_vcek(scene_psp))));
    assert_int_equal(veks_add(veks, psp_vcek(scene_psp)).code, ERR_LIMIT);
    veks_free(veks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_raw_report_of_this_key_holds_but_for_its_age),
        IN_SCENE(test_raw_report_is_refused_where_a_nonce_is_required),
        IN_SCENE(test_raw_report_without_a_certificate_at_hand_is_refused),
        IN_SCENE(test_raw_report_of_another_key_is_refused),
        IN_SCENE(test_raw_report_over_the_nonce_that_was_asked_for_holds),
        IN_SCENE(test_raw_report_without_the_nonce_that_was_asked_for_is_refused),
        cmocka_unit_test(test_raw_report_of_another_length_is_refused),
        IN_SCENE(test_format_that_the_policy_does_not_name_is_refused_unread),
        IN_SCENE(test_malformed_evidence_of_a_format_that_is_named_is_refused),
        IN_SCENE(test_evidence_of_two_formats_is_refused_whatever_the_policy_says),
        IN_SCENE(test_one_foreign_format_in_two_extensions_is_refused),
        IN_SCENE(test_unbound_is_allowed_of_no_other_format),
        IN_SCENE(test_certificate_at_hand_is_found_by_chip_kind_and_tcb),
        cmocka_unit_test(test_only_certificates_of_report_keys_are_kept_at_hand),
    };
    return cmocka_run_group_tests(tests, scene_open_processor, scene_close_processor);
}
