/*
 * policy_contradictions.h: what no single key of a policy can tell: demands that exclude one another, so that nothing
 * could ever meet them, and demands that come to nothing.
 *
 * Pure; any thread.
 */
#ifndef ATTEST_POLICY_CONTRADICTIONS_H
#define ATTEST_POLICY_CONTRADICTIONS_H

#include "attest/policy.h"
#include "attest/tree.h"

/* ERR_INPUT "FILE:LINE: group.key: …" for the first contradiction of a policy that was read from `root`. Only demands
 * of groups whose mode is strict contradict one another: what another mode lets through, something can meet. */
struct err policy_refuse_contradictions(const struct tree *root, const struct policy *policy) MUST_CHECK;

/* What could be met and is not what was meant, as are contradictions under the mode warn, or what holds for nobody at
 * this time: one constant sentence each; how many there are. `now_s`: since 1970. */
#define POLICY_DOUBTS_MAX 48
size_t policy_doubts(const struct policy *policy, int64_t now_s, const char *out[POLICY_DOUBTS_MAX]);

#endif
