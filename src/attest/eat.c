#include "attest/eat.h"

#include "attest/cbor.h"

#include <openssl/evp.h>

#define EAT_UEID_RAND 0x01 /* RFC 9711 section 4.2.1.1 */

/* RFC 8392 section 3.1, RFC 9711 section 10.2, RFC 9999; in the order of their encodings. */
enum eat_claim { EAT_IAT = 6, EAT_NONCE = 10, EAT_UEID = 256, EAT_PROFILE_CLAIM = 265, EAT_CMW = 299 };

bool eat_ueid(const struct snp_report *report, uint8_t out[EAT_UEID_SIZE])
{
    out[0] = EAT_UEID_RAND;
    return !bytes_are_zero(BYTES(report->chip_id)) &&
           EVP_Digest(report->chip_id, sizeof report->chip_id, out + 1, NULL, EVP_sha256(), NULL) == 1;
}

/* The ueid claim as it must be; empty where there is none. */
static struct err eat_ueid_due(struct bytes report_bytes, uint8_t room[EAT_UEID_SIZE], struct bytes *due)
{
    struct snp_report report;
    TRY(err_within(snp_report_read(report_bytes, &report), "the EAT's report"));
    *due = eat_ueid(&report, room) ? bytes_of(room, EAT_UEID_SIZE) : BYTES_NONE;
    return OK;
}

struct err eat_check_nonce(struct bytes nonce)
{
    if (nonce.n > 0 && nonce.n < EAT_NONCE_MIN)
        return err_make(ERR_INPUT, "a nonce of %zu bytes is too short for an EAT, which asks for %d", nonce.n,
                        EAT_NONCE_MIN);
    return OK;
}

struct err eat_write(const struct cmw *cmw, const struct bind *bind, struct writer *w)
{
    uint8_t room[EAT_UEID_SIZE];
    struct bytes ueid;
    TRY(eat_ueid_due(cmw->report, room, &ueid));
    TRY(eat_check_nonce(bind->nonce));
    cbor_write_tag(w, EAT_TAG);
    cbor_write_map(w, 3 + (bind->nonce.n > 0) + (ueid.n > 0));
    cbor_write_uint(w, EAT_IAT);
    cbor_write_uint(w, (uint64_t)bind->issued_at_s);
    if (bind->nonce.n > 0) {
        cbor_write_uint(w, EAT_NONCE);
        cbor_write_bytes(w, bind->nonce);
    }
    if (ueid.n > 0) {
        cbor_write_uint(w, EAT_UEID);
        cbor_write_bytes(w, ueid);
    }
    cbor_write_uint(w, EAT_PROFILE_CLAIM);
    cbor_write_text(w, EAT_PROFILE);
    cbor_write_uint(w, EAT_CMW);
    cmw_write(cmw, w);
    return writer_finish(w, "the EAT");
}

static void eat_write_record(struct bytes token, struct writer *w)
{
    cbor_write_array(w, 3);
    cbor_write_text(w, EAT_MEDIA_TYPE);
    cbor_write_bytes(w, token);
    cbor_write_uint(w, CMW_EVIDENCE);
}

struct err eat_write_extension(const struct cmw *cmw, const struct bind *bind, struct writer *w)
{
    struct writer token = writer_growing(EAT_MAX), record = writer_growing(EAT_MAX);
    struct err outcome = eat_write(cmw, bind, &token);
    if (!failed(outcome)) {
        eat_write_record(writer_bytes(&token), &record);
        outcome = writer_finish(&record, "the EAT");
    }
    if (!failed(outcome)) {
        cmw_wrap(writer_bytes(&record), w);
        outcome = writer_finish(w, "the EAT");
    }
    writer_free(&token);
    writer_free(&record);
    return outcome;
}

static struct err eat_read_cmw(struct reader *r, struct eat *eat)
{
    struct bytes collection = cbor_read_item(r);
    if (r->bad)
        return OK; /* said by whoever reads on */
    TRY(cmw_parse(collection, &eat->cmw));
    return bind_parse(eat->cmw.bind, &eat->bind);
}

