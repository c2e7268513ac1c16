#include "attest/cmw.h"

#include "attest/cbor.h"

#include <string.h>

#define CMW_TYPE         "tag:pgvouch,2026:snp/v1"
#define CMW_TYPE_AZURE   "tag:pgvouch,2026:snp-azure/v1"
#define CMW_TYPE_KEY     "__cmwc_t"

/* RFC 9999, indicators of a record: bit 0 reference values, 1 endorsements, 2 evidence, 3 attestation results. */
#define CMW_ENDORSEMENTS 2

#define DER_OCTET_STRING 0x04
#define DER_UTF8_STRING  0x0c

/* A member of the collection: a record of media type, value and indicator. */
struct cmw_member {
    const char *name;
    const char *media_type;
    uint64_t indicator;
    size_t offset; /* of the view in struct cmw */
    bool may_be_empty;
    bool is_azures; /* stands in a collection of that type alone */
};

/* In the order of their encoded names, in which the collection's type is the last. */
static const struct cmw_member cmw_members[] = {
    {"snp", "application/vnd.amd.sev-snp.attestation-report", CMW_EVIDENCE, offsetof(struct cmw, report), false, false},
    {"bind", "application/vnd.pgvouch.bind+cbor", CMW_EVIDENCE, offsetof(struct cmw, bind), false, false},
    {"azure", "application/vnd.pgvouch.azure+cbor", CMW_EVIDENCE, offsetof(struct cmw, azure), false, true},
    {"certs", "application/vnd.amd.ghcb.guid-table", CMW_ENDORSEMENTS, offsetof(struct cmw, certs), true, false},
};
#define CMW_MEMBERS     (sizeof cmw_members / sizeof cmw_members[0])
#define CMW_PAIRS       CMW_MEMBERS /* with the collection's type and without "azure" */
#define CMW_PAIRS_AZURE (CMW_MEMBERS + 1)

static const char *cmw_type(bool is_azure)
{
    return is_azure ? CMW_TYPE_AZURE : CMW_TYPE;
}

void cmw_write(const struct cmw *cmw, struct writer *w)
{
    bool is_azure = cmw->azure.n > 0;
    cbor_write_map(w, is_azure ? CMW_PAIRS_AZURE : CMW_PAIRS);
    for (size_t i = 0; i < CMW_MEMBERS; i++) {
        const struct cmw_member *member = &cmw_members[i];
        struct bytes value;
        if (member->is_azures && !is_azure)
            continue;
        memcpy(&value, (const char *)cmw + member->offset, sizeof value);
        cbor_write_text(w, member->name);
        cbor_write_array(w, 3);
        cbor_write_text(w, member->media_type);
        cbor_write_bytes(w, value);
        cbor_write_uint(w, member->indicator);
    }
    cbor_write_text(w, CMW_TYPE_KEY);
    cbor_write_text(w, cmw_type(is_azure));
}

static bool cmw_knows(struct bytes name)
{
    bool is_known = bytes_equal(name, bytes_of_string(CMW_TYPE_KEY));
    for (size_t i = 0; i < CMW_MEMBERS; i++)
        is_known = is_known || bytes_equal(name, bytes_of_string(cmw_members[i].name));
    return is_known;
}

/* The indicator may be absent from a record (RFC 9999); one that is there must be right. */
static struct err cmw_read_member(struct reader *r, const struct cmw_member *member, struct cmw *into)
{
    struct reader peek = *r;
    struct bytes name = cbor_read_name(&peek);
    if (!peek.bad && !cmw_knows(name))
        return err_make(ERR_INPUT, "the CMW has an unknown member \"%.*s\"", (int)(name.n < 40 ? name.n : 40),
                        (const char *)name.p);
    cbor_read_text(r, member->name);
    uint64_t count = cbor_read_array(r);
    cbor_read_text(r, member->media_type);
    struct bytes value = cbor_read_bytes(r);
    if (count == 3 && cbor_read_uint(r) != member->indicator)
        r->bad = true;
    if (r->bad || (count != 2 && count != 3))
        return err_make(ERR_INPUT, "the CMW has no member \"%s\" with a record of %s where it must stand", member->name,
                        member->media_type);
    if (value.n == 0 && !member->may_be_empty)
        return err_make(ERR_INPUT, "the CMW's member \"%s\" is empty", member->name);
    memcpy((char *)into + member->offset, &value, sizeof value);
    return OK;
}

