#include "attest/corim_comid.h"

#include "attest/cbor.h"

#include <string.h>

/* concise-mid-tag, triples-map, environment-map, class-map and measurement-values-map of draft-ietf-rats-corim. */
enum comid_member { COMID_IDENTITY = 1, COMID_TRIPLES = 4 };
enum comid_triples { TRIPLES_REFERENCE = 0, TRIPLES_ATTEST_KEY = 3 };
enum environment_member { ENVIRONMENT_CLASS = 0, ENVIRONMENT_INSTANCE = 1, ENVIRONMENT_GROUP = 2 };
enum class_member { CLASS_ID = 0, CLASS_VENDOR = 1, CLASS_MODEL = 2, CLASS_LAYER = 3, CLASS_INDEX = 4 };
enum value_member { VALUE_SVN = 1, VALUE_DIGESTS = 2, VALUE_NAME = 11 };

/* ---- a CoMID ---- */

static struct err comid_read_identity(struct reader *r, struct corim_comid *out)
{
    uint64_t count = cbor_read_map(r);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        int64_t label = corim_read_label(r);
        if (label == 0)
            TRY(corim_read_name(r, "tag-id", out->id));
        else if (label == 1)
            out->version = cbor_read_uint(r);
        else
            cbor_read_item(r);
    }
    return r->bad ? corim_malformed("tag-identity") : OK;
}

static struct err comid_read_triples(struct reader *r, struct corim_comid *out)
{
    uint64_t count = cbor_read_map(r);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        int64_t label = corim_read_label(r);
        if (label == TRIPLES_REFERENCE)
            TRY(corim_read_list(r, "list of reference values", &out->references));
        else if (label == TRIPLES_ATTEST_KEY)
            TRY(corim_read_list(r, "list of attestation keys", &out->keys));
        else
            cbor_read_item(r);
    }
    return r->bad ? corim_malformed("triples") : OK;
}

static struct err comid_read(struct bytes cbor, struct corim_comid *out)
{
    TRY(cbor_scan_document(cbor, "the CoMID"));
    struct reader r = reader_of(cbor);
    uint64_t count = cbor_read_map(&r);
    for (uint64_t i = 0; i < count && !r.bad; i++) {
        int64_t label = corim_read_label(&r);
        if (label == COMID_IDENTITY)
            TRY(comid_read_identity(&r, out));
        else if (label == COMID_TRIPLES)
            TRY(comid_read_triples(&r, out));
        else
            cbor_read_item(&r);
    }
    if (r.bad)
        return corim_malformed("CoMID");
    return out->id[0] ? OK : err_make(ERR_INPUT, "a CoMID of the CoRIM has no tag-id");
}

struct err corim_next_comid(struct corim_list *tags, struct corim_comid *out, bool *found)
{
    *found = false;
    while (!*found && corim_list_goes_on(tags)) {
        uint64_t tag = corim_read_tag(&tags->r);
        if (tag != CORIM_TAG_COMID) {
            cbor_read_item(&tags->r);
            continue;
        }
        struct bytes comid = cbor_read_bytes(&tags->r);
        if (tags->r.bad)
            return corim_malformed("CoMID");
        *out = (struct corim_comid){0};
        TRY(comid_read(comid, out));
        *found = true;
    }
    return tags->r.bad ? corim_malformed("list of tags") : OK;
}

/* ---- environments ---- */

static struct corim_identifier environment_read_identifier(struct reader *r)
{
    struct corim_identifier out = {.tag = corim_read_tag(r)};
    struct bytes item = cbor_read_item(r);
    struct reader inner = reader_of(item);
    if (cbor_next(&inner) == CBOR_IS_BYTES)
        out.value = cbor_read_bytes(&inner);
    else
        r->bad = true;
    return out;
}

static void environment_read_class(struct reader *r, struct corim_environment *out)
{
    uint64_t count = cbor_read_map(r);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        int64_t label = corim_read_label(r);
        if (label == CLASS_ID) {
            out->class_id = environment_read_identifier(r);
        } else if (label == CLASS_VENDOR) {
            out->vendor = cbor_read_name(r);
        } else if (label == CLASS_MODEL) {
            out->model = cbor_read_name(r);
        } else {
            cbor_read_item(r);
            out->has_more_class = true;
        }
    }
}

static struct err environment_read(struct reader *r, struct corim_environment *out)
{
    *out = (struct corim_environment){0};
    uint64_t count = cbor_read_map(r);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        int64_t label = corim_read_label(r);
        if (label == ENVIRONMENT_CLASS) {
            environment_read_class(r, out);
        } else if (label == ENVIRONMENT_INSTANCE) {
            out->instance = environment_read_identifier(r);
        } else {
            cbor_read_item(r);
            out->has_group = true; /* or something else that narrows it */
        }
    }
    return r->bad || count == 0 ? corim_malformed("environment") : OK;
}

