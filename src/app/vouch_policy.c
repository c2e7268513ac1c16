/* vouch_policy.c: `vouch policy`: a policy checked, tried on evidence, or made from it. */
#include "app/vouch_case.h"
#include "app/vouch_command.h"
#include "app/vouch_explain.h"
#include "app/vouch_output.h"
#include "app/vouch_pin.h"
#include "attest/small_file.h"

#include <stdlib.h>
#include <string.h>

static const char *policy_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A file that cannot be read says nothing about the policy; one that is wrong does. */
static enum vouch_exit policy_check(const struct vouch_policy_options *options)
{
    uint8_t *text = NULL;
    size_t size = 0;
    struct policy *policy = NULL;
    struct err outcome = small_file_read(options->file, POLICY_FILE_MAX, &text, &size);
    if (failed(outcome))
        return vouch_fail("policy", outcome, false);
    outcome = policy_parse(policy_name_of(options->file), options->file, bytes_of(text, size), &policy);
    free(text);
    if (failed(outcome)) {
        vouch_fail("policy", outcome, false);
        return VOUCH_DENIED;
    }
    vouch_explain(policy, stdout);
    policy_drop(policy);
    return VOUCH_DONE;
}

static struct err policy_judge(const struct vouch_policy_options *options, struct verdict *verdict)
{
    struct policy *policy = NULL;
    struct vouch_case c;
    TRY(policy_load(policy_name_of(options->file), options->file, &policy));
    struct err outcome = vouch_case_open(options->evidence, false, &options->files, &c);
    if (!failed(outcome))
        outcome = vouch_case_ask(&c, &options->asking);
    if (!failed(outcome))
        vouch_case_judge(&c, policy, verdict);
    vouch_case_close(&c);
    policy_drop(policy);
    return outcome;
}

static enum vouch_exit policy_test(const struct vouch_policy_options *options)
{
    struct verdict verdict;
    verdict_init(&verdict);
    enum vouch_exit status;
    struct err outcome = policy_judge(options, &verdict);
    if (failed(outcome)) {
        status = vouch_fail("policy", outcome, false);
    } else {
        struct vouch_output output = {.file = options->evidence,
                                      .verdict = &verdict,
                                      .json = options->json,
                                      .colour = vouch_wants_colour(stdout)};
        vouch_output_print(&output, stdout);
        status = verdict.kind == VERDICT_DENY ? VOUCH_DENIED : VOUCH_DONE;
    }
    verdict_release(&verdict);
    return status;
}

static enum vouch_exit policy_init(const struct vouch_policy_options *options)
{
    struct vouch_case c;
    char *text = NULL;
    struct err outcome =
        vouch_case_open_subject(options->evidence, options->direct_tls, options->timeout_us, &options->files, &c);
    if (!failed(outcome))
        outcome = vouch_pin(&c, &text);
    vouch_case_close(&c);
    if (failed(outcome)) {
        enum vouch_exit status = vouch_fail("policy", outcome, false);
        return outcome.code == ERR_DENIED ? VOUCH_DENIED : status;
    }
    fputs(text, stdout);
    free(text);
    return VOUCH_DONE;
}

static enum vouch_exit policy_run(const struct vouch_policy_options *options)
{
    switch (options->action) {
    case VOUCH_POLICY_CHECK:
        return policy_check(options);
    case VOUCH_POLICY_TEST:
        return policy_test(options);
    case VOUCH_POLICY_INIT:
        return policy_init(options);
    }
    return VOUCH_FAILED;
}

enum vouch_exit vouch_policy(int argc, char **argv)
{
    struct vouch_policy_options options;
    struct err outcome = vouch_policy_options_read(argc, argv, &options);
    if (failed(outcome))
        return vouch_fail("policy", outcome, true);
    if (!options.help)
        return policy_run(&options);
    fputs(vouch_policy_usage, stdout);
    return VOUCH_DONE;
}
