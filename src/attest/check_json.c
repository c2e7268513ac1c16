#include "attest/check_json.h"

#include "attest/printable.h"
#include "base/mem.h"

#include <stdlib.h>

#define JSON_TEXT_MAX 8192

json_t *json_printable(const char *text)
{
    char *clean = printable_text(text, JSON_TEXT_MAX);
    json_t *json = json_string(clean);
    free(clean);
    return json;
}

json_t *check_json(const struct check *check)
{
    json_t *json = json_object();
    json_object_set_new(json, "name", json_printable(check->name));
    json_object_set_new(json, "outcome", json_string(check_outcome_name(check->outcome)));
    json_object_set_new(json, "expected", json_printable(check->expected));
    json_object_set_new(json, "found", json_printable(check->found));
    return json;
}

char *json_line(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(json);
    return text ? text : mem_string("{}");
}
