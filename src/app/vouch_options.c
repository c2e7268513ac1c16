#include "app/vouch_options.h"

#include "app/vouch_address.h"
#include "app/vouch_flags.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/check.h"
#include "tls/leaf.h"

#include <stdlib.h>

#define DEFAULT_TTL_US (3600 * US_PER_SECOND)
#define TTL_MAX_US     (INT64_C(10) * 365 * 86400 * US_PER_SECOND)

static struct err verify_take_word(void *out, const char *word)
{
    struct vouch_verify_options *options = out;
    if (options->host)
        return err_make(ERR_INPUT, "\"%.80s\" is one word too many: one server is verified at a time", word);
    return vouch_address_read(word, &options->host, &options->port);
}

static struct err verify_take(struct vouch_verify_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        options->help = true;
        return OK;
    case FLAG_WORD:
        return verify_take_word(options, optarg);
    case FLAG_POLICY:
        return flags_text("--policy", optarg, &options->policy);
    case FLAG_CA:
        return flags_text("--ca", optarg, &options->ca);
    case FLAG_REPORT:
        return flags_text("--report", optarg, &options->report);
    case FLAG_SAVE_REPORT:
        return flags_text("--save-report", optarg, &options->save_report);
    case FLAG_NONCE:
        return flags_text("--nonce", optarg, &options->asking.nonce);
    case FLAG_REPORT_DATA:
        return flags_text("--report-data", optarg, &options->asking.report_data);
    case FLAG_JSON:
        options->json = true;
        return OK;
    case FLAG_DIRECT_TLS:
        options->direct_tls = true;
        return OK;
    case FLAG_TIMEOUT:
        return flags_duration("timeout", optarg, &options->timeout_us);
    case FLAG_OFFLINE:
    case FLAG_CACHE:
    case FLAG_SET:
        return flags_take_kds(&options->settings, flag, argv);
    default:
        return flags_take_file(&options->files, flag, argv);
    }
}

static struct err verify_complete(const struct vouch_verify_options *options)
{
    if (options->host && options->report)
        return err_make(ERR_INPUT, "--report FILE and a server exclude each other");
    if (!options->host && !options->report)
        return err_make(ERR_INPUT, "the server is missing: vouch verify HOST:PORT, or vouch verify --report FILE");
    if (options->report && (options->ca || options->save_report || options->direct_tls))
        return err_make(ERR_INPUT, "--ca, --save-report and --direct-tls belong to a server, not to --report");
    if (options->host && vouch_files_are_given(&options->files))
        return err_make(ERR_INPUT, "--vek, --vcek, --vlek, --ask, --ark and --crl belong to --report FILE: a server "
                                   "brings its certificates itself");
    if (options->host && (options->asking.nonce || options->asking.report_data))
        return err_make(ERR_INPUT, "--nonce and --report-data belong to --report FILE: a server's certificate answers "
                                   "no challenge");
    return OK;
}

struct err vouch_verify_options_read(int argc, char **argv, struct vouch_verify_options *out)
{
    static const struct option flags[] = {
        {"policy", required_argument, NULL, FLAG_POLICY},
        {"ca", required_argument, NULL, FLAG_CA},
        {"json", no_argument, NULL, FLAG_JSON},
        {"report", required_argument, NULL, FLAG_REPORT},
        FLAGS_OF_FILES,
        FLAGS_OF_ASKING,
        FLAGS_OF_KDS,
        {"save-report", required_argument, NULL, FLAG_SAVE_REPORT},
        {"direct-tls", no_argument, NULL, FLAG_DIRECT_TLS},
        {"timeout", required_argument, NULL, FLAG_TIMEOUT},
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_verify_options){.timeout_us = FLAGS_DEFAULT_TIMEOUT_US, .files.may_lack = true};
    flags_begin_kds(&out->settings);
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(verify_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc, argv, verify_take_word, out));
    return verify_complete(out);
}

void vouch_verify_options_release(struct vouch_verify_options *options)
{
    free(options->host);
    settings_free(&options->settings);
    *options = (struct vouch_verify_options){0};
}

