#include "attest/cose.h"

#include "attest/cbor.h"

#include <string.h>

/* A label is an integer, or a text, which is nothing that we know. */
static bool cose_label_is(struct reader *r, int64_t label)
{
    if (cbor_next(r) == CBOR_IS_UINT || cbor_next(r) == CBOR_IS_NEGATIVE)
        return cbor_read_int(r) == label;
    cbor_read_item(r);
    return false;
}

/* The value under a label in an encoded map; empty when there is none. */
static struct bytes cose_map_find(struct bytes map, int64_t label)
{
    struct reader r = reader_of(map);
    uint64_t count = cbor_read_map(&r);
    for (uint64_t i = 0; i < count && !r.bad; i++) {
        bool is_it = cose_label_is(&r, label);
        struct bytes item = cbor_read_item(&r);
        if (is_it && !r.bad)
            return item;
    }
    return BYTES_NONE;
}

struct err cose_header_find(const struct cose_sign1 *sign1, int64_t label, struct bytes *item)
{
    *item = cose_map_find(sign1->header, label);
    return item->n > 0 ? OK : err_make(ERR_NOT_FOUND, "the protected header has no parameter %lld", (long long)label);
}

/* RFC 9052 section 3: no label stands in both headers. What is critical is not known to us: section 3.1. */
static struct err cose_check_headers(const struct cose_sign1 *sign1, struct bytes unprotected)
{
    static const int64_t known[] = {COSE_ALGORITHM, COSE_CRITICAL, COSE_CONTENT_TYPE, COSE_KEY_ID};
    if (cose_map_find(sign1->header, COSE_CRITICAL).n > 0)
        return err_make(ERR_UNSUPPORTED, "the signature has header parameters that must be understood");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (cose_map_find(unprotected, known[i]).n > 0 && cose_map_find(sign1->header, known[i]).n > 0)
            return err_make(ERR_INPUT, "the signature has the header parameter %lld twice", (long long)known[i]);
    return OK;
}

static struct err cose_read_header(struct cose_sign1 *sign1)
{
    struct bytes item;
    TRY(cbor_scan_document(sign1->header, "the signature's protected header"));
    struct reader r = reader_of(sign1->header);
    if (cbor_next(&r) != CBOR_IS_MAP)
        return err_make(ERR_INPUT, "the signature's protected header is not a map");
    if (failed(cose_header_find(sign1, COSE_ALGORITHM, &item)))
        return err_make(ERR_INPUT, "the signature's protected header names no algorithm");
    r = reader_of(item);
    sign1->algorithm = cbor_read_int(&r);
    if (r.bad)
        return err_make(ERR_UNSUPPORTED, "the signature's algorithm is not a number");
    if (!failed(cose_header_find(sign1, COSE_KEY_ID, &item))) {
        r = reader_of(item);
        sign1->key_id = cbor_read_bytes(&r);
    }
    return OK;
}

struct err cose_sign1_parse(struct bytes array, struct cose_sign1 *out)
{
    struct cose_sign1 sign1 = {0};
    struct reader r = reader_of(array);
    uint64_t count = cbor_read_array(&r);
    sign1.header = cbor_read_bytes(&r);
    bool has_map = cbor_next(&r) == CBOR_IS_MAP;
    struct bytes unprotected = cbor_read_item(&r);
    if (r.bad || count != 4 || !has_map)
        return err_make(ERR_INPUT, "the signature is not a COSE_Sign1 of two headers, payload and signature");
    if (cbor_skip_null(&r))
        return err_make(ERR_UNSUPPORTED, "the signature's payload is detached");
    sign1.payload = cbor_read_bytes(&r);
    sign1.signature = cbor_read_bytes(&r);
    if (r.bad)
        return err_make(ERR_INPUT, "the signature is not a COSE_Sign1 of two headers, payload and signature");
    TRY(reader_finish(&r, "the COSE_Sign1"));
    TRY(cose_read_header(&sign1));
    TRY(cose_check_headers(&sign1, unprotected));
    *out = sign1;
    return OK;
}
