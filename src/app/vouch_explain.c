#include "app/vouch_explain.h"

#include "app/vouch_output.h"
#include "attest/judge.h"
#include "attest/policy_contradictions.h"
#include "base/clock.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What follows from a demand that is not met. */
static const char *explain_mode(enum policy_mode mode)
{
    switch (mode) {
    case POLICY_STRICT:
        return "; else refused";
    case POLICY_WARN:
        return "; else let in with a warning";
    case POLICY_DISABLED:
        break;
    }
    return "";
}

static const char explain_disabled[] = "not looked at: mode is disabled";

static void explain_formats(const struct policy *policy, FILE *out)
{
    const char *before = "evidence in the format ";
    for (int i = EVIDENCE_NONE + 1; i < EVIDENCE_FORMATS; i++)
        if (policy->formats[i]) {
            fprintf(out, "%s%s", before, evidence_format_name((enum evidence_format)i));
            before = " or ";
        }
    fputs("; else refused", out);
}

/* Whose the measurement is, and for how long. */
static void explain_set(const struct policy_measurement *measurement, FILE *out)
{
    char moment[CLOCK_TEXT_SIZE];
    if (!measurement->name[0])
        return;
    fprintf(out, " (%s", measurement->name);
    if (measurement->not_before_s != INT64_MIN) {
        clock_text(measurement->not_before_s * US_PER_SECOND, moment);
        fprintf(out, ", from %s on", moment);
    }
    if (measurement->not_after_s != INT64_MAX) {
        clock_text(measurement->not_after_s * US_PER_SECOND, moment);
        fprintf(out, ", until %s", moment);
    }
    if (measurement->guest_svn.given)
        fprintf(out, ", with GUEST_SVN %s%" PRIu64, measurement->guest_svn_is_minimum ? "of at least " : "",
                measurement->guest_svn.value);
    if (measurement->has_chip_id)
        fputs(", on one chip", out);
    fputc(')', out);
}

static void explain_measurements(const struct policy *policy, FILE *out)
{
    if (!policy->measurements.given) {
        fputs("any image", out);
        return;
    }
    if (policy->measurements.mode == POLICY_DISABLED) {
        fputs(explain_disabled, out);
        return;
    }
    fprintf(out, "the image is %s", policy->measurements.count > 1 ? "one of" : "");
    for (size_t i = 0; i < policy->measurements.count; i++) {
        char hex[2 * SNP_MEASUREMENT_SIZE + 1];
        hex_encode(BYTES(policy->measurements.allowed[i].bytes), hex);
        fprintf(out, "%s%s", policy->measurements.count > 1 ? " " : "", hex);
        explain_set(&policy->measurements.allowed[i], out);
    }
    fputs(explain_mode(policy->measurements.mode), out);
}

static void explain_firmware(const struct policy *policy, FILE *out)
{
    struct snp_firmware_version least = policy->tcb.min_version.version;
    if (!policy->tcb.min_version.given)
        fputs("any firmware", out);
    else if (policy->tcb.mode == POLICY_DISABLED)
        fputs(explain_disabled, out);
    else
        fprintf(out, "the firmware that the machine cannot go back behind is %u.%u.%u or newer%s", least.major,
                least.minor, least.build, explain_mode(policy->tcb.mode));
}

static void explain_platform_version(const struct policy *policy, FILE *out)
{
    if (!policy->tcb.min_platform_version.given)
        fputs("any TCB", out);
    else if (policy->tcb.mode == POLICY_DISABLED)
        fputs(explain_disabled, out);
    else
        fprintf(out, "CURRENT_TCB, read as one number, is at least %" PRIu64 "%s",
                policy->tcb.min_platform_version.value, explain_mode(policy->tcb.mode));
}

static void explain_guest(const struct policy *policy, bool is_asked, const char *demand, const char *otherwise,
                          FILE *out)
{
    if (!is_asked)
        fputs(otherwise, out);
    else if (policy->guest.mode == POLICY_DISABLED)
        fputs(explain_disabled, out);
    else
        fprintf(out, "%s%s", demand, explain_mode(policy->guest.mode));
}

static void explain_debug(const struct policy *policy, FILE *out)
{
    explain_guest(policy, policy->guest.debug_disabled, "the host may not debug the guest",
                  "the host may debug the guest", out);
}

static void explain_smt(const struct policy *policy, FILE *out)
{
    explain_guest(policy, policy->guest.smt_disabled, "SMT is off, and the guest does not allow it", "SMT may be on",
                  out);
}

