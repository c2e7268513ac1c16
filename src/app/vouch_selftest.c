/* vouch_selftest.c: `vouch selftest`: whether this machine can give evidence, and how fast. */
#include "app/vouch_certify.h"
#include "app/vouch_command.h"
#include "app/vouch_machine.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "attest/check_json.h"
#include "attest/cmw.h"
#include "attest/evidence.h"
#include "attest/provider.h"
#include "attest/verifier.h"
#include "base/clock.h"

#include <stdlib.h>

#define SELFTEST_PROVIDER     "provider"     /* it opens */
#define SELFTEST_REPORT       "report"       /* it gives a report over what was asked */
#define SELFTEST_KEY          "key"          /* the kernel still has the guest's key to the processor */
#define SELFTEST_SPEED        "speed"        /* how long a report takes, and whether the host throttles */
#define SELFTEST_CERTIFICATES "certificates" /* the host hands out the VCEK or VLEK, or KDS does */
#define SELFTEST_SIGNATURE    "signature"    /* the report holds, up to AMD's roots */

/* Few, and none after a slow one: a request that stays throttled for a minute makes Linux wipe the guest's key. */
#define SELFTEST_REPORTS      3

struct selftest {
    const struct vouch_selftest_options *options;
    struct checklist checks;
    struct provider *provider; /* NULL: there is none */
    struct writer cmw;         /* the last one made */
    int made;
    int64_t slowest_us;
    struct err failure; /* of the report after `made` */
    bool is_verified;   /* the last one: its signature holds up to a root */
};

static void selftest_skip(struct selftest *t, const char *name, const char *why)
{
    checklist_add(&t->checks, name, CHECK_SKIPPED, "", why);
}

