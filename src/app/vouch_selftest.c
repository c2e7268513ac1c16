/* vouch_selftest.c: `vouch selftest`: whether this machine can give evidence, and how fast. */
#include "app/vouch_command.h"
#include "app/vouch_machine.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "attest/check_json.h"
#include "attest/cmw.h"
#include "attest/evidence.h"
#include "attest/pace.h"
#include "attest/provider.h"
#include "attest/verifier.h"
#include "base/clock.h"

#include <stdlib.h>

#define SELFTEST_PROVIDER     "provider"     /* it opens */
#define SELFTEST_REPORT       "report"       /* it gives a report over what was asked */
#define SELFTEST_KEY          "key"          /* the kernel still has the guest's key to the processor */
#define SELFTEST_SPEED        "speed"        /* how long a report takes, and whether the host throttles */
#define SELFTEST_CERTIFICATES "certificates" /* the host hands out the VCEK or VLEK */
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
    return t->slowest_us >= PACE_THROTTLED_US;
}

static void selftest_make(struct selftest *t)
{
    uint8_t report[SNP_REPORT_SIZE];
    while (t->made < SELFTEST_REPORTS && !selftest_is_throttled(t)) {
        writer_free(&t->cmw);
        t->cmw = writer_growing(CMW_MAX);
        int64_t began_us = clock_monotonic_us();
        t->failure = evidence_make_report(t->provider, EVIDENCE_CMW, BYTES_NONE, clock_wall_us() / US_PER_SECOND,
                                          report, &t->cmw);
        int64_t took_us = clock_monotonic_us() - began_us;
        t->slowest_us = took_us > t->slowest_us ? took_us : t->slowest_us;
        if (failed(t->failure))
            return;
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
static void selftest_judge(const struct cmw *cmw, const struct snp_evidence *evidence, struct verdict *verdict)
{
    struct bind bind;
    struct evidence_azure azure;
    struct verify_report_request request = {.evidence = evidence, .now_us = clock_wall_us()};
    if (!failed(bind_parse(cmw->bind, &bind)))
        request.bind = &bind;
    if (!failed(evidence_azure_parse(cmw->azure, &azure)))
        request.azure = &azure;
    verify_report_alone(&request, verdict);
}

/* What a verifier without a policy would say of the last report. */
static void selftest_verify(struct selftest *t, const struct cmw *cmw)
{
    struct snp_certtable table = {0};
    struct snp_evidence evidence = {.report = cmw->report};
    struct verdict verdict;
    struct err outcome = snp_certtable_parse(cmw->certs, &table);
    const char *expected = "a VCEK or VLEK with the report";
    if (failed(outcome) || table.vcek.n + table.vlek.n == 0) {
        checklist_add(&t->checks, SELFTEST_CERTIFICATES, CHECK_WARN, expected,
                      failed(outcome) ? outcome.why
                                      : "the host hands out none: nobody can verify the report without it");
        selftest_skip(t, SELFTEST_SIGNATURE, "there is no certificate to verify it by");
        return;
    }
    checklist_add(&t->checks, SELFTEST_CERTIFICATES, CHECK_PASS, expected, table.vcek.n > 0 ? "VCEK" : "VLEK");
    if (provider_is_simulated(t->provider)) {
        selftest_skip(t, SELFTEST_SIGNATURE, "a simulated processor's root is not AMD's");
        return;
    }
    snp_evidence_take_table(&evidence, &table);
    verdict_init(&verdict);
    selftest_judge(cmw, &evidence, &verdict);
    bool holds = verdict.kind != VERDICT_DENY;
    checklist_add(&t->checks, SELFTEST_SIGNATURE, holds ? CHECK_PASS : CHECK_FAIL,
                  "a report that holds up to AMD's roots", holds ? "it holds" : verdict.reason);
    verdict_release(&verdict);
}

static void selftest_report(struct selftest *t)
{
    static const char *const rest[] = {SELFTEST_SPEED, SELFTEST_CERTIFICATES, SELFTEST_SIGNATURE};
    const char *expected = "one over what was asked";
    struct cmw cmw;
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
    if (!failed(cmw_parse(writer_bytes(&t->cmw), &cmw)))
        selftest_verify(t, &cmw);
}

static const char *selftest_conclusion(const struct selftest *t, bool good)
{
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
    bool good = !checklist_has_failure(&t.checks);
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
