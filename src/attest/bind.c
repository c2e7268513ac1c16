#include "attest/bind.h"

#include "attest/cbor.h"

#include <openssl/evp.h>

#define BIND_PROFILE       1
#define BIND_PAIRS         5
#define BIND_LEAF_DOMAIN   "pgvouch/snp-cert/v1"
#define BIND_REPORT_DOMAIN "pgvouch/snp-report/v1"

/* What is hashed: the facts come from one certificate; the rest is small. */
#define BIND_INPUT_MAX     (CERTIFICATE_MAX_SIZE + 1024)

enum bind_key { BIND_KEY_PROFILE = 1, BIND_KEY_KIND, BIND_KEY_CONFIG_DIGEST, BIND_KEY_ISSUED_AT, BIND_KEY_NONCE };

void bind_write(const struct bind *bind, struct writer *w)
{
    cbor_write_map(w, BIND_PAIRS);
    cbor_write_uint(w, BIND_KEY_PROFILE);
    cbor_write_uint(w, BIND_PROFILE);
    cbor_write_uint(w, BIND_KEY_KIND);
    cbor_write_uint(w, bind->kind);
    cbor_write_uint(w, BIND_KEY_CONFIG_DIGEST);
    cbor_write_bytes(w, bind->config_digest);
    cbor_write_uint(w, BIND_KEY_ISSUED_AT);
    cbor_write_uint(w, (uint64_t)bind->issued_at_s);
    cbor_write_uint(w, BIND_KEY_NONCE);
    cbor_write_bytes(w, bind->nonce);
}

/* Whether the record says what the profile allows it to say. */
static struct err bind_check(const struct bind *bind)
{
    if (bind->config_digest.n != 0 && bind->config_digest.n != SHA384_SIZE)
        return err_make(ERR_INPUT, "the bind record's config_digest has %zu bytes", bind->config_digest.n);
    if (bind->issued_at_s < 0)
        return err_make(ERR_INPUT, "the bind record's issued_at cannot be a time");
    if (bind->nonce.n > BIND_NONCE_MAX)
        return err_make(ERR_INPUT, "the bind record's nonce has %zu bytes", bind->nonce.n);
    return OK;
}

/* What one kind binds says nothing about the other. */
static struct err bind_expect(const struct bind *bind, unsigned kind)
{
    if (bind->kind != kind)
        return err_make(ERR_UNSUPPORTED, "the bind record is of kind %u, not %u", bind->kind, kind);
    return bind_check(bind);
}

#define LAST_SECOND UINT64_C(253402300799) /* of the year 9999, as RFC 5280 section 4.1.2.5 has it */

static bool bind_read_key(struct reader *r, enum bind_key key)
{
    return cbor_read_uint(r) == key && !r->bad;
}

static struct err bind_read_members(struct reader *r, struct bind *bind)
{
    uint64_t issued_at_s = 0;
    bool whole = bind_read_key(r, BIND_KEY_CONFIG_DIGEST);
    bind->config_digest = cbor_read_bytes(r);
    whole = whole && bind_read_key(r, BIND_KEY_ISSUED_AT);
    issued_at_s = cbor_read_uint(r);
    whole = whole && bind_read_key(r, BIND_KEY_NONCE);
    bind->nonce = cbor_read_bytes(r);
    if (!whole || r->bad || issued_at_s > LAST_SECOND)
        return err_make(ERR_INPUT,
                        "the bind record lacks a member, or one is of the wrong type or beyond the year 9999");
    bind->issued_at_s = (int64_t)issued_at_s;
    return reader_finish(r, "the bind record");
}

