/* Evidence under a root of our own, with one thing wrong each time: which check notices. */
#include "snp_forge.h"

#include "snp/psp_issue.h"
#include "snp/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The first check that fails for a VEK and a report; NULL when all hold. */
static const char *failure_of(const struct forge_vek *plan, const struct snp_report *report)
{
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(plan, report, &made);
    const char *failure = forge_failure(&made.evidence, &trust);
    forge_evidence_free(&made);
    return failure;
}

static void check_vek_fails(const struct forge_vek *plan, const char *check)
{
    struct snp_report report = forge_report(strcmp(plan->common_name, "SEV-VLEK") == 0 ? SNP_VEK_VLEK : SNP_VEK_VCEK);
    const char *failure = failure_of(plan, &report);
    assert_non_null(failure);
    assert_string_equal(failure, check);
}

static void check_report_fails(const struct snp_report *report, const char *check)
{
    struct forge_vek plan = forge_vcek();
    const char *failure = failure_of(&plan, report);
    assert_non_null(failure);
    assert_string_equal(failure, check);
}

static void test_right_evidence_holds(void **state)
{
    (void)state;
    struct forge_vek vcek = forge_vcek(), vlek = forge_vlek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    for (report.version = 2; report.version <= 5; report.version++)
        assert_null(failure_of(&vcek, &report));
    report = forge_report(SNP_VEK_VLEK);
    assert_null(failure_of(&vlek, &report));
}

static void test_hwid_in_an_octet_string_is_read(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    plan.hwid_is_wrapped = true;
    assert_null(failure_of(&plan, &report));
}

static void test_reserved_bytes_that_are_signed_may_be_anything(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(&plan, &report, &made);
    memset(made.report + 0x208, 0xff, 0x2A0 - 0x208);
    memset(made.report + 0x18b, 0xff, 0x1a0 - 0x18b);
    assert_false(failed(snp_signature_make(made.report, forge.vek_key)));
    assert_null(forge_failure(&made.evidence, &trust));
    forge_evidence_free(&made);
}

static void test_report_of_version_6_is_refused(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    report.version = 6;
    check_report_fails(&report, SNP_CHECK_REPORT_VERSION);
    report.version = 1;
    check_report_fails(&report, SNP_CHECK_REPORT_VERSION);
}

static void test_report_of_another_signature_algorithm_is_refused(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    report.signature_algo = 2;
    check_report_fails(&report, SNP_CHECK_SIGNATURE_ALGORITHM);
    report.signature_algo = 0;
    check_report_fails(&report, SNP_CHECK_SIGNATURE_ALGORITHM);
}

static void test_report_with_unsigned_bytes_is_refused(void **state)
{
    (void)state;
    static const size_t places[] = {0x2A0 + 48, 0x2A0 + 71, 0x2A0 + 72 + 48, 0x330, 0x49F};
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(&plan, &report, &made);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        made.report[places[i]] = 1;
        assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_UNSIGNED_BYTES);
        made.report[places[i]] = 0;
    }
    assert_null(forge_failure(&made.evidence, &trust));
    forge_evidence_free(&made);
}

static void test_report_of_another_length_fails_every_check_that_needs_it(void **state)
{
    (void)state;
    static const char *const checks[] = {SNP_CHECK_REPORT_LENGTH,
                                         SNP_CHECK_REPORT_VERSION,
                                         SNP_CHECK_SIGNATURE_ALGORITHM,
                                         SNP_CHECK_UNSIGNED_BYTES,
                                         SNP_CHECK_KEY_KIND,
                                         SNP_CHECK_REPORT_SIGNATURE,
                                         SNP_CHECK_PRODUCT,
                                         SNP_CHECK_CHIP_ID,
                                         SNP_CHECK_CSP_ID,
                                         SNP_CHECK_TCB,
                                         SNP_CHECK_REPORTED_TCB,
                                         SNP_CHECK_COMMITTED_TCB,
                                         SNP_CHECK_COMMITTED_VERSION};
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(&plan, &report, &made);
    const size_t sizes[] = {0, SNP_REPORT_SIZE - 1};
    for (size_t i = 0; i < 2; i++) {
        made.evidence.report.n = sizes[i];
        for (size_t j = 0; j < sizeof(checks) / sizeof(checks[0]); j++)
            assert_true(forge_outcome_is(&made.evidence, &trust, checks[j], CHECK_FAIL));
        assert_true(forge_outcome_is(&made.evidence, &trust, SNP_CHECK_CHAIN, CHECK_PASS));
    }
    forge_evidence_free(&made);
}

