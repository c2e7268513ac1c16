#include "attest/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NOT_READ "the report could not be read"

/* One demand of the policy. */
struct demand {
    const char *name;
    const char *group; /* of the file */
    enum policy_mode mode;
    bool is_made;
};

static void judge_skip(struct checklist *out, const struct demand *demand)
{
    if (demand->is_made)
        checklist_addf(out, demand->name, CHECK_SKIPPED, "", "%s.mode is disabled", demand->group);
    else
        checklist_add(out, demand->name, CHECK_SKIPPED, "", "the policy asks nothing");
}

static bool is_skipped(const struct demand *demand)
{
    return !demand->is_made || demand->mode == POLICY_DISABLED;
}

static enum check_outcome outcome_of(const struct demand *demand, bool is_met)
{
    if (is_met)
        return CHECK_PASS;
    switch (demand->mode) {
    case POLICY_WARN:
        return CHECK_WARN;
    case POLICY_DISABLED:
    case POLICY_STRICT:
        break;
    }
    return CHECK_FAIL;
}

static void judge_demand(struct checklist *out, const struct demand *demand, const struct snp_facts *facts, bool is_met,
                         const char *expected, const char *found)
{
    if (facts->report_is_read)
        checklist_add(out, demand->name, outcome_of(demand, is_met), expected, found);
    else
        checklist_add(out, demand->name, outcome_of(demand, false), expected, NOT_READ);
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

static bool measurement_is_allowed(const struct policy *policy, const uint8_t measurement[SNP_MEASUREMENT_SIZE])
{
    for (size_t i = 0; i < policy->measurements.count; i++)
        if (memcmp(policy->measurements.allowed[i], measurement, SNP_MEASUREMENT_SIZE) == 0)
            return true;
    return false;
}

static void judge_measurement(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    struct demand demand = {JUDGE_CHECK_MEASUREMENT, "measurements", policy->measurements.mode,
                            policy->measurements.given};
    if (is_skipped(&demand)) {
        judge_skip(out, &demand);
        return;
    }
    char found[2 * SNP_MEASUREMENT_SIZE + 1];
    char expected[2 * SNP_MEASUREMENT_SIZE + 1];
    hex_encode(BYTES(facts->report.measurement), found);
    if (policy->measurements.count == 1)
        hex_encode(BYTES(policy->measurements.allowed[0]), expected);
    else
        snprintf(expected, sizeof expected, "one of the %zu that the policy lists", policy->measurements.count);
    judge_demand(out, &demand, facts, measurement_is_allowed(policy, facts->report.measurement), expected, found);
}

static uint32_t firmware_number(struct snp_firmware_version version)
{
    return (uint32_t)version.major << 16 | (uint32_t)version.minor << 8 | version.build;
}

static void judge_min_version(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    struct demand demand = {JUDGE_CHECK_MIN_VERSION, "tcb", policy->tcb.mode, policy->tcb.has_min_version};
    if (is_skipped(&demand)) {
        judge_skip(out, &demand);
        return;
    }
    struct snp_firmware_version least = policy->tcb.min_version;
    struct snp_firmware_version is = facts->report.committed;
    char expected[64];
    char found[64];
    snprintf(expected, sizeof expected, "at least %d.%d.%d", least.major, least.minor, least.build);
    snprintf(found, sizeof found, "committed firmware %d.%d.%d", is.major, is.minor, is.build);
    judge_demand(out, &demand, facts, firmware_number(is) >= firmware_number(least), expected, found);
}

static void judge_platform_version(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    struct demand demand = {JUDGE_CHECK_PLATFORM_VERSION, "tcb", policy->tcb.mode,
                            policy->tcb.has_min_platform_version};
    if (is_skipped(&demand)) {
        judge_skip(out, &demand);
        return;
    }
    uint64_t is = snp_tcb_integer(facts->report.current_tcb);
    char expected[64];
    char found[64];
    snprintf(expected, sizeof expected, "at least %" PRIu64, policy->tcb.min_platform_version);
    snprintf(found, sizeof found, "CURRENT_TCB %" PRIu64, is);
    judge_demand(out, &demand, facts, is >= policy->tcb.min_platform_version, expected, found);
}

static void judge_debug(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    struct demand demand = {JUDGE_CHECK_DEBUG, "guest", policy->guest.mode, policy->guest.debug_disabled};
    if (is_skipped(&demand)) {
        judge_skip(out, &demand);
        return;
    }
    bool allowed = snp_policy_allows_debug(facts->report.policy);
    judge_demand(out, &demand, facts, !allowed, "a guest that may not be debugged",
                 allowed ? "POLICY allows debugging" : "POLICY forbids debugging");
}

static void judge_smt(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    struct demand demand = {JUDGE_CHECK_SMT, "guest", policy->guest.mode, policy->guest.smt_disabled};
    if (is_skipped(&demand)) {
        judge_skip(out, &demand);
        return;
    }
    bool allowed = snp_policy_allows_smt(facts->report.policy);
    bool on = snp_platform_smt_is_on(facts->report.platform_info);
    const char *found = allowed && on ? "POLICY allows SMT and PLATFORM_INFO says it is on"
                        : allowed     ? "POLICY allows SMT"
                        : on          ? "PLATFORM_INFO says SMT is on"
                                      : "SMT is neither allowed nor on";
    judge_demand(out, &demand, facts, !allowed && !on, "SMT neither allowed nor on", found);
}

static void judge_guest_svn(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    struct demand demand = {JUDGE_CHECK_GUEST_SVN, "guest", policy->guest.mode, policy->guest.min_guest_svn > 0};
    if (is_skipped(&demand)) {
        judge_skip(out, &demand);
        return;
    }
    char expected[64];
    char found[64];
    snprintf(expected, sizeof expected, "at least %" PRIu32, policy->guest.min_guest_svn);
    snprintf(found, sizeof found, "%" PRIu32, facts->report.guest_svn);
    judge_demand(out, &demand, facts, facts->report.guest_svn >= policy->guest.min_guest_svn, expected, found);
}

void judge_report(const struct policy *policy, const struct snp_facts *facts, struct checklist *out)
{
    judge_simulated(policy, facts, out);
    judge_measurement(policy, facts, out);
    judge_min_version(policy, facts, out);
    judge_platform_version(policy, facts, out);
    judge_debug(policy, facts, out);
    judge_smt(policy, facts, out);
    judge_guest_svn(policy, facts, out);
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
    if (!policy->certificates.verify_chain) {
        relax(snp, of_chain);
        checklist_add(snp, JUDGE_CHECK_VERIFY_CHAIN, CHECK_WARN, "true", "certificates.verify_chain is false");
    }
    if (!policy->certificates.verify_signature) {
        relax(snp, of_signature);
        checklist_add(snp, JUDGE_CHECK_VERIFY_SIGNATURE, CHECK_WARN, "true", "certificates.verify_signature is false");
    }
}
