#include "attest/hcl.h"

#include "attest/base64url.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#define CLAIMS_KEYS_MAX 8
#define CLAIMS_KEY_ID   "HCLAkPub"
#define CLAIMS_EXPONENT "AQAB" /* 65537 */

static const char *claims_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* JWK (RFC 7517, RFC 7518 section 6.3.1). What `key_ops` says is not looked at: the claims of some paravisors say
 * "encrypt" of a key that signs. */
static struct err claims_read_key(const json_t *key, struct hcl_claims *into)
{
    if (strcmp(claims_text(key, "kty"), "RSA") != 0)
        return err_make(ERR_UNSUPPORTED, "the attestation key in the runtime claims is not RSA");
    if (strcmp(claims_text(key, "e"), CLAIMS_EXPONENT) != 0)
        return err_make(ERR_UNSUPPORTED, "the attestation key in the runtime claims has not the exponent 65537");
    TRY(err_within(base64url_decode(claims_text(key, "n"), into->modulus, sizeof into->modulus, &into->modulus_size),
                   "the attestation key in the runtime claims"));
    if (into->modulus_size < HCL_KEY_BITS_MIN / 8 || (into->modulus[0] & 0x80) == 0 ||
        (into->modulus[into->modulus_size - 1] & 1) == 0)
        return err_make(ERR_UNSUPPORTED, "the attestation key in the runtime claims is not of %d to %d bits",
                        HCL_KEY_BITS_MIN, HCL_KEY_BITS_MAX);
    return OK;
}

static struct err claims_find_key(const json_t *claims, struct hcl_claims *into)
{
    const json_t *keys = json_object_get(claims, "keys"), *found = NULL;
    if (!json_is_array(keys) || json_array_size(keys) > CLAIMS_KEYS_MAX)
        return err_make(ERR_INPUT, "the runtime claims have no list of up to %d keys", CLAIMS_KEYS_MAX);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        if (strcmp(claims_text(key, "kid"), CLAIMS_KEY_ID) != 0)
            continue;
        if (found)
            return err_make(ERR_INPUT, "the runtime claims hold two keys " CLAIMS_KEY_ID);
        found = key;
    }
    if (!found)
        return err_make(ERR_INPUT, "the runtime claims hold no key " CLAIMS_KEY_ID);
    return claims_read_key(found, into);
}

static struct err claims_find_user_data(const json_t *claims, struct hcl_claims *into)
{
    const json_t *value = json_object_get(claims, "user-data");
    if (!value)
        return OK;
    if (!json_is_string(value))
        return err_make(ERR_INPUT, "user-data of the runtime claims is no text");
    into->has_user_data = true;
    return err_within(hex_decode(json_string_value(value), into->user_data, sizeof into->user_data),
                      "user-data of the runtime claims");
}

struct err hcl_claims_parse(struct bytes json, struct hcl_claims *out)
{
    struct hcl_claims claims = {0};
    json_error_t problem;
    if (json.n > HCL_CLAIMS_MAX)
        return err_make(ERR_INPUT, "the runtime claims have %zu bytes, more than %d", json.n, HCL_CLAIMS_MAX);
    json_t *tree = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &problem);
    struct err outcome =
        json_is_object(tree) ? OK : err_make(ERR_INPUT, "the runtime claims are no JSON object without duplicates");
    if (!failed(outcome))
        outcome = claims_find_key(tree, &claims);
    if (!failed(outcome))
        outcome = claims_find_user_data(tree, &claims);
    json_decref(tree);
    if (!failed(outcome))
        *out = claims;
    return outcome;
}

static EVP_PKEY *claims_make_key(OSSL_PARAM *parameters)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool made = context && EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
    EVP_PKEY_CTX_free(context);
    return made ? key : NULL;
}

struct err hcl_claims_key(const struct hcl_claims *claims, EVP_PKEY **out)
{
    BIGNUM *modulus = BN_bin2bn(claims->modulus, (int)claims->modulus_size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY *key = NULL;
    if (modulus && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, 65537) == 1)
        parameters = OSSL_PARAM_BLD_to_param(builder);
    if (parameters)
        key = claims_make_key(parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    if (!key)
        return err_crypto("cannot use the attestation key in the runtime claims");
    *out = key;
    return OK;
}