static struct err eat_read_claim(struct reader *r, uint64_t claim, struct eat *eat)
{
    uint64_t at_s = 0;
    switch (claim) {
    case EAT_IAT:
        at_s = cbor_read_uint(r);
        r->bad = r->bad || at_s > INT64_MAX;
        eat->issued_at_s = r->bad ? 0 : (int64_t)at_s;
        break;
    case EAT_NONCE:
        eat->nonce = cbor_read_bytes(r);
        r->bad = r->bad || eat->nonce.n < EAT_NONCE_MIN;
        break;
    case EAT_UEID:
        eat->ueid = cbor_read_bytes(r);
        r->bad = r->bad || eat->ueid.n != EAT_UEID_SIZE;
        break;
    case EAT_PROFILE_CLAIM:
        cbor_read_text(r, EAT_PROFILE);
        break;
    case EAT_CMW:
        TRY(eat_read_cmw(r, eat));
        break;
    default:
        return err_make(ERR_INPUT, "the EAT has the claim %llu, which its profile does not know",
                        (unsigned long long)claim);
    }
    return r->bad ? err_make(ERR_INPUT, "the EAT's claim %llu is not what its profile says", (unsigned long long)claim)
                  : OK;
}

/* The claims stand in ascending order, none twice: so the scan has seen to it. */
static struct err eat_read_claims(struct reader *r, struct eat *eat)
{
    static const uint64_t required[] = {EAT_IAT, EAT_PROFILE_CLAIM, EAT_CMW};
    size_t found = 0;
    uint64_t count = cbor_read_map(r);
    if (r->bad)
        return err_make(ERR_INPUT, "the EAT is not a map of claims");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t claim = cbor_read_uint(r);
        if (r->bad)
            return err_make(ERR_INPUT, "the EAT has a claim whose key is no number");
        TRY(eat_read_claim(r, claim, eat));
        found += found < sizeof required / sizeof required[0] && claim == required[found];
    }
    if (found < sizeof required / sizeof required[0])
        return err_make(ERR_INPUT, "the EAT lacks the claim %llu", (unsigned long long)required[found]);
    return OK;
}

/* Nothing is believed because a token says so: what it says beside the report must be what the report binds. */
static struct err eat_check(const struct eat *eat)
{
    uint8_t room[EAT_UEID_SIZE];
    struct bytes ueid;
    if (eat->issued_at_s != eat->bind.issued_at_s)
        return err_make(ERR_INPUT, "the EAT's iat is not the bind record's issued_at");
    if (!bytes_equal(eat->nonce, eat->bind.nonce))
        return err_make(ERR_INPUT, "the EAT's eat_nonce is not the bind record's nonce");
    TRY(eat_ueid_due(eat->cmw.report, room, &ueid));
    if (!bytes_equal(eat->ueid, ueid))
        return err_make(ERR_INPUT, "the EAT's ueid is not that of the report's chip");
    return OK;
}

struct err eat_parse(struct bytes cbor, struct eat *out)
{
    if (cbor.n > EAT_MAX)
        return err_make(ERR_INPUT, "the EAT has %zu bytes, more than %d", cbor.n, EAT_MAX);
    struct reader r = reader_of(cbor);
    struct eat eat = {0};
    if (cbor_read_tag(&r) != EAT_TAG || r.bad)
        return err_make(ERR_INPUT, "the EAT is not a claims set under the tag %d", EAT_TAG);
    TRY(cbor_scan(bytes_of(r.p, reader_left(&r)), "the EAT"));
    TRY(eat_read_claims(&r, &eat));
    TRY(reader_finish(&r, "the EAT"));
    TRY(eat_check(&eat));
    *out = eat;
    return OK;
}

bool eat_is_in(struct bytes extension)
{
    struct bytes record = BYTES_NONE;
    if (failed(cmw_unwrap(extension, &record)))
        return false;
    struct reader r = reader_of(record);
    cbor_read_array(&r);
    cbor_read_text(&r, EAT_MEDIA_TYPE);
    return !r.bad;
}

struct err eat_parse_extension(struct bytes extension, struct eat *out)
{
    struct bytes record = BYTES_NONE;
    TRY(cmw_unwrap(extension, &record));
    return eat_parse_record(record, out);
}

struct err eat_parse_record(struct bytes record, struct eat *out)
{
    if (record.n > EAT_MAX)
        return err_make(ERR_INPUT, "the EAT has %zu bytes, more than %d", record.n, EAT_MAX);
    TRY(cbor_scan(record, "the CMW record"));
    struct reader r = reader_of(record);
    uint64_t count = cbor_read_array(&r);
    cbor_read_text(&r, EAT_MEDIA_TYPE);
    struct bytes token = cbor_read_bytes(&r);
    if (count == 3 && cbor_read_uint(&r) != CMW_EVIDENCE)
        r.bad = true;
    if (r.bad || (count != 2 && count != 3))
        return err_make(ERR_INPUT, "the CMW is not a record of %s", EAT_MEDIA_TYPE);
    TRY(reader_finish(&r, "the CMW record"));
    return eat_parse(token, out);
}
