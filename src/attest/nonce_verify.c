#include "attest/nonce_verify.h"

#include "attest/judge.h"
#include "base/clock.h"

#include <stdio.h>

#define DISABLED "nonce.mode is disabled"

/* How a demand that is not met comes out. */
static enum check_outcome outcome_of(const struct policy *policy, bool is_met)
{
    if (is_met)
        return CHECK_PASS;
    return policy->nonce.mode == POLICY_WARN ? CHECK_WARN : CHECK_FAIL;
}

static void check_age(const struct nonce_case *c, int64_t age_us, const char *of, struct checklist *checks)
{
    char expected[64];
    int64_t max_us = c->policy->nonce.max_age_us;
    snprintf(expected, sizeof expected, "at most %lld s", (long long)(max_us / US_PER_SECOND));
    checklist_addf(checks, JUDGE_CHECK_NONCE_AGE, outcome_of(c->policy, age_us <= max_us), expected, "%lld s%s",
                   (long long)(age_us / US_PER_SECOND), of);
}

/* Without a nonce of ours, age is what the evidence itself claims. Where a report binds no time there is no such claim:
 * that fails where a nonce is required, and is a warning where the policy does without. */
static void check_claimed_age(const struct nonce_case *c, struct checklist *checks)
{
    if (evidence_format_is_ours(c->format))
        check_age(c, c->now_us - c->issued_at_s * US_PER_SECOND, " by the evidence's own clock", checks);
    else
        checklist_add(checks, JUDGE_CHECK_NONCE_AGE,
                      c->policy->nonce.required ? outcome_of(c->policy, false) : CHECK_WARN, "a known age",
                      "a report of this format binds no time");
}

static void check_length(const struct policy *policy, struct bytes nonce, struct checklist *checks)
{
    char expected[64];
    size_t least = policy->nonce.min_length;
    snprintf(expected, sizeof expected, "at least %zu bytes", least);
    checklist_addf(checks, JUDGE_CHECK_NONCE_LENGTH, outcome_of(policy, nonce.n >= least), expected, "%zu bytes",
                   nonce.n);
}

static void check_server_nonce(const struct nonce_case *c, struct checklist *checks)
{
    const char *expected = "a nonce that this server gave out, for this key";
    int64_t age_us = 0;
    enum nonce_state state = NONCE_FOREIGN;
    enum nonce_state (*ask)(struct nonces *, struct bytes, const uint8_t *, int64_t, int64_t, int64_t *) =
        checklist_has_failure(checks) ? nonces_look : nonces_claim;
    if (c->nonces)
        state = ask(c->nonces, c->nonce, c->spki_sha384, c->now_us, c->policy->nonce.max_age_us, &age_us);
    bool ours = state == NONCE_FRESH || state == NONCE_EXPIRED;
    checklist_add(checks, JUDGE_CHECK_NONCE, outcome_of(c->policy, ours), expected, nonce_state_name(state));
    if (state == NONCE_FOREIGN)
        checklist_add(checks, JUDGE_CHECK_NONCE_AGE, outcome_of(c->policy, false), "a known age",
                      "the nonce is not ours");
    else
        check_age(c, age_us, "", checks);
}

static void check_nonce(const struct nonce_case *c, struct checklist *checks)
{
    const char *none = "the policy asks for none, and none is there";
    if (c->nonce.n == 0 && c->policy->nonce.required) {
        checklist_add(checks, JUDGE_CHECK_NONCE, outcome_of(c->policy, false), "a nonce", "the evidence carries none");
        check_length(c->policy, c->nonce, checks);
        check_claimed_age(c, checks);
    } else if (c->nonce.n == 0) {
        checklist_add(checks, JUDGE_CHECK_NONCE, CHECK_SKIPPED, "", none);
        checklist_add(checks, JUDGE_CHECK_NONCE_LENGTH, CHECK_SKIPPED, "", none);
        check_claimed_age(c, checks);
    } else if (c->policy->nonce.source == POLICY_NONCE_ANY) {
        check_length(c->policy, c->nonce, checks);
        checklist_add(checks, JUDGE_CHECK_NONCE, CHECK_PASS, "any nonce", "found");
        check_claimed_age(c, checks);
    } else {
        check_length(c->policy, c->nonce, checks);
        check_server_nonce(c, checks);
    }
}

void nonce_verify(const struct nonce_case *c, struct checklist *checks)
{
    if (c->policy->nonce.mode == POLICY_DISABLED)
        nonce_verify_skip(DISABLED, checks);
    else
        check_nonce(c, checks);
    if (c->nonces && c->nonce.n > 0 && !checklist_has_failure(checks))
        nonces_spend(c->nonces, c->nonce, c->spki_sha384, c->now_us);
}

void nonce_verify_expected(const struct policy *policy, struct bytes expected, struct bytes found,
                           struct checklist *checks)
{
    bool same = bytes_equal_secret(expected, found);
    checklist_add(checks, JUDGE_CHECK_NONCE, same ? CHECK_PASS : CHECK_FAIL, "the one that was asked for",
                  same ? "it is" : (found.n == 0 ? "the evidence carries none" : "another"));
    if (policy && policy->nonce.mode != POLICY_DISABLED)
        check_length(policy, found, checks);
    else
        checklist_add(checks, JUDGE_CHECK_NONCE_LENGTH, CHECK_SKIPPED, "", policy ? DISABLED : "no policy was given");
    checklist_add(checks, JUDGE_CHECK_NONCE_AGE, CHECK_SKIPPED, "", "who asked for it knows when that was");
}

void nonce_verify_skip(const char *why, struct checklist *checks)
{
    checklist_add(checks, JUDGE_CHECK_NONCE, CHECK_SKIPPED, "", why);
    checklist_add(checks, JUDGE_CHECK_NONCE_LENGTH, CHECK_SKIPPED, "", why);
    checklist_add(checks, JUDGE_CHECK_NONCE_AGE, CHECK_SKIPPED, "", why);
}
