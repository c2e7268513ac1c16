/* The negative corpus: evidence with one thing wrong, judged whole by a policy, and the check that must say no. */
#include "attest/judge.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "snp/psp_issue.h"
#include "snp/signature.h"
#include "snp_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A policy that trusts the key of the forge's roots, of whatever product, and asks for what is in `more`. */
static struct policy *policy_of(const char *more)
{
    uint8_t sha256[SNP_SPKI_SHA256_SIZE];
    char hash[2 * SNP_SPKI_SHA256_SIZE + 1];
    struct policy *policy = NULL;
    snp_spki_sha256(forge.ark, sha256);
    hex_encode(BYTES(sha256), hash);
    char *text = mem_format("certificates: {allow_simulated: true, trusted_arks: ['%s']}\n%s", hash, more);
    struct err parsed = policy_parse("corpus", "corpus", bytes_of_string(text), &policy);
    if (failed(parsed))
        print_message("%s\n", parsed.why);
    assert_false(failed(parsed));
    free(text);
    return policy;
}

static void judge(const struct snp_evidence *evidence, const char *more, struct verdict *verdict)
{
    struct policy *policy = policy_of(more);
    struct verify_report_request request = {
        .evidence = evidence, .policy = policy, .now_us = FORGE_NOW_S * US_PER_SECOND};
    verdict_init(verdict);
    verify_report_alone(&request, verdict);
    policy_drop(policy);
}

/* NULL: allowed. Otherwise denied, and this check is the reason. */
static void check_evidence(const struct snp_evidence *evidence, const char *more, const char *check)
{
    struct verdict verdict;
    judge(evidence, more, &verdict);
    const struct check *failure = checklist_first(&verdict.checks, CHECK_FAIL);
    assert_string_equal(failure ? failure->name : "", check ? check : "");
    assert_int_equal(verdict.kind, check ? VERDICT_DENY : VERDICT_ALLOW);
    verdict_release(&verdict);
}

/* A chain of authorities and what it is to prove. What is NULL or empty is the forge's own. */
struct scene {
    struct forge_vek plan;
    struct snp_report report;
    X509 *ark;
    const char *policy;
};

static struct scene scene_of(enum snp_vek_kind kind)
{
    return (struct scene){.plan = kind == SNP_VEK_VLEK ? forge_vlek() : forge_vcek(),
                          .report = forge_report(kind),
                          .ark = forge.ark,
                          .policy = ""};
}

static void scene_make(const struct scene *scene, struct forge_evidence *made)
{
    forge_evidence(&scene->plan, &scene->report, made);
    made->owned[2] = forge_der(scene->ark);
    made->evidence.ark = made->owned[2];
}

static void check_scene(const struct scene *scene, const char *check)
{
    struct forge_evidence made;
    scene_make(scene, &made);
    check_evidence(&made.evidence, scene->policy, check);
    forge_evidence_free(&made);
}

/* An authority that is not signed yet, of any name and time. */
static X509 *authority_draft(const char *common_name, EVP_PKEY *key, X509 *issuer, int64_t from_s, int64_t to_s)
{
    struct psp_certificate what = {.common_name = common_name,
                                   .key = key,
                                   .issuer = issuer,
                                   .serial = 0x777,
                                   .not_before_s = from_s,
                                   .not_after_s = to_s};
    X509 *certificate = NULL;
    assert_false(failed(psp_certificate_begin(&what, &certificate)));
    assert_false(failed(psp_certificate_add_authority(certificate, issuer)));
    return certificate;
}

static X509 *authority_of_time(const char *common_name, EVP_PKEY *key, X509 *issuer, int64_t from_s, int64_t to_s)
{
    X509 *certificate = authority_draft(common_name, key, issuer, from_s, to_s);
    assert_false(failed(psp_certificate_sign(certificate, forge.ark_key)));
    return certificate;
}

