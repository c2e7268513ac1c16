#include "attest/cmw_json.h"

#include "attest/base64url.h"
#include "attest/cbor.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8259 section 2. */
static bool json_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool cmw_json_is_likely(struct bytes bytes)
{
    size_t at = 0;
    while (at < bytes.n && json_is_blank(bytes.p[at]))
        at++;
    return at < bytes.n && (bytes.p[at] == '{' || bytes.p[at] == '[');
}

static struct err json_write_value(const char *text, struct writer *out)
{
    size_t room = strlen(text), size = 0;
    uint8_t *value = mem_alloc(room + 1);
    struct err outcome = base64url_decode(text, value, room, &size);
    if (!failed(outcome))
        cbor_write_bytes(out, bytes_of(value, size));
    free(value);
    return outcome;
}

static struct err json_write_record(const json_t *record, struct writer *out)
{
    size_t count = json_array_size(record);
    const json_t *type = json_array_get(record, 0), *value = json_array_get(record, 1);
    const json_t *indicator = json_array_get(record, 2);
    if ((count != 2 && count != 3) || !json_is_string(type) || !json_is_string(value) ||
        (indicator && (!json_is_integer(indicator) || json_integer_value(indicator) < 0)))
        return err_make(ERR_INPUT, "a record of the CMW is not a type, a value in base64url and perhaps an indicator");
    cbor_write_array(out, count);
    cbor_write_text(out, json_string_value(type));
    TRY(json_write_value(json_string_value(value), out));
    if (indicator)
        cbor_write_uint(out, (uint64_t)json_integer_value(indicator));
    return OK;
}

/* By the bytewise order of the encodings (RFC 8949 section 4.2.1): the shorter text first. */
static int json_compare_names(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    size_t left_size = strlen(*left), right_size = strlen(*right);
    if (left_size != right_size)
        return left_size < right_size ? -1 : 1;
    return memcmp(*left, *right, left_size);
}

static struct err json_write_collection(json_t *collection, struct writer *out)
{
    const char *names[CMW_JSON_PAIRS_MAX], *name;
    size_t count = 0;
    json_t *member;
    if (json_object_size(collection) > CMW_JSON_PAIRS_MAX)
        return err_make(ERR_LIMIT, "the CMW has more than %d members", CMW_JSON_PAIRS_MAX);
    json_object_foreach(collection, name, member) names[count++] = name;
    qsort(names, count, sizeof names[0], json_compare_names);
    cbor_write_map(out, count);
    for (size_t i = 0; i < count; i++) {
        member = json_object_get(collection, names[i]);
        cbor_write_text(out, names[i]);
        if (json_is_string(member)) /* the collection's type */
            cbor_write_text(out, json_string_value(member));
        else
            TRY(err_within(json_write_record(member, out), "the CMW's member \"%.40s\"", names[i]));
    }
    return OK;
}

struct err cmw_json_rewrite(struct bytes json, struct writer *out)
{
    json_error_t problem;
    if (json.n > CMW_JSON_MAX)
        return err_make(ERR_LIMIT, "the CMW has %zu bytes, more than %d", json.n, CMW_JSON_MAX);
    json_t *tree = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &problem);
    if (!tree)
        return err_make(ERR_INPUT, "the CMW is no JSON without duplicates: line %d: %s", problem.line, problem.text);
    struct err outcome = json_is_object(tree) ? json_write_collection(tree, out) : json_write_record(tree, out);
    json_decref(tree);
    return failed(outcome) ? outcome : writer_finish(out, "the CMW");
}
