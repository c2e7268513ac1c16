/* vouch_decode_azure.c: what evidence from Azure says beside the report: runtime claims and a quote. */
#include "app/vouch_decode.h"

#include "attest/check_json.h"
#include "attest/evidence_azure.h"

#define DECODE_CLAIMS_DEPTH 8

/* A copy whose texts are printable; what stands deeper than claims do is left out. */
static json_t *decode_printable(const json_t *value, int depth)
{
    json_t *copy = NULL, *member;
    const char *name;
    if (json_is_string(value))
        return json_printable(json_string_value(value));
    if (depth == 0 || (!json_is_object(value) && !json_is_array(value)))
        return json_is_object(value) || json_is_array(value) ? json_null() : json_copy((json_t *)value);
    copy = json_is_object(value) ? json_object() : json_array();
    for (size_t i = 0; i < json_array_size(value); i++)
        json_array_append_new(copy, decode_printable(json_array_get(value, i), depth - 1));
    json_object_foreach((json_t *)value, name, member)
    {
        json_t *printable = json_printable(name);
        json_object_set_new(copy, json_string_value(printable), decode_printable(member, depth - 1));
        json_decref(printable);
    }
    return copy;
}

json_t *vouch_decode_claims(struct bytes claims)
{
    json_t *tree = json_loadb((const char *)claims.p, claims.n, JSON_REJECT_DUPLICATES, NULL), *json;
    if (!json_is_object(tree)) {
        json = json_object();
        json_object_set_new(json, "problem", json_string("no JSON object without duplicates"));
    } else {
        json = decode_printable(tree, DECODE_CLAIMS_DEPTH);
    }
    json_decref(tree);
    return json;
}

static json_t *decode_pcrs(const struct tpm_quote *quote, struct bytes values)
{
    json_t *json = json_array();
    for (unsigned i = 0; i < TPM_PCRS; i++) {
        struct bytes value = tpm_quote_pcr(quote, values, i);
        json_array_append_new(json, value.n > 0 ? vouch_decode_hex(value) : json_null());
    }
    return json;
}

static json_t *decode_quote(const struct evidence_azure *azure)
{
    struct tpm_quote quote;
    json_t *json = json_object();
    struct err outcome = tpm_quote_parse(azure->quote, &quote);
    if (failed(outcome)) {
        json_object_set_new(json, "problem", json_printable(outcome.why));
        return json;
    }
    json_object_set_new(json, "extra_data", vouch_decode_hex(quote.extra_data));
    json_object_set_new(json, "pcr_digest", vouch_decode_hex(quote.pcr_digest));
    json_object_set_new(json, "reset_count", json_integer(quote.reset_count));
    json_object_set_new(json, "pcr", decode_pcrs(&quote, azure->pcrs));
    return json;
}

json_t *vouch_decode_azure(const struct evidence_azure *azure)
{
    json_t *json = json_object();
    json_object_set_new(json, "claims", vouch_decode_claims(azure->claims));
    json_object_set_new(json, "quote", decode_quote(azure));
    return json;
}