/* As the forge's, for Turin: HWID of 8 bytes, and a component more in the TCB. */
static struct scene turin_scene(X509 **ask)
{
    struct scene scene = scene_of(SNP_VEK_VCEK);
    struct snp_tcb tcb = {{0}};
    const struct {
        enum snp_tcb_component component;
        uint8_t value;
    } values[] = {
        {SNP_TCB_FMC, 1}, {SNP_TCB_BOOTLOADER, 1}, {SNP_TCB_TEE, 1}, {SNP_TCB_SNP, 4}, {SNP_TCB_MICROCODE, 81}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        snp_tcb_set(&tcb, SNP_TCB_LAYOUT_TURIN, values[i].component, values[i].value);
    scene.ark = forge_authority("ARK-Turin", forge.ark_key, NULL, forge.ark_key);
    *ask = forge_authority("SEV-Turin", forge.ask_key, scene.ark, forge.ark_key);
    scene.plan.issuer = *ask;
    scene.plan.product = SNP_PRODUCT_TURIN;
    scene.plan.tcb = tcb;
    scene.plan.hwid_size = 8;
    scene.report.version = 5;
    scene.report.cpuid_family = 0x1a;
    scene.report.cpuid_model = 0x02;
    scene.report.current_tcb = scene.report.reported_tcb = scene.report.committed_tcb = scene.report.launch_tcb = tcb;
    memset(scene.report.chip_id + 8, 0, sizeof scene.report.chip_id - 8);
    return scene;
}

static void turin_end(struct scene *scene, X509 *ask)
{
    X509_free(scene->ark);
    X509_free(ask);
}

static void test_right_evidence_is_allowed(void **state)
{
    (void)state;
    struct scene vcek = scene_of(SNP_VEK_VCEK), vlek = scene_of(SNP_VEK_VLEK);
    X509 *ask = NULL;
    struct scene turin = turin_scene(&ask);
    check_scene(&vcek, NULL);
    check_scene(&vlek, NULL);
    check_scene(&turin, NULL);
    turin_end(&turin, ask);
}

static void test_report_of_another_chip(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.report.chip_id[0] ^= 1;
    check_scene(&scene, SNP_CHECK_CHIP_ID);
}

static void test_report_of_another_chip_of_turin(void **state)
{
    (void)state;
    X509 *ask = NULL;
    struct scene scene = turin_scene(&ask);
    scene.report.chip_id[8] = 1; /* behind the eight bytes that name a chip there is nothing */
    check_scene(&scene, SNP_CHECK_CHIP_ID);
    scene.report.chip_id[8] = 0;
    scene.report.chip_id[7] ^= 1;
    check_scene(&scene, SNP_CHECK_CHIP_ID);
    turin_end(&scene, ask);
}

static void test_vcek_of_another_tcb(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.plan.tcb.bytes[7]--; /* an older microcode's */
    check_scene(&scene, SNP_CHECK_TCB);
}

static void test_vlek_of_another_csp(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VLEK);
    scene.policy = "chip: {csp_ids: ['CN=cloud.example']}\n";
    check_scene(&scene, NULL);
    scene.plan.csp_id = "CN=cloud.example.evil";
    check_scene(&scene, JUDGE_CHECK_CSP_ALLOWED);
    scene = scene_of(SNP_VEK_VCEK); /* names none */
    scene.policy = "chip: {csp_ids: ['CN=cloud.example']}\n";
    check_scene(&scene, JUDGE_CHECK_CSP_ALLOWED);
}

static void test_vlek_without_a_csp(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VLEK);
    scene.plan.csp_id = NULL;
    check_scene(&scene, SNP_CHECK_VEK_EXTENSIONS);
}

static void test_vcek_and_vlek_both(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    struct forge_vek other = forge_vlek();
    struct forge_evidence made;
    scene_make(&scene, &made);
    X509 *vlek = forge_certify(&other);
    made.owned[3] = forge_der(vlek);
    made.evidence.vcek = made.evidence.vek;
    made.evidence.vek = BYTES_NONE;
    check_evidence(&made.evidence, "", NULL);
    made.evidence.vlek = made.owned[3];
    check_evidence(&made.evidence, "", SNP_CHECK_VEK_CERTIFICATE);
    X509_free(vlek);
    forge_evidence_free(&made);
}

static void test_zero_chip_id_with_a_vcek(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    memset(scene.report.chip_id, 0, sizeof scene.report.chip_id);
    check_scene(&scene, SNP_CHECK_CHIP_ID);
    scene.report.key_info = 1 << 1; /* says that no VCEK signs, and hides no chip by it */
    check_scene(&scene, SNP_CHECK_CHIP_ID);
}

