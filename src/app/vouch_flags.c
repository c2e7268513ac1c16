#include "app/vouch_flags.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define TIME_SIZE   (sizeof "2025-01-31T00:00:00Z")

void flags_begin(void)
{
    opterr = 0;
    optind = 0; /* glibc: from the beginning, with this call's ordering */
}

struct err flags_refuse(char **argv, int answer)
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

struct err flags_duration(const char *flag, const char *text, int64_t *out)
{
    TRY(err_within(value_duration(text, out), "--%s \"%.80s\"", flag, text));
    if (*out == 0)
        return err_make(ERR_INPUT, "--%s must be longer than 0", flag);
    return OK;
}

struct err flags_text(const char *flag, const char *text, const char **out)
{
    if (*out)
        return err_make(ERR_INPUT, "%s is given twice", flag);
    if (!text || !*text)
        return err_make(ERR_INPUT, "%s is empty", flag);
    *out = text;
    return OK;
}

struct err flags_format(const char *word, const char *words, enum evidence_format *out)
{
    bool is_eat = strcmp(word, "eat") == 0;
    if (!is_eat && strcmp(word, "cmw") != 0)
        return err_make(ERR_INPUT, "--format \"%.80s\": expected %s", word, words);
    *out = is_eat ? EVIDENCE_EAT : EVIDENCE_CMW;
    return OK;
}

struct err flags_words_left(int argc, char **argv, struct err (*take)(void *out, const char *word), void *out)
{
    for (int i = optind; i < argc; i++) /* behind "--" */
        TRY(take(out, argv[i]));
    return OK;
}

/* UTC, as RFC 3339 writes it, and nothing else: a day that does not exist is no time. */
static struct err flags_time(const char *text, struct vouch_files *files)
{
    struct tm parts = {0};
    char again[TIME_SIZE];
    const char *end = text ? strptime(text, TIME_FORMAT, &parts) : NULL;
    time_t at_s = end && !*end ? timegm(&parts) : 0;
    bool fits = end && !*end && strlen(text) == TIME_SIZE - 1 && strftime(again, sizeof again, TIME_FORMAT, &parts) > 0;
    if (!fits || strcmp(again, text) != 0 || at_s < 0)
        return err_make(ERR_INPUT, "--at \"%.80s\": expected a time in UTC like 2025-01-31T00:00:00Z", text);
    if (files->has_at)
        return err_make(ERR_INPUT, "--at is given twice");
    files->has_at = true;
    files->at_us = (int64_t)at_s * US_PER_SECOND;
    return OK;
}

static struct err flags_one_vek(const struct vouch_files *files)
{
    if ((files->vek != NULL) + (files->vcek != NULL) + (files->vlek != NULL) > 1)
        return err_make(ERR_INPUT, "--vek, --vcek and --vlek exclude each other");
    return OK;
}

static struct err flags_vek(struct vouch_files *files, const char *flag, const char **out)
{
    TRY(flags_text(flag, optarg, out));
    return flags_one_vek(files);
}

bool vouch_files_are_given(const struct vouch_files *files)
{
    return files->vek || files->vcek || files->vlek || files->ask || files->ark || files->certs;
}

struct err flags_check_files(const struct vouch_files *files)
{
    if (files->certs && (files->vek || files->vcek || files->vlek || files->ask || files->ark))
        return err_make(ERR_INPUT,
                        "--certs has all certificates: give no --vek, --vcek, --vlek, --ask or --ark beside it");
    return OK;
}

struct err flags_take_file(struct vouch_files *files, int flag, char **argv)
{
    switch (flag) {
    case FLAG_VEK:
        return flags_vek(files, "--vek", &files->vek);
    case FLAG_VCEK:
        return flags_vek(files, "--vcek", &files->vcek);
    case FLAG_VLEK:
        return flags_vek(files, "--vlek", &files->vlek);
    case FLAG_ASK:
        return flags_text("--ask", optarg, &files->ask);
    case FLAG_ARK:
        return flags_text("--ark", optarg, &files->ark);
    case FLAG_CERTS:
        return flags_text("--certs", optarg, &files->certs);
    case FLAG_CRL:
        return flags_text("--crl", optarg, &files->crl);
    case FLAG_AT:
        return flags_time(optarg, files);
    default:
        return flags_refuse(argv, flag);
    }
}

static bool flags_is_of_kds(const char *name)
{
    return strncmp(name, "kds_", 4) == 0;
}

/* Only what providers read, and the way to KDS: any other setting would be taken and do nothing. */
static bool flags_setting_counts(const char *name)
{
    static const char simulated[] = "attest_simulated_";
    return strncmp(name, simulated, sizeof simulated - 1) == 0 || flags_is_of_kds(name) ||
           strcmp(name, "attest_provider") == 0 || strcmp(name, "attest_state_dir") == 0 ||
           strcmp(name, "attest_tpm") == 0;
}

struct err flags_set(struct settings *settings, const char *name, const char *value)
{
    const struct setting *setting = setting_find(name);
    if (!setting || !flags_setting_counts(name))
        return err_make(ERR_INPUT,
                        "\"%.80s\" cannot be set here, only attest_provider, attest_state_dir, attest_tpm, "
                        "attest_simulated_* and kds_*",
                        name);
    return setting_set(setting, value, settings);
}

/* As flags_set, of those that say how KDS is reached. */
static struct err flags_set_kds(struct settings *settings, const char *name, const char *value)
{
    const struct setting *setting = setting_find(name);
    if (!setting || !flags_is_of_kds(name))
        return err_make(ERR_INPUT, "\"%.80s\" cannot be set here, only kds_*", name);
    return setting_set(setting, value, settings);
}

typedef struct err flags_setter(struct settings *settings, const char *name, const char *value);

static struct err flags_set_pair(struct settings *settings, const char *pair, flags_setter *set)
{
    const char *equals = strchr(pair, '=');
    if (!equals)
        return err_make(ERR_INPUT, "--set \"%.80s\": expected NAME=VALUE", pair);
    char *name = mem_string_of(bytes_of(pair, (size_t)(equals - pair)));
    struct err outcome = set(settings, name, equals + 1);
    free(name);
    return err_within(outcome, "--set");
}

void flags_begin_kds(struct settings *settings)
{
    settings_init(settings);
    settings->kds_timeout_us = 30 * US_PER_SECOND;
}

struct err flags_take_kds(struct settings *settings, int flag, char **argv)
{
    switch (flag) {
    case FLAG_OFFLINE:
        settings->kds_offline = true;
        return OK;
    case FLAG_CACHE:
        return err_within(flags_set_kds(settings, "kds_cache_dir", optarg), "--cache");
    case FLAG_SET:
        return flags_set_pair(settings, optarg, flags_set_kds);
    default:
        return flags_refuse(argv, flag);
    }
}

struct err flags_take_setting(struct settings *settings, int flag, char **argv)
{
    switch (flag) {
    case FLAG_SET:
        return flags_set_pair(settings, optarg, flags_set);
    case FLAG_PROVIDER:
        return err_within(flags_set(settings, "attest_provider", optarg), "--provider");
    case FLAG_STATE_DIR:
        return err_within(flags_set(settings, "attest_state_dir", optarg), "--state-dir");
    case FLAG_PRODUCT:
        return err_within(flags_set(settings, "attest_simulated_product", optarg), "--product");
    case FLAG_MEASUREMENT:
        return err_within(flags_set(settings, "attest_simulated_measurement", optarg), "--measurement");
    default:
        return flags_refuse(argv, flag);
    }
}
