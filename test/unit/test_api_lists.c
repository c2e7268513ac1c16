/* libvouch: a revocation list beside evidence that brings its certificates. */
#include "api_scene.h"
#include "attest/bind.h"
#include "attest/cmw.h"
#include "snp/psp_issue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A CMW, in `w`, with its certificates. Its record may say that it is
 * about a certificate: then it is for one to carry. */
static void make_cmw(uint8_t kind, struct forge_evidence *made, struct writer *w)
{
    uint8_t record[BIND_MAX];
    struct writer written = writer_over(record, sizeof record);
    struct bind bind = {
        .kind = BIND_KIND_REPORT, .issued_at_s = FORGE_NOW_S, .nonce = BYTES_LITERAL("sixteen bytes..")};
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_vek plan = forge_vcek();
    assert_false(failed(bind_report_data_alone(&bind, report.report_data)));
    forge_evidence(&plan, &report, made);
    bind.kind = kind;
    bind_write(&bind, &written);
    struct writer table = writer_growing(SNP_CERTTABLE_MAX);
    struct bytes ark = forge_der(forge.ark);
    struct snp_certtable certificates = {made->evidence.vek, BYTES_NONE, made->evidence.intermediate, ark,
                                         BYTES_NONE,         0};
    snp_certtable_write(&certificates, &table);
    struct cmw cmw = {.report = BYTES(made->report), .bind = writer_bytes(&written), .certs = writer_bytes(&table)};
    cmw_write(&cmw, w);
    assert_false(failed(writer_finish(w, "CMW")));
    writer_free(&table);
    OPENSSL_free((void *)ark.p);
}

/* A certificate that carries the CMW, and is good for no more. */
static struct bytes certificate_with(struct bytes cmw)
{
    X509 *leaf = X509_dup(forge.ask);
    ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.5.5.7.1.35", 1);
    ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new(), *outer = ASN1_OCTET_STRING_new();
    unsigned char *der = NULL;
    assert_int_equal(ASN1_OCTET_STRING_set(inner, cmw.p, (int)cmw.n), 1);
    int size = i2d_ASN1_OCTET_STRING(inner, &der);
    assert_int_equal(ASN1_OCTET_STRING_set(outer, der, size), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, outer);
    assert_int_equal(X509_add_ext(leaf, extension, -1), 1);
    assert_false(failed(psp_certificate_sign(leaf, forge.ark_key)));
    struct bytes made = forge_der(leaf);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(inner);
    ASN1_OCTET_STRING_free(outer);
    ASN1_OBJECT_free(object);
    OPENSSL_free(der);
    X509_free(leaf);
    return made;
}

typedef int request_setter(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size);

/* How the check of revocation ends, with a list (may be empty) beside the evidence. */
static int revocation_of(request_setter *set, struct bytes evidence, const char *more, struct bytes list)
{
    vouch_request *request = vouch_request_new();
    vouch_policy *policy = policy_of(more);
    vouch_verifier *verifier = vouch_verifier_new();
    vouch_verdict *verdict = NULL;
    int outcome = -1;
    assert_int_equal(set(request, evidence.p, evidence.n, why, sizeof why), VOUCH_OK);
    if (list.n > 0)
        endorse(request, VOUCH_CRL, list);
    vouch_request_set_time(request, FORGE_NOW_S);
    vouch_request_set_policy(request, policy);
    assert_int_equal(vouch_verify(verifier, request, &verdict, why, sizeof why), VOUCH_OK);
    for (size_t i = 0; i < vouch_verdict_check_count(verdict); i++)
        if (strcmp(vouch_verdict_check_name(verdict, i), SNP_CHECK_CHAIN_REVOCATION) == 0)
            outcome = vouch_verdict_check_outcome(verdict, i);
    vouch_verdict_free(verdict);
    vouch_verifier_free(verifier);
    vouch_policy_free(policy);
    vouch_request_free(request);
    return outcome;
}

static void test_list_goes_with_evidence_that_brings_its_certificates(void **state)
{
    (void)state;
    struct forge_evidence made, carried;
    struct writer cmw = writer_growing(CMW_MAX), inside = writer_growing(CMW_MAX);
    make_cmw(BIND_KIND_REPORT, &made, &cmw);
    make_cmw(BIND_KIND_LEAF, &carried, &inside);
    struct bytes leaf = certificate_with(writer_bytes(&inside));
    struct bytes clean = forge_crl(forge.ark, forge.ark_key, NULL, FORGE_NOW_S - 2 * FORGE_DAY_S, 0);
    struct bytes revoking = forge_crl(forge.ark, forge.ark_key, forge.ask, FORGE_NOW_S - FORGE_DAY_S, 0);
    struct bytes strange = forge_crl(forge.ark, forge.ask_key, NULL, FORGE_NOW_S - FORGE_DAY_S, 0);
    request_setter *const setters[] = {vouch_request_set_cmw, vouch_request_set_certificate};
    const struct bytes evidence[] = {writer_bytes(&cmw), leaf};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(revocation_of(setters[i], evidence[i], "", BYTES_NONE), VOUCH_CHECK_SKIPPED);
        assert_int_equal(revocation_of(setters[i], evidence[i], "", clean), VOUCH_CHECK_PASSED);
        assert_int_equal(revocation_of(setters[i], evidence[i], "", revoking), VOUCH_CHECK_FAILED);
        assert_int_equal(revocation_of(setters[i], evidence[i], "", strange), VOUCH_CHECK_FAILED);
        assert_int_equal(revocation_of(setters[i], evidence[i], "  crl: required\n", BYTES_NONE), VOUCH_CHECK_FAILED);
        assert_int_equal(revocation_of(setters[i], evidence[i], "  crl: required\n", clean), VOUCH_CHECK_PASSED);
        assert_int_equal(revocation_of(setters[i], evidence[i], "  crl_max_age: 1d\n", clean), VOUCH_CHECK_FAILED);
    }
    OPENSSL_free((void *)leaf.p);
    OPENSSL_free((void *)clean.p);
    OPENSSL_free((void *)revoking.p);
    OPENSSL_free((void *)strange.p);
    writer_free(&cmw);
    writer_free(&inside);
    forge_evidence_free(&made);
    forge_evidence_free(&carried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_goes_with_evidence_that_brings_its_certificates),
    };
    return cmocka_run_group_tests_name("api_lists", tests, forge_begin, forge_end);
}