static void test_missing_spl_extension(void **state)
{
    (void)state;
    static const char *const names[] = {"3.1", "3.2", "3.3", "3.8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct scene scene = scene_of(SNP_VEK_VCEK);
        scene.plan.without = names[i];
        check_scene(&scene, SNP_CHECK_VEK_EXTENSIONS);
    }
    X509 *ask = NULL;
    struct scene turin = turin_scene(&ask);
    turin.plan.without = "3.9";
    check_scene(&turin, SNP_CHECK_VEK_EXTENSIONS);
    turin_end(&turin, ask);
}

static void test_hwid_in_der_is_accepted(void **state)
{
    (void)state;
    X509 *ask = NULL;
    struct scene milan = scene_of(SNP_VEK_VCEK), turin = turin_scene(&ask);
    milan.plan.hwid_is_wrapped = true;
    check_scene(&milan, NULL);
    milan.report.chip_id[63] ^= 1;
    check_scene(&milan, SNP_CHECK_CHIP_ID);
    turin.plan.hwid_is_wrapped = true;
    check_scene(&turin, NULL);
    turin.report.chip_id[0] ^= 1;
    check_scene(&turin, SNP_CHECK_CHIP_ID);
    turin_end(&turin, ask);
}

static void test_fmc_of_turin_that_differs(void **state)
{
    (void)state;
    X509 *ask = NULL;
    struct scene scene = turin_scene(&ask);
    snp_tcb_set(&scene.plan.tcb, SNP_TCB_LAYOUT_TURIN, SNP_TCB_FMC, 0);
    check_scene(&scene, SNP_CHECK_TCB);
    snp_tcb_set(&scene.plan.tcb, SNP_TCB_LAYOUT_TURIN, SNP_TCB_FMC, 2);
    check_scene(&scene, SNP_CHECK_TCB);
    turin_end(&scene, ask);
}

static void test_product_on_which_nobody_agrees(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.report.cpuid_model = 0x11; /* the report: Genoa */
    check_scene(&scene, SNP_CHECK_PRODUCT);
    scene = scene_of(SNP_VEK_VCEK);
    scene.plan.product_name = "Genoa-B1"; /* the certificate: Genoa */
    check_scene(&scene, SNP_CHECK_PRODUCT);
}

static void test_unknown_platform_bit_under_each_rule(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct verdict verdict;
    scene.report.platform_info = UINT64_C(1) << 40;
    check_scene(&scene, NULL);
    scene.policy = "platform: {unknown_bits: allow}\n";
    check_scene(&scene, NULL);
    scene.policy = "platform: {unknown_bits: deny}\n";
    check_scene(&scene, JUDGE_CHECK_PLATFORM_UNKNOWN);
    scene_make(&scene, &made);
    judge(&made.evidence, "platform: {unknown_bits: warn}\n", &verdict);
    assert_int_equal(verdict.kind, VERDICT_WARN);
    assert_string_equal(checklist_first(&verdict.checks, CHECK_WARN)->name, JUDGE_CHECK_PLATFORM_UNKNOWN);
    verdict_release(&verdict);
    forge_evidence_free(&made);
}

static void test_guest_that_may_be_debugged(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.report.policy |= UINT64_C(1) << SNP_POLICY_DEBUG;
    check_scene(&scene, JUDGE_CHECK_DEBUG);
}

static void test_report_of_version_6(void **state)
{
    (void)state;
    static const uint32_t versions[] = {6, 0, 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct scene scene = scene_of(SNP_VEK_VCEK);
        scene.report.version = versions[i];
        check_scene(&scene, SNP_CHECK_REPORT_VERSION);
    }
}

static void test_ark_of_the_same_name_with_another_key(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    X509 *ark = forge_authority("ARK-Milan", forge.ask_key, NULL, forge.ask_key);
    X509 *ask = forge_authority("SEV-Milan", forge.ask_key, ark, forge.ask_key);
    scene.plan.issuer = ask;
    scene.ark = ark;
    check_scene(&scene, SNP_CHECK_CHAIN_ROOT); /* the chain holds, up to a root that nobody trusts */
    scene.ark = forge.ark;
    check_scene(&scene, SNP_CHECK_CHAIN);
    X509_free(ask);
    X509_free(ark);
}

