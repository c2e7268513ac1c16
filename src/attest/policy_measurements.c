#include "attest/policy_measurements.h"

#include "attest/policy_place.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLICY_ALLOWED_MAX ((size_t)10000)
#define SET_KEYS           "name, values, not_before or not_after"

/* What a set says of its values. */
struct measurement_set {
    const char *name;
    int64_t not_before_s;
    int64_t not_after_s;
};

static const struct measurement_set no_set = {"", INT64_MIN, INT64_MAX};

struct err policy_measurements_add(struct policy_measurements *measurements, const struct policy_measurement *allowed)
{
    if (measurements->count >= POLICY_ALLOWED_MAX)
        return err_make(ERR_LIMIT, "there are too many measurements");
    measurements->allowed =
        mem_resize(measurements->allowed, (measurements->count + 1) * sizeof measurements->allowed[0]);
    struct policy_measurement *added = &measurements->allowed[measurements->count++];
    *added = *allowed;
    added->name = mem_string(allowed->name);
    return OK;
}

static struct err allow(const struct policy_place *place, const struct tree *node, const struct measurement_set *set,
                        struct policy_measurements *measurements)
{
    struct policy_measurement allowed = {
        .name = (char *)set->name, .not_before_s = set->not_before_s, .not_after_s = set->not_after_s};
    if (!policy_is_text(node) || failed(hex_decode(node->text, allowed.bytes, sizeof allowed.bytes)))
        return policy_expect(place, node, "a measurement of 96 hexadecimal digits");
    struct err added = policy_measurements_add(measurements, &allowed);
    return failed(added) ? policy_complain(place, node, added.why) : OK;
}

struct err read_expected(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    if (policy_is_text(place->node) && place->node->text[0] == '\0')
        return OK;
    return allow(place, place->node, &no_set, field);
}

struct err read_allow_list(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    if (place->node->kind != TREE_LIST)
        return policy_expect(place, place->node, "a list of measurements");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(allow(place, place->node->members[i], &no_set, field));
    return OK;
}

/* ---- sets ---- */

static bool parse_moment(const char *text, int64_t *out_s)
{
    struct tm tm = {0};
    struct tm again;
    const char *end = strptime(text, strchr(text, 'T') ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d", &tm);
    size_t size = strlen(text);
    if (!end || *end != '\0' || (size != 10 && size != 20))
        return false;
    again = tm;
    *out_s = (int64_t)timegm(&again); /* makes the 31st of February a day of March: no such day was meant */
    return again.tm_mday == tm.tm_mday && again.tm_mon == tm.tm_mon && again.tm_sec == tm.tm_sec;
}

static struct err read_moment(const struct policy_place *place, const struct tree *node, int64_t *out_s)
{
    if (!policy_is_text(node) || !parse_moment(node->text, out_s))
        return policy_expect(place, node, "a time of UTC, e.g. 2026-01-31 or 2026-01-31T12:00:00Z");
    return OK;
}

static struct err read_set_key(const struct policy_place *place, const struct tree *node, struct measurement_set *set)
{
    if (strcmp(node->key, "name") == 0) {
        set->name = node->text;
        return policy_is_word(node) ? OK : policy_expect(place, node, "a name of up to 64 printable characters");
    }
    if (strcmp(node->key, "not_before") == 0)
        return read_moment(place, node, &set->not_before_s);
    if (strcmp(node->key, "not_after") == 0)
        return read_moment(place, node, &set->not_after_s);
    return strcmp(node->key, "values") == 0 ? OK : policy_expect_key(place, node, SET_KEYS);
}

static struct err read_set(const struct policy_place *place, const struct tree *node,
                           struct policy_measurements *measurements)
{
    struct measurement_set set = no_set;
    if (node->kind != TREE_MAP)
        return policy_expect(place, node, "a set: a map of " SET_KEYS);
    for (size_t i = 0; i < node->count; i++)
        TRY(read_set_key(place, node->members[i], &set));
    const struct tree *values = tree_find(node, "values");
    if (set.name[0] == '\0')
        return policy_complain(place, node, "a set must have a name");
    if (set.not_before_s > set.not_after_s)
        return policy_complain(place, node, "not_before is later than not_after, so the set would never hold");
    if (!values || values->kind != TREE_LIST || values->count == 0)
        return policy_complain(place, values ? values : node, "a set must have a list of values with at least one");
    for (size_t i = 0; i < values->count; i++)
        TRY(allow(place, values->members[i], &set, measurements));
    return OK;
}

struct err read_sets(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    if (place->node->kind != TREE_LIST)
        return policy_expect(place, place->node, "a list of sets");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(read_set(place, place->node->members[i], field));
    return OK;
}

void policy_measurements_free(struct policy_measurements *measurements)
{
    for (size_t i = 0; i < measurements->count; i++)
        free(measurements->allowed[i].name);
    free(measurements->allowed);
    cose_signers_free(measurements->signers);
}
