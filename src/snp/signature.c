#include "snp/signature.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

#define P384_SIZE           48
#define SIGNATURE_DER_MAX   (2 * (P384_SIZE + 3) + 3)
#define AT_S                (SNP_SIGNATURE_OFFSET + SNP_SIGNATURE_COMPONENT_SIZE)
#define AT_BEHIND_SIGNATURE (SNP_SIGNATURE_OFFSET + 2 * SNP_SIGNATURE_COMPONENT_SIZE)
#define COMPONENT_REST      (SNP_SIGNATURE_COMPONENT_SIZE - P384_SIZE)

bool snp_signature_padding_is_zero(const uint8_t report[SNP_REPORT_SIZE])
{
    return bytes_are_zero(bytes_of(report + SNP_SIGNATURE_OFFSET + P384_SIZE, COMPONENT_REST)) &&
           bytes_are_zero(bytes_of(report + AT_S + P384_SIZE, COMPONENT_REST)) &&
           bytes_are_zero(bytes_of(report + AT_BEHIND_SIGNATURE, SNP_REPORT_SIZE - AT_BEHIND_SIGNATURE));
}

static struct err signature_key_is_p384(EVP_PKEY *key)
{
    char group[32] = "";
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
        strcmp(group, SN_secp384r1) != 0)
        return err_make(ERR_DENIED, "the key is not on P-384");
    return OK;
}

/* R and S as the SEQUENCE that OpenSSL verifies. `der` is to be freed with OPENSSL_free. */
static struct err signature_to_der(const uint8_t *report, unsigned char **der, size_t *size)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_lebin2bn(report + SNP_SIGNATURE_OFFSET, P384_SIZE, NULL);
    BIGNUM *s = BN_lebin2bn(report + AT_S, P384_SIZE, NULL);
    if (!signature || !r || !s || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(signature);
        return err_crypto("the report's signature cannot be read");
    }
    int n = i2d_ECDSA_SIG(signature, der);
    ECDSA_SIG_free(signature);
    if (n <= 0)
        return err_crypto("the report's signature cannot be read");
    *size = (size_t)n;
    return OK;
}

struct err snp_signature_verify(const uint8_t report[SNP_REPORT_SIZE], EVP_PKEY *key)
{
    TRY(signature_key_is_p384(key));
    unsigned char *der = NULL;
    size_t size = 0;
    TRY(signature_to_der(report, &der, &size));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool verified = context && EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
                    EVP_DigestVerify(context, der, size, report, SNP_REPORT_SIGNED_SIZE) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    if (!verified) {
        ERR_clear_error();
        return err_make(ERR_DENIED, "the key of the certificate did not sign this report");
    }
    return OK;
}

static struct err signature_from_der(const unsigned char *der, size_t size, uint8_t *report)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
    memset(report + SNP_SIGNATURE_OFFSET, 0, SNP_REPORT_SIZE - SNP_SIGNATURE_OFFSET);
    bool written = signature &&
                   BN_bn2lebinpad(ECDSA_SIG_get0_r(signature), report + SNP_SIGNATURE_OFFSET, P384_SIZE) == P384_SIZE &&
                   BN_bn2lebinpad(ECDSA_SIG_get0_s(signature), report + AT_S, P384_SIZE) == P384_SIZE;
    ECDSA_SIG_free(signature);
    return written ? OK : err_crypto("the report's signature cannot be written");
}

struct err snp_signature_make(uint8_t report[SNP_REPORT_SIZE], EVP_PKEY *key)
{
    TRY(signature_key_is_p384(key));
    unsigned char der[SIGNATURE_DER_MAX];
    size_t size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
                EVP_DigestSign(context, der, &size, report, SNP_REPORT_SIGNED_SIZE) == 1;
    EVP_MD_CTX_free(context);
    if (!made)
        return err_crypto("the report cannot be signed");
    return signature_from_der(der, size, report);
}