static void test_intermediate_signed_by_another_ark(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    X509 *ask = forge_authority("SEV-Milan", forge.ask_key, forge.ark, forge.ask_key);
    scene.plan.issuer = ask;
    check_scene(&scene, SNP_CHECK_CHAIN);
    X509_free(ask);
    X509 *genoa = forge_authority("ARK-Genoa", forge.ark_key, NULL, forge.ark_key); /* right key, another product */
    ask = forge_authority("SEV-Milan", forge.ask_key, genoa, forge.ark_key);
    scene.plan.issuer = ask;
    scene.ark = genoa;
    check_scene(&scene, SNP_CHECK_CHAIN);
    X509_free(ask);
    X509_free(genoa);
}

static void check_vek_of_time(int64_t from_s, int64_t to_s, const char *check)
{
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.plan.not_before_s = from_s;
    scene.plan.not_after_s = to_s;
    check_scene(&scene, check);
}

static void check_intermediate_of_time(int64_t from_s, int64_t to_s, const char *check)
{
    struct scene scene = scene_of(SNP_VEK_VCEK);
    X509 *ask = authority_of_time("SEV-Milan", forge.ask_key, forge.ark, from_s, to_s);
    scene.plan.issuer = ask;
    check_scene(&scene, check);
    X509_free(ask);
}

static void check_root_of_time(int64_t from_s, int64_t to_s, const char *check)
{
    struct scene scene = scene_of(SNP_VEK_VCEK);
    X509 *ark = authority_of_time("ARK-Milan", forge.ark_key, NULL, from_s, to_s);
    scene.ark = ark;
    check_scene(&scene, check);
    X509_free(ark);
}

static void test_expired_certificates(void **state)
{
    (void)state;
    const int64_t from_s = FORGE_NOW_S - 10 * FORGE_DAY_S, to_s = FORGE_NOW_S - 1;
    check_vek_of_time(from_s, to_s, SNP_CHECK_CHAIN_VALIDITY);
    check_intermediate_of_time(from_s, to_s, SNP_CHECK_CHAIN_VALIDITY);
    check_root_of_time(from_s, to_s, SNP_CHECK_CHAIN_VALIDITY);
    check_root_of_time(from_s, FORGE_NOW_S, NULL);
}

static void test_certificates_that_are_not_yet_valid(void **state)
{
    (void)state;
    const int64_t from_s = FORGE_NOW_S + 1, to_s = FORGE_NOW_S + 10 * FORGE_DAY_S;
    check_vek_of_time(from_s, to_s, SNP_CHECK_CHAIN_VALIDITY);
    check_intermediate_of_time(from_s, to_s, SNP_CHECK_CHAIN_VALIDITY);
    check_root_of_time(from_s, to_s, SNP_CHECK_CHAIN_VALIDITY);
    check_root_of_time(FORGE_NOW_S, to_s, NULL);
}

static void test_pkcs1_where_pss_is_due(void **state)
{
    (void)state;
    const int64_t from_s = FORGE_NOW_S - FORGE_DAY_S, to_s = FORGE_NOW_S + FORGE_DAY_S;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.plan.is_pkcs1 = true;
    check_scene(&scene, SNP_CHECK_CHAIN);

    scene = scene_of(SNP_VEK_VCEK);
    X509 *ask = authority_draft("SEV-Milan", forge.ask_key, forge.ark, from_s, to_s);
    assert_true(X509_sign(ask, forge.ark_key, EVP_sha384()) > 0);
    scene.plan.issuer = ask;
    check_scene(&scene, SNP_CHECK_CHAIN);
    X509_free(ask);

    scene = scene_of(SNP_VEK_VCEK);
    X509 *ark = authority_draft("ARK-Milan", forge.ark_key, NULL, from_s, to_s);
    assert_true(X509_sign(ark, forge.ark_key, EVP_sha384()) > 0);
    scene.ark = ark;
    check_scene(&scene, SNP_CHECK_CHAIN_ROOT);
    X509_free(ark);
}

