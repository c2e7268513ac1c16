#include "attest/policy_read.h"

#include "attest/nonces.h"
#include "attest/small_file.h"
#include "base/clock.h"
#include "base/distance.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_VERSION_MAX  64
#define POLICY_NONCE_MAX    64                     /* as much as a bind record carries */
#define POLICY_DURATION_MAX (INT64_C(366) * 86400) /* seconds */
#define POLICY_ALLOWED_MAX  ((size_t)10000)        /* measurements */
#define POLICY_ARKS_MAX     64

/* A value where it stands. */
struct place {
    const char *path;
    const char *group; /* "" at the top */
    const char *key;
    const struct tree *node;
};

struct key {
    const char *group;
    const char *name;
    struct err (*read)(const struct place *place, struct policy *policy, void *field);
    size_t offset; /* of `field` in struct policy */
};

static struct err complain(const struct place *place, const struct tree *node, const char *what)
{
    return err_make(ERR_INPUT, "%s:%zu: %s%s%s: %s", place->path, node->line, place->group, place->group[0] ? "." : "",
                    place->key, what);
}

static struct err expect(const struct place *place, const struct tree *node, const char *expected)
{
    char told[TREE_TOLD_SIZE];
    tree_tell(node, told);
    return err_make(ERR_INPUT, "%s:%zu: %s%s%s: expected %s, found %s", place->path, node->line, place->group,
                    place->group[0] ? "." : "", place->key, expected, told);
}

static bool is_text(const struct tree *node)
{
    return node->kind == TREE_TEXT && !node->is_null;
}

static bool is_one_of(const char *text, const char *const words[3])
{
    return strcmp(text, words[0]) == 0 || strcmp(text, words[1]) == 0 || strcmp(text, words[2]) == 0;
}

static struct err read_bool(const struct place *place, struct policy *policy, void *field)
{
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    const struct tree *node = place->node;
    (void)policy;
    if (!is_text(node) || !node->is_plain || (!is_one_of(node->text, yes) && !is_one_of(node->text, no)))
        return expect(place, node, "true or false");
    *(bool *)field = is_one_of(node->text, yes);
    return OK;
}

static struct err read_mode(const struct place *place, struct policy *policy, void *field)
{
    (void)policy;
    if (is_text(place->node)) {
        for (int mode = POLICY_STRICT; mode <= POLICY_DISABLED; mode++) {
            if (strcmp(place->node->text, policy_mode_name((enum policy_mode)mode)) == 0) {
                *(enum policy_mode *)field = (enum policy_mode)mode;
                return OK;
            }
        }
    }
    return expect(place, place->node, "strict, warn or disabled");
}

static struct err read_source(const struct place *place, struct policy *policy, void *field)
{
    (void)policy;
    if (!is_text(place->node) || (strcmp(place->node->text, "server") != 0 && strcmp(place->node->text, "any") != 0))
        return expect(place, place->node, "server or any");
    *(enum policy_nonce_source *)field = strcmp(place->node->text, "any") == 0 ? POLICY_NONCE_ANY : POLICY_NONCE_SERVER;
    return OK;
}

static struct err read_version(const struct place *place, struct policy *policy, void *field)
{
    (void)field;
    const struct tree *node = place->node;
    bool fits = is_text(node) && node->text[0] != '\0' && strlen(node->text) <= POLICY_VERSION_MAX;
    for (const char *p = node->text; fits && *p; p++)
        fits = isprint((unsigned char)*p) != 0;
    if (!fits)
        return expect(place, node, "a word of up to 64 printable characters");
    free(policy->version);
    policy->version = mem_string(node->text);
    return OK;
}

/* Plain decimal or 0x…; a leading zero could be meant as octal, so it is refused. */
static bool parse_whole(const char *text, uint64_t max, uint64_t *out)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = is_hex ? text + 2 : text;
    if (!isxdigit((unsigned char)digits[0]) || (!is_hex && digits[0] == '0' && digits[1] != '\0'))
        return false;
    char *end;
    errno = 0;
    *out = strtoull(digits, &end, is_hex ? 16 : 10);
    return *end == '\0' && end != digits && errno == 0 && *out <= max;
}

static struct err take_whole(const struct place *place, uint64_t max, uint64_t *out)
{
    if (is_text(place->node) && place->node->is_plain && parse_whole(place->node->text, max, out))
        return OK;
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number from 0 to %" PRIu64, max);
    return expect(place, place->node, expected);
}

static struct err read_platform_version(const struct place *place, struct policy *policy, void *field)
{
    policy->tcb.has_min_platform_version = true;
    return take_whole(place, UINT64_MAX, field);
}

