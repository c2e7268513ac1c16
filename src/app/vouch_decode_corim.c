/* vouch_decode_corim.c: a CoRIM as a tree of names and values. */
#include "app/vouch_decode.h"
#include "attest/cbor.h"
#include "attest/check_json.h"
#include "attest/corim_comid.h"
#include "attest/corim_snp.h"
#include "attest/cose_signers.h"
#include "base/mem.h"

#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

#define OID_DER_MAX 130

enum value_member { VALUE_VERSION = 0, VALUE_RAW = 4 };

static void decode_put_number(json_t *json, const char *name, uint64_t value)
{
    char text[24];
    if (value <= INT64_MAX) {
        json_object_set_new(json, name, json_integer((json_int_t)value));
        return;
    }
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
    json_object_set_new(json, name, json_string(text));
}

static void decode_put_bytes_text(json_t *json, const char *name, struct bytes text)
{
    if (text.n == 0)
        return;
    char *copy = mem_string_of(text);
    json_object_set_new(json, name, json_printable(copy));
    free(copy);
}

static void decode_put_period(json_t *json, struct corim_period period)
{
    if (period.not_before_s != INT64_MIN)
        json_object_set_new(json, "not_before", vouch_decode_time(period.not_before_s));
    if (period.not_after_s != INT64_MAX)
        json_object_set_new(json, "not_after", vouch_decode_time(period.not_after_s));
}

static void decode_put_signature(json_t *json, const struct corim *corim)
{
    json_object_set_new(json, "signed", json_boolean(corim->is_signed));
    if (!corim->is_signed)
        return;
    json_t *into = json_object();
    json_object_set_new(into, "algorithm", json_string(cose_algorithm_name(corim->sign1.algorithm)));
    json_object_set_new(into, "key_id", vouch_decode_hex(corim->sign1.key_id));
    decode_put_bytes_text(into, "signer", corim->signer);
    decode_put_period(into, corim->signed_for);
    json_object_set_new(json, "signature", into);
}

/* An OID without its head, as RFC 9090 has it, in dots; hexadecimal where it is none. */
static json_t *decode_oid(struct bytes oid)
{
    uint8_t der[OID_DER_MAX];
    char text[256];
    const uint8_t *at = der;
    ASN1_OBJECT *object = NULL;
    if (oid.n > 0 && oid.n < OID_DER_MAX - 2) {
        der[0] = V_ASN1_OBJECT;
        der[1] = (uint8_t)oid.n;
        memcpy(der + 2, oid.p, oid.n);
        object = d2i_ASN1_OBJECT(NULL, &at, (long)oid.n + 2);
    }
    int size = object ? OBJ_obj2txt(text, sizeof text, object, 1) : 0;
    ASN1_OBJECT_free(object);
    return size > 0 && size < (int)sizeof text ? json_string(text) : vouch_decode_hex(oid);
}

static void decode_put_identifier(json_t *json, const char *name, const struct corim_identifier *identifier)
{
    if (identifier->value.n > 0)
        json_object_set_new(json, name,
                            identifier->tag == CORIM_TAG_OID ? decode_oid(identifier->value)
                                                             : vouch_decode_hex(identifier->value));
}

static json_t *decode_environment(const struct corim_environment *environment)
{
    json_t *json = json_object();
    decode_put_identifier(json, "class_id", &environment->class_id);
    decode_put_bytes_text(json, "vendor", environment->vendor);
    decode_put_bytes_text(json, "model", environment->model);
    decode_put_identifier(json, "instance", &environment->instance);
    return json;
}

static struct err decode_put_digests(json_t *json, struct corim_list digests)
{
    struct corim_digest digest;
    bool found = digests.left > 0;
    if (!found)
        return OK;
    json_t *list = json_array();
    json_object_set_new(json, "digests", list);
    for (;;) {
        TRY(corim_next_digest(&digests, &digest, &found));
        if (!found)
            return OK;
        json_t *one = json_object();
        json_array_append_new(list, one);
        decode_put_number(one, "algorithm", digest.algorithm);
        json_object_set_new(one, "value", vouch_decode_hex(digest.value));
    }
}

