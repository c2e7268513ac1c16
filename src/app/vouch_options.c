#include "app/vouch_options.h"

#include "app/vouch_address.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/check.h"
#include "config/value.h"
#include "tls/leaf.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_US (10 * US_PER_SECOND)
#define DEFAULT_TTL_US     (3600 * US_PER_SECOND)
#define TTL_MAX_US         (INT64_C(10) * 365 * 86400 * US_PER_SECOND)

/* What getopt_long returns: above all characters, and 1 is a word that is no option. */
enum flag {
    FLAG_WORD = 1,
    FLAG_HELP = 'h',
    FLAG_FIRST = 256,
    FLAG_POLICY = FLAG_FIRST,
    FLAG_CA,
    FLAG_JSON,
    FLAG_SAVE_REPORT,
    FLAG_DIRECT_TLS,
    FLAG_TIMEOUT,
    FLAG_OUT,
    FLAG_NONCE,
    FLAG_NONCE_URL,
    FLAG_CN,
    FLAG_SAN,
    FLAG_TTL,
    FLAG_CA_CERT,
    FLAG_CA_KEY,
    FLAG_SET,
    FLAG_PROVIDER,
    FLAG_STATE_DIR,
    FLAG_PRODUCT,
    FLAG_MEASUREMENT,
};

/* Words and options may stand in any order, whatever POSIXLY_CORRECT says; a missing value is told from a wrong name.
 */
static const char short_flags[] = "-:h";

static void options_begin(void)
{
    opterr = 0;
    optind = 0; /* glibc: from the beginning, with this call's ordering */
}

/* The error behind '?' and ':'; the argument that getopt has just left. */
static struct err options_refuse(char **argv, int answer)
{
    const char *shown = optind > 0 ? argv[optind - 1] : "";
    if (answer == ':')
        return err_make(ERR_INPUT, "option %.80s needs a value", shown);
    if (optopt >= FLAG_FIRST)
        return err_make(ERR_INPUT, "option %.80s: it takes no value", shown);
    if (optopt > 0 && optopt != FLAG_HELP)
        return err_make(ERR_INPUT, "unknown option -%c", optopt);
    return err_make(ERR_INPUT, "unknown option %.80s", shown);
}

static struct err options_duration(const char *flag, const char *text, int64_t *out)
{
    TRY(err_within(value_duration(text, out), "--%s \"%.80s\"", flag, text));
    if (*out == 0)
        return err_make(ERR_INPUT, "--%s must be longer than 0", flag);
    return OK;
}

/* The value of an option that may be given once. */
static struct err options_text(const char *flag, const char *text, const char **out)
{
    if (*out)
        return err_make(ERR_INPUT, "%s is given twice", flag);
    if (!text || !*text)
        return err_make(ERR_INPUT, "%s is empty", flag);
    *out = text;
    return OK;
}

static struct err options_words_left(int argc, char **argv, struct err (*take)(void *out, const char *word), void *out)
{
    for (int i = optind; i < argc; i++) /* behind "--" */
        TRY(take(out, argv[i]));
    return OK;
}

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
        return options_text("--policy", optarg, &options->policy);
    case FLAG_CA:
        return options_text("--ca", optarg, &options->ca);
    case FLAG_SAVE_REPORT:
        return options_text("--save-report", optarg, &options->save_report);
    case FLAG_JSON:
        options->json = true;
        return OK;
    case FLAG_DIRECT_TLS:
        options->direct_tls = true;
        return OK;
    case FLAG_TIMEOUT:
        return options_duration("timeout", optarg, &options->timeout_us);
    default:
        return options_refuse(argv, flag);
    }
}

struct err vouch_verify_options_read(int argc, char **argv, struct vouch_verify_options *out)
{
    static const struct option flags[] = {
        {"policy", required_argument, NULL, FLAG_POLICY},
        {"ca", required_argument, NULL, FLAG_CA},
        {"json", no_argument, NULL, FLAG_JSON},
        {"save-report", required_argument, NULL, FLAG_SAVE_REPORT},
        {"direct-tls", no_argument, NULL, FLAG_DIRECT_TLS},
        {"timeout", required_argument, NULL, FLAG_TIMEOUT},
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_verify_options){.timeout_us = DEFAULT_TIMEOUT_US};
    options_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, short_flags, flags, NULL)) != -1)
        TRY(verify_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(options_words_left(argc, argv, verify_take_word, out));
    if (!out->host)
        return err_make(ERR_INPUT, "the server is missing: vouch verify HOST:PORT --policy FILE");
    if (!out->policy)
        return err_make(ERR_INPUT, "--policy FILE is missing: it says what evidence you accept; without one nothing "
                                   "can be allowed");
    return OK;
}

