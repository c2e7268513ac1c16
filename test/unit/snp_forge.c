#include "snp_forge.h"

#include "base/mem.h"
#include "snp/psp_issue.h"
#include "snp/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

struct forge forge;

int forge_begin(void **state)
{
    (void)state;
    if (failed(psp_make_rsa_key(&forge.ark_key)) || failed(psp_make_rsa_key(&forge.ask_key)) ||
        failed(psp_make_p384_key(&forge.vek_key)))
        return -1;
    forge.ark = forge_authority("ARK-Milan", forge.ark_key, NULL, forge.ark_key);
    forge.ask = forge_authority("SEV-Milan", forge.ask_key, forge.ark, forge.ark_key);
    forge.asvk = forge_authority("SEV-VLEK-Milan", forge.ask_key, forge.ark, forge.ark_key);
    forge.trusts_ark = snp_arks_new();
    struct bytes der = forge_der(forge.ark);
    struct err added = snp_arks_add_certificate(forge.trusts_ark, der);
    OPENSSL_free((void *)der.p);
    return failed(added) ? -1 : 0;
}

int forge_end(void **state)
{
    (void)state;
    snp_arks_free(forge.trusts_ark);
    X509_free(forge.ark);
    X509_free(forge.ask);
    X509_free(forge.asvk);
    EVP_PKEY_free(forge.ark_key);
    EVP_PKEY_free(forge.ask_key);
    EVP_PKEY_free(forge.vek_key);
    return 0;
}

static X509_EXTENSION *forge_extension(int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, NULL, NULL, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    return extension;
}

X509 *forge_authority(const char *common_name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    bool is_asvk = strncmp(common_name, "SEV-VLEK-", 9) == 0;
    struct psp_certificate what = {
        .common_name = common_name,
        .key = key,
        .issuer = issuer,
        .serial = !issuer   ? 0x10000
                  : is_asvk ? 0x10101
                            : 0x10001,
        .not_before_s = FORGE_NOW_S - 1000 * FORGE_DAY_S,
        .not_after_s = FORGE_NOW_S + 5000 * FORGE_DAY_S,
    };
    X509 *certificate = NULL;
    assert_false(failed(psp_certificate_begin(&what, &certificate)));
    assert_false(failed(psp_certificate_add_authority(certificate, issuer)));
    X509_EXTENSION *lists =
        forge_extension(NID_crl_distribution_points, is_asvk ? "URI:" FORGE_VLEK_LISTS : "URI:" FORGE_VCEK_LISTS);
    assert_int_equal(X509_add_ext(certificate, lists, -1), 1);
    X509_EXTENSION_free(lists);
    assert_false(failed(psp_certificate_sign(certificate, issuer_key)));
    return certificate;
}

struct forge_vek forge_vcek(void)
{
    struct forge_vek plan = {
        .common_name = "SEV-VCEK",
        .key = forge.vek_key,
        .issuer_key = forge.ask_key,
        .issuer = forge.ask,
        .product = SNP_PRODUCT_MILAN,
        .tcb = {{4, 0, 0, 0, 0, 0, 24, 219}},
        .hwid_size = 64,
        .not_before_s = FORGE_NOW_S - 100 * FORGE_DAY_S,
        .not_after_s = FORGE_NOW_S + 100 * FORGE_DAY_S,
    };
    memset(plan.hwid, 0xc1, sizeof(plan.hwid));
    return plan;
}

struct forge_vek forge_vlek(void)
{
    struct forge_vek plan = forge_vcek();
    plan.common_name = "SEV-VLEK";
    plan.issuer = forge.asvk;
    plan.hwid_size = 0;
    plan.csp_id = "CN=cloud.example";
    return plan;
}

static X509_EXTENSION *forge_take(X509 *certificate, const char *name)
{
    char *oid = mem_format("1.3.6.1.4.1.3704.1.%s", name);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    int at = X509_get_ext_by_OBJ(certificate, object, -1);
    ASN1_OBJECT_free(object);
    free(oid);
    assert_true(at >= 0);
    return X509_delete_ext(certificate, at);
}

