#include "attest/demand.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool demand_mask_is_made(const void *field)
{
    return *(const uint64_t *)field != 0;
}

bool demand_bool_is_made(const void *field)
{
    return *(const bool *)field;
}

void demand_tell_words(const struct policy_key *key, uint64_t mask, const char *before, const char *after,
                       char out[DEMAND_TEXT_SIZE])
{
    size_t used = (size_t)snprintf(out, DEMAND_TEXT_SIZE, "%s", before);
    const char *comma = "";
    for (const struct snp_bit *bit = key->bits; bit->name && used < DEMAND_TEXT_SIZE; bit++) {
        if (!bit_is_set(mask, bit->bit))
            continue;
        used += (size_t)snprintf(out + used, DEMAND_TEXT_SIZE - used, "%s%s", comma, bit->name);
        comma = ", ";
    }
    if (used < DEMAND_TEXT_SIZE)
        snprintf(out + used, DEMAND_TEXT_SIZE - used, "%s", after);
}

static uint64_t word_of(const struct policy_key *key, const struct demand_case *at)
{
    uint64_t word;
    memcpy(&word, demand_fact(key, at), sizeof word);
    return word;
}

/* ---- by name ---- */

static void expect_set(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    demand_tell_words(key, *(const uint64_t *)field, "set: ", "", out);
}

static enum demand_answer meets_set(const struct policy_key *key, const void *field, const struct demand_case *at,
                                    char out[DEMAND_TEXT_SIZE])
{
    uint64_t missing = *(const uint64_t *)field & ~word_of(key, at);
    if (missing)
        demand_tell_words(key, missing, "not set: ", "", out);
    else
        snprintf(out, DEMAND_TEXT_SIZE, "all are set");
    return demand_is(missing == 0);
}

const struct demand_kind demand_bits_set = {demand_mask_is_made, expect_set, meets_set};

static void expect_clear(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    demand_tell_words(key, *(const uint64_t *)field, "not set: ", "", out);
}

static enum demand_answer meets_clear(const struct policy_key *key, const void *field, const struct demand_case *at,
                                      char out[DEMAND_TEXT_SIZE])
{
    uint64_t forbidden = *(const uint64_t *)field & word_of(key, at);
    if (forbidden)
        demand_tell_words(key, forbidden, "set: ", "", out);
    else
        snprintf(out, DEMAND_TEXT_SIZE, "none is set");
    return demand_is(forbidden == 0);
}

const struct demand_kind demand_bits_clear = {demand_mask_is_made, expect_clear, meets_clear};

/* ---- by number ---- */

static bool word_is_given(const void *field)
{
    return ((const struct policy_word *)field)->given;
}

static void expect_exact(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_word *word = field;
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "0x%" PRIx64 " under the mask 0x%" PRIx64, word->value, word->mask);
}

static enum demand_answer meets_exact(const struct policy_key *key, const void *field, const struct demand_case *at,
                                      char out[DEMAND_TEXT_SIZE])
{
    const struct policy_word *word = field;
    uint64_t is = word_of(key, at);
    snprintf(out, DEMAND_TEXT_SIZE, "0x%" PRIx64, is);
    return demand_is((is & word->mask) == word->value);
}

const struct demand_kind demand_bits_exact = {word_is_given, expect_exact, meets_exact};

static bool mitigations_are_told(const struct demand_case *at)
{
    return at->facts->report.version >= 5; /* the fields are reserved before */
}

static void expect_mitigations(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "the bits 0x%" PRIx64 " set", *(const uint64_t *)field);
}

static enum demand_answer meets_mitigations(const struct policy_key *key, const void *field,
                                            const struct demand_case *at, char out[DEMAND_TEXT_SIZE])
{
    uint64_t demanded = *(const uint64_t *)field;
    uint64_t is = word_of(key, at);
    if (mitigations_are_told(at))
        snprintf(out, DEMAND_TEXT_SIZE, "0x%" PRIx64, is);
    else
        snprintf(out, DEMAND_TEXT_SIZE, "a report of version %" PRIu32 ", which does not tell them",
                 at->facts->report.version);
    return demand_is(mitigations_are_told(at) && (is & demanded) == demanded);
}

const struct demand_kind demand_mitigations = {demand_mask_is_made, expect_mitigations, meets_mitigations};

static bool unknown_is_made(const void *field)
{
    return *(const enum policy_unknown_bits *)field != POLICY_UNKNOWN_ALLOW;
}

static void expect_unknown(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "no bit without a name%s",
             *(const enum policy_unknown_bits *)field == POLICY_UNKNOWN_WARN ? " (else a warning)" : "");
}

static enum demand_answer meets_unknown(const struct policy_key *key, const void *field, const struct demand_case *at,
                                        char out[DEMAND_TEXT_SIZE])
{
    uint64_t unknown = snp_platform_unknown_bits(word_of(key, at));
    snprintf(out, DEMAND_TEXT_SIZE, unknown ? "0x%" PRIx64 : "none", unknown);
    if (unknown == 0)
        return DEMAND_MET;
    return *(const enum policy_unknown_bits *)field == POLICY_UNKNOWN_WARN ? DEMAND_DOUBTFUL : DEMAND_UNMET;
}

const struct demand_kind demand_bits_unknown = {unknown_is_made, expect_unknown, meets_unknown};

/* ---- parts of POLICY ---- */

static bool abi_is_given(const void *field)
{
    return ((const struct policy_number *)field)->given;
}

static void expect_abi(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    uint64_t least = ((const struct policy_number *)field)->value;
    (void)key;
    snprintf(out, DEMAND_TEXT_SIZE, "at least %d.%d", (int)(least >> 8), (int)(least & 0xff));
}

static enum demand_answer meets_abi(const struct policy_key *key, const void *field, const struct demand_case *at,
                                    char out[DEMAND_TEXT_SIZE])
{
    uint64_t word = word_of(key, at);
    snprintf(out, DEMAND_TEXT_SIZE, "%d.%d", snp_policy_abi_major(word), snp_policy_abi_minor(word));
    return demand_is((word & 0xffff) >= ((const struct policy_number *)field)->value);
}

const struct demand_kind demand_abi = {abi_is_given, expect_abi, meets_abi};

static void expect_no_debug(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "a guest that may not be debugged");
}

static enum demand_answer meets_no_debug(const struct policy_key *key, const void *field, const struct demand_case *at,
                                         char out[DEMAND_TEXT_SIZE])
{
    bool allowed = snp_policy_allows_debug(word_of(key, at));
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "POLICY %s debugging", allowed ? "allows" : "forbids");
    return demand_is(!allowed);
}

const struct demand_kind demand_no_debug = {demand_bool_is_made, expect_no_debug, meets_no_debug};

static void expect_no_smt(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    (void)key;
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "SMT neither allowed nor on");
}

static enum demand_answer meets_no_smt(const struct policy_key *key, const void *field, const struct demand_case *at,
                                       char out[DEMAND_TEXT_SIZE])
{
    bool allowed = snp_policy_allows_smt(word_of(key, at));
    bool on = snp_platform_smt_is_on(at->facts->report.platform_info);
    (void)field;
    snprintf(out, DEMAND_TEXT_SIZE, "%s",
             allowed && on ? "POLICY allows SMT and PLATFORM_INFO says it is on"
             : allowed     ? "POLICY allows SMT"
             : on          ? "PLATFORM_INFO says SMT is on"
                           : "SMT is neither allowed nor on");
    return demand_is(!allowed && !on);
}

const struct demand_kind demand_no_smt = {demand_bool_is_made, expect_no_smt, meets_no_smt};