static void test_evidence_without_a_certificate_fails_every_check_that_needs_one(void **state)
{
    (void)state;
    static const char *const checks[] = {
        SNP_CHECK_VEK_CERTIFICATE,  SNP_CHECK_VEK_EXTENSIONS,   SNP_CHECK_CHAIN,    SNP_CHECK_CHAIN_ROOT,
        SNP_CHECK_CHAIN_VALIDITY,   SNP_CHECK_CHAIN_REVOCATION, SNP_CHECK_KEY_KIND, SNP_CHECK_REPORT_SIGNATURE,
        SNP_CHECK_PRODUCT,          SNP_CHECK_CHIP_ID,          SNP_CHECK_CSP_ID,   SNP_CHECK_TCB,
        SNP_CHECK_COMMITTED_VERSION};
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(&plan, &report, &made);
    const struct bytes certificates[] = {BYTES_NONE, BYTES_LITERAL("nothing"), made.owned[1]};
    for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
        made.evidence.vek = certificates[i];
        for (size_t j = 0; j < sizeof(checks) / sizeof(checks[0]); j++)
            assert_true(forge_outcome_is(&made.evidence, &trust, checks[j], CHECK_FAIL));
        assert_true(forge_outcome_is(&made.evidence, &trust, SNP_CHECK_REPORT_LENGTH, CHECK_PASS));
    }
    forge_evidence_free(&made);
}

static void test_vcek_and_vlek_both_are_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(&plan, &report, &made);
    made.evidence.vcek = made.evidence.vek;
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_VEK_CERTIFICATE);
    made.evidence.vek = BYTES_NONE;
    assert_null(forge_failure(&made.evidence, &trust));
    made.evidence.vlek = made.evidence.vcek;
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_VEK_CERTIFICATE);
    made.evidence.vcek = BYTES_NONE; /* a VCEK that says it is a VLEK */
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_VEK_CERTIFICATE);
    forge_evidence_free(&made);
}

static void test_certificate_with_bytes_behind_it_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    forge_evidence(&plan, &report, &made);
    uint8_t longer[8192];
    memcpy(longer, made.evidence.vek.p, made.evidence.vek.n);
    longer[made.evidence.vek.n] = 0;
    made.evidence.vek = bytes_of(longer, made.evidence.vek.n + 1);
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_VEK_CERTIFICATE);
    forge_evidence_free(&made);
}

static void test_missing_extension_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"1", "2", "3.1", "3.2", "3.3", "3.8", "4"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct forge_vek plan = forge_vcek();
        plan.without = names[i];
        check_vek_fails(&plan, SNP_CHECK_VEK_EXTENSIONS);
    }
    struct forge_vek plan = forge_vlek();
    plan.without = "5";
    check_vek_fails(&plan, SNP_CHECK_VEK_EXTENSIONS);
}

static void test_extension_that_does_not_belong_there_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.csp_id = "CN=cloud.example";
    check_vek_fails(&plan, SNP_CHECK_VEK_EXTENSIONS);
    plan = forge_vlek();
    plan.hwid_size = 64;
    check_vek_fails(&plan, SNP_CHECK_VEK_EXTENSIONS);
    plan = forge_vcek();
    plan.hwid_size = 8; /* Turin's */
    check_vek_fails(&plan, SNP_CHECK_VEK_EXTENSIONS);
    plan.hwid_size = 32; /* nobody's */
    check_vek_fails(&plan, SNP_CHECK_VEK_CERTIFICATE);
}

static void test_extension_that_stands_twice_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"1", "2", "3.1", "3.5", "3.8", "4"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct forge_vek plan = forge_vcek();
        plan.twice = names[i];
        check_vek_fails(&plan, SNP_CHECK_VEK_CERTIFICATE);
    }
}

static void test_unknown_critical_extension_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.has_unknown_critical = true;
    check_vek_fails(&plan, SNP_CHECK_VEK_CERTIFICATE);
}

