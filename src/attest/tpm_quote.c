#include "attest/tpm_quote.h"

#include <openssl/err.h>

#define TPM_GENERATED_VALUE 0xff544347U /* Part 2, 6.2: no key of a TPM signs others' data that begin so */
#define TPM_ST_ATTEST_QUOTE 0x8018
#define TPM_NAME_MAX        68 /* an algorithm and the longest digest, or a handle */
#define TPM_DATA_MAX        66
#define TPM_CLOCK_REST      5 /* restartCount and safe */

/* TPM2B: a u16 length and so many bytes, at most `max`. */
static struct bytes tpm_read_sized(struct reader *r, size_t max)
{
    size_t n = reader_u16(r);
    if (n > max)
        r->bad = true;
    return reader_bytes(r, n);
}

/* TPML_PCR_SELECTION of one bank. */
static struct err tpm_read_selection(struct reader *r, uint32_t *pcrs)
{
    uint32_t count = reader_u32(r);
    uint16_t bank = reader_u16(r);
    uint8_t size = reader_u8(r);
    struct bytes bits = reader_bytes(r, size);
    if (r->bad)
        return OK;
    if (count != 1 || bank != TPM_ALG_SHA256)
        return err_make(ERR_UNSUPPORTED, "the quote is not over PCRs of the SHA-256 bank alone");
    if (size > TPM_PCRS / 8)
        return err_make(ERR_UNSUPPORTED, "the quote's selection of PCRs has %u bytes", size);
    for (size_t i = 0; i < bits.n; i++)
        *pcrs |= (uint32_t)bits.p[i] << 8 * i;
    return OK;
}

static struct err tpm_read_head(struct reader *r, struct tpm_quote *into)
{
    uint32_t magic = reader_u32(r);
    uint16_t type = reader_u16(r);
    if (r->bad)
        return OK;
    if (magic != TPM_GENERATED_VALUE)
        return err_make(ERR_INPUT, "the quote was not made by a TPM: it begins with %08x", magic);
    if (type != TPM_ST_ATTEST_QUOTE)
        return err_make(ERR_UNSUPPORTED, "the TPM attests something else (%04x) than a quote", type);
    tpm_read_sized(r, TPM_NAME_MAX); /* qualifiedSigner: the key is known by its modulus */
    into->extra_data = tpm_read_sized(r, TPM_DATA_MAX);
    into->clock_ms = reader_u64(r);
    into->reset_count = reader_u32(r);
    reader_skip(r, TPM_CLOCK_REST);
    into->firmware_version = reader_u64(r);
    return OK;
}

struct err tpm_quote_parse(struct bytes attest, struct tpm_quote *out)
{
    struct tpm_quote quote = {0};
    struct reader r = reader_of(attest);
    if (attest.n > TPM_QUOTE_MAX)
        return err_make(ERR_INPUT, "the quote has %zu bytes, more than %d", attest.n, TPM_QUOTE_MAX);
    TRY(tpm_read_head(&r, &quote));
    TRY(tpm_read_selection(&r, &quote.pcrs));
    quote.pcr_digest = tpm_read_sized(&r, TPM_PCR_SIZE);
    TRY(reader_finish(&r, "the quote"));
    *out = quote;
    return OK;
}

static struct err tpm_read_signature(struct bytes signature, struct bytes *rsassa)
{
    struct reader r = reader_of(signature);
    uint16_t algorithm = reader_u16(&r), hash = reader_u16(&r);
    if (!r.bad && (algorithm != TPM_ALG_RSASSA || hash != TPM_ALG_SHA256))
        return err_make(ERR_UNSUPPORTED, "the quote is signed by the algorithms %04x and %04x, not RSASSA with SHA-256",
                        algorithm, hash);
    *rsassa = tpm_read_sized(&r, TPM_SIGNATURE_MAX);
    return reader_finish(&r, "the quote's signature");
}

struct err tpm_quote_verify(EVP_PKEY *key, struct bytes attest, struct bytes signature)
{
    struct bytes rsassa = BYTES_NONE;
    TRY(tpm_read_signature(signature, &rsassa));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool verified = context && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                    EVP_DigestVerify(context, rsassa.p, rsassa.n, attest.p, attest.n) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return verified ? OK : err_make(ERR_DENIED, "the attestation key in the runtime claims did not sign this quote");
}

static size_t tpm_count_below(uint32_t pcrs, unsigned n)
{
    size_t count = 0;
    for (unsigned i = 0; i < n; i++)
        count += pcrs >> i & 1;
    return count;
}

struct err tpm_quote_check_pcrs(const struct tpm_quote *quote, struct bytes values)
{
    uint8_t digest[TPM_PCR_SIZE];
    if (values.n != tpm_count_below(quote->pcrs, TPM_PCRS) * TPM_PCR_SIZE)
        return err_make(ERR_DENIED, "there are %zu bytes of PCRs for a quote over %zu", values.n,
                        tpm_count_below(quote->pcrs, TPM_PCRS));
    if (EVP_Digest(values.p, values.n, digest, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash the PCRs");
    if (!bytes_equal_secret(BYTES(digest), quote->pcr_digest))
        return err_make(ERR_DENIED, "the quote is over other PCRs");
    return OK;
}

struct bytes tpm_quote_pcr(const struct tpm_quote *quote, struct bytes values, unsigned n)
{
    if (n >= TPM_PCRS || (quote->pcrs >> n & 1) == 0)
        return BYTES_NONE;
    size_t before = tpm_count_below(quote->pcrs, n) * TPM_PCR_SIZE;
    struct reader r = reader_of(values);
    reader_skip(&r, before);
    return reader_bytes(&r, TPM_PCR_SIZE);
}
