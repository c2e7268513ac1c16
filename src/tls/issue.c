#include "tls/issue.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define COMMON_NAME_MAX 64 /* RFC 5280 appendix A.1, ub-common-name */
#define SERIAL_BITS     127

struct err issue_make_key(EVP_PKEY **out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        return err_crypto("cannot make a P-256 key");
    *out = key;
    return OK;
}

static struct err issue_set_serial(X509 *x509)
{
    BIGNUM *number = BN_new();
    bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return set ? OK : err_crypto("cannot make a serial number");
}

static struct err issue_set_name(X509 *x509, const char *common_name)
{
    size_t size = common_name ? strlen(common_name) : 0;
    if (size == 0)
        return err_make(ERR_INPUT, "a certificate needs a common name");
    if (X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                                   (const unsigned char *)common_name, (int)size, -1, 0) != 1) {
        (void)err_crypto("cleared");
        return err_make(ERR_INPUT, "the common name must be UTF-8 of at most %d characters", COMMON_NAME_MAX);
    }
    return OK;
}

static struct err issue_set_times(X509 *x509, int64_t not_before_s, int64_t not_after_s)
{
    if (not_after_s <= not_before_s)
        return err_make(ERR_INPUT, "a certificate must end after it begins");
    if (!ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)not_before_s) ||
        !ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)not_after_s))
        return err_crypto("the certificate's times cannot be written");
    return OK;
}

static struct err issue_fill(X509 *x509, const char *common_name, EVP_PKEY *key, const X509 *issuer)
{
    if (X509_set_version(x509, X509_VERSION_3) != 1)
        return err_crypto("cannot make a certificate");
    TRY(issue_set_serial(x509));
    TRY(issue_set_name(x509, common_name));
    const X509_NAME *issued_by = X509_get_subject_name(issuer ? issuer : x509);
    if (X509_set_issuer_name(x509, issued_by) != 1 || X509_set_pubkey(x509, key) != 1)
        return err_crypto("cannot make a certificate");
    return OK;
}

struct err issue_begin(const char *common_name, EVP_PKEY *key, const X509 *issuer, int64_t not_before_s,
                       int64_t not_after_s, X509 **out)
{
    X509 *x509 = X509_new();
    if (!x509)
        return err_crypto("cannot make a certificate");
    struct err outcome = issue_fill(x509, common_name, key, issuer);
    if (!failed(outcome))
        outcome = issue_set_times(x509, not_before_s, not_after_s);
    if (failed(outcome)) {
        X509_free(x509);
        return outcome;
    }
    *out = x509;
    return OK;
}

struct err issue_add(X509 *x509, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, (X509 *)(issuer ? issuer : x509), x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added ? OK : err_crypto("cannot add extension %s", OBJ_nid2sn(nid));
}

bool issue_key_is_fit(const EVP_PKEY *key)
{
    int kind = EVP_PKEY_get_base_id(key);
    return kind == EVP_PKEY_EC || kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS;
}

struct err issue_sign(X509 *x509, EVP_PKEY *issuer_key)
{
    if (!issue_key_is_fit(issuer_key))
        return err_make(ERR_UNSUPPORTED, "only ECDSA and RSA keys can issue certificates: channel binding has no hash "
                                         "for others");
    bool is_long_curve = EVP_PKEY_get_base_id(issuer_key) == EVP_PKEY_EC && EVP_PKEY_get_bits(issuer_key) >= 384;
    if (X509_sign(x509, issuer_key, is_long_curve ? EVP_sha384() : EVP_sha256()) <= 0)
        return err_crypto("cannot sign a certificate");
    return OK;
}