static void test_certificate_of_another_name_or_key_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.common_name = "VCEK";
    check_vek_fails(&plan, SNP_CHECK_VEK_CERTIFICATE);
    plan = forge_vcek();
    plan.key = EVP_EC_gen("P-256");
    check_vek_fails(&plan, SNP_CHECK_VEK_CERTIFICATE);
    EVP_PKEY_free(plan.key);
    plan = forge_vcek();
    plan.key = EVP_EC_gen("P-384");
    check_vek_fails(&plan, SNP_CHECK_REPORT_SIGNATURE);
    EVP_PKEY_free(plan.key);
}

static void test_vcek_of_another_tcb_is_refused(void **state)
{
    (void)state;
    static const size_t places[] = {0, 1, 6, 7};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct forge_vek plan = forge_vcek();
        plan.tcb.bytes[places[i]]++;
        check_vek_fails(&plan, SNP_CHECK_TCB);
    }
}

static void test_report_of_another_chip_is_refused(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    report.chip_id[63] ^= 1;
    check_report_fails(&report, SNP_CHECK_CHIP_ID);
    memset(report.chip_id, 0, sizeof(report.chip_id));
    check_report_fails(&report, SNP_CHECK_CHIP_ID);
    struct forge_vek plan = forge_vlek(); /* a VLEK's report names no chip */
    report = forge_report(SNP_VEK_VLEK);
    report.chip_id[0] = 1;
    assert_string_equal(failure_of(&plan, &report), SNP_CHECK_CHIP_ID);
}

static void test_masked_chip_is_let_through_only_where_allowed(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    memset(report.chip_id, 0, sizeof(report.chip_id));
    forge_evidence(&plan, &report, &made);
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_CHIP_ID);
    trust.allow_masked_chip_id = true;
    assert_null(forge_failure(&made.evidence, &trust));
    forge_evidence_free(&made);

    report.chip_id[0] = 1; /* another chip's is not hidden */
    forge_evidence(&plan, &report, &made);
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_CHIP_ID);
    forge_evidence_free(&made);
}

static void test_key_info_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const uint32_t keys[] = {SNP_SIGNING_KEY_VLEK, 2, 3, SNP_SIGNING_KEY_NONE};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct snp_report report = forge_report(SNP_VEK_VCEK);
        report.key_info = keys[i] << 2;
        check_report_fails(&report, SNP_CHECK_KEY_KIND);
    }
    struct forge_vek plan = forge_vlek();
    struct snp_report report = forge_report(SNP_VEK_VLEK);
    report.key_info = 0;
    assert_string_equal(failure_of(&plan, &report), SNP_CHECK_KEY_KIND);
}

static void test_product_on_which_the_sources_disagree_is_refused(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    report.cpuid_model = 0x11; /* Genoa */
    check_report_fails(&report, SNP_CHECK_PRODUCT);
    report.cpuid_family = 0x17; /* nobody's */
    check_report_fails(&report, SNP_CHECK_PRODUCT);
    struct forge_vek plan = forge_vcek();
    plan.product_name = "Genoa"; /* under Milan's issuer */
    check_vek_fails(&plan, SNP_CHECK_PRODUCT);
    report = forge_report(SNP_VEK_VCEK);
    report.version = 2;
    assert_string_equal(failure_of(&plan, &report), SNP_CHECK_PRODUCT);
    plan.product_name = "milan";
    check_vek_fails(&plan, SNP_CHECK_PRODUCT);
}

static void test_tcb_above_the_current_one_is_refused(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    report.current_tcb.bytes[7]--;
    report.committed_tcb = report.current_tcb;
    check_report_fails(&report, SNP_CHECK_REPORTED_TCB);
    report = forge_report(SNP_VEK_VCEK);
    report.committed_tcb.bytes[6]++;
    check_report_fails(&report, SNP_CHECK_COMMITTED_TCB);
    report = forge_report(SNP_VEK_VCEK);
    report.committed.build++;
    check_report_fails(&report, SNP_CHECK_COMMITTED_VERSION);
    report.current.minor++; /* 1.56.29 is later than 1.55.30 */
    struct forge_vek plan = forge_vcek();
    assert_null(failure_of(&plan, &report));
}

