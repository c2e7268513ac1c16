#include "attest/evidence_azure.h"

#include "attest/cbor.h"

#define AZURE_PROFILE 1
#define AZURE_PAIRS   5

enum azure_key { AZURE_KEY_PROFILE = 1, AZURE_KEY_CLAIMS, AZURE_KEY_QUOTE, AZURE_KEY_SIGNATURE, AZURE_KEY_PCRS };

void evidence_azure_write(const struct evidence_azure *azure, struct writer *w)
{
    cbor_write_map(w, AZURE_PAIRS);
    cbor_write_uint(w, AZURE_KEY_PROFILE);
    cbor_write_uint(w, AZURE_PROFILE);
    cbor_write_uint(w, AZURE_KEY_CLAIMS);
    cbor_write_bytes(w, azure->claims);
    cbor_write_uint(w, AZURE_KEY_QUOTE);
    cbor_write_bytes(w, azure->quote);
    cbor_write_uint(w, AZURE_KEY_SIGNATURE);
    cbor_write_bytes(w, azure->signature);
    cbor_write_uint(w, AZURE_KEY_PCRS);
    cbor_write_bytes(w, azure->pcrs);
}

static bool azure_read_key(struct reader *r, enum azure_key key)
{
    return cbor_read_uint(r) == key && !r->bad;
}

static struct bytes azure_read_member(struct reader *r, enum azure_key key)
{
    if (!azure_read_key(r, key))
        r->bad = true;
    return cbor_read_bytes(r);
}

struct err evidence_azure_parse(struct bytes cbor, struct evidence_azure *out)
{
    struct evidence_azure azure;
    if (cbor.n > EVIDENCE_AZURE_MAX)
        return err_make(ERR_INPUT, "the azure record has %zu bytes, more than %d", cbor.n, EVIDENCE_AZURE_MAX);
    TRY(cbor_scan(cbor, "the azure record"));
    struct reader r = reader_of(cbor);
    uint64_t pairs = cbor_read_map(&r);
    bool begun = azure_read_key(&r, AZURE_KEY_PROFILE);
    uint64_t profile = cbor_read_uint(&r);
    if (!begun || r.bad)
        return err_make(ERR_INPUT, "the azure record does not begin with its profile");
    if (profile != AZURE_PROFILE)
        return err_make(ERR_UNSUPPORTED, "the azure record is of profile %llu, not 1", (unsigned long long)profile);
    azure.claims = azure_read_member(&r, AZURE_KEY_CLAIMS);
    azure.quote = azure_read_member(&r, AZURE_KEY_QUOTE);
    azure.signature = azure_read_member(&r, AZURE_KEY_SIGNATURE);
    azure.pcrs = azure_read_member(&r, AZURE_KEY_PCRS);
    if (r.bad || pairs != AZURE_PAIRS || azure.claims.n == 0 || azure.quote.n == 0 || azure.signature.n == 0)
        return err_make(ERR_INPUT, "the azure record lacks a member, or one is of the wrong type or empty");
    TRY(reader_finish(&r, "the azure record"));
    *out = azure;
    return OK;
}

struct err evidence_azure_qualify(const uint8_t value[SNP_REPORT_DATA_SIZE], uint8_t out[EVIDENCE_AZURE_QUALIFY_SIZE])
{
    if (EVP_Digest(value, SNP_REPORT_DATA_SIZE, out, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash what a quote is asked over");
    return OK;
}
