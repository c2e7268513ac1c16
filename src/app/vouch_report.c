/* vouch_report.c: `vouch report`: an attestation report that no certificate carries. */
#include "app/vouch_certify.h"
#include "app/vouch_command.h"
#include "app/vouch_nonce.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "attest/evidence.h"
#include "attest/provider.h"
#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

struct reporting {
    const struct vouch_report_options *options;
    struct vouch_nonce nonce; /* size 0: none */
    struct provider *provider;
    struct staple staple; /* with --kds */
    uint8_t report[SNP_REPORT_SIZE];
    struct writer evidence;
    int64_t issued_at_s;
};

static struct err report_make(struct reporting *r)
{
    if (!r->options->out && isatty(STDOUT_FILENO))
        return err_make(ERR_INPUT, "a report is no text for a terminal: give --out FILE, or redirect");
    if (r->options->nonce)
        TRY(vouch_nonce_read(r->options->nonce, &r->nonce));
    TRY(provider_open(&r->options->settings, &r->provider));
    r->issued_at_s = clock_wall_us() / US_PER_SECOND;
    struct provider *source = r->options->kds ? &r->staple.provider : r->provider;
    if (r->options->kds)
        TRY(vouch_kds_staple(&r->options->settings, r->provider, &r->staple));
    /* Of the raw report, what stands around it is left out. */
    enum evidence_format format = r->options->format == EVIDENCE_RAW ? EVIDENCE_CMW : r->options->format;
    TRY(evidence_make_report(source, format, bytes_of(r->nonce.bytes, r->nonce.size), r->issued_at_s, r->report,
                             &r->evidence));
    return r->staple.missing;
}

static struct err report_write(const struct reporting *r)
{
    struct bytes content = r->options->format == EVIDENCE_RAW ? BYTES(r->report) : writer_bytes(&r->evidence);
    if (r->options->out)
        return vouch_save(r->options->out, content);
    if (fwrite(content.p, 1, content.n, stdout) != content.n)
        return err_system("cannot write to standard output");
    return OK;
}

/* On standard error: the report may be on standard output. Who verifies raw bytes needs the time. */
static void report_show(const struct reporting *r)
{
    struct snp_report report;
    char hex[2 * SNP_REPORT_DATA_SIZE + 1];
    if (!failed(snp_report_read(BYTES(r->report), &report))) {
        hex_encode(BYTES(report.report_data), hex);
        fprintf(stderr, "provider     %s\nissued at    %lld\nreport_data  %s\n", provider_name(r->provider),
                (long long)r->issued_at_s, hex);
    }
    if (provider_is_simulated(r->provider))
        fputs("vouch report: WARNING: simulated attestation protects nothing\n", stderr);
}

static enum vouch_exit report_run(const struct vouch_report_options *options)
{
    struct reporting r = {.options = options, .evidence = writer_growing(EVIDENCE_OURS_MAX)};
    struct err outcome = report_make(&r);
    if (!failed(outcome))
        outcome = report_write(&r);
    if (!failed(outcome))
        report_show(&r);
    writer_free(&r.evidence);
    kds_free(r.staple.kds);
    provider_free(r.provider);
    return failed(outcome) ? vouch_fail("report", outcome, false) : VOUCH_DONE;
}

enum vouch_exit vouch_report(int argc, char **argv)
{
    struct vouch_report_options options;
    enum vouch_exit status = VOUCH_DONE;
    struct err outcome = vouch_report_options_read(argc, argv, &options);
    if (failed(outcome))
        status = vouch_fail("report", outcome, true);
    else if (options.help)
        fputs(vouch_report_usage, stdout);
    else
        status = report_run(&options);
    vouch_report_options_release(&options);
    return status;
}
