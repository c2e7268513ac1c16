#include "attest/judge.h"

#include "attest/demand.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NOT_READ "the report could not be read"

static enum check_outcome outcome_of(enum policy_mode mode, enum demand_answer answer)
{
    switch (answer) {
    case DEMAND_MET:
        return CHECK_PASS;
    case DEMAND_DOUBTFUL:
        return CHECK_WARN;
    case DEMAND_UNMET:
        break;
    }
    return mode == POLICY_WARN ? CHECK_WARN : CHECK_FAIL;
}

/* Whether nothing has to be asked; then the check says why. */
static bool judge_skips(const struct policy *policy, const struct policy_key *key, struct checklist *out)
{
    bool is_made = key->kind->is_made(policy_field(policy, key));
    if (is_made && policy_group_mode(policy, key->group) != POLICY_DISABLED)
        return false;
    if (is_made)
        checklist_addf(out, key->check, CHECK_SKIPPED, "", "%s.mode is disabled", policy_group_name(key->group));
    else
        checklist_add(out, key->check, CHECK_SKIPPED, "", "the policy asks nothing");
    return true;
}

static void judge_demand(const struct policy *policy, const struct policy_key *key, const struct demand_case *at,
                         struct checklist *out)
{
    char expected[DEMAND_TEXT_SIZE] = "";
    char found[DEMAND_TEXT_SIZE] = NOT_READ;
    enum demand_answer answer = DEMAND_UNMET;
    const void *field = policy_field(policy, key);
    if (judge_skips(policy, key, out))
        return;
    key->kind->expect(key, field, expected);
    if (at->facts->report_is_read)
        answer = key->kind->meets(key, field, at, found);
    checklist_add(out, key->check, outcome_of(policy_group_mode(policy, key->group), answer), expected, found);
}

static void judge_simulated(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    const char *expected = policy->certificates.allow_simulated ? "a known root" : "the root of no software PSP";
    if (facts->simulated) {
        enum check_outcome outcome = policy->certificates.allow_simulated ? CHECK_PASS : CHECK_FAIL;
        checklist_add(out, JUDGE_CHECK_SIMULATED, outcome, expected, "the root of a software PSP");
        return;
    }
    switch (facts->root) {
    case SNP_ROOT_AMD:
        checklist_add(out, JUDGE_CHECK_SIMULATED, CHECK_PASS, expected, "a root of AMD");
        return;
    case SNP_ROOT_EXTRA:
        checklist_add(out, JUDGE_CHECK_SIMULATED, CHECK_PASS, expected, "a root of certificates.trusted_arks");
        return;
    case SNP_ROOT_NONE:
        break;
    }
    /* Without verify_chain nobody claims to know the root; the check of that name warns of it. */
    checklist_add(out, JUDGE_CHECK_SIMULATED, policy->certificates.verify_chain ? CHECK_FAIL : CHECK_SKIPPED, expected,
                  "the root is not known");
}

void judge_report(const struct policy *policy, const struct snp_facts *facts, int64_t now_us, struct checklist *out)
{
    const struct demand_case at = {.facts = facts, .now_s = now_us / US_PER_SECOND};
    judge_simulated(policy, facts, out);
    for (size_t i = 0; i < policy_key_count; i++)
        if (policy_keys[i].check && policy_keys[i].kind->meets)
            judge_demand(policy, &policy_keys[i], &at, out);
}

bool judge_is_timeless(const struct policy *policy)
{
    for (size_t i = 0; i < policy->measurements.count; i++)
        if (policy->measurements.allowed[i].not_before_s != INT64_MIN ||
            policy->measurements.allowed[i].not_after_s != INT64_MAX)
            return false;
    return true;
}

static const struct policy_key *find_demand(const char *check)
{
    const struct policy_key *key = policy_keys;
    while (!key->check || strcmp(key->check, check) != 0)
        key++;
    return key;
}

void judge_age(const struct policy *policy, int64_t issued_at_s, int64_t now_us, struct checklist *out)
{
    const struct policy_key *key = find_demand(JUDGE_CHECK_EVIDENCE_AGE);
    char expected[DEMAND_TEXT_SIZE];
    char found[64] = "the evidence does not say when it was made";
    bool is_met = false;
    if (judge_skips(policy, key, out))
        return;
    key->kind->expect(key, policy_field(policy, key), expected);
    if (issued_at_s > 0) {
        int64_t age_s = now_us / US_PER_SECOND - issued_at_s;
        /* From the future: its age cannot be told. */
        is_met = age_s >= -JUDGE_SKEW_S && age_s <= policy->evidence.max_age_us / US_PER_SECOND;
        snprintf(found, sizeof found, "%" PRId64 " s", age_s);
    }
    checklist_add(out, key->check, outcome_of(policy->evidence.mode, demand_is(is_met)), expected, found);
}

