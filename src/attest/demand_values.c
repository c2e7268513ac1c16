#include "attest/demand.h"
#include "attest/policy_products.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void tell_hex(const struct policy_key *key, const void *bytes, char out[DEMAND_TEXT_SIZE])
{
    hex_encode(bytes_of(bytes, key->width), out);
}

static bool is_zero(const struct policy_key *key, const struct demand_case *at)
{
    const uint8_t *bytes = demand_fact(key, at);
    for (size_t i = 0; i < key->width; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* ---- measurements ---- */

static bool measurements_are_given(const void *field)
{
    return ((const struct policy_measurements *)field)->given;
}

static void expect_measurement(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_measurements *measurements = field;
    if (measurements->count == 1)
        tell_hex(key, measurements->allowed[0].bytes, out);
    else
        snprintf(out, DEMAND_TEXT_SIZE, "one of the %zu that the policy lists", measurements->count);
}

/* What has to hold with a listed measurement. */
static bool holds_now(const struct policy_measurement *measurement, const struct demand_case *at)
{
    return measurement->not_before_s <= at->now_s && at->now_s <= measurement->not_after_s;
}

static bool svn_suits(const struct policy_measurement *measurement, const struct snp_report *report)
{
    if (!measurement->guest_svn.given)
        return true;
    return measurement->guest_svn_is_minimum ? report->guest_svn >= measurement->guest_svn.value
                                             : report->guest_svn == measurement->guest_svn.value;
}

/* A report that does not name its chip is about none that is named. */
static bool chip_suits(const struct policy_measurement *measurement, const struct snp_report *report)
{
    return !measurement->has_chip_id || (!bytes_are_zero(BYTES(report->chip_id)) &&
                                         memcmp(measurement->chip_id, report->chip_id, sizeof report->chip_id) == 0);
}

/* Why a listed measurement does not do. */
static void tell_unsuited(const struct policy_measurement *measurement, const struct demand_case *at,
                          char out[DEMAND_TEXT_SIZE])
{
    char moment[CLOCK_TEXT_SIZE];
    const struct snp_report *report = &at->facts->report;
    size_t used = strlen(out), left = DEMAND_TEXT_SIZE - used;
    if (!svn_suits(measurement, report)) {
        snprintf(out + used, left, " (%s, GUEST_SVN %" PRIu32 ", not %s%" PRIu64 ")", measurement->name,
                 report->guest_svn, measurement->guest_svn_is_minimum ? "at least " : "", measurement->guest_svn.value);
        return;
    }
    if (!chip_suits(measurement, report)) {
        snprintf(out + used, left, " (%s, on another chip)", measurement->name);
        return;
    }
    bool early = at->now_s < measurement->not_before_s;
    clock_text((early ? measurement->not_before_s : measurement->not_after_s) * US_PER_SECOND, moment);
    snprintf(out + used, left, " (%s, %s %s)", measurement->name, early ? "not before" : "retired since", moment);
}

/* Under which name it is allowed. */
static void tell_name(const struct policy_measurement *measurement, char out[DEMAND_TEXT_SIZE])
{
    size_t used = strlen(out);
    if (measurement->name[0])
        snprintf(out + used, DEMAND_TEXT_SIZE - used, " (%s)", measurement->name);
}

static enum demand_answer meets_measurement(const struct policy_key *key, const void *field,
                                            const struct demand_case *at, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_measurements *measurements = field;
    const struct policy_measurement *unsuited = NULL;
    const void *is = demand_fact(key, at);
    tell_hex(key, is, out);
    for (size_t i = 0; i < measurements->count; i++) {
        const struct policy_measurement *allowed = &measurements->allowed[i];
        if (memcmp(allowed->bytes, is, key->width) != 0)
            continue;
        if (holds_now(allowed, at) && svn_suits(allowed, &at->facts->report) &&
            chip_suits(allowed, &at->facts->report)) {
            tell_name(allowed, out);
            return DEMAND_MET;
        }
        unsuited = allowed;
    }
    if (unsuited)
        tell_unsuited(unsuited, at, out);
    return DEMAND_UNMET;
}

const struct demand_kind demand_measurement = {measurements_are_given, expect_measurement, meets_measurement};

/* ---- lists of values ---- */

static bool values_are_given(const void *field)
{
    return ((const struct policy_values *)field)->count > 0;
}

static bool is_listed(const struct policy_key *key, const struct policy_values *values, const void *bytes)
{
    for (size_t i = 0; i < values->count; i++)
        if (memcmp(values->bytes + i * key->width, bytes, key->width) == 0)
            return true;
    return false;
}

static void expect_any(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_values *values = field;
    if (values->count == 1)
        tell_hex(key, values->bytes, out);
    else
        snprintf(out, DEMAND_TEXT_SIZE, "one of the %zu that the policy lists", values->count);
}

static enum demand_answer meets_any(const struct policy_key *key, const void *field, const struct demand_case *at,
                                    char out[DEMAND_TEXT_SIZE])
{
    const void *is = demand_fact(key, at);
    tell_hex(key, is, out);
    return demand_is(is_listed(key, field, is));
}

const struct demand_kind demand_any_of = {values_are_given, expect_any, meets_any};

static bool chip_is_told(const struct policy_key *key, const struct demand_case *at, char out[DEMAND_TEXT_SIZE])
{
    if (!is_zero(key, at)) {
        tell_hex(key, demand_fact(key, at), out);
        return true;
    }
    snprintf(out, DEMAND_TEXT_SIZE, "the report does not name its chip");
    return false;
}

static enum demand_answer meets_chip_any(const struct policy_key *key, const void *field, const struct demand_case *at,
                                         char out[DEMAND_TEXT_SIZE])
{
    return demand_is(chip_is_told(key, at, out) && is_listed(key, field, demand_fact(key, at)));
}

const struct demand_kind demand_chip_any_of = {values_are_given, expect_any, meets_chip_any};

static void expect_none(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "none of the %zu that the policy denies",
             ((const struct policy_values *)field)->count);
}

static enum demand_answer meets_chip_none(const struct policy_key *key, const void *field, const struct demand_case *at,
                                          char out[DEMAND_TEXT_SIZE])
{
    return demand_is(chip_is_told(key, at, out) && !is_listed(key, field, demand_fact(key, at)));
}

const struct demand_kind demand_chip_none_of = {values_are_given, expect_none, meets_chip_none};

/* ---- keys of the guest's owner ---- */

static void expect_present(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "there is one");
}