struct err cmw_parse(struct bytes cbor, struct cmw *out)
{
    if (cbor.n > CMW_MAX)
        return err_make(ERR_INPUT, "the CMW has %zu bytes, more than %d", cbor.n, CMW_MAX);
    TRY(cbor_scan(cbor, "the CMW"));
    struct reader r = reader_of(cbor);
    struct cmw cmw = {0};
    uint64_t pairs = cbor_read_map(&r);
    bool is_azure = pairs == CMW_PAIRS_AZURE;
    if ((pairs != CMW_PAIRS && !is_azure) || r.bad)
        return err_make(ERR_INPUT, "the CMW is not a collection of %zu or %zu members and its type", CMW_PAIRS - 1,
                        CMW_PAIRS_AZURE - 1);
    for (size_t i = 0; i < CMW_MEMBERS; i++)
        if (is_azure || !cmw_members[i].is_azures)
            TRY(cmw_read_member(&r, &cmw_members[i], &cmw));
    cbor_read_text(&r, CMW_TYPE_KEY);
    cbor_read_text(&r, cmw_type(is_azure));
    if (r.bad)
        return err_make(ERR_INPUT, "the CMW is not a collection of type %s", cmw_type(is_azure));
    TRY(reader_finish(&r, "the CMW"));
    *out = cmw;
    return OK;
}

/* X.690 section 10.1: definite, in the fewest octets. */
static void cmw_write_der_length(struct writer *w, size_t length)
{
    if (length < 0x80) {
        writer_u8(w, (uint8_t)length);
    } else if (length <= UINT8_MAX) {
        writer_u8(w, 0x81);
        writer_u8(w, (uint8_t)length);
    } else if (length <= UINT16_MAX) {
        writer_u8(w, 0x82);
        writer_u16(w, (uint16_t)length);
    } else {
        w->bad = true;
    }
}

void cmw_wrap(struct bytes cbor, struct writer *w)
{
    writer_u8(w, DER_OCTET_STRING);
    cmw_write_der_length(w, cbor.n);
    writer_put(w, cbor);
}

void cmw_write_extension(const struct cmw *cmw, struct writer *w)
{
    struct writer collection = writer_growing(CMW_MAX);
    cmw_write(cmw, &collection);
    cmw_wrap(writer_bytes(&collection), w);
    w->bad = w->bad || collection.bad;
    writer_free(&collection);
}

static size_t cmw_read_der_length(struct reader *r)
{
    uint8_t first = reader_u8(r);
    size_t length = first, least = 0;
    if (first == 0x81) {
        length = reader_u8(r);
        least = 0x80;
    } else if (first == 0x82) {
        length = reader_u16(r);
        least = 0x100;
    } else if (first >= 0x80) {
        r->bad = true;
    }
    if (length < least)
        r->bad = true;
    return length;
}

static bool cmw_unwrap_as(struct bytes extension, uint8_t tag, struct bytes *content)
{
    struct reader r = reader_of(extension);
    bool is_one = reader_u8(&r) == tag;
    struct bytes found = reader_bytes(&r, cmw_read_der_length(&r));
    if (!is_one || r.bad || reader_left(&r) > 0)
        return false;
    *content = found;
    return true;
}

struct err cmw_unwrap(struct bytes extension, struct bytes *cbor)
{
    if (!cmw_unwrap_as(extension, DER_OCTET_STRING, cbor))
        return err_make(ERR_INPUT, "the CMW extension is neither a DER OCTET STRING nor a UTF8String");
    return OK;
}

bool cmw_unwrap_json(struct bytes extension, struct bytes *json)
{
    return cmw_unwrap_as(extension, DER_UTF8_STRING, json);
}

struct err cmw_parse_extension(struct bytes extension, struct cmw *out)
{
    struct bytes collection = BYTES_NONE;
    TRY(cmw_unwrap(extension, &collection));
    return cmw_parse(collection, out);
}

bool cmw_extension_is_azure(struct bytes extension)
{
    struct cmw cmw = {0};
    return !failed(cmw_parse_extension(extension, &cmw)) && cmw.azure.n > 0;
}
