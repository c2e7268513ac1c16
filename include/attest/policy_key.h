/*
 * policy_key.h: the keys of a policy file: one table that reading, judging and explaining share.
 *
 * A row says where a key stands, how it is read and into which field of struct policy, and, where it demands something
 * of a report, which check of a verdict answers for it and how. Constant; any thread.
 */
#ifndef ATTEST_POLICY_KEY_H
#define ATTEST_POLICY_KEY_H

#include "attest/policy.h"
#include "attest/tree.h"

enum policy_group {
    POLICY_GROUP_NONE, /* the top of the file */
    POLICY_GROUP_MEASUREMENTS,
    POLICY_GROUP_TCB,
    POLICY_GROUP_GUEST,
    POLICY_GROUP_PLATFORM,
    POLICY_GROUP_LAUNCH,
    POLICY_GROUP_CHIP,
    POLICY_GROUP_EVIDENCE,
    POLICY_GROUP_NONCE,
    POLICY_GROUP_CERTIFICATES,
    POLICY_GROUPS
};
/* As the file calls it; "" for the top. */
const char *policy_group_name(enum policy_group group);
/* Strict for certificates, which can be nothing else, and for the top. */
enum policy_mode policy_group_mode(const struct policy *policy, enum policy_group group);

struct policy_place; /* attest/policy_place.h */
struct demand_kind;  /* attest/demand.h */

/* Reads the value at `place` into `field`, which is the key's in `policy`. */
typedef struct err policy_reader(const struct policy_place *place, struct policy *policy, void *field);

struct policy_key {
    enum policy_group group;
    const char *name;
    policy_reader *read;
    size_t field;                   /* offset in struct policy */
    const char *check;              /* JUDGE_CHECK_…; NULL where the key is no demand by itself */
    const struct demand_kind *kind; /* NULL with `check` */
    const char *what;               /* for people: what is held against the demand */
    size_t fact;                    /* offset in struct snp_facts */
    size_t width;                   /* bytes of the fact */
    const struct snp_bit *bits;     /* the words that the key takes */
};

/* In the order of their checks in a verdict. */
extern const struct policy_key policy_keys[];
extern const size_t policy_key_count;

/* The words for kinds of keys, as bits by enum snp_vek_kind; for products see attest/policy_products.h. */
extern const struct snp_bit policy_key_kind_words[];

static inline const void *policy_field(const struct policy *policy, const struct policy_key *key)
{
    return (const char *)policy + key->field;
}

#endif
