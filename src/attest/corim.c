#include "attest/corim.h"

#include "attest/cbor.h"

/* draft-ietf-rats-corim, and the tags that its earlier versions wrapped around it. */
#define CORIM_TAG_EARLIER        500
#define CORIM_TAG_SIGNED_EARLIER 502
#define CORIM_HEADER_META        8

enum corim_member { CORIM_ID = 0, CORIM_TAGS = 1, CORIM_PROFILE = 3, CORIM_PERIOD = 4 };
enum corim_meta { CORIM_META_SIGNER = 0, CORIM_META_PERIOD = 1 };

bool corim_is_likely(struct bytes cbor)
{
    struct reader r = reader_of(cbor);
    switch (corim_read_tag(&r)) {
    case COSE_SIGN1_TAG:
    case CORIM_TAG_EARLIER:
    case CORIM_TAG_CORIM:
    case CORIM_TAG_SIGNED_EARLIER:
        return !r.bad;
    default:
        return false;
    }
}

/* A URI; earlier drafts have a list of one. */
static struct err corim_read_profile(struct reader *r, struct bytes *out)
{
    if (cbor_next(r) == CBOR_IS_ARRAY && cbor_read_array(r) != 1)
        return err_make(ERR_INPUT, "the CoRIM has not one profile");
    if (corim_read_tag(r) != CORIM_TAG_URI)
        return err_make(ERR_UNSUPPORTED, "the CoRIM's profile is not a URI");
    *out = cbor_read_name(r);
    return r->bad ? corim_malformed("profile") : OK;
}

static struct err corim_read_member(struct reader *r, int64_t label, struct corim *out)
{
    switch (label) {
    case CORIM_ID:
        return corim_read_name(r, "id", out->id);
    case CORIM_TAGS:
        return corim_read_list(r, "list of tags", &out->tags);
    case CORIM_PROFILE:
        return corim_read_profile(r, &out->profile);
    case CORIM_PERIOD:
        return corim_read_period(r, "rim-validity", &out->period);
    default:
        cbor_read_item(r);
        return OK;
    }
}

/* corim-map under tag 501. */
static struct err corim_read_map(struct bytes cbor, struct corim *out)
{
    struct reader r = reader_of(cbor);
    out->period = CORIM_ALWAYS;
    if (corim_read_tag(&r) != CORIM_TAG_CORIM)
        return err_make(ERR_INPUT, "the CoRIM is not under the tag %d", CORIM_TAG_CORIM);
    uint64_t count = cbor_read_map(&r);
    for (uint64_t i = 0; i < count && !r.bad; i++)
        TRY(corim_read_member(&r, corim_read_label(&r), out));
    if (r.bad)
        return corim_malformed("map");
    if (!out->id[0])
        return err_make(ERR_INPUT, "the CoRIM has no id");
    if (out->tags.left == 0)
        return err_make(ERR_INPUT, "the CoRIM has no tags");
    return reader_finish(&r, "the CoRIM");
}

/* corim-signer-map: a name, and what else there may be. */
static struct err corim_read_signer(struct reader *r, struct corim *out)
{
    uint64_t count = cbor_read_map(r);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        if (corim_read_label(r) == 0)
            out->signer = cbor_read_name(r);
        else
            cbor_read_item(r);
    }
    return r->bad ? corim_malformed("signer") : OK;
}

/* corim-meta-map, in the protected header: who signed, and for how long. */
static struct err corim_read_meta(struct bytes meta, struct corim *out)
{
    TRY(cbor_scan_document(meta, "the CoRIM's meta data"));
    struct reader r = reader_of(meta);
    uint64_t count = cbor_read_map(&r);
    for (uint64_t i = 0; i < count && !r.bad; i++) {
        int64_t label = corim_read_label(&r);
        if (label == CORIM_META_SIGNER)
            TRY(corim_read_signer(&r, out));
        else if (label == CORIM_META_PERIOD)
            TRY(corim_read_period(&r, "signature-validity", &out->signed_for));
        else
            cbor_read_item(&r);
    }
    return r.bad ? corim_malformed("meta data") : OK;
}

/* "application/rim+cbor", and what earlier drafts called it. */
static struct err corim_check_content(const struct cose_sign1 *sign1)
{
    struct bytes item;
    TRY(cose_header_find(sign1, COSE_CONTENT_TYPE, &item));
    struct reader r = reader_of(item);
    struct bytes type = cbor_read_name(&r);
    if (bytes_equal(type, BYTES_LITERAL("application/rim+cbor")) ||
        bytes_equal(type, BYTES_LITERAL("application/corim-unsigned+cbor")))
        return OK;
    return err_make(ERR_INPUT, "what is signed is not a CoRIM by its content type");
}

static struct err corim_read_signed(struct bytes array, struct corim *out)
{
    struct bytes item;
    out->is_signed = true;
    out->signed_for = CORIM_ALWAYS;
    TRY(cose_sign1_parse(array, &out->sign1));
    TRY(corim_check_content(&out->sign1));
    if (!failed(cose_header_find(&out->sign1, CORIM_HEADER_META, &item))) {
        struct reader r = reader_of(item);
        struct bytes meta = cbor_read_bytes(&r);
        TRY(r.bad ? corim_malformed("meta data") : corim_read_meta(meta, out));
    }
    TRY(cbor_scan_document(out->sign1.payload, "the CoRIM"));
    return corim_read_map(out->sign1.payload, out);
}

struct err corim_parse(struct bytes cbor, struct corim *out)
{
    struct corim corim = {0};
    if (cbor.n > CORIM_MAX)
        return err_make(ERR_LIMIT, "the CoRIM has %zu bytes, more than %d", cbor.n, CORIM_MAX);
    TRY(cbor_scan_document(cbor, "the CoRIM"));
    struct reader r = reader_of(cbor);
    struct reader at = r;
    uint64_t tag = corim_read_tag(&r);
    if (tag == CORIM_TAG_EARLIER) {
        at = r;
        tag = corim_read_tag(&r);
    }
    if (tag == CORIM_TAG_SIGNED_EARLIER)
        tag = corim_read_tag(&r);
    if (tag == COSE_SIGN1_TAG)
        TRY(corim_read_signed(bytes_of(r.p, reader_left(&r)), &corim));
    else
        TRY(corim_read_map(bytes_of(at.p, reader_left(&at)), &corim));
    *out = corim;
    return OK;
}