static struct err cert_add_san(struct vouch_cert_options *options, const char *san)
{
    TRY(err_within(leaf_check_san(san), "--san"));
    char *joined = options->san ? mem_format("%s,%s", options->san, san) : mem_string(san);
    free(options->san);
    options->san = joined;
    return OK;
}

static struct err cert_take_word(void *out, const char *word)
{
    (void)out;
    return err_make(ERR_INPUT, "\"%.80s\" is no option; the directory is given with --out DIR", word);
}

static struct err cert_take(struct vouch_cert_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        options->help = true;
        return OK;
    case FLAG_WORD:
        return cert_take_word(options, optarg);
    case FLAG_OUT:
        return flags_text("--out", optarg, &options->out);
    case FLAG_NONCE:
        return flags_text("--nonce", optarg, &options->nonce);
    case FLAG_NONCE_URL:
        return flags_text("--nonce-url", optarg, &options->nonce_url);
    case FLAG_CN:
        return flags_text("--cn", optarg, &options->cn);
    case FLAG_SAN:
        return cert_add_san(options, optarg);
    case FLAG_TTL:
        return flags_duration("ttl", optarg, &options->ttl_us);
    case FLAG_TIMEOUT:
        return flags_duration("timeout", optarg, &options->timeout_us);
    case FLAG_CA_CERT:
        return flags_text("--ca-cert", optarg, &options->ca_cert);
    case FLAG_CA_KEY:
        return flags_text("--ca-key", optarg, &options->ca_key);
    case FLAG_FORMAT:
        return flags_format(optarg, "cmw or eat", &options->format);
    case FLAG_KDS:
        options->kds = true;
        return OK;
    default:
        return flags_take_setting(&options->settings, flag, argv);
    }
}

static struct err cert_complete(struct vouch_cert_options *options)
{
    if (!options->out)
        return err_make(ERR_INPUT, "--out DIR is missing: the directory for client.crt and client.key");
    if (options->nonce && options->nonce_url)
        return err_make(ERR_INPUT, "--nonce and --nonce-url exclude each other");
    if (!options->ca_cert != !options->ca_key)
        return err_make(ERR_INPUT, "--ca-cert and --ca-key belong together");
    if (options->ttl_us > TTL_MAX_US)
        return err_make(ERR_INPUT, "--ttl must be at most ten years");
    bool simulated = options->settings.attest_provider == ATTEST_PROVIDER_SIMULATED;
    if (simulated && !*options->settings.attest_state_dir)
        TRY(flags_set(&options->settings, "attest_state_dir", options->out));
    return simulated ? config_check_simulated(&options->settings) : OK;
}

struct err vouch_cert_options_read(int argc, char **argv, struct vouch_cert_options *out)
{
    static const struct option flags[] = {
        {"out", required_argument, NULL, FLAG_OUT},
        {"nonce", required_argument, NULL, FLAG_NONCE},
        {"nonce-url", required_argument, NULL, FLAG_NONCE_URL},
        {"cn", required_argument, NULL, FLAG_CN},
        {"san", required_argument, NULL, FLAG_SAN},
        {"ttl", required_argument, NULL, FLAG_TTL},
        {"timeout", required_argument, NULL, FLAG_TIMEOUT},
        {"ca-cert", required_argument, NULL, FLAG_CA_CERT},
        {"ca-key", required_argument, NULL, FLAG_CA_KEY},
        {"format", required_argument, NULL, FLAG_FORMAT},
        {"kds", no_argument, NULL, FLAG_KDS},
        FLAGS_OF_PROVIDER,
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_cert_options){
        .ttl_us = DEFAULT_TTL_US, .timeout_us = FLAGS_DEFAULT_TIMEOUT_US, .format = EVIDENCE_CMW};
    flags_begin_kds(&out->settings);
    TRY(flags_set(&out->settings, "attest_provider", "simulated"));
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(cert_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc, argv, cert_take_word, out));
    return cert_complete(out);
}

void vouch_cert_options_release(struct vouch_cert_options *options)
{
    free(options->san);
    settings_free(&options->settings);
    *options = (struct vouch_cert_options){0};
}