static void test_chain_of_another_algorithm_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.is_pkcs1 = true;
    check_vek_fails(&plan, SNP_CHECK_CHAIN);
    plan = forge_vcek();
    plan.has_short_salt = true;
    check_vek_fails(&plan, SNP_CHECK_CHAIN);
}

static void test_vek_that_the_intermediate_did_not_sign_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.issuer_key = forge.ark_key;
    check_vek_fails(&plan, SNP_CHECK_CHAIN);
}

static void test_vek_under_the_intermediate_of_the_other_kind_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.issuer = forge.asvk;
    check_vek_fails(&plan, SNP_CHECK_CHAIN);
    plan = forge_vlek();
    plan.issuer = forge.ask;
    check_vek_fails(&plan, SNP_CHECK_CHAIN);
}

static void test_chain_under_a_root_that_nobody_trusts_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = {.now_s = FORGE_NOW_S};
    forge_evidence(&plan, &report, &made);
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_CHAIN);
    made.owned[2] = forge_der(forge.ark);
    made.evidence.ark = made.owned[2]; /* that the peer brings it makes it no root */
    assert_string_equal(forge_failure(&made.evidence, &trust), SNP_CHECK_CHAIN_ROOT);
    assert_true(forge_outcome_is(&made.evidence, &trust, SNP_CHECK_CHAIN_VALIDITY, CHECK_FAIL));
    assert_true(forge_outcome_is(&made.evidence, &trust, SNP_CHECK_CHAIN_REVOCATION, CHECK_FAIL));
    forge_evidence_free(&made);
}

static void test_expired_or_not_yet_valid_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    plan.not_after_s = FORGE_NOW_S - 1;
    check_vek_fails(&plan, SNP_CHECK_CHAIN_VALIDITY);
    plan = forge_vcek();
    plan.not_before_s = FORGE_NOW_S + 1;
    check_vek_fails(&plan, SNP_CHECK_CHAIN_VALIDITY);
    plan = forge_vcek();
    plan.not_before_s = plan.not_after_s = FORGE_NOW_S;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    assert_null(failure_of(&plan, &report));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_evidence_holds),
        cmocka_unit_test(test_hwid_in_an_octet_string_is_read),
        cmocka_unit_test(test_reserved_bytes_that_are_signed_may_be_anything),
        cmocka_unit_test(test_report_of_version_6_is_refused),
        cmocka_unit_test(test_report_of_another_signature_algorithm_is_refused),
        cmocka_unit_test(test_report_with_unsigned_bytes_is_refused),
        cmocka_unit_test(test_report_of_another_length_fails_every_check_that_needs_it),
        cmocka_unit_test(test_evidence_without_a_certificate_fails_every_check_that_needs_one),
        cmocka_unit_test(test_vcek_and_vlek_both_are_refused),
        cmocka_unit_test(test_certificate_with_bytes_behind_it_is_refused),
        cmocka_unit_test(test_missing_extension_is_refused),
        cmocka_unit_test(test_extension_that_does_not_belong_there_is_refused),
        cmocka_unit_test(test_extension_that_stands_twice_is_refused),
        cmocka_unit_test(test_unknown_critical_extension_is_refused),
        cmocka_unit_test(test_certificate_of_another_name_or_key_is_refused),
        cmocka_unit_test(test_vcek_of_another_tcb_is_refused),
        cmocka_unit_test(test_report_of_another_chip_is_refused),
        cmocka_unit_test(test_masked_chip_is_let_through_only_where_allowed),
        cmocka_unit_test(test_key_info_of_another_kind_is_refused),
        cmocka_unit_test(test_product_on_which_the_sources_disagree_is_refused),
        cmocka_unit_test(test_tcb_above_the_current_one_is_refused),
        cmocka_unit_test(test_chain_of_another_algorithm_is_refused),
        cmocka_unit_test(test_vek_that_the_intermediate_did_not_sign_is_refused),
        cmocka_unit_test(test_vek_under_the_intermediate_of_the_other_kind_is_refused),
        cmocka_unit_test(test_chain_under_a_root_that_nobody_trusts_is_refused),
        cmocka_unit_test(test_expired_or_not_yet_valid_is_refused),
    };
    return cmocka_run_group_tests_name("snp_verify", tests, forge_begin, forge_end);
}