static void forge_mistakes(const struct forge_vek *plan, X509 *certificate)
{
    if (plan->product_name) {
        X509_EXTENSION_free(forge_take(certificate, "2"));
        assert_false(failed(psp_certificate_add_text(certificate, "2", plan->product_name)));
    }
    if (plan->without)
        X509_EXTENSION_free(forge_take(certificate, plan->without));
    if (plan->twice) {
        X509_EXTENSION *extension = forge_take(certificate, plan->twice);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    if (plan->has_unknown_critical) {
        assert_false(failed(psp_certificate_add(certificate, "99", BYTES_LITERAL("\x05\x00"))));
        X509_EXTENSION *extension = X509_get_ext(certificate, X509_get_ext_count(certificate) - 1);
        assert_int_equal(X509_EXTENSION_set_critical(extension, 1), 1);
    }
}

static void forge_add_ids(const struct forge_vek *plan, X509 *certificate)
{
    uint8_t wrapped[2 + 64] = {0x04, (uint8_t)plan->hwid_size};
    memcpy(wrapped + 2, plan->hwid, plan->hwid_size);
    if (plan->hwid_size > 0)
        assert_false(failed(psp_certificate_add(certificate, "4",
                                                plan->hwid_is_wrapped ? bytes_of(wrapped, plan->hwid_size + 2)
                                                                      : bytes_of(plan->hwid, plan->hwid_size))));
    if (plan->csp_id)
        assert_false(failed(psp_certificate_add_text(certificate, "5", plan->csp_id)));
}

static void forge_sign(const struct forge_vek *plan, X509 *certificate)
{
    if (plan->is_pkcs1) {
        assert_true(X509_sign(certificate, plan->issuer_key, EVP_sha384()) > 0);
    } else if (plan->has_short_salt) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *parameters = NULL;
        assert_int_equal(EVP_DigestSignInit(context, &parameters, EVP_sha384(), NULL, plan->issuer_key), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 32), 1);
        assert_true(X509_sign_ctx(certificate, context) > 0);
        EVP_MD_CTX_free(context);
    } else {
        assert_false(failed(psp_certificate_sign(certificate, plan->issuer_key)));
    }
}

X509 *forge_certify(const struct forge_vek *plan)
{
    struct psp_certificate what = {
        .common_name = plan->common_name,
        .key = plan->key,
        .issuer = plan->issuer,
        .not_before_s = plan->not_before_s,
        .not_after_s = plan->not_after_s,
    };
    X509 *certificate = NULL;
    assert_false(failed(psp_certificate_begin(&what, &certificate)));
    assert_false(failed(psp_certificate_add_versions(certificate, plan->product, plan->tcb)));
    forge_add_ids(plan, certificate);
    forge_mistakes(plan, certificate);
    forge_sign(plan, certificate);
    return certificate;
}

struct snp_report forge_report(enum snp_vek_kind kind)
{
    struct snp_tcb tcb = forge_vcek().tcb;
    struct snp_report report = {
        .version = 3,
        .policy = 0x20000,
        .signature_algo = SNP_SIGNATURE_ALGO_ECDSA_P384_SHA384,
        .current_tcb = tcb,
        .reported_tcb = tcb,
        .committed_tcb = tcb,
        .launch_tcb = tcb,
        .key_info = kind == SNP_VEK_VLEK ? SNP_SIGNING_KEY_VLEK << 2 : 0,
        .cpuid_family = 0x19,
        .cpuid_model = 1,
        .cpuid_stepping = 1,
        .current = {1, 55, 29},
        .committed = {1, 55, 29},
    };
    if (kind == SNP_VEK_VCEK)
        memset(report.chip_id, 0xc1, sizeof(report.chip_id));
    return report;
}

struct bytes forge_der(X509 *certificate)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    assert_true(size > 0);
    return bytes_of(der, (size_t)size);
}

void forge_evidence(const struct forge_vek *plan, const struct snp_report *report, struct forge_evidence *out)
{
    *out = (struct forge_evidence){0};
    snp_report_write(report, out->report);
    assert_false(failed(snp_signature_make(out->report, forge.vek_key)));
    X509 *certificate = forge_certify(plan);
    out->owned[0] = forge_der(certificate);
    out->owned[1] = forge_der(plan->issuer);
    out->evidence.report = BYTES(out->report);
    out->evidence.vek = out->owned[0];
    out->evidence.intermediate = out->owned[1];
    X509_free(certificate);
}

void forge_evidence_free(struct forge_evidence *evidence)
{
    for (size_t i = 0; i < sizeof(evidence->owned) / sizeof(evidence->owned[0]); i++)
        OPENSSL_free((void *)evidence->owned[i].p);
}

static void forge_revoke(X509_CRL *list, X509 *revoked, const ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    assert_int_equal(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)when), 1);
    assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
}