/* version-map, and a raw value; what else there is stands in "cbor". */
static void decode_put_value(json_t *json, struct reader *r, int64_t label)
{
    struct bytes item = cbor_read_item(r);
    struct reader inner = reader_of(item);
    if (label == VALUE_VERSION && cbor_read_map(&inner) > 0 && corim_read_label(&inner) == 0)
        decode_put_bytes_text(json, "version", cbor_read_name(&inner));
    else if (label == VALUE_RAW && corim_read_tag(&inner) == CORIM_TAG_BYTES)
        json_object_set_new(json, "raw_value", vouch_decode_hex(cbor_read_bytes(&inner)));
}

static struct err decode_put_measurement(json_t *json, struct bytes profile,
                                         const struct corim_measurement *measurement)
{
    const char *name = NULL;
    if (measurement->key_kind == CORIM_KEY_NUMBER) {
        decode_put_number(json, "key", measurement->key);
        name = corim_snp_key_name(profile, measurement->key);
    }
    if (name)
        json_object_set_new(json, "name", json_string(name));
    if (measurement->has_svn)
        decode_put_number(json, measurement->svn_is_minimum ? "min_svn" : "svn", measurement->svn);
    TRY(decode_put_digests(json, measurement->digests));
    struct reader r = reader_of(measurement->values);
    size_t before = json_object_size(json);
    uint64_t count = cbor_read_map(&r);
    for (uint64_t i = 0; i < count && !r.bad; i++)
        decode_put_value(json, &r, corim_read_label(&r));
    if (json_object_size(json) == before && !measurement->has_svn && measurement->digests.left == 0)
        json_object_set_new(json, "cbor", vouch_decode_hex(measurement->values));
    return OK;
}

static struct err decode_put_measurements(json_t *json, struct bytes profile, struct corim_list measurements)
{
    struct corim_measurement measurement;
    bool found = false;
    json_t *list = json_array();
    json_object_set_new(json, "measurements", list);
    for (;;) {
        TRY(corim_next_measurement(&measurements, &measurement, &found));
        if (!found)
            return OK;
        json_t *one = json_object();
        json_array_append_new(list, one);
        TRY(decode_put_measurement(one, profile, &measurement));
    }
}

static struct err decode_put_references(json_t *json, struct bytes profile, struct corim_list references)
{
    struct corim_environment environment;
    struct corim_list measurements;
    bool found = false;
    json_t *list = json_array();
    json_object_set_new(json, "reference_values", list);
    for (;;) {
        TRY(corim_next_reference(&references, &environment, &measurements, &found));
        if (!found)
            return OK;
        json_t *one = decode_environment(&environment);
        json_array_append_new(list, one);
        TRY(decode_put_measurements(one, profile, measurements));
    }
}

static struct err decode_put_keys(json_t *json, struct corim_list keys)
{
    struct corim_environment environment;
    uint64_t count = 0;
    bool found = false;
    if (keys.left == 0)
        return OK;
    json_t *list = json_array();
    json_object_set_new(json, "attestation_keys", list);
    for (;;) {
        TRY(corim_next_key(&keys, &environment, &count, &found));
        if (!found)
            return OK;
        json_t *one = decode_environment(&environment);
        decode_put_number(one, "keys", count);
        json_array_append_new(list, one);
    }
}

static struct err decode_put_comids(json_t *json, const struct corim *corim)
{
    struct corim_list tags = corim->tags;
    struct corim_comid comid;
    bool found = false;
    json_t *list = json_array();
    json_object_set_new(json, "comids", list);
    for (;;) {
        TRY(corim_next_comid(&tags, &comid, &found));
        if (!found)
            return OK;
        json_t *one = json_object();
        json_array_append_new(list, one);
        json_object_set_new(one, "tag_id", json_string(comid.id));
        decode_put_number(one, "tag_version", comid.version);
        TRY(decode_put_references(one, corim->profile, comid.references));
        TRY(decode_put_keys(one, comid.keys));
    }
}

void vouch_decode_corim(struct bytes cbor, json_t *into)
{
    struct corim corim;
    struct err outcome = corim_parse(cbor, &corim);
    if (!failed(outcome)) {
        json_object_set_new(into, "id", json_string(corim.id));
        decode_put_bytes_text(into, "profile", corim.profile);
        decode_put_period(into, corim.period);
        decode_put_signature(into, &corim);
        outcome = decode_put_comids(into, &corim);
    }
    if (failed(outcome))
        json_object_set_new(into, "problem", json_printable(outcome.why));
}
