#include "azure_forge.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <cmocka.h>

EVP_PKEY *azure_forge_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    assert_non_null(key);
    return key;
}

struct azure_plan azure_forge_plan(EVP_PKEY *key, const uint8_t *value, uint8_t over[EVIDENCE_AZURE_QUALIFY_SIZE])
{
    assert_false(failed(evidence_azure_qualify(value, over)));
    return (struct azure_plan){.key = key,
                               .key_in_claims = key,
                               .user_data = value,
                               .over = bytes_of(over, EVIDENCE_AZURE_QUALIFY_SIZE),
                               .magic = 0xff544347,
                               .type = 0x8018,
                               .algorithm = TPM_ALG_RSASSA,
                               .hash = TPM_ALG_SHA256,
                               .bank = TPM_ALG_SHA256};
}

/* base64url without padding. */
static void forge_base64url(struct bytes from, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, from.p, (int)from.n);
    for (char *at = out; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    out[strcspn(out, "=")] = '\0';
}

static void forge_claims(const struct azure_plan *plan, struct azure_forged *out)
{
    uint8_t modulus[1024];
    char encoded[2048], hex[2 * HCL_USER_DATA_SIZE + 1] = "";
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(plan->key_in_claims, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    forge_base64url(bytes_of(modulus, (size_t)BN_bn2bin(n, modulus)), encoded);
    BN_free(n);
    if (plan->user_data)
        hex_encode(bytes_of(plan->user_data, HCL_USER_DATA_SIZE), hex);
    int size = snprintf(out->claims, sizeof out->claims,
                        "{\"keys\":[{\"kid\":\"HCLAkPub\",\"key_ops\":[\"sign\"],\"kty\":\"RSA\",\"e\":\"AQAB\","
                        "\"n\":\"%s\"}],\"vm-configuration\":{\"secure-boot\":true}%s%s%s}",
                        encoded, plan->user_data ? ",\"user-data\":\"" : "", hex, plan->user_data ? "\"" : "");
    assert_true(size > 0 && (size_t)size < sizeof out->claims);
    out->record.claims = bytes_of(out->claims, (size_t)size);
    memset(out->report_data, 0, sizeof out->report_data);
    assert_int_equal(EVP_Digest(out->claims, (size_t)size, out->report_data, NULL, EVP_sha256(), NULL), 1);
}

static void forge_quote(const struct azure_plan *plan, struct azure_forged *out)
{
    uint8_t digest[TPM_PCR_SIZE];
    struct writer w = writer_over(out->quote, sizeof out->quote);
    for (size_t i = 0; i < sizeof out->pcrs; i++)
        out->pcrs[i] = (uint8_t)(i / TPM_PCR_SIZE);
    assert_int_equal(EVP_Digest(out->pcrs, sizeof out->pcrs, digest, NULL, EVP_sha256(), NULL), 1);
    out->pcrs[0] ^= plan->spoils_pcrs;
    writer_u32(&w, plan->magic);
    writer_u16(&w, plan->type);
    writer_lp(&w, BYTES_LITERAL("the name of the key, which nobody looks at"));
    writer_lp(&w, plan->over);
    writer_u64(&w, 1000);       /* clock */
    writer_u32(&w, 2);          /* resetCount */
    writer_u32(&w, 0);          /* restartCount */
    writer_u8(&w, 1);           /* safe */
    writer_u64(&w, 0x20200312); /* firmwareVersion */
    writer_u32(&w, 1);
    writer_u16(&w, plan->bank);
    writer_u8(&w, 3);
    writer_u24(&w, 0xffffff);
    writer_lp(&w, BYTES(digest));
    assert_false(w.bad);
    out->record.quote = writer_bytes(&w);
    out->record.pcrs = BYTES(out->pcrs);
}

void azure_forge_signature(uint16_t algorithm, uint16_t hash, struct bytes signature, struct writer *w)
{
    writer_u16(w, algorithm);
    writer_u16(w, hash);
    writer_lp(w, signature);
    assert_false(w->bad);
}

static void forge_sign(const struct azure_plan *plan, struct azure_forged *out)
{
    uint8_t raw[512];
    size_t size = sizeof raw;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct writer w = writer_over(out->signature, sizeof out->signature);
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, plan->key), 1);
    assert_int_equal(EVP_DigestSign(context, raw, &size, out->record.quote.p, out->record.quote.n), 1);
    EVP_MD_CTX_free(context);
    raw[size - 1] ^= plan->spoils_signature;
    azure_forge_signature(plan->algorithm, plan->hash, bytes_of(raw, size), &w);
    out->record.signature = writer_bytes(&w);
}

void azure_forge(const struct azure_plan *plan, struct azure_forged *out)
{
    forge_claims(plan, out);
    forge_quote(plan, out);
    forge_sign(plan, out);
}

static void forge_u32_le(struct writer *w, size_t value)
{
    for (unsigned i = 0; i < 4; i++)
        writer_u8(w, (uint8_t)(value >> 8 * i));
}

struct bytes azure_forge_hcl(struct bytes report, struct bytes claims, size_t size, uint8_t *room)
{
    struct writer w = writer_over(room, size);
    memset(room, 0, size);
    writer_put(&w, BYTES_LITERAL("HCLA"));
    forge_u32_le(&w, 1);
    forge_u32_le(&w, 32 + report.n + 20 + claims.n);
    forge_u32_le(&w, 2);
    writer_put(&w, bytes_of(room + sizeof(uint32_t) * 4, 16)); /* zeros still */
    writer_put(&w, report);
    forge_u32_le(&w, 20 + claims.n);
    forge_u32_le(&w, 1);
    forge_u32_le(&w, 2); /* SEV-SNP */
    forge_u32_le(&w, 1); /* SHA-256 */
    forge_u32_le(&w, claims.n);
    writer_put(&w, claims);
    assert_false(w.bad);
    return bytes_of(room, size);
}
