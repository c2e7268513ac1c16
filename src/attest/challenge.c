#include "attest/challenge.h"

#include "attest/judge.h"
#include "base/clock.h"

#include <stdio.h>

static void challenge_skip_nonce(const char *why, struct checklist *out)
{
    checklist_add(out, JUDGE_CHECK_NONCE, CHECK_SKIPPED, "", why);
    checklist_add(out, JUDGE_CHECK_NONCE_LENGTH, CHECK_SKIPPED, "", why);
}

void challenge_skip(const char *why, struct checklist *out)
{
    challenge_skip_nonce(why, out);
    checklist_add(out, JUDGE_CHECK_NONCE_AGE, CHECK_SKIPPED, "", why);
}

enum check_outcome challenge_outcome(const struct policy *policy, bool is_met)
{
    if (is_met)
        return CHECK_PASS;
    return policy->nonce.mode == POLICY_WARN ? CHECK_WARN : CHECK_FAIL;
}

static void challenge_length(const struct policy *policy, struct bytes nonce, struct checklist *out)
{
    char expected[64];
    size_t least = policy->nonce.min_length;
    snprintf(expected, sizeof expected, "at least %zu bytes", least);
    checklist_addf(out, JUDGE_CHECK_NONCE_LENGTH, challenge_outcome(policy, nonce.n >= least), expected, "%zu bytes",
                   nonce.n);
}

/* How old it is only the caller knows. */
void challenge_expect(const struct policy *policy, struct bytes expected, struct bytes found, const char *absent,
                      struct checklist *out)
{
    bool same = bytes_equal_secret(expected, found);
    checklist_add(out, JUDGE_CHECK_NONCE, same ? CHECK_PASS : CHECK_FAIL, "the one that was asked for",
                  same ? "it is" : (found.n == 0 ? absent : "another"));
    if (policy && policy->nonce.mode != POLICY_DISABLED)
        challenge_length(policy, found, out);
    else
        checklist_add(out, JUDGE_CHECK_NONCE_LENGTH, CHECK_SKIPPED, "",
                      policy ? CHALLENGE_DISABLED : "no policy was given");
    checklist_add(out, JUDGE_CHECK_NONCE_AGE, CHECK_SKIPPED, "", "who asked for it knows when that was");
}

static void challenge_age(const struct challenge_answer *answer, int64_t age_us, const char *of, struct checklist *out)
{
    char expected[64];
    int64_t max_us = answer->policy->nonce.max_age_us;
    snprintf(expected, sizeof expected, "at most %lld s", (long long)(max_us / US_PER_SECOND));
    checklist_addf(out, JUDGE_CHECK_NONCE_AGE, challenge_outcome(answer->policy, age_us <= max_us), expected,
                   "%lld s%s", (long long)(age_us / US_PER_SECOND), of);
}

/* Without a nonce of ours, age is what the evidence itself claims. Where a report binds no time there is no such claim:
 * that fails where a nonce is required, and is a warning where the policy does without. */
static void challenge_claimed_age(const struct challenge_answer *answer, struct checklist *out)
{
    if (answer->binds_time)
        challenge_age(answer, answer->now_us - answer->issued_at_s * US_PER_SECOND, " by the evidence's own clock",
                      out);
    else
        checklist_add(out, JUDGE_CHECK_NONCE_AGE,
                      answer->policy->nonce.required ? challenge_outcome(answer->policy, false) : CHECK_WARN,
                      "a known age", "a report of this format binds no time");
}

/* A nonce is bound to the key only by evidence that holds in every other respect, so that nobody can use up those of
 * others. */
static bool challenge_server_nonce(const struct challenge_answer *answer, struct checklist *out)
{
    const char *expected = "a nonce that this server gave out, for this key";
    int64_t age_us = 0;
    enum nonce_state state = NONCE_FOREIGN;
    enum nonce_state (*ask)(struct nonces *, struct bytes, const uint8_t *, int64_t, int64_t, int64_t *) =
        checklist_has_failure(out) ? nonces_look : nonces_claim;
    if (answer->nonces)
        state = ask(answer->nonces, answer->nonce, answer->spki_sha384, answer->nonces_now_us,
                    answer->policy->nonce.max_age_us, &age_us);
    bool ours = state == NONCE_FRESH || state == NONCE_EXPIRED;
    checklist_add(out, JUDGE_CHECK_NONCE, challenge_outcome(answer->policy, ours), expected, nonce_state_name(state));
    if (state == NONCE_FOREIGN)
        checklist_add(out, JUDGE_CHECK_NONCE_AGE, challenge_outcome(answer->policy, false), "a known age",
                      "the nonce is not ours");
    else
        challenge_age(answer, age_us, "", out);
    return state == NONCE_FRESH;
}

static bool challenge_ask(const struct challenge_answer *answer, struct checklist *out)
{
    const struct policy *policy = answer->policy;
    if (policy->nonce.mode == POLICY_DISABLED) {
        challenge_skip(CHALLENGE_DISABLED, out);
    } else if (answer->nonce.n == 0 && policy->nonce.required) {
        checklist_add(out, JUDGE_CHECK_NONCE, challenge_outcome(policy, false), "a nonce", "the evidence carries none");
        challenge_length(policy, answer->nonce, out);
        challenge_claimed_age(answer, out);
    } else if (answer->nonce.n == 0) {
        challenge_skip_nonce("the policy asks for none, and none is there", out);
        challenge_claimed_age(answer, out);
    } else if (policy->nonce.source == POLICY_NONCE_ANY) {
        challenge_length(policy, answer->nonce, out);
        checklist_add(out, JUDGE_CHECK_NONCE, CHECK_PASS, "any nonce", "found");
        challenge_claimed_age(answer, out);
    } else {
        challenge_length(policy, answer->nonce, out);
        return challenge_server_nonce(answer, out);
    }
    return false;
}

bool challenge_judge(const struct challenge_answer *answer, struct checklist *out)
{
    if (!answer->policy) {
        checklist_add(out, JUDGE_CHECK_NONCE, CHECK_FAIL, "a policy", "there is none to judge a client by");
        return false;
    }
    bool is_ours = challenge_ask(answer, out);
    if (answer->nonces && answer->nonce.n > 0 && !checklist_has_failure(out))
        nonces_spend(answer->nonces, answer->nonce, answer->spki_sha384, answer->nonces_now_us);
    return is_ours;
}
