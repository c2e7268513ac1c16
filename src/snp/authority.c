#include "snp/authority.h"

#include "snp/product.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define AMD_KEY_BITS  4096
#define AMD_SALT_SIZE 48

static bool algorithm_is(const X509_ALGOR *algorithm, int nid, int *parameter_type, const void **parameter)
{
    const ASN1_OBJECT *object = NULL;
    if (!algorithm)
        return false;
    X509_ALGOR_get0(&object, parameter_type, parameter, algorithm);
    return OBJ_obj2nid(object) == nid;
}

/* SHA-384, its parameters absent or NULL (RFC 4055 section 2.1). */
static bool algorithm_is_sha384(const X509_ALGOR *algorithm)
{
    int type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    return algorithm_is(algorithm, NID_sha384, &type, &parameter) && (type == V_ASN1_UNDEF || type == V_ASN1_NULL);
}

static bool algorithm_is_mgf1_sha384(const X509_ALGOR *algorithm)
{
    int type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    if (!algorithm_is(algorithm, NID_mgf1, &type, &parameter) || type != V_ASN1_SEQUENCE)
        return false;
    const unsigned char *p = ASN1_STRING_get0_data(parameter), *start = p;
    int size = ASN1_STRING_length(parameter);
    X509_ALGOR *hash = d2i_X509_ALGOR(NULL, &p, size);
    bool fits = hash && p == start + size && algorithm_is_sha384(hash);
    X509_ALGOR_free(hash);
    return fits;
}

static bool parameters_are_amd(const RSA_PSS_PARAMS *parameters)
{
    return algorithm_is_sha384(parameters->hashAlgorithm) && algorithm_is_mgf1_sha384(parameters->maskGenAlgorithm) &&
           parameters->saltLength && ASN1_INTEGER_get(parameters->saltLength) == AMD_SALT_SIZE &&
           (!parameters->trailerField || ASN1_INTEGER_get(parameters->trailerField) == 1);
}

bool snp_algorithm_is_amd_pss(const X509_ALGOR *algorithm)
{
    int type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    if (!algorithm_is(algorithm, NID_rsassaPss, &type, &parameter) || type != V_ASN1_SEQUENCE)
        return false;
    const unsigned char *p = ASN1_STRING_get0_data(parameter), *start = p;
    int size = ASN1_STRING_length(parameter);
    RSA_PSS_PARAMS *parameters = d2i_RSA_PSS_PARAMS(NULL, &p, size);
    bool fits = parameters && p == start + size && parameters_are_amd(parameters);
    RSA_PSS_PARAMS_free(parameters);
    ERR_clear_error();
    return fits;
}

bool snp_key_is_rsa_4096(const EVP_PKEY *key)
{
    return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) == AMD_KEY_BITS;
}

struct err snp_authority_check(X509 *certificate)
{
    TRY(snp_extensions_check(certificate));
    int64_t time_s;
    TRY(err_within(snp_time_s(X509_get0_notBefore(certificate), &time_s), "notBefore"));
    TRY(err_within(snp_time_s(X509_get0_notAfter(certificate), &time_s), "notAfter"));
    uint32_t flags = X509_get_extension_flags(certificate);
    if ((flags & EXFLAG_INVALID) != 0)
        return err_make(ERR_INPUT, "an extension of the authority's certificate is malformed");
    if ((flags & EXFLAG_CRITICAL) != 0)
        return err_make(ERR_INPUT, "the authority's certificate has an unknown critical extension");
    if ((flags & EXFLAG_CA) == 0)
        return err_make(ERR_INPUT, "the certificate is not an authority's");
    /* All bits are set when there is no such extension. */
    if ((X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0)
        return err_make(ERR_INPUT, "the authority may not sign certificates");
    return OK;
}

bool snp_certificate_is_signed_by(X509 *certificate, EVP_PKEY *issuer)
{
    const X509_ALGOR *algorithm = NULL;
    X509_get0_signature(NULL, &algorithm, certificate);
    bool verified =
        snp_algorithm_is_amd_pss(algorithm) && snp_key_is_rsa_4096(issuer) && X509_verify(certificate, issuer) == 1;
    ERR_clear_error();
    return verified;
}

struct err snp_ark_check(X509 *certificate)
{
    TRY(snp_authority_check(certificate));
    char name[SNP_COMMON_NAME_SIZE];
    TRY(snp_common_name(X509_get_subject_name(certificate), name));
    if (snp_product_of_common_name(name, "ARK-") == SNP_PRODUCT_UNKNOWN)
        return err_make(ERR_INPUT, "\"%s\" is not the name of an ARK", name);
    if (!snp_key_is_rsa_4096(X509_get0_pubkey(certificate)))
        return err_make(ERR_INPUT, "the key of \"%s\" is not RSA-4096", name);
    if (X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) != 0 ||
        !snp_certificate_is_signed_by(certificate, X509_get0_pubkey(certificate)))
        return err_make(ERR_INPUT, "\"%s\" is not self-signed with RSASSA-PSS and SHA-384", name);
    return OK;
}
