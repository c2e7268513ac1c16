/*
 * policy_place.h: a value of a policy file where it stands, and what can be wrong with it. Any thread.
 */
#ifndef ATTEST_POLICY_PLACE_H
#define ATTEST_POLICY_PLACE_H

#include "attest/policy_key.h"

struct policy_place {
    const char *path;
    const char *group; /* "" at the top */
    const char *name;
    const struct tree *node;
    const struct policy_key *key; /* NULL for a group itself */
};

/* ERR_INPUT "PATH:LINE: GROUP.NAME: what", with the line of `node`. */
struct err policy_complain(const struct policy_place *place, const struct tree *node, const char *what);
/* The same: "expected …, found …". */
struct err policy_expect(const struct policy_place *place, const struct tree *node, const char *expected);
/* Of a key inside a value: "expected …, found KEY". */
struct err policy_expect_key(const struct policy_place *place, const struct tree *node, const char *expected);

/* The path of a file that the policy names, which is relative to its folder; on the heap. */
char *policy_beside(const struct policy_place *place, const char *path);

/* A scalar that says something. */
bool policy_is_text(const struct tree *node);
/* A word of 1 to POLICY_WORD_MAX printable ASCII characters. */
#define POLICY_WORD_MAX 64
bool policy_is_word(const struct tree *node);
/* Plain decimal or 0x…, at most `max`. */
struct err policy_take_whole(const struct policy_place *place, const struct tree *node, uint64_t max,
                             uint64_t *out) MUST_CHECK;

#endif