/* The first PCR whose value is not one of those that stand there for it; TPM_PCRS when there is none. */
static unsigned judge_find_pcr(const struct policy_pcrs *asked, const struct tpm_quote *quote, struct bytes pcrs)
{
    for (unsigned n = 0; n < TPM_PCRS; n++) {
        struct bytes value = tpm_quote_pcr(quote, pcrs, n);
        bool is_asked = false, is_listed = false;
        for (size_t i = 0; i < asked->count; i++) {
            is_asked = is_asked || asked->allowed[i].number == n;
            is_listed =
                is_listed || (asked->allowed[i].number == n && bytes_equal(BYTES(asked->allowed[i].value), value));
        }
        if (is_asked && !is_listed)
            return n;
    }
    return TPM_PCRS;
}

void judge_pcrs(const struct policy *policy, const struct tpm_quote *quote, struct bytes pcrs, struct checklist *out)
{
    const struct policy_key *key = find_demand(JUDGE_CHECK_PCRS);
    const struct policy_pcrs *asked = &policy->launch.tpm_pcrs;
    char expected[DEMAND_TEXT_SIZE], found[128] = "no TPM quotes any", hex[2 * TPM_PCR_SIZE + 1] = "";
    unsigned other = 0;
    if (judge_skips(policy, key, out))
        return;
    key->kind->expect(key, asked, expected);
    if (quote) {
        other = judge_find_pcr(asked, quote, pcrs);
        hex_encode(tpm_quote_pcr(quote, pcrs, other), hex);
        snprintf(found, sizeof found, "PCR %u is %s", other, *hex ? hex : "not quoted");
    }
    bool is_met = quote && other == TPM_PCRS;
    checklist_add(out, key->check, outcome_of(policy->launch.mode, demand_is(is_met)), expected,
                  is_met ? "they are" : found);
}

const char *judge_missing(const struct checklist *list)
{
    if (!checklist_find(list, JUDGE_CHECK_SIMULATED))
        return JUDGE_CHECK_SIMULATED;
    for (size_t i = 0; i < policy_key_count; i++)
        if (policy_keys[i].check && !checklist_find(list, policy_keys[i].check))
            return policy_keys[i].check;
    return NULL;
}

void judge_explain(const struct policy *policy,
                   void (*tell)(void *arg, const struct policy_key *key, enum policy_mode mode, const char *expected),
                   void *arg)
{
    for (size_t i = 0; i < policy_key_count; i++) {
        const struct policy_key *key = &policy_keys[i];
        char expected[DEMAND_TEXT_SIZE];
        if (!key->check || !key->kind->is_made(policy_field(policy, key)))
            continue;
        key->kind->expect(key, policy_field(policy, key), expected);
        tell(arg, key, policy_group_mode(policy, key->group), expected);
    }
}

static void relax(struct checklist *snp, const char *const *names)
{
    for (; *names; names++)
        for (size_t i = 0; i < snp->count; i++)
            if (snp->checks[i].outcome == CHECK_FAIL && strcmp(snp->checks[i].name, *names) == 0)
                snp->checks[i].outcome = CHECK_WARN;
}

void judge_relax(const struct policy *policy, struct checklist *snp)
{
    static const char *const of_chain[] = {SNP_CHECK_CHAIN, SNP_CHECK_CHAIN_ROOT, SNP_CHECK_CHAIN_VALIDITY,
                                           SNP_CHECK_CHAIN_REVOCATION, NULL};
    static const char *const of_signature[] = {SNP_CHECK_SIGNATURE_ALGORITHM, SNP_CHECK_REPORT_SIGNATURE, NULL};
    const char *mode = policy->certificates.mode == POLICY_STRICT ? NULL : "certificates.mode is not strict";
    if (!policy->certificates.verify_chain) {
        relax(snp, of_chain);
        checklist_add(snp, JUDGE_CHECK_VERIFY_CHAIN, CHECK_WARN, "true",
                      mode ? mode : "certificates.verify_chain is false");
    }
    if (!policy->certificates.verify_signature) {
        relax(snp, of_signature);
        checklist_add(snp, JUDGE_CHECK_VERIFY_SIGNATURE, CHECK_WARN, "true",
                      mode ? mode : "certificates.verify_signature is false");
    }
}
