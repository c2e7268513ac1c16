#include "attest/policy_scalars.h"

#include "attest/policy_place.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_NONCE_MAX    64                     /* as much as a bind record carries */
#define POLICY_DURATION_MAX (INT64_C(366) * 86400) /* seconds */

/* ---- words ---- */

static bool is_one_of(const char *text, const char *const words[3])
{
    return strcmp(text, words[0]) == 0 || strcmp(text, words[1]) == 0 || strcmp(text, words[2]) == 0;
}

struct err read_bool(const struct policy_place *place, struct policy *policy, void *field)
{
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    const struct tree *node = place->node;
    (void)policy;
    if (!policy_is_text(node) || !node->is_plain || (!is_one_of(node->text, yes) && !is_one_of(node->text, no)))
        return policy_expect(place, node, "true or false");
    *(bool *)field = is_one_of(node->text, yes);
    return OK;
}

struct err read_negated(const struct policy_place *place, struct policy *policy, void *field)
{
    bool value = false;
    TRY(read_bool(place, policy, &value));
    *(bool *)field = !value;
    return OK;
}

/* The index of the word among `words`; an error that lists them otherwise. */
static struct err take_word(const struct policy_place *place, const char *const *words, size_t count,
                            const char *expected, size_t *out)
{
    for (size_t i = 0; i < count && policy_is_text(place->node); i++) {
        if (strcmp(place->node->text, words[i]) == 0) {
            *out = i;
            return OK;
        }
    }
    return policy_expect(place, place->node, expected);
}

struct err read_mode(const struct policy_place *place, struct policy *policy, void *field)
{
    static const char *const words[] = {"strict", "warn", "disabled"};
    static const enum policy_mode modes[] = {POLICY_STRICT, POLICY_WARN, POLICY_DISABLED};
    size_t index = 0;
    (void)policy;
    TRY(take_word(place, words, 3, "strict, warn or disabled", &index));
    *(enum policy_mode *)field = modes[index];
    return OK;
}

struct err read_source(const struct policy_place *place, struct policy *policy, void *field)
{
    static const char *const words[] = {"server", "any"};
    size_t index = 0;
    (void)policy;
    TRY(take_word(place, words, 2, "server or any", &index));
    *(enum policy_nonce_source *)field = index == 1 ? POLICY_NONCE_ANY : POLICY_NONCE_SERVER;
    return OK;
}

struct err read_change(const struct policy_place *place, struct policy *policy, void *field)
{
    static const char *const words[] = {"close", "keep"};
    size_t index = 0;
    (void)policy;
    TRY(take_word(place, words, 2, "close or keep", &index));
    *(bool *)field = index == 1;
    return OK;
}

struct err read_unknown_bits(const struct policy_place *place, struct policy *policy, void *field)
{
    static const char *const words[] = {"allow", "warn", "deny"};
    static const enum policy_unknown_bits rules[] = {POLICY_UNKNOWN_ALLOW, POLICY_UNKNOWN_WARN, POLICY_UNKNOWN_DENY};
    size_t index = 0;
    (void)policy;
    TRY(take_word(place, words, 3, "allow, warn or deny", &index));
    *(enum policy_unknown_bits *)field = rules[index];
    return OK;
}

struct err read_crl(const struct policy_place *place, struct policy *policy, void *field)
{
    static const char *const words[] = {"required", "if-available", "off"};
    static const enum snp_crl_mode modes[] = {SNP_CRL_REQUIRED, SNP_CRL_IF_AVAILABLE, SNP_CRL_OFF};
    size_t index = 0;
    (void)policy;
    TRY(take_word(place, words, 3, "required, if-available or off", &index));
    *(enum snp_crl_mode *)field = modes[index];
    return OK;
}

struct err read_version(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)field;
    if (!policy_is_word(place->node))
        return policy_expect(place, place->node, "a word of up to 64 printable characters");
    free(policy->version);
    policy->version = mem_string(place->node->text);
    return OK;
}

/* ---- numbers ---- */

struct err read_whole(const struct policy_place *place, struct policy *policy, void *field)
{
    struct policy_number *number = field;
    uint64_t max = UINT64_MAX >> (64 - 8 * place->key->width);
    (void)policy;
    TRY(policy_take_whole(place, place->node, max, &number->value));
    number->given = true;
    return OK;
}

struct err read_mask(const struct policy_place *place, struct policy *policy, void *field)
{
    uint64_t mask = 0;
    (void)policy;
    TRY(policy_take_whole(place, place->node, UINT64_MAX, &mask));
    if (mask == 0)
        return policy_expect(place, place->node, "a number with at least one bit set");
    *(uint64_t *)field = mask;
    return OK;
}

struct err read_length(const struct policy_place *place, struct policy *policy, void *field)
{
    uint64_t value = 0;
    (void)policy;
    TRY(policy_take_whole(place, place->node, POLICY_NONCE_MAX, &value));
    *(size_t *)field = (size_t)value;
    return OK;
}

/* One part of a version, from 0 to 255 without a leading zero, then `behind`. */
static bool take_part(const char **text, char behind, uint8_t *out)
{
    size_t n = strspn(*text, "0123456789");
    if (n == 0 || n > 3 || (n > 1 && (*text)[0] == '0') || (*text)[n] != behind)
        return false;
    long value = strtol(*text, NULL, 10);
    if (value > UINT8_MAX)
        return false;
    *out = (uint8_t)value;
    *text += n + (behind != '\0');
    return true;
}

struct err read_firmware(const struct policy_place *place, struct policy *policy, void *field)
{
    struct policy_firmware *firmware = field;
    struct snp_firmware_version version = {0};
    const char *text = place->node->text;
    (void)policy;
    if (!policy_is_text(place->node) || !take_part(&text, '.', &version.major) ||
        !take_part(&text, '.', &version.minor) || !take_part(&text, '\0', &version.build))
        return policy_expect(place, place->node, "major.minor.build, each from 0 to 255");
    *firmware = (struct policy_firmware){true, version};
    return OK;
}

/* Quoted: YAML itself reads 1.50 as a number that equals 1.5. */
struct err read_abi(const struct policy_place *place, struct policy *policy, void *field)
{
    struct policy_number *abi = field;
    uint8_t major = 0;
    uint8_t minor = 0;
    const char *text = place->node->text;
    (void)policy;
    if (!policy_is_text(place->node) || place->node->is_plain || !take_part(&text, '.', &major) ||
        !take_part(&text, '\0', &minor))
        return policy_expect(place, place->node, "\"major.minor\" in quotes, each from 0 to 255");
    *abi = (struct policy_number){true, (uint64_t)major << 8 | minor};
    return OK;
}

/* ---- durations ---- */

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

struct err read_duration(const struct policy_place *place, struct policy *policy, void *field)
{
    int64_t seconds = 0;
    (void)policy;
    if (!policy_is_text(place->node) || !parse_duration(place->node->text, &seconds))
        return policy_expect(place, place->node, "a duration up to 366 days, e.g. 90, 30s, 5m, 1h30m or 2d");
    *(int64_t *)field = seconds * US_PER_SECOND;
    return OK;
}

struct err read_age(const struct policy_place *place, struct policy *policy, void *field)
{
    TRY(read_duration(place, policy, field));
    return *(int64_t *)field > 0 ? OK : policy_expect(place, place->node, "a duration of at least a second");
}
