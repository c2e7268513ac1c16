#include "snp/psp_issue.h"

#include "base/writer.h"
#include "snp/roots.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define AMD_ARC       "1.3.6.1.4.1.3704.1."
#define AMD_KEY_BITS  4096
#define AMD_SALT_SIZE 48

struct err psp_make_rsa_key(EVP_PKEY **out)
{
    *out = EVP_RSA_gen(AMD_KEY_BITS);
    return *out ? OK : err_crypto("cannot make an RSA key");
}

struct err psp_make_p384_key(EVP_PKEY **out)
{
    *out = EVP_EC_gen(SN_secp384r1);
    return *out ? OK : err_crypto("cannot make a P-384 key");
}

static bool issue_name(X509 *certificate, const char *common_name, const X509 *issuer)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                      (const unsigned char *)SNP_SIMULATED_ORGANISATION, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name) == 1;
}

struct err psp_certificate_begin(const struct psp_certificate *what, X509 **out)
{
    X509 *certificate = X509_new();
    bool made = certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), what->serial) == 1 &&
                issue_name(certificate, what->common_name, what->issuer) &&
                X509_set_pubkey(certificate, what->key) == 1 &&
                ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)what->not_before_s) &&
                ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)what->not_after_s);
    if (!made) {
        X509_free(certificate);
        return err_crypto("cannot make a certificate of %s", what->common_name);
    }
    *out = certificate;
    return OK;
}

static struct err issue_add_standard(X509 *certificate, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, (X509 *)issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added ? OK : err_crypto("cannot add extension %s", OBJ_nid2sn(nid));
}

struct err psp_certificate_add_authority(X509 *certificate, const X509 *issuer)
{
    bool is_root = issuer == NULL;
    TRY(issue_add_standard(certificate, issuer, NID_subject_key_identifier, "hash"));
    if (!is_root)
        TRY(issue_add_standard(certificate, issuer, NID_authority_key_identifier, "keyid"));
    TRY(issue_add_standard(certificate, issuer, NID_basic_constraints,
                           is_root ? "critical,CA:TRUE" : "critical,CA:TRUE,pathlen:0"));
    return issue_add_standard(certificate, issuer, NID_key_usage,
                              is_root ? "critical,keyCertSign,cRLSign" : "critical,keyCertSign");
}

struct err psp_certificate_add(X509 *certificate, const char *name, struct bytes content)
{
    char oid[64];
    snprintf(oid, sizeof(oid), AMD_ARC "%s", name);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    if (object && value && ASN1_OCTET_STRING_set(value, content.p, (int)content.n) == 1)
        extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
    return added ? OK : err_crypto("cannot add extension %s", oid);
}

struct err psp_certificate_add_number(X509 *certificate, const char *name, uint8_t value)
{
    uint8_t der[4] = {0x02, 1, value};
    if (value < 0x80)
        return psp_certificate_add(certificate, name, bytes_of(der, 3));
    der[1] = 2;
    der[2] = 0;
    der[3] = value;
    return psp_certificate_add(certificate, name, bytes_of(der, 4));
}

struct err psp_certificate_add_text(X509 *certificate, const char *name, const char *text)
{
    struct bytes content = bytes_of_string(text);
    if (content.n > 0x7f)
        return err_make(ERR_INPUT, "the text of extension %s is too long", name);
    uint8_t der[2 + 0x7f];
    struct writer w = writer_over(der, sizeof(der));
    writer_u8(&w, 0x16); /* IA5String */
    writer_u8(&w, (uint8_t)content.n);
    writer_put(&w, content);
    return psp_certificate_add(certificate, name, writer_bytes(&w));
}

static const char *issue_product_name(enum snp_product product)
{
    return product == SNP_PRODUCT_MILAN ? "Milan-B0" : snp_product_name(product);
}

struct err psp_certificate_add_versions(X509 *certificate, enum snp_product product, struct snp_tcb tcb)
{
    enum snp_tcb_layout layout = snp_product_tcb_layout(product);
    bool is_turin = layout == SNP_TCB_LAYOUT_TURIN;
    TRY(psp_certificate_add_number(certificate, "1", is_turin ? 1 : 0));
    TRY(psp_certificate_add_text(certificate, "2", issue_product_name(product)));
    if (is_turin)
        TRY(psp_certificate_add_number(certificate, "3.9", snp_tcb_get(tcb, layout, SNP_TCB_FMC)));
    TRY(psp_certificate_add_number(certificate, "3.1", snp_tcb_get(tcb, layout, SNP_TCB_BOOTLOADER)));
    TRY(psp_certificate_add_number(certificate, "3.2", snp_tcb_get(tcb, layout, SNP_TCB_TEE)));
    if (!is_turin)
        TRY(psp_certificate_add_number(certificate, "3.4", 0));
    TRY(psp_certificate_add_number(certificate, "3.5", 0));
    TRY(psp_certificate_add_number(certificate, "3.6", 0));
    TRY(psp_certificate_add_number(certificate, "3.7", 0));
    TRY(psp_certificate_add_number(certificate, "3.3", snp_tcb_get(tcb, layout, SNP_TCB_SNP)));
    return psp_certificate_add_number(certificate, "3.8", snp_tcb_get(tcb, layout, SNP_TCB_MICROCODE));
}

struct err psp_signing_context(EVP_PKEY *issuer_key, EVP_MD_CTX **out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL; /* belongs to the context */
    bool ready = context && EVP_DigestSignInit(context, &parameters, EVP_sha384(), NULL, issuer_key) == 1 &&
                 EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, AMD_SALT_SIZE) == 1 &&
                 EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, EVP_sha384()) == 1;
    if (!ready) {
        EVP_MD_CTX_free(context);
        return err_crypto("cannot prepare a signature");
    }
    *out = context;
    return OK;
}

struct err psp_certificate_sign(X509 *certificate, EVP_PKEY *issuer_key)
{
    EVP_MD_CTX *context = NULL;
    TRY(psp_signing_context(issuer_key, &context));
    bool made = X509_sign_ctx(certificate, context) > 0;
    EVP_MD_CTX_free(context);
    return made ? OK : err_crypto("cannot sign a certificate");
}
