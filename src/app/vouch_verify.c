/* vouch_verify.c: `vouch verify`: a server's evidence, judged from outside. */
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

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is needed to judge, read before the server is dialled: a slip in a file should not wait for the network. */
struct verifying {
    const struct vouch_verify_options *options;
    struct policy *policy;
    STACK_OF(X509) * authorities; /* NULL without --ca */
    struct vouch_server server;
    struct verdict verdict;
};

static struct err verify_prepare(struct verifying *v)
{
    const char *slash = strrchr(v->options->policy, '/');
    TRY(policy_load(slash ? slash + 1 : v->options->policy, v->options->policy, &v->policy));
    if (v->options->ca)
        TRY(err_within(pem_load_certificates(v->options->ca, &v->authorities), "--ca"));
    return OK;
}

static void verify_judge(struct verifying *v)
{
    struct verify_request request = {
        .role = VERIFY_SERVER,
        .certificate = v->server.leaf,
        .others = v->server.others,
        .is_tls13 = v->server.is_tls13,
        .policy = v->policy,
        .now_us = clock_wall_us(),
    };
    verify_certificate(&request, &v->verdict);
    vouch_identity_judge(&v->server, v->options->host, v->authorities, &v->verdict);
}

static struct err verify_write(int fd, struct bytes b)
{
    while (b.n > 0) {
        ssize_t n = write(fd, b.p, b.n);
        if (n < 0 && errno != EINTR)
            return err_system("write");
        if (n > 0)
            b = bytes_of(b.p + n, b.n - (size_t)n);
    }
    return OK;
}

/* In place, not by renaming: the file may be a pipe or a device. */
static struct err verify_save_report(const struct verifying *v)
{
    struct evidence evidence;
    TRY(err_within(evidence_find(v->server.leaf, NULL, &evidence), "there is no report to save"));
    int fd = open(v->options->save_report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_system("cannot write \"%.100s\"", v->options->save_report);
    struct err outcome = verify_write(fd, evidence.report);
    if (close(fd) < 0 && !failed(outcome))
        outcome = err_system("close");
    return err_within(outcome, "\"%.100s\"", v->options->save_report);
}

static void verify_show(const struct verifying *v)
{
    if (v->options->json) {
        char *json = verdict_json(&v->verdict);
        puts(json);
        free(json);
        return;
    }
    struct vouch_output output = {
        .host = v->options->host,
        .port = v->options->port,
        .server = &v->server,
        .verdict = &v->verdict,
        .identity_was_checked = v->authorities != NULL,
        .colour = vouch_wants_colour(stdout),
    };
    vouch_output_print(&output, stdout);
}

static enum vouch_exit verify_fail(struct err why)
{
    fputs("vouch verify: ", stderr);
    vouch_print_escaped(stderr, why.why);
    fputc('\n', stderr);
    return VOUCH_FAILED;
}

/* A report that cannot be saved never turns a deny into "could not try". */
static enum vouch_exit verify_report(const struct verifying *v)
{
    verify_show(v);
    enum vouch_exit status = v->verdict.kind == VERDICT_DENY ? VOUCH_DENIED : VOUCH_DONE;
    struct err saved = v->options->save_report ? verify_save_report(v) : OK;
    if (failed(saved)) {
        enum vouch_exit failure = verify_fail(saved);
        status = status == VOUCH_DONE ? failure : status;
    }
    return status;
}

static enum vouch_exit verify_run(const struct vouch_verify_options *options)
{
    struct verifying v = {.options = options};
    struct vouch_target target = {
        .host = options->host,
        .port = options->port,
        .direct_tls = options->direct_tls,
        .timeout_us = options->timeout_us,
    };
    verdict_init(&v.verdict);
    struct err outcome = verify_prepare(&v);
    if (!failed(outcome))
        outcome = vouch_dial(&target, &v.server);
    enum vouch_exit status;
    if (failed(outcome)) {
        status = verify_fail(outcome);
    } else {
        verify_judge(&v);
        status = verify_report(&v);
    }
    verdict_release(&v.verdict);
    vouch_server_release(&v.server);
    certificate_list_free(v.authorities);
    policy_drop(v.policy);
    return status;
}

enum vouch_exit vouch_verify(int argc, char **argv)
{
    struct vouch_verify_options options;
    enum vouch_exit status = VOUCH_DONE;
    struct err outcome = vouch_verify_options_read(argc, argv, &options);
    if (failed(outcome)) {
        status = verify_fail(outcome);
        fputs("Try \"vouch verify --help\".\n", stderr);
    } else if (options.help) {
        fputs(vouch_verify_usage, stdout);
    } else {
        status = verify_run(&options);
    }
    vouch_verify_options_release(&options);
    return status;
}
