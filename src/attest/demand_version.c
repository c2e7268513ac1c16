#include "attest/demand.h"
#include "attest/policy_products.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers ---- */

/* Facts are the machine's own integers, or single bytes. */
static uint64_t number_of(const struct policy_key *key, const struct demand_case *at)
{
    const void *fact = demand_fact(key, at);
    uint32_t word;
    if (key->width == 1)
        return *(const uint8_t *)fact;
    memcpy(&word, fact, sizeof word);
    return word;
}

static bool number_is_given(const void *field)
{
    return ((const struct policy_number *)field)->given;
}

static bool number_is_above_zero(const void *field)
{
    return ((const struct policy_number *)field)->value > 0;
}

static void expect_at_least(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "at least %" PRIu64, ((const struct policy_number *)field)->value);
}

static enum demand_answer meets_at_least(const struct policy_key *key, const void *field, const struct demand_case *at,
                                         char out[DEMAND_TEXT_SIZE])
{
    uint64_t is = number_of(key, at);
    snprintf(out, DEMAND_TEXT_SIZE, "%" PRIu64, is);
    return demand_is(is >= ((const struct policy_number *)field)->value);
}

const struct demand_kind demand_at_least = {number_is_above_zero, expect_at_least, meets_at_least};

static void expect_at_most(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "at most %" PRIu64, ((const struct policy_number *)field)->value);
}

static enum demand_answer meets_at_most(const struct policy_key *key, const void *field, const struct demand_case *at,
                                        char out[DEMAND_TEXT_SIZE])
{
    uint64_t is = number_of(key, at);
    snprintf(out, DEMAND_TEXT_SIZE, "%" PRIu64, is);
    return demand_is(is <= ((const struct policy_number *)field)->value);
}

const struct demand_kind demand_at_most = {number_is_given, expect_at_most, meets_at_most};

static enum demand_answer meets_platform(const struct policy_key *key, const void *field, const struct demand_case *at,
                                         char out[DEMAND_TEXT_SIZE])
{
    struct snp_tcb tcb;
    memcpy(&tcb, demand_fact(key, at), sizeof tcb);
    snprintf(out, DEMAND_TEXT_SIZE, "CURRENT_TCB %" PRIu64, snp_tcb_integer(tcb));
    return demand_is(snp_tcb_integer(tcb) >= ((const struct policy_number *)field)->value);
}

const struct demand_kind demand_platform = {number_is_given, expect_at_least, meets_platform};

/* ---- firmware ---- */

static uint32_t firmware_number(struct snp_firmware_version version)
{
    return (uint32_t)version.major << 16 | (uint32_t)version.minor << 8 | version.build;
}

static bool firmware_is_given(const void *field)
{
    return ((const struct policy_firmware *)field)->given;
}

static void expect_firmware(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    struct snp_firmware_version least = ((const struct policy_firmware *)field)->version;
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "at least %d.%d.%d", least.major, least.minor, least.build);
}

static enum demand_answer meets_firmware(const struct policy_key *key, const void *field, const struct demand_case *at,
                                         char out[DEMAND_TEXT_SIZE])
{
    struct snp_firmware_version is;
    memcpy(&is, demand_fact(key, at), sizeof is);
    snprintf(out, DEMAND_TEXT_SIZE, "%s %d.%d.%d", key->what, is.major, is.minor, is.build);
    return demand_is(firmware_number(is) >= firmware_number(((const struct policy_firmware *)field)->version));
}

const struct demand_kind demand_firmware = {firmware_is_given, expect_firmware, meets_firmware};

/* ---- TCBs ---- */

static bool tcb_is_given(const void *field)
{
    return ((const struct policy_tcb *)field)->given;
}

static void tell_tcb(const char *name, enum snp_product line, struct snp_tcb tcb, char *out, size_t size)
{
    char text[SNP_TCB_TEXT_SIZE];
    snp_tcb_text(tcb, snp_product_tcb_layout(line), text);
    snprintf(out, size, "%s: %s", name, text);
}

static void expect_tcb(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_tcb *tcb = field;
    size_t used = (size_t)snprintf(out, DEMAND_TEXT_SIZE, "at least ");
    const char *before = "";
    (void)key;
    for (int i = 0; i < POLICY_PRODUCT_COUNT; i++) {
        char told[SNP_TCB_TEXT_SIZE + 16];
        if (!bit_is_set(tcb->names, (unsigned)i) || used >= DEMAND_TEXT_SIZE)
            continue;
        tell_tcb(policy_product_name(i), policy_product_line(i), tcb->least[i], told, sizeof told);
        used += (size_t)snprintf(out + used, DEMAND_TEXT_SIZE - used, "%s%s", before, told);
        before = "; ";
    }
}

/* Of every product that the report may be of. */
static enum demand_answer meets_tcb(const struct policy_key *key, const void *field, const struct demand_case *at,
                                    char out[DEMAND_TEXT_SIZE])
{
    const struct policy_tcb *demanded = field;
    const char *name = policy_products_text(at->facts);
    uint64_t products = policy_products_of(at->facts);
    struct snp_tcb tcb;
    bool is_met = true;
    memcpy(&tcb, demand_fact(key, at), sizeof tcb);
    if (!policy_products_cover(demanded->names, products)) {
        snprintf(out, DEMAND_TEXT_SIZE, "product %s, for which the policy has no minimum", name);
        return DEMAND_UNMET;
    }
    for (int i = 0; i < POLICY_PRODUCT_COUNT; i++) {
        int minimum = bit_is_set(products, (unsigned)i) ? policy_products_minimum(demanded, i) : -1;
        is_met = is_met && (minimum < 0 || snp_tcb_at_most(demanded->least[minimum], tcb));
    }
    tell_tcb(name, at->facts->product, tcb, out, DEMAND_TEXT_SIZE);
    return demand_is(is_met);
}

const struct demand_kind demand_tcb = {tcb_is_given, expect_tcb, meets_tcb};

static void expect_committed(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "the committed one: no firmware that can still be rolled back");
}

static enum demand_answer meets_committed(const struct policy_key *key, const void *field, const struct demand_case *at,
                                          char out[DEMAND_TEXT_SIZE])
{
    const struct snp_report *report = &at->facts->report;
    bool version = firmware_number(report->current) == firmware_number(report->committed);
    bool tcb = snp_tcb_equal(report->current_tcb, report->committed_tcb);
    (void)key;
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "current firmware %d.%d.%d, committed %d.%d.%d%s", report->current.major,
             report->current.minor, report->current.build, report->committed.major, report->committed.minor,
             report->committed.build, tcb ? "" : ", and CURRENT_TCB is not COMMITTED_TCB");
    return demand_is(version && tcb);
}

const struct demand_kind demand_committed = {demand_bool_is_made, expect_committed, meets_committed};

/* ---- age ---- */

static bool age_is_made(const void *field)
{
    return *(const int64_t *)field > 0;
}

static void expect_age(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "at most %" PRId64 " s", *(const int64_t *)field / US_PER_SECOND);
}

const struct demand_kind demand_age = {age_is_made, expect_age, NULL};
