/*
 * demand.h: the ways in which a fact of a report is held against what a key of a policy demands.
 *
 * A way knows the type of its field and of its fact, and nothing of particular keys. Pure; any thread.
 */
#ifndef ATTEST_DEMAND_H
#define ATTEST_DEMAND_H

#include "attest/policy_key.h"

#define DEMAND_TEXT_SIZE 512

enum demand_answer {
    DEMAND_UNMET = 0,
    DEMAND_DOUBTFUL, /* a warning, also where the mode is strict */
    DEMAND_MET,
};

/* What demands are held against: a report that was read, and the time of check. */
struct demand_case {
    const struct snp_facts *facts;
    int64_t now_s;
};

struct demand_kind {
    /* Whether the field demands anything. */
    bool (*is_made)(const void *field);
    /* What is expected, for people; only of a demand that is made. */
    void (*expect)(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE]);
    /* Writes what was found. NULL: not of a report; whoever knows the fact asks for itself. */
    enum demand_answer (*meets)(const struct policy_key *key, const void *field, const struct demand_case *at,
                                char out[DEMAND_TEXT_SIZE]);
};

/* demand_version.c: numbers, versions and TCBs. */
extern const struct demand_kind demand_at_least;  /* struct policy_number, above 0; fact: number of `width` bytes */
extern const struct demand_kind demand_at_most;   /* struct policy_number; the same */
extern const struct demand_kind demand_platform;  /* struct policy_number; fact: struct snp_tcb, as an integer */
extern const struct demand_kind demand_firmware;  /* struct policy_firmware; fact: struct snp_firmware_version */
extern const struct demand_kind demand_tcb;       /* struct policy_tcb; fact: struct snp_tcb */
extern const struct demand_kind demand_committed; /* bool: current firmware and TCB are the committed ones */
extern const struct demand_kind demand_age;       /* int64_t, microseconds; not of a report */

/* demand_pcrs.c. */
extern const struct demand_kind demand_pcrs; /* struct policy_pcrs; not of a report */

/* demand_bits.c. Facts are uint64_t. */
extern const struct demand_kind demand_bits_set;     /* uint64_t, by the key's `bits` */
extern const struct demand_kind demand_bits_clear;   /* the same */
extern const struct demand_kind demand_bits_exact;   /* struct policy_word */
extern const struct demand_kind demand_bits_unknown; /* enum policy_unknown_bits; of PLATFORM_INFO */
extern const struct demand_kind demand_abi;          /* struct policy_number; of POLICY */
extern const struct demand_kind demand_mitigations;  /* uint64_t mask; of a report of version 5 */
extern const struct demand_kind demand_no_debug;     /* bool */
extern const struct demand_kind demand_no_smt;       /* bool */

/* demand_values.c. Facts are `width` bytes. */
extern const struct demand_kind demand_measurement;  /* struct policy_measurements */
extern const struct demand_kind demand_any_of;       /* struct policy_values */
extern const struct demand_kind demand_chip_any_of;  /* the same, of a report that names its chip */
extern const struct demand_kind demand_chip_none_of; /* the same */
extern const struct demand_kind demand_present;      /* bool: the fact is not zero */
extern const struct demand_kind demand_author;       /* bool: the same, and KEY_INFO says there is an author key */
extern const struct demand_kind demand_product_in;   /* uint64_t, by the key's `bits` */
extern const struct demand_kind demand_product_out;  /* the same */
extern const struct demand_kind demand_key_kind;     /* the same */
extern const struct demand_kind demand_csp;          /* struct policy_texts */

/* For these files: DEMAND_MET when it is. */
static inline enum demand_answer demand_is(bool met)
{
    return met ? DEMAND_MET : DEMAND_UNMET;
}
static inline const void *demand_fact(const struct policy_key *key, const struct demand_case *at)
{
    return (const char *)at->facts + key->fact;
}
bool demand_mask_is_made(const void *field); /* uint64_t */
bool demand_bool_is_made(const void *field);
/* The words of the bits of `mask`, with commas, behind `before` and followed by `after`. */
void demand_tell_words(const struct policy_key *key, uint64_t mask, const char *before, const char *after,
                       char out[DEMAND_TEXT_SIZE]);

#endif
