/* vouch_verify.c: `vouch verify`: a server's evidence, or a report from a file, judged from outside. */
#include "app/vouch_case.h"
#include "app/vouch_certify.h"
#include "app/vouch_command.h"
#include "app/vouch_dial.h"
#include "app/vouch_identity.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "attest/evidence.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tls/pem.h"

#include <stdio.h>
#include <string.h>

/* What is needed to judge, read before the server is dialled: a slip in a file should not wait for the network. */
struct verifying {
    const struct vouch_verify_options *options;
    struct policy *policy;        /* NULL without --policy */
    STACK_OF(X509) * authorities; /* NULL without --ca */
    struct kds *kds;
    struct crl_set *crls; /* NULL until what the evidence lacks has been had */
    struct vouch_server server;
    struct verdict verdict;
};

static struct err verify_prepare(struct verifying *v)
{
    const char *path = v->options->policy, *slash = path ? strrchr(path, '/') : NULL;
    if (path)
        TRY(policy_load(slash ? slash + 1 : path, path, &v->policy));
    if (v->options->ca)
        TRY(err_within(pem_load_certificates(v->options->ca, &v->authorities), "--ca"));
    return vouch_kds_open(&v->options->settings, v->policy, &v->kds);
}

static void verify_judge(struct verifying *v)
{
    struct verify_request request = {
        .role = VERIFY_SERVER,
        .certificate = v->server.leaf,
        .others = v->server.others,
        .is_tls13 = v->server.is_tls13,
        .policy = v->policy,
        .kds = v->kds,
        .crls = v->crls,
        .now_us = v->options->files.has_at ? v->options->files.at_us : clock_wall_us(),
    };
    verify_certificate(&request, &v->verdict);
    vouch_identity_judge(&v->server, v->options->host, v->authorities, request.now_us / US_PER_SECOND, &v->verdict);
}

static struct err verify_save_report(const struct verifying *v)
{
    struct evidence evidence;
    struct err outcome = err_within(evidence_find(v->server.leaf, NULL, &evidence), "there is no report to save");
    if (!failed(outcome))
        outcome = vouch_save(v->options->save_report, evidence.report);
    evidence_release(&evidence);
    return outcome;
}

static void verify_show(const struct verifying *v)
{
    struct vouch_output output = {
        .host = v->options->host,
        .port = v->options->port,
        .server = v->options->host ? &v->server : NULL,
        .file = v->options->report,
        .verdict = &v->verdict,
        .identity_was_checked = v->authorities != NULL,
        .json = v->options->json,
        .colour = vouch_wants_colour(stdout),
    };
    vouch_output_print(&output, stdout);
}

/* A report that cannot be saved never turns a deny into "could not try". */
static enum vouch_exit verify_report(const struct verifying *v)
{
    verify_show(v);
    enum vouch_exit status = v->verdict.kind == VERDICT_DENY ? VOUCH_DENIED : VOUCH_DONE;
    struct err saved = v->options->save_report ? verify_save_report(v) : OK;
    if (failed(saved)) {
        enum vouch_exit failure = vouch_fail("verify", saved, false);
        status = status == VOUCH_DONE ? failure : status;
    }
    return status;
}

/* What cannot be had is said, and for the verdict to judge. */
static void verify_supply_server(struct verifying *v)
{
    struct evidence evidence;
    if (failed(evidence_find(v->server.leaf, v->policy ? v->policy->formats : NULL, &evidence))) {
        evidence_release(&evidence);
        return;
    }
    struct vouch_evidence_parts parts = {
        .report = evidence.report,
        .has_certificate = evidence.vek.n + evidence.table.vcek.n + evidence.table.vlek.n > 0,
        .has_crl = evidence.table.crl.n > 0,
    };
    struct err outcome = vouch_kds_supply(v->kds, &parts, v->policy);
    if (failed(outcome))
        vouch_fail("verify", err_within(outcome, "the evidence comes without the report's certificate"), false);
    v->crls = crl_set_make(v->kds);
    evidence_release(&evidence);
}

static struct err verify_server(struct verifying *v)
{
    struct vouch_target target = {
        .host = v->options->host,
        .port = v->options->port,
        .direct_tls = v->options->direct_tls,
        .timeout_us = v->options->timeout_us,
    };
    TRY(vouch_dial(&target, &v->server));
    verify_supply_server(v);
    verify_judge(v);
    return OK;
}

static struct err verify_supply_file(struct verifying *v, struct vouch_case *c)
{
    struct vouch_evidence_parts parts = {
        .report = c->snp.report,
        .has_certificate = c->snp.vek.n + c->snp.vcek.n + c->snp.vlek.n > 0,
        .has_crl = c->snp.crl.n > 0,
    };
    TRY(err_within(vouch_kds_supply(v->kds, &parts, v->policy),
                   "the report's certificate is missing: give --vek, --vcek or --vlek FILE"));
    c->kds = v->kds;
    c->crls = v->crls = crl_set_make(v->kds);
    return OK;
}

static struct err verify_file(struct verifying *v)
{
    struct vouch_case c;
    struct err outcome = vouch_case_open(v->options->report, true, &v->options->files, &c);
    if (!failed(outcome))
        outcome = vouch_case_ask(&c, &v->options->asking);
    if (!failed(outcome))
        outcome = verify_supply_file(v, &c);
    if (!failed(outcome))
        vouch_case_judge(&c, v->policy, &v->verdict);
    vouch_case_close(&c);
    return outcome;
}

static enum vouch_exit verify_run(const struct vouch_verify_options *options)
{
    struct verifying v = {.options = options};
    verdict_init(&v.verdict);
    struct err outcome = verify_prepare(&v);
    if (!failed(outcome))
        outcome = options->host ? verify_server(&v) : verify_file(&v);
    enum vouch_exit status = failed(outcome) ? vouch_fail("verify", outcome, false) : verify_report(&v);
    verdict_release(&v.verdict);
    vouch_server_release(&v.server);
    certificate_list_free(v.authorities);
    crl_set_drop(v.crls);
    kds_free(v.kds);
    policy_drop(v.policy);
    return status;
}

enum vouch_exit vouch_verify(int argc, char **argv)
{
    struct vouch_verify_options options;
    enum vouch_exit status = VOUCH_DONE;
    struct err outcome = vouch_verify_options_read(argc, argv, &options);
    if (failed(outcome)) {
        status = vouch_fail("verify", outcome, true);
    } else if (options.help) {
        fputs(vouch_verify_usage, stdout);
    } else {
        status = verify_run(&options);
    }
    vouch_verify_options_release(&options);
    return status;
}
