/* vouch_options_evidence.c: the command lines about evidence at hand: show, report, selftest and policy. */
#include "app/vouch_flags.h"
#include "config/check.h"

#include <string.h>

static struct err show_take_word(void *out, const char *word)
{
    struct vouch_show_options *options = out;
    if (options->subject)
        return err_make(ERR_INPUT, "\"%.80s\" is one word too many: one thing is shown at a time", word);
    if (!*word)
        return err_make(ERR_INPUT, "the name of the file is empty");
    options->subject = word;
    return OK;
}

static struct err show_take(struct vouch_show_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        options->help = true;
        return OK;
    case FLAG_WORD:
        return show_take_word(options, optarg);
    case FLAG_JSON:
        options->json = true;
        return OK;
    case FLAG_DIRECT_TLS:
        options->direct_tls = true;
        return OK;
    case FLAG_TIMEOUT:
        return flags_duration("timeout", optarg, &options->timeout_us);
    default:
        return flags_refuse(argv, flag);
    }
}

struct err vouch_show_options_read(int argc, char **argv, struct vouch_show_options *out)
{
    static const struct option flags[] = {
        {"json", no_argument, NULL, FLAG_JSON},
        {"direct-tls", no_argument, NULL, FLAG_DIRECT_TLS},
        {"timeout", required_argument, NULL, FLAG_TIMEOUT},
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_show_options){.timeout_us = FLAGS_DEFAULT_TIMEOUT_US};
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(show_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc, argv, show_take_word, out));
    return out->subject ? OK : err_make(ERR_INPUT, "what to show is missing: vouch show FILE, or HOST:PORT");
}

/* A root that lives in memory alone would be known to nobody. */
static struct err provider_complete(const struct settings *settings)
{
    if (settings->attest_provider != ATTEST_PROVIDER_SIMULATED)
        return OK;
    if (!*settings->attest_state_dir)
        return err_make(ERR_INPUT, "--state-dir DIR is missing: where the simulated processor's keys are");
    return config_check_simulated(settings);
}

static struct err report_take_word(void *out, const char *word)
{
    (void)out;
    return err_make(ERR_INPUT, "\"%.80s\" is no option; the file is given with --out FILE", word);
}

static struct err report_take_format(struct vouch_report_options *options, const char *word)
{
    if (strcmp(word, "raw") == 0)
        options->format = EVIDENCE_RAW;
    else
        return flags_format(word, "cmw, eat or raw", &options->format);
    return OK;
}

static struct err report_take(struct vouch_report_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        options->help = true;
        return OK;
    case FLAG_WORD:
        return report_take_word(options, optarg);
    case FLAG_NONCE:
        return flags_text("--nonce", optarg, &options->nonce);
    case FLAG_OUT:
        return flags_text("--out", optarg, &options->out);
    case FLAG_FORMAT:
        return report_take_format(options, optarg);
    case FLAG_KDS:
        options->kds = true;
        return OK;
    default:
        return flags_take_setting(&options->settings, flag, argv);
    }
}

struct err vouch_report_options_read(int argc, char **argv, struct vouch_report_options *out)
{
    static const struct option flags[] = {
        {"nonce", required_argument, NULL, FLAG_NONCE},
        {"format", required_argument, NULL, FLAG_FORMAT},
        {"out", required_argument, NULL, FLAG_OUT},
        {"kds", no_argument, NULL, FLAG_KDS},
        FLAGS_OF_PROVIDER,
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_report_options){.format = EVIDENCE_CMW};
    flags_begin_kds(&out->settings);
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(report_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc, argv, report_take_word, out));
    if (out->kds && out->format == EVIDENCE_RAW)
        return err_make(ERR_INPUT, "--kds and --format raw exclude each other: there is no place for certificates");
    return provider_complete(&out->settings);
}

void vouch_report_options_release(struct vouch_report_options *options)
{
    settings_free(&options->settings);
    *options = (struct vouch_report_options){0};
}

static struct err selftest_take_word(void *out, const char *word)
{
    (void)out;
    return err_make(ERR_INPUT, "\"%.80s\" is no option: the test is of this machine", word);
}

static struct err selftest_take(struct vouch_selftest_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        options->help = true;
        return OK;
    case FLAG_WORD:
        return selftest_take_word(options, optarg);
    case FLAG_JSON:
        options->json = true;
        return OK;
    case FLAG_KDS:
        options->kds = true;
        return OK;
    default:
        return flags_take_setting(&options->settings, flag, argv);
    }
}

struct err vouch_selftest_options_read(int argc, char **argv, struct vouch_selftest_options *out)
{
    static const struct option flags[] = {
        {"json", no_argument, NULL, FLAG_JSON},
        {"kds", no_argument, NULL, FLAG_KDS},
        FLAGS_OF_PROVIDER,
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_selftest_options){0};
    flags_begin_kds(&out->settings);
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(selftest_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc, argv, selftest_take_word, out));
    return provider_complete(&out->settings);
}