static enum demand_answer meets_present(const struct policy_key *key, const void *field, const struct demand_case *at,
                                        char out[DEMAND_TEXT_SIZE])
{
    bool absent = is_zero(key, at);
    (void)field;
    if (absent)
        snprintf(out, DEMAND_TEXT_SIZE, "none");
    else
        tell_hex(key, demand_fact(key, at), out);
    return demand_is(!absent);
}

const struct demand_kind demand_present = {demand_bool_is_made, expect_present, meets_present};

static enum demand_answer meets_author(const struct policy_key *key, const void *field, const struct demand_case *at,
                                       char out[DEMAND_TEXT_SIZE])
{
    if (meets_present(key, field, at, out) == DEMAND_MET && snp_report_has_author_key(&at->facts->report))
        return DEMAND_MET;
    snprintf(out, DEMAND_TEXT_SIZE, "none");
    return DEMAND_UNMET;
}

const struct demand_kind demand_author = {demand_bool_is_made, expect_present, meets_author};

/* ---- processors and their keys ---- */

static void expect_in(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    demand_tell_words(key, *(const uint64_t *)field, "one of: ", "", out);
}

static void expect_out(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    demand_tell_words(key, *(const uint64_t *)field, "none of: ", "", out);
}

static enum demand_answer meets_product_in(const struct policy_key *key, const void *field,
                                           const struct demand_case *at, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "%s", policy_products_text(at->facts));
    return demand_is(policy_products_cover(*(const uint64_t *)field, policy_products_of(at->facts)));
}

const struct demand_kind demand_product_in = {demand_mask_is_made, expect_in, meets_product_in};

static enum demand_answer meets_product_out(const struct policy_key *key, const void *field,
                                            const struct demand_case *at, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    uint64_t products = policy_products_of(at->facts);
    snprintf(out, DEMAND_TEXT_SIZE, "%s", policy_products_text(at->facts));
    return demand_is(products != 0 && !policy_products_touch(*(const uint64_t *)field, products));
}

const struct demand_kind demand_product_out = {demand_mask_is_made, expect_out, meets_product_out};

static enum snp_vek_kind kind_of(const struct demand_case *at)
{
    return at->facts->vek_is_read ? at->facts->vek.kind : SNP_VEK_UNKNOWN;
}

static enum demand_answer meets_key_kind(const struct policy_key *key, const void *field, const struct demand_case *at,
                                         char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "%s", snp_vek_kind_name(kind_of(at)));
    return demand_is(bit_is_set(*(const uint64_t *)field, kind_of(at)));
}

const struct demand_kind demand_key_kind = {demand_mask_is_made, expect_in, meets_key_kind};

static bool texts_are_given(const void *field)
{
    return ((const struct policy_texts *)field)->count > 0;
}

static void expect_csp(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_texts *texts = field;
    (void)key;
    if (texts->count == 1)
        snprintf(out, DEMAND_TEXT_SIZE, "\"%s\"", texts->texts[0]);
    else
        snprintf(out, DEMAND_TEXT_SIZE, "one of the %zu that the policy lists", texts->count);
}

static enum demand_answer meets_csp(const struct policy_key *key, const void *field, const struct demand_case *at,
                                    char out[DEMAND_TEXT_SIZE])
{
    const struct policy_texts *texts = field;
    const struct snp_facts *facts = at->facts;
    (void)key;
    if (!facts->vek_is_read || !facts->vek.has_csp_id) {
        snprintf(out, DEMAND_TEXT_SIZE, "the certificate names no provider");
        return DEMAND_UNMET;
    }
    snprintf(out, DEMAND_TEXT_SIZE, "\"%s\"", facts->vek.csp_id);
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->texts[i], facts->vek.csp_id) == 0)
            return DEMAND_MET;
    return DEMAND_UNMET;
}

const struct demand_kind demand_csp = {texts_are_given, expect_csp, meets_csp};