static void explain_guest_svn(const struct policy *policy, FILE *out)
{
    char demand[64];
    snprintf(demand, sizeof demand, "the guest's security version is at least %" PRIu64,
             policy->guest.min_guest_svn.value);
    explain_guest(policy, policy->guest.min_guest_svn.value > 0, demand, "any security version of the guest", out);
}

static void explain_nonce(const struct policy *policy, FILE *out)
{
    if (policy->nonce.mode == POLICY_DISABLED) {
        fputs(explain_disabled, out);
        return;
    }
    const char *source = policy->nonce.source == POLICY_NONCE_ANY ? "anybody's nonce"
                                                                  : "a nonce that this server gave "
                                                                    "out";
    char *age = value_duration_text(policy->nonce.max_age_us);
    fprintf(out, "a client's evidence %s %s of at least %zu bytes, and is at most %s s old%s",
            policy->nonce.required ? "answers" : "may do without, or answers", source, policy->nonce.min_length, age,
            explain_mode(policy->nonce.mode));
    free(age);
}

static void explain_chain(const struct policy *policy, FILE *out)
{
    fputs(policy->certificates.verify_chain ? "the certificates chain to a trusted root; else refused"
                                            : "certificates that chain to no trusted root are let in with a warning",
          out);
}

static void explain_signature(const struct policy *policy, FILE *out)
{
    fputs(policy->certificates.verify_signature ? "the processor's key signed the report; else refused"
                                                : "a wrong signature is let in with a warning",
          out);
}

static void explain_roots(const struct policy *policy, FILE *out)
{
    size_t count = snp_arks_count(policy->certificates.trusted_arks);
    if (count == 0)
        fputs("AMD's alone", out);
    else
        fprintf(out, "AMD's and %zu of the policy's own", count);
}

static void explain_change(const struct policy *policy, FILE *out)
{
    fputs(policy->keeps_sessions ? "sessions that this policy would not let in stay when it comes into force"
                                 : "sessions that this policy would not let in end when it comes into force",
          out);
}

static void explain_crl(const struct policy *policy, FILE *out)
{
    static const char *const texts[] = {
        [SNP_CRL_REQUIRED] =
            "a revocation list of ours speaks for the certificates, or the evidence's own within the age that is set; "
            "else refused",
        [SNP_CRL_IF_AVAILABLE] =
            "a revocation list that is there does not name the certificates, and none is shown that is malformed; "
            "else refused",
        [SNP_CRL_OFF] = "revocation lists are not looked at",
    };
    fputs(texts[policy->certificates.crl], out);
    if (policy->certificates.crl == SNP_CRL_OFF)
        return;
    if (policy->certificates.crl_max_age_us > 0) {
        char *age = value_duration_text(policy->certificates.crl_max_age_us);
        bool is_required = policy->certificates.crl == SNP_CRL_REQUIRED;
        fprintf(out, is_required ? "; it is at most %s s old" : "; one older than %s s is let pass with a warning",
                age);
        free(age);
    }
    if (!policy->certificates.verify_chain)
        fputs("; but all of that is only warned of, as the chain is", out);
}

static void explain_masked(const struct policy *policy, FILE *out)
{
    fputs(policy->certificates.allow_masked_chip_id ? "a VCEK's report may hide its chip"
                                                    : "a VCEK's report names its chip; else refused",
          out);
}

static void explain_simulated(const struct policy *policy, FILE *out)
{
    if (policy->certificates.allow_simulated)
        fputs("a simulated processor may be believed, if its root is trusted", out);
    else if (policy->certificates.verify_chain)
        fputs("no simulated processor is believed", out);
    else
        fputs("a simulated processor is not told from others: the chain that would say so need not hold", out);
}

static void explain_unbound(const struct policy *policy, FILE *out)
{
    fputs(policy->certificates.allow_unbound ? "a client's report that binds no key is let in with a warning"
                                             : "a report that binds no key is refused",
          out);
}

static void explain_veks(const struct policy *policy, FILE *out)
{
    fprintf(out, "%zu certificates of chips at hand, for evidence that comes without",
            veks_count(policy->certificates.veks));
}

static void explain_cache(const struct policy *policy, FILE *out)
{
    char *duration = value_duration_text(policy->certificates.cache_duration_us);
    if (policy->certificates.allow_cached)
        fprintf(out, "a report that held need not be verified again for %s s", duration);
    else
        fputs("every report is verified every time", out);
    free(duration);
}

/* In the order of the file. Demands of attest/policy_key.h that have no row are told after these, where they are made.
 */