struct err bind_parse(struct bytes cbor, struct bind *out)
{
    if (cbor.n > BIND_MAX)
        return err_make(ERR_INPUT, "the bind record has %zu bytes, more than %d", cbor.n, BIND_MAX);
    TRY(cbor_scan(cbor, "the bind record"));
    struct reader r = reader_of(cbor);
    struct bind bind = {0};
    uint64_t pairs = cbor_read_map(&r);
    bool begun = bind_read_key(&r, BIND_KEY_PROFILE);
    uint64_t profile = cbor_read_uint(&r);
    begun = begun && bind_read_key(&r, BIND_KEY_KIND);
    uint64_t kind = cbor_read_uint(&r);
    if (!begun || r.bad)
        return err_make(ERR_INPUT, "the bind record does not begin with profile and kind");
    if (profile != BIND_PROFILE || (kind != BIND_KIND_LEAF && kind != BIND_KIND_REPORT))
        return err_make(ERR_UNSUPPORTED, "the bind record is of profile %llu and kind %llu, not of 1 and 1 or 3",
                        (unsigned long long)profile, (unsigned long long)kind);
    if (pairs != BIND_PAIRS)
        return err_make(ERR_INPUT, "the bind record has %llu members, not %d", (unsigned long long)pairs, BIND_PAIRS);
    bind.kind = (unsigned)kind;
    TRY(bind_read_members(&r, &bind));
    TRY(bind_check(&bind));
    *out = bind;
    return OK;
}

/* lp(SHA-384(value)), or lp("") for a value that is absent. */
static struct err bind_put_hash(struct writer *w, struct bytes value)
{
    uint8_t hash[SHA384_SIZE];
    if (value.n > 0 && EVP_Digest(value.p, value.n, hash, NULL, EVP_sha384(), NULL) != 1)
        return err_crypto("cannot hash a name");
    writer_lp(w, value.n > 0 ? BYTES(hash) : BYTES_NONE);
    return OK;
}

static struct err bind_put_leaf(const struct bind *bind, const struct certificate_facts *facts,
                                const uint8_t *issuer_spki_sha384, struct writer *w)
{
    writer_lp(w, BYTES_LITERAL(BIND_LEAF_DOMAIN));
    writer_lp(w, facts->spki);
    writer_lp(w, bytes_of(issuer_spki_sha384, SHA384_SIZE));
    writer_lp(w, facts->subject);
    TRY(bind_put_hash(w, facts->san));
    writer_u64(w, (uint64_t)facts->not_before_s);
    writer_u64(w, (uint64_t)facts->not_after_s);
    writer_u64(w, (uint64_t)bind->issued_at_s);
    writer_lp(w, bind->config_digest);
    writer_lp(w, bind->nonce);
    return writer_finish(w, "what the report binds");
}

struct err bind_report_data(const struct bind *bind, const struct certificate_facts *facts,
                            const uint8_t issuer_spki_sha384[SHA384_SIZE], uint8_t out[SNP_REPORT_DATA_SIZE])
{
    TRY(bind_expect(bind, BIND_KIND_LEAF));
    if (facts->not_before_s < 0 || facts->not_after_s < 0)
        return err_make(ERR_INPUT, "a certificate of before 1970 cannot carry evidence");
    struct writer w = writer_growing(BIND_INPUT_MAX);
    struct err outcome = bind_put_leaf(bind, facts, issuer_spki_sha384, &w);
    if (!failed(outcome) && EVP_Digest(w.start, w.used, out, NULL, EVP_sha512(), NULL) != 1)
        outcome = err_crypto("cannot make REPORT_DATA");
    writer_free(&w);
    return outcome;
}

struct err bind_report_data_alone(const struct bind *bind, uint8_t out[SNP_REPORT_DATA_SIZE])
{
    uint8_t room[BIND_MAX];
    struct writer w = writer_over(room, sizeof room);
    TRY(bind_expect(bind, BIND_KIND_REPORT));
    writer_lp(&w, BYTES_LITERAL(BIND_REPORT_DOMAIN));
    writer_u64(&w, (uint64_t)bind->issued_at_s);
    writer_lp(&w, bind->config_digest);
    writer_lp(&w, bind->nonce);
    TRY(writer_finish(&w, "what the report binds"));
    if (EVP_Digest(w.start, w.used, out, NULL, EVP_sha512(), NULL) != 1)
        return err_crypto("cannot make REPORT_DATA");
    return OK;
}