static void forge_narrow(X509_CRL *list, const char *scope)
{
    X509_EXTENSION *extension = forge_extension(NID_issuing_distribution_point, scope);
    assert_int_equal(X509_CRL_add_ext(list, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

struct bytes forge_crl(X509 *issuer, EVP_PKEY *key, X509 *revoked, int64_t this_s, int64_t next_s)
{
    return forge_crl_of(issuer, key, revoked, this_s, next_s, NULL);
}

struct bytes forge_crl_of(X509 *issuer, EVP_PKEY *key, X509 *revoked, int64_t this_s, int64_t next_s, const char *scope)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *this_update = ASN1_TIME_set(NULL, (time_t)this_s), *next_update = ASN1_TIME_set(NULL, (time_t)next_s);
    assert_int_equal(X509_CRL_set_version(list, X509_CRL_VERSION_2), 1);
    assert_int_equal(X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(list, this_update), 1);
    if (next_s != 0)
        assert_int_equal(X509_CRL_set1_nextUpdate(list, next_update), 1);
    if (revoked)
        forge_revoke(list, revoked, this_update);
    if (scope)
        forge_narrow(list, scope);
    EVP_MD_CTX *context = NULL;
    assert_false(failed(psp_signing_context(key, &context)));
    assert_true(X509_CRL_sign_ctx(list, context) > 0);
    unsigned char *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    assert_true(size > 0);
    EVP_MD_CTX_free(context);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    X509_CRL_free(list);
    return bytes_of(der, (size_t)size);
}

struct snp_trust forge_trust(void)
{
    return (struct snp_trust){.now_s = FORGE_NOW_S, .arks = forge.trusts_ark};
}

static const char *const forge_order[] = {
    SNP_CHECK_REPORT_LENGTH,
    SNP_CHECK_REPORT_VERSION,
    SNP_CHECK_SIGNATURE_ALGORITHM,
    SNP_CHECK_UNSIGNED_BYTES,
    SNP_CHECK_VEK_CERTIFICATE,
    SNP_CHECK_VEK_EXTENSIONS,
    SNP_CHECK_CHAIN,
    SNP_CHECK_CHAIN_ROOT,
    SNP_CHECK_CHAIN_VALIDITY,
    SNP_CHECK_CHAIN_REVOCATION,
    SNP_CHECK_REPORT_SIGNATURE,
    SNP_CHECK_KEY_KIND,
    SNP_CHECK_PRODUCT,
    SNP_CHECK_CHIP_ID,
    SNP_CHECK_CSP_ID,
    SNP_CHECK_TCB,
    SNP_CHECK_REPORTED_TCB,
    SNP_CHECK_COMMITTED_TCB,
    SNP_CHECK_COMMITTED_VERSION,
};

static void forge_verify(const struct snp_evidence *evidence, const struct snp_trust *trust, struct checklist *list)
{
    struct snp_facts facts;
    *list = CHECKLIST_EMPTY;
    snp_verify(evidence, trust, list, &facts);
    assert_int_equal(list->count, sizeof(forge_order) / sizeof(forge_order[0]));
    for (size_t i = 0; i < list->count; i++)
        assert_string_equal(list->checks[i].name, forge_order[i]);
}

const char *forge_failure(const struct snp_evidence *evidence, const struct snp_trust *trust)
{
    struct checklist list;
    forge_verify(evidence, trust, &list);
    const struct check *check = checklist_first(&list, CHECK_FAIL);
    const char *name = check ? check->name : NULL;
    checklist_free(&list);
    return name;
}

bool forge_outcome_is(const struct snp_evidence *evidence, const struct snp_trust *trust, const char *check,
                      enum check_outcome outcome)
{
    struct checklist list;
    forge_verify(evidence, trust, &list);
    const struct check *found = checklist_find(&list, check);
    bool is = found && found->outcome == outcome;
    if (found && !is)
        print_message("%s: %s (%s)\n", check, check_outcome_name(found->outcome), found->found);
    checklist_free(&list);
    return is;
}

const char *vectors_directory(void)
{
    static char path[4096];
    const char *given = getenv("PGVOUCH_VECTORS"), *sources = getenv("srcdir");
    if (given)
        snprintf(path, sizeof(path), "%s", given);
    else
        snprintf(path, sizeof(path), "%s/../shared/vectors", sources ? sources : ".");
    return access(path, R_OK | X_OK) == 0 ? path : NULL;
}

struct bytes vectors_read(const char *folder, const char *file)
{
    char *path = mem_format("%s/%s/%s", vectors_directory(), folder, file);
    FILE *stream = fopen(path, "rb");
    free(path);
    if (!stream)
        return BYTES_NONE;
    uint8_t *content = mem_alloc(65536);
    size_t size = fread(content, 1, 65536, stream);
    fclose(stream);
    return bytes_of(content, size);
}