/* A triple of an environment and a list. */
static struct err environment_read_record(struct corim_list *records, const char *what, struct corim_environment *out,
                                          struct corim_list *list)
{
    struct bytes record = cbor_read_item(&records->r);
    struct reader r = reader_of(record);
    if (cbor_read_array(&r) != 2 || r.bad)
        return corim_malformed(what);
    TRY(environment_read(&r, out));
    TRY(corim_read_list(&r, what, list));
    return list->left > 0 ? OK : corim_malformed(what);
}

struct err corim_next_reference(struct corim_list *references, struct corim_environment *out,
                                struct corim_list *measurements, bool *found)
{
    *found = corim_list_goes_on(references);
    return *found ? environment_read_record(references, "reference value", out, measurements) : OK;
}

struct err corim_next_key(struct corim_list *keys, struct corim_environment *out, uint64_t *count, bool *found)
{
    struct corim_list list = {0};
    *found = corim_list_goes_on(keys);
    if (*found)
        TRY(environment_read_record(keys, "attestation key", out, &list));
    *count = list.left;
    return OK;
}

/* ---- measurements ---- */

static void measurement_read_key(struct reader *r, struct corim_measurement *out)
{
    out->key_kind = cbor_next(r) == CBOR_IS_UINT ? CORIM_KEY_NUMBER : CORIM_KEY_OTHER;
    if (out->key_kind == CORIM_KEY_NUMBER)
        out->key = cbor_read_uint(r);
    else
        cbor_read_item(r);
}

/* svn-type-choice: a number, exactly or at least; without a tag, exactly. */
static struct err measurement_read_svn(struct reader *r, struct corim_measurement *out)
{
    uint64_t tag = corim_read_tag(r);
    out->svn = cbor_read_uint(r);
    out->svn_is_minimum = tag == CORIM_TAG_MIN_SVN;
    out->has_svn = true;
    if (r->bad || (tag != 0 && tag != CORIM_TAG_SVN && tag != CORIM_TAG_MIN_SVN))
        return corim_malformed("svn");
    return OK;
}

static struct err measurement_read_values(struct bytes values, struct corim_measurement *out)
{
    struct reader r = reader_of(values);
    uint64_t count = cbor_read_map(&r);
    out->values = values;
    for (uint64_t i = 0; i < count && !r.bad; i++) {
        int64_t label = corim_read_label(&r);
        if (label == VALUE_SVN)
            TRY(measurement_read_svn(&r, out));
        else if (label == VALUE_DIGESTS)
            TRY(corim_read_list(&r, "digests", &out->digests));
        else
            cbor_read_item(&r);
        out->has_more |= label != VALUE_SVN && label != VALUE_DIGESTS && label != VALUE_NAME;
    }
    return r.bad || count == 0 ? corim_malformed("measurement") : OK;
}

/* measurement-map: a key, values, and what else there may be. */
static struct err measurement_read(struct reader *r, struct corim_measurement *out)
{
    bool has_values = false;
    uint64_t count = cbor_read_map(r);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        int64_t label = corim_read_label(r);
        if (label == 0) {
            measurement_read_key(r, out);
        } else if (label == 1) {
            TRY(measurement_read_values(cbor_read_item(r), out));
            has_values = true;
        } else {
            cbor_read_item(r);
            out->has_more = true; /* whose it has to be, among others */
        }
    }
    return r->bad || !has_values ? corim_malformed("measurement") : OK;
}

struct err corim_next_measurement(struct corim_list *measurements, struct corim_measurement *out, bool *found)
{
    *out = (struct corim_measurement){0};
    *found = corim_list_goes_on(measurements);
    return *found ? measurement_read(&measurements->r, out) : OK;
}

/* The texts of the registry for what we may meet. */
static uint64_t digest_algorithm(struct bytes name)
{
    return bytes_equal(name, BYTES_LITERAL("sha-256"))   ? 1
           : bytes_equal(name, BYTES_LITERAL("sha-384")) ? 7
           : bytes_equal(name, BYTES_LITERAL("sha-512")) ? 8
                                                         : 0;
}

struct err corim_next_digest(struct corim_list *digests, struct corim_digest *out, bool *found)
{
    *found = corim_list_goes_on(digests);
    if (!*found)
        return OK;
    struct bytes pair = cbor_read_item(&digests->r);
    struct reader r = reader_of(pair);
    uint64_t count = cbor_read_array(&r);
    out->algorithm = cbor_next(&r) == CBOR_IS_TEXT ? digest_algorithm(cbor_read_name(&r)) : cbor_read_uint(&r);
    out->value = cbor_read_bytes(&r);
    return r.bad || count != 2 ? corim_malformed("digest") : OK;
}