/* Not asked where the answers mean nothing. */
static void selftest_machine(struct selftest *t)
{
    static const char *const names[] = {MACHINE_CPU, MACHINE_GUEST, MACHINE_DEVICE};
    enum attest_provider asked = t->options->settings.attest_provider;
    bool is_azure = asked == ATTEST_PROVIDER_AZURE || (t->provider && provider_is_azure(t->provider));
    if (asked != ATTEST_PROVIDER_SIMULATED && !is_azure) {
        vouch_machine_probe("", &t->checks);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        selftest_skip(t, names[i],
                      is_azure ? "Azure's paravisor keeps the processor's own ways to itself"
                               : "a simulated processor needs no machine");
}

static void selftest_provider(struct selftest *t, struct err outcome)
{
    const char *expected = "one that opens";
    if (failed(outcome))
        checklist_add(&t->checks, SELFTEST_PROVIDER, CHECK_FAIL, expected, outcome.why);
    else if (provider_is_simulated(t->provider))
        checklist_add(&t->checks, SELFTEST_PROVIDER, CHECK_WARN, "a processor", "simulated: it protects nothing");
    else
        checklist_add(&t->checks, SELFTEST_PROVIDER, CHECK_PASS, expected, provider_name(t->provider));
}

static bool selftest_is_throttled(const struct selftest *t)
{
    return t->slowest_us > provider_throttled_us(t->provider);
}

/* One that fails leaves the one before for the checks that follow. */
static void selftest_make(struct selftest *t)
{
    uint8_t report[SNP_REPORT_SIZE];
    while (t->made < SELFTEST_REPORTS && !selftest_is_throttled(t)) {
        struct writer cmw = writer_growing(CMW_MAX);
        int64_t began_us = clock_monotonic_us();
        t->failure =
            evidence_make_report(t->provider, EVIDENCE_CMW, BYTES_NONE, clock_wall_us() / US_PER_SECOND, report, &cmw);
        int64_t took_us = clock_monotonic_us() - began_us;
        t->slowest_us = took_us > t->slowest_us ? took_us : t->slowest_us;
        if (failed(t->failure)) {
            writer_free(&cmw);
            return;
        }
        writer_free(&t->cmw);
        t->cmw = cmw;
        t->made++;
    }
}

/* Once wiped it does not come back, whatever else is in order. */
static void selftest_key(struct selftest *t)
{
    const char *expected = "the guest's key to the processor is there";
    if (t->failure.code == ERR_KEY_LOST)
        checklist_add(&t->checks, SELFTEST_KEY, CHECK_FAIL, expected, t->failure.why);
    else if (t->made == 0 || provider_is_simulated(t->provider))
        selftest_skip(t, SELFTEST_KEY, t->made == 0 ? "there is no report" : "a simulated processor needs none");
    else
        checklist_add(&t->checks, SELFTEST_KEY, CHECK_PASS, expected, "a report could be asked for");
}

/* A report that is refused after one that was made is the host's throttling, or worth knowing all the same. */
static void selftest_speed(struct selftest *t)
{
    double slowest_ms = (double)t->slowest_us / (double)US_PER_MS;
    if (failed(t->failure))
        checklist_addf(&t->checks, SELFTEST_SPEED, CHECK_WARN, "reports one after another", "after %d: %s", t->made,
                       t->failure.why);
    else if (selftest_is_throttled(t))
        checklist_addf(&t->checks, SELFTEST_SPEED, CHECK_WARN, "less than a second", "throttled: a report took %.0f ms",
                       slowest_ms);
    else
        checklist_addf(&t->checks, SELFTEST_SPEED, CHECK_PASS, "", "%d reports, the slowest in %.1f ms: not throttled",
                       t->made, slowest_ms);
}

/* Up to AMD's roots, and back to what was asked. */
static struct err selftest_judge(const struct cmw *cmw, const struct snp_evidence *evidence, struct kds *kds)
{
    struct bind bind;
    struct evidence_azure azure;
    struct verdict verdict;
    struct verify_report_request request = {.evidence = evidence, .kds = kds, .now_us = clock_wall_us()};
    if (!failed(bind_parse(cmw->bind, &bind)))
        request.bind = &bind;
    if (!failed(evidence_azure_parse(cmw->azure, &azure)))
        request.azure = &azure;
    verdict_init(&verdict);
    verify_report_alone(&request, &verdict);
    struct err outcome = verdict.kind == VERDICT_DENY ? err_make(ERR_DENIED, "%s", verdict.reason) : OK;
    verdict_release(&verdict);
    return outcome;
}

/* Up to the simulated processor's own root, which nobody else believes. */
static struct err selftest_judge_simulated(const struct snp_evidence *evidence)
{
    struct snp_arks *arks = snp_arks_new();
    struct snp_trust trust = {.now_s = clock_wall_us() / US_PER_SECOND, .arks = arks, .crl_mode = SNP_CRL_IF_AVAILABLE};
    struct checklist checks = CHECKLIST_EMPTY;
    struct snp_facts facts = {0};
    struct err outcome = snp_arks_add_certificate(arks, evidence->ark);
    if (!failed(outcome)) {
        snp_verify(evidence, &trust, &checks, &facts);
        const struct check *first = checklist_first(&checks, CHECK_FAIL);
        outcome = first ? err_make(ERR_DENIED, "%s: %s", first->name, first->found) : OK;
    }
    checklist_free(&checks);
    snp_arks_free(arks);
    return outcome;
}

/* Whether there is a certificate to verify by: in the table, or with --kds at hand in *kds then, the caller's. */
static bool selftest_certify(struct selftest *t, const struct cmw *cmw, const struct snp_certtable *table,
                             struct kds **kds)
{
    const char *expected = "a VCEK or VLEK for the report";
    const struct vouch_evidence_parts parts = {.report = cmw->report};
    if (table->vcek.n + table->vlek.n > 0) {
        checklist_add(&t->checks, SELFTEST_CERTIFICATES, CHECK_PASS, expected, table->vcek.n > 0 ? "VCEK" : "VLEK");
        return true;
    }
    if (!t->options->kds) {
        checklist_add(
            &t->checks, SELFTEST_CERTIFICATES, CHECK_WARN, expected,
            "the host hands out none: the daemon, or who verifies, must have a VCEK from AMD's KDS (--kds tries "
            "that here)");
        return false;
    }
    struct err outcome = vouch_kds_open(&t->options->settings, NULL, kds);
    if (!failed(outcome))
        outcome = vouch_kds_supply(*kds, "selftest", &parts, NULL);
    if (failed(outcome))
        checklist_addf(&t->checks, SELFTEST_CERTIFICATES, CHECK_WARN, expected, "the host hands out none, nor KDS: %s",
                       outcome.why);
    else
        checklist_add(&t->checks, SELFTEST_CERTIFICATES, CHECK_PASS, expected,
                      "VCEK, from KDS: the host hands out none");
    return !failed(outcome);
}

/* What a verifier without a policy would say of the last report. */
static void selftest_verify(struct selftest *t, const struct cmw *cmw, const struct snp_certtable *table)
{
    struct snp_evidence evidence = {.report = cmw->report};
    struct kds *kds = NULL;
    bool is_simulated = provider_is_simulated(t->provider);
    if (!selftest_certify(t, cmw, table, &kds)) {
        selftest_skip(t, SELFTEST_SIGNATURE, "there is no certificate to verify it by");
    } else {
        snp_evidence_take_table(&evidence, table);
        struct err outcome = is_simulated ? selftest_judge_simulated(&evidence) : selftest_judge(cmw, &evidence, kds);
        t->is_verified = !failed(outcome);
        checklist_add(&t->checks, SELFTEST_SIGNATURE, t->is_verified ? CHECK_PASS : CHECK_FAIL,
                      is_simulated ? "a report that holds up to the simulated processor's own root"
                                   : "a report that holds up to AMD's roots",
                      t->is_verified ? "it holds" : outcome.why);
    }
    kds_free(kds);
}

/* Of a report that was made. */
static void selftest_read(struct selftest *t)
{
    struct cmw cmw;
    struct snp_certtable table;
    struct err outcome = cmw_parse(writer_bytes(&t->cmw), &cmw);
    if (!failed(outcome))
        outcome = snp_certtable_parse(cmw.certs, &table);
    if (!failed(outcome)) {
        selftest_verify(t, &cmw, &table);
        return;
    }
    checklist_add(&t->checks, SELFTEST_CERTIFICATES, CHECK_FAIL, "evidence that can be read", outcome.why);
    selftest_skip(t, SELFTEST_SIGNATURE, "the evidence cannot be read");
}

static void selftest_report(struct selftest *t)
{
    static const char *const rest[] = {SELFTEST_SPEED, SELFTEST_CERTIFICATES, SELFTEST_SIGNATURE};
    const char *expected = "one over what was asked";
    if (t->provider)
        selftest_make(t);
    if (t->made == 0) {
        checklist_add(&t->checks, SELFTEST_REPORT, CHECK_FAIL, expected,
                      t->provider ? t->failure.why : "there is nobody to ask");
        selftest_key(t);
        for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
            selftest_skip(t, rest[i], "there is no report");
        return;
    }
    checklist_add(&t->checks, SELFTEST_REPORT, CHECK_PASS, expected, "made");
    selftest_key(t);
    selftest_speed(t);
    selftest_read(t);
}

static const char *selftest_conclusion(const struct selftest *t, bool good)
{
    if (!good && t->made > 0 && !checklist_has_failure(&t->checks))
        return "This machine gives reports. Whether they hold was not verified.";
    if (!good)
        return "This machine gives no evidence that others believe.";
    return provider_is_simulated(t->provider) ? "A simulated processor gives evidence here: it protects nothing."
                                              : "This machine gives evidence.";
}

static void selftest_print_json(const struct selftest *t, bool good)
{
    json_t *checks = json_array(), *json = json_object();
    for (size_t i = 0; i < t->checks.count; i++)
        json_array_append_new(checks, check_json(&t->checks.checks[i]));
    json_object_set_new(json, "attests", json_boolean(good));
    json_object_set_new(json, "provider", t->provider ? json_string(provider_name(t->provider)) : json_null());
    json_object_set_new(json, "key_lost", json_boolean(t->failure.code == ERR_KEY_LOST));
    json_object_set_new(json, "throttled", t->made > 0 ? json_boolean(selftest_is_throttled(t)) : json_null());
    json_object_set_new(json, "slowest_ms",
                        t->made > 0 ? json_real((double)t->slowest_us / (double)US_PER_MS) : json_null());
    json_object_set_new(json, "checks", checks);
    char *text = json_line(json);
    puts(text);
    free(text);
}

static enum vouch_exit selftest_run(const struct vouch_selftest_options *options)
{
    struct selftest t = {.options = options, .checks = CHECKLIST_EMPTY, .cmw = writer_growing(CMW_MAX)};
    struct err opened = provider_open(&options->settings, &t.provider);
    selftest_machine(&t);
    selftest_provider(&t, opened);
    selftest_report(&t);
    bool good = t.is_verified && !checklist_has_failure(&t.checks);
    if (options->json) {
        selftest_print_json(&t, good);
    } else {
        vouch_output_checks(&t.checks, vouch_wants_colour(stdout), stdout);
        puts(selftest_conclusion(&t, good));
    }
    writer_free(&t.cmw);
    provider_free(t.provider);
    checklist_free(&t.checks);
    return good ? VOUCH_DONE : VOUCH_DENIED;
}

enum vouch_exit vouch_selftest(int argc, char **argv)
{
    struct vouch_selftest_options options;
    enum vouch_exit status = VOUCH_DONE;
    struct err outcome = vouch_selftest_options_read(argc, argv, &options);
    if (failed(outcome))
        status = vouch_fail("selftest", outcome, true);
    else if (options.help)
        fputs(vouch_selftest_usage, stdout);
    else
        status = selftest_run(&options);
    vouch_selftest_options_release(&options);
    return status;
}