void vouch_verify_options_release(struct vouch_verify_options *options)
{
    free(options->host);
    *options = (struct vouch_verify_options){0};
}

/* Only what providers read: any other setting would be taken and do nothing. */
static bool cert_setting_counts(const char *name)
{
    static const char simulated[] = "attest_simulated_";
    return strncmp(name, simulated, sizeof simulated - 1) == 0 || strcmp(name, "attest_provider") == 0 ||
           strcmp(name, "attest_state_dir") == 0;
}

static struct err cert_set(struct vouch_cert_options *options, const char *name, const char *value)
{
    const struct setting *setting = setting_find(name);
    if (!setting || !cert_setting_counts(name))
        return err_make(ERR_INPUT,
                        "\"%.80s\" cannot be set here, only attest_provider, attest_state_dir and attest_simulated_*",
                        name);
    return setting_set(setting, value, &options->settings);
}

static struct err cert_set_pair(struct vouch_cert_options *options, const char *pair)
{
    const char *equals = strchr(pair, '=');
    if (!equals)
        return err_make(ERR_INPUT, "--set \"%.80s\": expected NAME=VALUE", pair);
    char *name = mem_string_of(bytes_of(pair, (size_t)(equals - pair)));
    struct err outcome = cert_set(options, name, equals + 1);
    free(name);
    return err_within(outcome, "--set");
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

static struct err cert_take_setting(struct vouch_cert_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_SET:
        return cert_set_pair(options, optarg);
    case FLAG_PROVIDER:
        return err_within(cert_set(options, "attest_provider", optarg), "--provider");
    case FLAG_STATE_DIR:
        return err_within(cert_set(options, "attest_state_dir", optarg), "--state-dir");
    case FLAG_PRODUCT:
        return err_within(cert_set(options, "attest_simulated_product", optarg), "--product");
    case FLAG_MEASUREMENT:
        return err_within(cert_set(options, "attest_simulated_measurement", optarg), "--measurement");
    default:
        return options_refuse(argv, flag);
    }
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
        return options_text("--out", optarg, &options->out);
    case FLAG_NONCE:
        return options_text("--nonce", optarg, &options->nonce);
    case FLAG_NONCE_URL:
        return options_text("--nonce-url", optarg, &options->nonce_url);
    case FLAG_CN:
        return options_text("--cn", optarg, &options->cn);
    case FLAG_SAN:
        return cert_add_san(options, optarg);
    case FLAG_TTL:
        return options_duration("ttl", optarg, &options->ttl_us);
    case FLAG_TIMEOUT:
        return options_duration("timeout", optarg, &options->timeout_us);
    case FLAG_CA_CERT:
        return options_text("--ca-cert", optarg, &options->ca_cert);
    case FLAG_CA_KEY:
        return options_text("--ca-key", optarg, &options->ca_key);
    default:
        return cert_take_setting(options, flag, argv);
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
        TRY(cert_set(options, "attest_state_dir", options->out));
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
        {"set", required_argument, NULL, FLAG_SET},
        {"provider", required_argument, NULL, FLAG_PROVIDER},
        {"state-dir", required_argument, NULL, FLAG_STATE_DIR},
        {"product", required_argument, NULL, FLAG_PRODUCT},
        {"measurement", required_argument, NULL, FLAG_MEASUREMENT},
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_cert_options){.ttl_us = DEFAULT_TTL_US, .timeout_us = DEFAULT_TIMEOUT_US};
    settings_init(&out->settings);
    TRY(cert_set(out, "attest_provider", "simulated"));
    options_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc, argv, short_flags, flags, NULL)) != -1)
        TRY(cert_take(out, flag, argv));
    if (out->help)
        return OK;
    TRY(options_words_left(argc, argv, cert_take_word, out));
    return cert_complete(out);
}

void vouch_cert_options_release(struct vouch_cert_options *options)
{
    free(options->san);
    settings_free(&options->settings);
    *options = (struct vouch_cert_options){0};
}