static struct err read_guest_svn(const struct place *place, struct policy *policy, void *field)
{
    uint64_t value = 0;
    (void)policy;
    TRY(take_whole(place, UINT32_MAX, &value));
    *(uint32_t *)field = (uint32_t)value;
    return OK;
}

static struct err read_length(const struct place *place, struct policy *policy, void *field)
{
    uint64_t value = 0;
    (void)policy;
    TRY(take_whole(place, POLICY_NONCE_MAX, &value));
    *(size_t *)field = (size_t)value;
    return OK;
}

/* One part of a firmware version, then `behind`. */
static bool take_part(const char **text, char behind, uint8_t *out)
{
    char digits[4] = "";
    size_t n = strspn(*text, "0123456789");
    uint64_t value;
    if (n == 0 || n >= sizeof digits || (*text)[n] != behind)
        return false;
    memcpy(digits, *text, n);
    if (!parse_whole(digits, UINT8_MAX, &value))
        return false;
    *out = (uint8_t)value;
    *text += n + (behind != '\0');
    return true;
}

static struct err read_firmware(const struct place *place, struct policy *policy, void *field)
{
    struct snp_firmware_version *version = field;
    const char *text = place->node->text;
    if (!is_text(place->node) || !take_part(&text, '.', &version->major) || !take_part(&text, '.', &version->minor) ||
        !take_part(&text, '\0', &version->build))
        return expect(place, place->node, "major.minor.build, each from 0 to 255");
    policy->tcb.has_min_version = true;
    return OK;
}

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 'd':
        return 86400;
    case 'h':
        return 3600;
    case 'm':
        return 60;
    case 's':
        return 1;
    default:
        return 0;
    }
}

/* "90" (seconds), "5m", "1h30m": units from the largest to the smallest, each once. */
static bool parse_duration(const char *text, int64_t *out_s)
{
    int64_t sum = 0;
    int64_t unit_before = INT64_MAX;
    do {
        size_t n = strspn(text, "0123456789");
        if (n == 0 || n > 9)
            return false;
        int64_t number = strtoll(text, NULL, 10);
        bool alone = text[n] == '\0' && unit_before == INT64_MAX;
        int64_t unit = alone ? 1 : unit_seconds(text[n]);
        if (unit == 0 || unit >= unit_before)
            return false;
        unit_before = unit;
        sum += number * unit;
        text += n + !alone;
    } while (*text);
    *out_s = sum;
    return sum <= POLICY_DURATION_MAX;
}

static struct err read_duration(const struct place *place, struct policy *policy, void *field)
{
    int64_t seconds = 0;
    (void)policy;
    if (!is_text(place->node) || !parse_duration(place->node->text, &seconds))
        return expect(place, place->node, "a duration up to 366 days, e.g. 90, 30s, 5m, 1h30m or 2d");
    *(int64_t *)field = seconds * US_PER_SECOND;
    return OK;
}

static struct err read_age(const struct place *place, struct policy *policy, void *field)
{
    TRY(read_duration(place, policy, field));
    return *(int64_t *)field > 0 ? OK : expect(place, place->node, "a duration of at least a second");
}

static struct err allow_measurement(const struct place *place, const struct tree *node, struct policy *policy)
{
    uint8_t measurement[SNP_MEASUREMENT_SIZE];
    if (!is_text(node) || failed(hex_decode(node->text, measurement, sizeof measurement)))
        return expect(place, node, "a measurement of 96 hexadecimal digits");
    if (policy->measurements.count >= POLICY_ALLOWED_MAX)
        return complain(place, node, "there are too many measurements");
    policy->measurements.allowed =
        mem_resize(policy->measurements.allowed, (policy->measurements.count + 1) * sizeof measurement);
    memcpy(policy->measurements.allowed[policy->measurements.count++], measurement, sizeof measurement);
    return OK;
}

static struct err read_expected(const struct place *place, struct policy *policy, void *field)
{
    (void)field;
    if (is_text(place->node) && place->node->text[0] == '\0')
        return OK;
    return allow_measurement(place, place->node, policy);
}

static struct err read_allow_list(const struct place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST)
        return expect(place, place->node, "a list of measurements");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(allow_measurement(place, place->node->members[i], policy));
    return OK;
}

/* Relative to the policy's folder. On the heap. */
static char *beside(const char *policy_path, const char *path)
{
    const char *slash = strrchr(policy_path, '/');
    if (path[0] == '/' || !slash)
        return mem_string(path);
    return mem_format("%.*s/%s", (int)(slash - policy_path), policy_path, path);
}