void vouch_selftest_options_release(struct vouch_selftest_options *options)
{
    settings_free(&options->settings);
    *options = (struct vouch_selftest_options){0};
}

static struct err policy_take_action(struct vouch_policy_options *options, const char *word)
{
    static const char *const actions[] = {"check", "test", "init"};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(word, actions[i]) == 0) {
            options->action = (enum vouch_policy_action)i;
            return OK;
        }
    return err_make(ERR_INPUT, "unknown action \"%.80s\": it is check, test or init", word);
}

/* test has two words: the policy, then the evidence. */
static struct err policy_take_word(void *out, const char *word)
{
    struct vouch_policy_options *options = out;
    if (options->action == VOUCH_POLICY_INIT)
        return err_make(ERR_INPUT, "\"%.80s\" is one word too many: evidence is given with --from EVIDENCE", word);
    if (!*word)
        return err_make(ERR_INPUT, "the name of a file is empty");
    if (!options->file)
        options->file = word;
    else if (options->action == VOUCH_POLICY_TEST && !options->evidence)
        options->evidence = word;
    else
        return err_make(ERR_INPUT, "\"%.80s\" is one word too many", word);
    return OK;
}

/* Only init dials. */
static struct err policy_take_dial(struct vouch_policy_options *options, int flag)
{
    if (options->action != VOUCH_POLICY_INIT)
        return err_make(ERR_INPUT, "--%s belongs to vouch policy init",
                        flag == FLAG_TIMEOUT ? "timeout" : "direct-tls");
    if (flag == FLAG_TIMEOUT)
        return flags_duration("timeout", optarg, &options->timeout_us);
    options->direct_tls = true;
    return OK;
}

static struct err policy_take(struct vouch_policy_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        options->help = true;
        return OK;
    case FLAG_WORD:
        return policy_take_word(options, optarg);
    case FLAG_JSON:
        options->json = true;
        return OK;
    case FLAG_FROM:
        if (options->action != VOUCH_POLICY_INIT)
            return err_make(ERR_INPUT, "--from belongs to vouch policy init");
        return flags_text("--from", optarg, &options->evidence);
    case FLAG_DIRECT_TLS:
    case FLAG_TIMEOUT:
        return policy_take_dial(options, flag);
    case FLAG_NONCE:
        return flags_text("--nonce", optarg, &options->asking.nonce);
    case FLAG_REPORT_DATA:
        return flags_text("--report-data", optarg, &options->asking.report_data);
    case FLAG_OFFLINE:
    case FLAG_CACHE:
    case FLAG_SET:
        options->names_kds = true;
        return flags_take_kds(&options->settings, flag, argv);
    default:
        return flags_take_file(&options->files, flag, argv);
    }
}

static struct err policy_complete(const struct vouch_policy_options *options)
{
    if (options->action == VOUCH_POLICY_INIT && !options->evidence)
        return err_make(ERR_INPUT, "--from EVIDENCE is missing: what the policy is to pin");
    if (options->action != VOUCH_POLICY_INIT && !options->file)
        return err_make(ERR_INPUT, "the policy's file is missing");
    if (options->action == VOUCH_POLICY_TEST && !options->evidence)
        return err_make(ERR_INPUT, "the evidence is missing: vouch policy test FILE EVIDENCE");
    if (options->action != VOUCH_POLICY_TEST && options->json)
        return err_make(ERR_INPUT, "--json belongs to vouch policy test");
    if (options->action != VOUCH_POLICY_TEST && (options->asking.nonce || options->asking.report_data))
        return err_make(ERR_INPUT, "--nonce and --report-data belong to vouch policy test");
    const struct vouch_files *files = &options->files;
    bool has_more = vouch_files_are_given(files) || files->crl || files->has_at || options->names_kds;
    if (options->action == VOUCH_POLICY_CHECK && has_more)
        return err_make(ERR_INPUT, "vouch policy check looks at no evidence");
    return flags_check_files(files);
}

struct err vouch_policy_options_read(int argc, char **argv, struct vouch_policy_options *out)
{
    static const struct option flags[] = {
        {"json", no_argument, NULL, FLAG_JSON},
        {"from", required_argument, NULL, FLAG_FROM},
        {"direct-tls", no_argument, NULL, FLAG_DIRECT_TLS},
        {"timeout", required_argument, NULL, FLAG_TIMEOUT},
        FLAGS_OF_FILES,
        FLAGS_OF_KDS,
        FLAGS_OF_ASKING,
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_policy_options){.timeout_us = FLAGS_DEFAULT_TIMEOUT_US};
    flags_begin_kds(&out->settings);
    if (argc < 2)
        return err_make(ERR_INPUT, "what to do is missing: check, test or init");
    out->help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    if (out->help)
        return OK;
    TRY(policy_take_action(out, argv[1]));
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc - 1, argv + 1, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(policy_take(out, flag, argv + 1));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc - 1, argv + 1, policy_take_word, out));
    return policy_complete(out);
}

void vouch_policy_options_release(struct vouch_policy_options *options)
{
    settings_free(&options->settings);
    *options = (struct vouch_policy_options){0};
}
