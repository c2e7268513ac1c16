#include "attest/evidence_foreign.h"

#include "attest/cbor.h"

#include <openssl/evp.h>
#include <string.h>

#define DICE_CLAIM_KEY   "pubkey-hash"
#define DICE_CLAIM_NONCE "nonce"
#define DICE_CLAIMS_MAX  4096
#define DICE_SHA256_SIZE 32

/* The hashes that the text wants a verifier to know. */
static const EVP_MD *dice_hash(uint64_t algorithm)
{
    switch (algorithm) {
    case 1:
        return EVP_sha256();
    case 7:
        return EVP_sha384();
    case 8:
        return EVP_sha512();
    default:
        return NULL;
    }
}

/* hash-entry of CoSWID (RFC 9393 section 2.9.1) in a byte string: [algorithm, value]. */
static struct err dice_read_key_hash(struct bytes entry, struct evidence_dice *into)
{
    struct reader r = reader_of(entry);
    uint64_t count = cbor_read_array(&r);
    into->hash_algorithm = cbor_read_uint(&r);
    into->key_hash = cbor_read_bytes(&r);
    if (r.bad || count != 2)
        return err_make(ERR_INPUT, "the claim " DICE_CLAIM_KEY " is not an algorithm and a hash");
    const EVP_MD *hash = dice_hash(into->hash_algorithm);
    if (!hash || into->key_hash.n != (size_t)EVP_MD_get_size(hash))
        return err_make(ERR_INPUT, "the claim " DICE_CLAIM_KEY " is neither SHA-256 nor SHA-384 nor SHA-512");
    return reader_finish(&r, "the claim " DICE_CLAIM_KEY);
}

static struct err dice_read_claim(struct reader *r, struct evidence_dice *into)
{
    struct bytes name = cbor_read_name(r);
    bool is_key = !r->bad && bytes_equal(name, BYTES_LITERAL(DICE_CLAIM_KEY));
    bool is_nonce = !r->bad && bytes_equal(name, BYTES_LITERAL(DICE_CLAIM_NONCE));
    if (!is_key && !is_nonce) {
        cbor_skip(r);
        return r->bad ? err_make(ERR_INPUT, "a claim has no name") : OK;
    }
    struct bytes value = cbor_read_bytes(r);
    if (r->bad)
        return err_make(ERR_INPUT, "the claim %s is not a byte string", is_key ? DICE_CLAIM_KEY : DICE_CLAIM_NONCE);
    if (is_nonce)
        into->nonce = value;
    return is_key ? dice_read_key_hash(value, into) : OK;
}

/* Whoever makes them may add claims of his own, which mean nothing here: the report binds them, like the others. They
 * are passed over, as long as they are what claims can be. */
static struct err dice_read_claims(struct evidence_dice *into)
{
    struct reader whole = reader_of(into->claims), r = whole;
    cbor_skip(&whole);
    if (whole.bad)
        return err_make(ERR_INPUT, "the claims are malformed, or one stands twice");
    TRY(reader_finish(&whole, "the claims"));
    uint64_t count = cbor_read_map(&r);
    if (r.bad)
        return err_make(ERR_INPUT, "the claims are not a map");
    for (uint64_t i = 0; i < count; i++)
        TRY(dice_read_claim(&r, into));
    return into->key_hash.n > 0 ? OK : err_make(ERR_INPUT, "there is no claim " DICE_CLAIM_KEY);
}

struct err evidence_dice_parse(struct bytes extension, struct evidence_dice *out)
{
    struct evidence_dice dice = {0};
    struct reader r = reader_of(extension);
    uint64_t tag = cbor_read_tag(&r);
    if (r.bad)
        return err_make(ERR_INPUT, "the DICE evidence is not tagged CBOR");
    if (tag != EVIDENCE_DICE_TAG)
        return err_make(ERR_UNSUPPORTED, "the DICE evidence has the tag %llu, which is not that of SEV-SNP reports",
                        (unsigned long long)tag);
    uint64_t count = cbor_read_array(&r);
    dice.report = cbor_read_bytes(&r);
    dice.claims = cbor_read_bytes(&r);
    if (r.bad || count != 2)
        return err_make(ERR_INPUT, "the DICE evidence is not a report and claims");
    TRY(reader_finish(&r, "the DICE evidence"));
    if (dice.claims.n > DICE_CLAIMS_MAX)
        return err_make(ERR_INPUT, "the claims have %zu bytes, more than %d", dice.claims.n, DICE_CLAIMS_MAX);
    TRY(dice_read_claims(&dice));
    if (dice.nonce.n > BIND_NONCE_MAX)
        return err_make(ERR_INPUT, "the claim " DICE_CLAIM_NONCE " has %zu bytes", dice.nonce.n);
    *out = dice;
    return OK;
}

struct err evidence_dice_report_data(const struct evidence_dice *dice, struct bytes spki,
                                     uint8_t out[SNP_REPORT_DATA_SIZE])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    const EVP_MD *algorithm = dice_hash(dice->hash_algorithm);
    if (!algorithm || EVP_Digest(spki.p, spki.n, hash, NULL, algorithm, NULL) != 1)
        return err_crypto("cannot hash the certificate's key");
    if (!bytes_equal_secret(dice->key_hash, bytes_of(hash, (size_t)EVP_MD_get_size(algorithm))))
        return err_make(ERR_DENIED, "the claims are about another key");
    memset(out, 0, SNP_REPORT_DATA_SIZE);
    if (EVP_Digest(dice->claims.p, dice->claims.n, out, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot make REPORT_DATA");
    return OK;
}