static struct err trust_file(const struct place *place, const struct tree *node, struct policy *policy)
{
    uint8_t *content = NULL;
    size_t size = 0;
    char *path = beside(place->path, node->text);
    struct err e = small_file_read(path, SNP_CERTIFICATE_MAX, &content, &size);
    if (!failed(e))
        e = err_within(snp_arks_add_certificate(policy->certificates.trusted_arks, bytes_of(content, size)), "\"%s\"",
                       path);
    free(content);
    free(path);
    return failed(e) ? complain(place, node, e.why) : OK;
}

static struct err trust(const struct place *place, const struct tree *node, struct policy *policy)
{
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    if (!is_text(node) || node->text[0] == '\0')
        return expect(place, node, "the file of a root's certificate, or 64 hexadecimal digits");
    if (failed(hex_decode(node->text, hash, sizeof hash)))
        return trust_file(place, node, policy);
    snp_arks_add_spki_sha256(policy->certificates.trusted_arks, hash);
    return OK;
}

static struct err read_arks(const struct place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST)
        return expect(place, place->node, "a list of files or hashes");
    if (place->node->count > POLICY_ARKS_MAX)
        return complain(place, place->node, "there are too many roots");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(trust(place, place->node->members[i], policy));
    return OK;
}

static struct err add_vek(const struct place *place, const struct tree *node, struct policy *policy)
{
    uint8_t *content = NULL;
    size_t size = 0;
    if (!is_text(node) || node->text[0] == '\0')
        return expect(place, node, "the file of a VCEK's or VLEK's certificate");
    char *path = beside(place->path, node->text);
    struct err e = small_file_read(path, SNP_CERTIFICATE_MAX, &content, &size);
    if (!failed(e))
        e = err_within(veks_add(policy->certificates.veks, bytes_of(content, size)), "\"%s\"", path);
    free(content);
    free(path);
    return failed(e) ? complain(place, node, e.why) : OK;
}

static struct err read_veks(const struct place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST)
        return expect(place, place->node, "a list of files");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(add_vek(place, place->node->members[i], policy));
    return OK;
}

static struct err read_formats(const struct place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST || place->node->count == 0)
        return expect(place, place->node, "a list of formats with at least one");
    memset(policy->formats, 0, sizeof policy->formats);
    for (size_t i = 0; i < place->node->count; i++) {
        const struct tree *node = place->node->members[i];
        enum evidence_format format = is_text(node) ? evidence_format_of_word(node->text) : EVIDENCE_NONE;
        if (format == EVIDENCE_NONE)
            return expect(place, node, EVIDENCE_FORMAT_WORDS);
        if (policy->formats[format])
            return complain(place, node, "the same format stands twice");
        policy->formats[format] = true;
    }
    return OK;
}

#define FIELD(member) offsetof(struct policy, member)

static const struct key keys[] = {
    {"", "version", read_version, 0},
    {"", "formats", read_formats, 0},
    {"measurements", "expected", read_expected, 0},
    {"measurements", "allow_list", read_allow_list, 0},
    {"measurements", "mode", read_mode, FIELD(measurements.mode)},
    {"tcb", "min_version", read_firmware, FIELD(tcb.min_version)},
    {"tcb", "min_platform_version", read_platform_version, FIELD(tcb.min_platform_version)},
    {"tcb", "mode", read_mode, FIELD(tcb.mode)},
    {"guest", "debug_disabled", read_bool, FIELD(guest.debug_disabled)},
    {"guest", "smt_disabled", read_bool, FIELD(guest.smt_disabled)},
    {"guest", "min_guest_svn", read_guest_svn, FIELD(guest.min_guest_svn)},
    {"guest", "mode", read_mode, FIELD(guest.mode)},
    {"nonce", "required", read_bool, FIELD(nonce.required)},
    {"nonce", "max_age", read_age, FIELD(nonce.max_age_us)},
    {"nonce", "min_length", read_length, FIELD(nonce.min_length)},
    {"nonce", "source", read_source, FIELD(nonce.source)},
    {"certificates", "verify_chain", read_bool, FIELD(certificates.verify_chain)},
    {"certificates", "verify_signature", read_bool, FIELD(certificates.verify_signature)},
    {"certificates", "trusted_arks", read_arks, 0},
    {"certificates", "veks", read_veks, 0},
    {"certificates", "allow_simulated", read_bool, FIELD(certificates.allow_simulated)},
    {"certificates", "allow_unbound", read_bool, FIELD(certificates.allow_unbound)},
    {"certificates", "allow_cached", read_bool, FIELD(certificates.allow_cached)},
    {"certificates", "cache_duration", read_duration, FIELD(certificates.cache_duration_us)},
};