static X509 *authority_with_an_extension_twice(const char *common_name, EVP_PKEY *key, X509 *issuer)
{
    X509 *certificate = authority_draft(common_name, key, issuer, FORGE_NOW_S - FORGE_DAY_S, FORGE_NOW_S + FORGE_DAY_S);
    assert_int_equal(X509_add_ext(certificate, X509_get_ext(certificate, 0), -1), 1);
    assert_false(failed(psp_certificate_sign(certificate, forge.ark_key)));
    return certificate;
}

static void test_duplicate_extension(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    scene.plan.twice = "3.3";
    check_scene(&scene, SNP_CHECK_VEK_CERTIFICATE);
    scene = scene_of(SNP_VEK_VLEK);
    scene.plan.twice = "5";
    check_scene(&scene, SNP_CHECK_VEK_CERTIFICATE);

    scene = scene_of(SNP_VEK_VCEK);
    X509 *ask = authority_with_an_extension_twice("SEV-Milan", forge.ask_key, forge.ark);
    scene.plan.issuer = ask;
    check_scene(&scene, SNP_CHECK_CHAIN);
    X509_free(ask);

    scene = scene_of(SNP_VEK_VCEK);
    X509 *ark = authority_with_an_extension_twice("ARK-Milan", forge.ark_key, NULL);
    scene.ark = ark;
    check_scene(&scene, SNP_CHECK_CHAIN_ROOT);
    X509_free(ark);
}

/* One byte more, in a place of its own. */
static struct bytes longer(struct bytes content, uint8_t *room)
{
    memcpy(room, content.p, content.n);
    room[content.n] = 0;
    return bytes_of(room, content.n + 1);
}

static void test_trailing_bytes(void **state)
{
    (void)state;
    struct scene scene = scene_of(SNP_VEK_VCEK);
    struct forge_evidence made;
    uint8_t room[8192];
    scene_make(&scene, &made);
    struct snp_evidence evidence = made.evidence;
    evidence.report = longer(made.evidence.report, room);
    check_evidence(&evidence, "", SNP_CHECK_REPORT_LENGTH);
    evidence = made.evidence;
    evidence.vek = longer(made.evidence.vek, room);
    check_evidence(&evidence, "", SNP_CHECK_VEK_CERTIFICATE);
    evidence = made.evidence;
    evidence.intermediate = longer(made.evidence.intermediate, room);
    check_evidence(&evidence, "", SNP_CHECK_CHAIN);
    evidence = made.evidence;
    evidence.ark = longer(made.evidence.ark, room);
    check_evidence(&evidence, "", SNP_CHECK_CHAIN);
    check_evidence(&made.evidence, "", NULL);
    forge_evidence_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_evidence_is_allowed),
        cmocka_unit_test(test_report_of_another_chip),
        cmocka_unit_test(test_report_of_another_chip_of_turin),
        cmocka_unit_test(test_vcek_of_another_tcb),
        cmocka_unit_test(test_vlek_of_another_csp),
        cmocka_unit_test(test_vlek_without_a_csp),
        cmocka_unit_test(test_vcek_and_vlek_both),
        cmocka_unit_test(test_zero_chip_id_with_a_vcek),
        cmocka_unit_test(test_missing_spl_extension),
        cmocka_unit_test(test_hwid_in_der_is_accepted),
        cmocka_unit_test(test_fmc_of_turin_that_differs),
        cmocka_unit_test(test_product_on_which_nobody_agrees),
        cmocka_unit_test(test_unknown_platform_bit_under_each_rule),
        cmocka_unit_test(test_guest_that_may_be_debugged),
        cmocka_unit_test(test_report_of_version_6),
        cmocka_unit_test(test_ark_of_the_same_name_with_another_key),
        cmocka_unit_test(test_intermediate_signed_by_another_ark),
        cmocka_unit_test(test_expired_certificates),
        cmocka_unit_test(test_certificates_that_are_not_yet_valid),
        cmocka_unit_test(test_pkcs1_where_pss_is_due),
        cmocka_unit_test(test_duplicate_extension),
        cmocka_unit_test(test_trailing_bytes),
    };
    return cmocka_run_group_tests_name("attest_corpus", tests, forge_begin, forge_end);
}