static const struct {
    const char *key;
    void (*explain)(const struct policy *policy, FILE *out);
} explanations[] = {
    {"formats", explain_formats},
    {"on_policy_change", explain_change},
    {"measurements", explain_measurements},
    {"tcb.min_version", explain_firmware},
    {"tcb.min_platform_version", explain_platform_version},
    {"guest.debug_disabled", explain_debug},
    {"guest.smt_disabled", explain_smt},
    {"guest.min_guest_svn", explain_guest_svn},
    {"nonce", explain_nonce},
    {"certificates.verify_chain", explain_chain},
    {"certificates.verify_signature", explain_signature},
    {"certificates.trusted_arks", explain_roots},
    {"certificates.crl", explain_crl},
    {"certificates.allow_masked_chip_id", explain_masked},
    {"certificates.allow_simulated", explain_simulated},
    {"certificates.allow_unbound", explain_unbound},
    {"certificates.veks", explain_veks},
    {"certificates.allow_cached", explain_cache},
};

static bool explain_has_row(const char *group, const char *key)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        if (strcmp(explanations[i].key, group) == 0 || strcmp(explanations[i].key, key) == 0)
            return true;
    return false;
}

static void explain_demand(void *arg, const struct policy_key *key, enum policy_mode mode, const char *expected)
{
    FILE *out = arg;
    char name[64];
    snprintf(name, sizeof name, "%s.%s", policy_group_name(key->group), key->name);
    if (explain_has_row(policy_group_name(key->group), name))
        return;
    fprintf(out, "  %-29s  ", name);
    if (mode == POLICY_DISABLED)
        fprintf(out, "%s\n", explain_disabled);
    else
        fprintf(out, "%s: %s%s\n", key->what, expected, explain_mode(mode));
}

static bool explain_any_image(const struct policy *policy)
{
    return !policy->measurements.given || policy->measurements.mode != POLICY_STRICT;
}

static bool explain_no_chain(const struct policy *policy)
{
    return !policy->certificates.verify_chain || !policy->certificates.verify_signature;
}

static bool explain_debugging(const struct policy *policy)
{
    return !policy->guest.debug_disabled || policy->guest.mode != POLICY_STRICT;
}

static bool explain_unsigned_files(const struct policy *policy)
{
    return policy->measurements.takes_unsigned;
}

static bool explain_old_firmware(const struct policy *policy)
{
    bool version = policy->tcb.min_version.given || policy->tcb.min_current_version.given ||
                   policy->tcb.min_build.given || policy->tcb.min_current_build.given ||
                   policy->tcb.min_platform_version.given;
    bool tcb = policy->tcb.min_reported.given || policy->tcb.min_current.given || policy->tcb.min_committed.given ||
               policy->tcb.min_launch.given;
    return (!version && !tcb) || policy->tcb.mode != POLICY_STRICT;
}

static bool explain_simulation(const struct policy *policy)
{
    return policy->certificates.allow_simulated;
}

static bool explain_foreign_nonce(const struct policy *policy)
{
    return !policy->nonce.required || policy->nonce.source == POLICY_NONCE_ANY || policy->nonce.mode != POLICY_STRICT;
}

static bool explain_relayed(const struct policy *policy)
{
    return policy->certificates.allow_unbound;
}

/* What is left open, and to whom. */
static const struct {
    bool (*is_open)(const struct policy *policy);
    const char *warning;
} gaps[] = {
    {explain_any_image, "an image that is not listed is let in: whoever rents such a machine can make it"},
    {explain_unsigned_files, "whoever can write the files of measurements.corim decides what may run"},
    {explain_no_chain, "evidence that no processor signed is let in: anybody can make it"},
    {explain_debugging, "a guest that its host may look into is let in"},
    {explain_old_firmware, "firmware with known holes is let in"},
    {explain_simulation, "simulated attestation protects nothing"},
    {explain_relayed, "a report that binds no key is let in: anybody can relay it"},
    {explain_foreign_nonce, "a client may show evidence that it made long ago, by its own clock"},
};

void vouch_explain(const struct policy *policy, FILE *out)
{
    const char *doubts[POLICY_DOUBTS_MAX];
    fputs("policy   ", out);
    vouch_print_escaped(out, policy->name);
    fprintf(out, "%s%s, valid\n", policy->version[0] ? ", version " : "", policy->version);
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        fprintf(out, "  %-29s  ", explanations[i].key);
        explanations[i].explain(policy, out);
        fputc('\n', out);
    }
    judge_explain(policy, explain_demand, out);
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++)
        if (gaps[i].is_open(policy))
            fprintf(out, "warning  %s\n", gaps[i].warning);
    size_t count = policy_doubts(policy, clock_wall_us() / US_PER_SECOND, doubts);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "warning  %s\n", doubts[i]);
}