static const char *const groups[] = {"measurements", "tcb", "guest", "nonce", "certificates"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_group(const char *name)
{
    for (size_t i = 0; i < COUNT(groups); i++)
        if (strcmp(groups[i], name) == 0)
            return true;
    return false;
}

static const struct key *find_key(const char *group, const char *name)
{
    for (size_t i = 0; i < COUNT(keys); i++)
        if (strcmp(keys[i].group, group) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static void consider(const char *name, const char *candidate, const char **nearest, size_t *limit)
{
    size_t distance = text_distance(name, candidate);
    if (distance < *limit) {
        *limit = distance;
        *nearest = candidate;
    }
}

/* What stands in the group under a name like it; NULL when nothing does. */
static const char *nearest_key(const char *group, const char *name)
{
    const char *nearest = NULL;
    size_t limit = text_distance_limit(name);
    for (size_t i = 0; i < COUNT(keys); i++)
        if (strcmp(keys[i].group, group) == 0)
            consider(name, keys[i].name, &nearest, &limit);
    for (size_t i = 0; i < COUNT(groups) && !group[0]; i++)
        consider(name, groups[i], &nearest, &limit);
    return nearest;
}

static const char *group_of(const char *name)
{
    for (size_t i = 0; i < COUNT(keys); i++)
        if (keys[i].group[0] && strcmp(keys[i].name, name) == 0)
            return keys[i].group;
    return NULL;
}

static struct err refuse_key(const struct place *place)
{
    char told[TREE_TOLD_SIZE];
    tree_tell(&(struct tree){.kind = TREE_TEXT, .text = place->node->key}, told);
    char hint[TREE_TOLD_SIZE] = "";
    const char *nearest = nearest_key(place->group, place->node->key);
    const char *elsewhere = group_of(place->node->key);
    if (nearest)
        snprintf(hint, sizeof hint, "; did you mean %s?", nearest);
    else if (elsewhere)
        snprintf(hint, sizeof hint, "; it belongs to %s", elsewhere);
    return err_make(ERR_INPUT, "%s:%zu: unknown key %s%s%s%s", place->path, place->node->key_line, told,
                    place->group[0] ? " in " : "", place->group, hint);
}

static struct err read_key(const char *path, const char *group, const struct tree *node, struct policy *policy)
{
    struct place place = {path, group, node->key, node};
    const struct key *key = find_key(group, node->key);
    if (!key)
        return refuse_key(&place);
    return key->read(&place, policy, (char *)policy + key->offset);
}

static struct err read_group(const char *path, const struct tree *node, struct policy *policy)
{
    struct place place = {path, "", node->key, node};
    if (node->kind != TREE_MAP)
        return expect(&place, node, "a group of keys");
    for (size_t i = 0; i < node->count; i++)
        TRY(read_key(path, node->key, node->members[i], policy));
    return OK;
}

/* What no single key can tell. */
static struct err check_measurements(const struct tree *root, struct policy *policy)
{
    const struct tree *group = tree_find(root, "measurements");
    policy->measurements.given = group != NULL;
    if (!group || policy->measurements.count > 0 || policy->measurements.mode == POLICY_DISABLED)
        return OK;
    return err_make(ERR_INPUT, "%s:%zu: measurements: name at least one, or set mode: disabled", policy->path,
                    group->key_line);
}

static struct err check_nonce(const struct tree *root, const struct policy *policy)
{
    const struct tree *group = tree_find(root, "nonce");
    const struct tree *node = group ? tree_find(group, "min_length") : NULL;
    if (!node || policy->nonce.source == POLICY_NONCE_ANY || policy->nonce.min_length <= NONCE_SIZE)
        return OK;
    return err_make(ERR_INPUT, "%s:%zu: nonce.min_length: this server's nonces have %d bytes, so none would do",
                    policy->path, node->line, NONCE_SIZE);
}

struct err policy_read(const struct tree *root, struct policy *policy)
{
    if (root->kind != TREE_MAP)
        return err_make(ERR_INPUT, "%s:%zu: expected keys and values, the first of them version", policy->path,
                        root->line);
    for (size_t i = 0; i < root->count; i++) {
        const struct tree *node = root->members[i];
        TRY(is_group(node->key) ? read_group(policy->path, node, policy) : read_key(policy->path, "", node, policy));
    }
    TRY(check_measurements(root, policy));
    return check_nonce(root, policy);
}
