/*
 * vouch_flags.h: what the command lines of `vouch` have in common: reading options one by one.
 *
 * Main; getopt keeps its place in globals. Only the files vouch_options*.c include this.
 */
#ifndef APP_VOUCH_FLAGS_H
#define APP_VOUCH_FLAGS_H

#include "app/vouch_options.h"

#include <getopt.h>

#define FLAGS_DEFAULT_TIMEOUT_US (10 * INT64_C(1000000))

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
    FLAG_REPORT,
    FLAG_VEK,
    FLAG_VCEK,
    FLAG_VLEK,
    FLAG_ASK,
    FLAG_ARK,
    FLAG_CRL,
    FLAG_AT,
    FLAG_FORMAT,
    FLAG_FROM,
    FLAG_KDS,
    FLAG_OFFLINE,
    FLAG_CACHE,
    FLAG_HWID,
    FLAG_TCB,
    FLAG_CHAIN,
    FLAG_REPORT_DATA,
};

/* Words and options may stand in any order, whatever POSIXLY_CORRECT says; a missing value is told from a wrong name.
 */
#define FLAGS_SHORT "-:h"

/* Rows for getopt_long: a report's certificates and the time of check, and where reports come from. */
#define FLAGS_OF_FILES                                                                                                 \
    {"vek", required_argument, NULL, FLAG_VEK}, {"vcek", required_argument, NULL, FLAG_VCEK},                          \
        {"vlek", required_argument, NULL, FLAG_VLEK}, {"ask", required_argument, NULL, FLAG_ASK},                      \
        {"ark", required_argument, NULL, FLAG_ARK}, {"crl", required_argument, NULL, FLAG_CRL},                        \
    {                                                                                                                  \
        "at", required_argument, NULL, FLAG_AT                                                                         \
    }
#define FLAGS_OF_PROVIDER                                                                                              \
    {"provider", required_argument, NULL, FLAG_PROVIDER}, {"state-dir", required_argument, NULL, FLAG_STATE_DIR},      \
        {"product", required_argument, NULL, FLAG_PRODUCT},                                                            \
        {"measurement", required_argument, NULL, FLAG_MEASUREMENT},                                                    \
    {                                                                                                                  \
        "set", required_argument, NULL, FLAG_SET                                                                       \
    }

#define FLAGS_OF_KDS                                                                                                   \
    {"offline", no_argument, NULL, FLAG_OFFLINE}, {"cache", required_argument, NULL, FLAG_CACHE},                      \
    {                                                                                                                  \
        "set", required_argument, NULL, FLAG_SET                                                                       \
    }

#define FLAGS_OF_ASKING                                                                                                \
    {"nonce", required_argument, NULL, FLAG_NONCE},                                                                    \
    {                                                                                                                  \
        "report-data", required_argument, NULL, FLAG_REPORT_DATA                                                       \
    }

/* Before the first getopt_long of a line. */
void flags_begin(void);

/* The error behind '?' and ':'; of the argument that getopt has just left. */
struct err flags_refuse(char **argv, int answer) MUST_CHECK;

/* The value of an option that may be given once. */
struct err flags_text(const char *flag, const char *text, const char **out) MUST_CHECK;
/* Longer than 0. */
struct err flags_duration(const char *flag, const char *text, int64_t *out_us) MUST_CHECK;

/* cmw or eat; `words` says for an error what would do. */
struct err flags_format(const char *word, const char *words, enum evidence_format *out) MUST_CHECK;

/* The words behind "--". */
struct err flags_words_left(int argc, char **argv, struct err (*take)(void *out, const char *word),
                            void *out) MUST_CHECK;

/* One of FLAGS_OF_FILES, of FLAGS_OF_PROVIDER, of FLAGS_OF_KDS; flags_refuse for any other. */
struct err flags_take_file(struct vouch_files *files, int flag, char **argv) MUST_CHECK;
struct err flags_take_setting(struct settings *settings, int flag, char **argv) MUST_CHECK;
struct err flags_take_kds(struct settings *settings, int flag, char **argv) MUST_CHECK;

/* Every setting at its default, and as much time for KDS as somebody who waits for it may have. */
void flags_begin_kds(struct settings *settings);

/* Sets one of the settings that providers, or with --kds KDS, read; any other would be taken and do nothing. */
struct err flags_set(struct settings *settings, const char *name, const char *value) MUST_CHECK;

#endif
