/* vouch_options_kds.c: the command line of `vouch kds fetch`. */
#include "app/vouch_flags.h"

#include <string.h>

static struct err kds_take_word(void *out, const char *word)
{
    (void)out;
    return err_make(ERR_INPUT, "\"%.80s\" is no option; a directory is given with --out DIR", word);
}

static struct err kds_take_switch(bool *out)
{
    *out = true;
    return OK;
}

static struct err kds_take(struct vouch_kds_options *options, int flag, char **argv)
{
    switch (flag) {
    case FLAG_HELP:
        return kds_take_switch(&options->help);
    case FLAG_WORD:
        return kds_take_word(options, optarg);
    case FLAG_REPORT:
        return flags_text("--report", optarg, &options->report);
    case FLAG_PRODUCT:
        return flags_text("--product", optarg, &options->product);
    case FLAG_HWID:
        return flags_text("--hwid", optarg, &options->hwid);
    case FLAG_TCB:
        return flags_text("--tcb", optarg, &options->tcb);
    case FLAG_OUT:
        return flags_text("--out", optarg, &options->out);
    case FLAG_VLEK:
        return kds_take_switch(&options->vlek);
    case FLAG_CHAIN:
        return kds_take_switch(&options->chain);
    case FLAG_CRL:
        return kds_take_switch(&options->crl);
    case FLAG_JSON:
        return kds_take_switch(&options->json);
    default:
        return flags_take_kds(&options->settings, flag, argv);
    }
}

static struct err kds_complete(const struct vouch_kds_options *options)
{
    bool names_chip = options->hwid || options->tcb;
    if (!options->report && !options->product)
        return err_make(ERR_INPUT, "what to fetch is missing: --report FILE, or --product NAME");
    if (options->report && names_chip)
        return err_make(ERR_INPUT, "--report names chip and TCB itself: give no --hwid and no --tcb");
    if (!options->hwid != !options->tcb)
        return err_make(ERR_INPUT, "--hwid and --tcb belong together");
    if (options->vlek && (options->report || names_chip))
        return err_make(ERR_INPUT, "--vlek is for --chain and --crl: AMD's KDS hands out no VLEK");
    if (!options->report && !names_chip && !options->chain && !options->crl)
        return err_make(ERR_INPUT, "what to fetch is missing: --hwid and --tcb, --chain or --crl");
    return OK;
}

struct err vouch_kds_options_read(int argc, char **argv, struct vouch_kds_options *out)
{
    static const struct option flags[] = {
        {"report", required_argument, NULL, FLAG_REPORT},
        {"product", required_argument, NULL, FLAG_PRODUCT},
        {"hwid", required_argument, NULL, FLAG_HWID},
        {"tcb", required_argument, NULL, FLAG_TCB},
        {"vlek", no_argument, NULL, FLAG_VLEK},
        {"chain", no_argument, NULL, FLAG_CHAIN},
        {"crl", no_argument, NULL, FLAG_CRL},
        {"out", required_argument, NULL, FLAG_OUT},
        {"json", no_argument, NULL, FLAG_JSON},
        FLAGS_OF_KDS,
        {"help", no_argument, NULL, FLAG_HELP},
        {NULL, 0, NULL, 0},
    };
    *out = (struct vouch_kds_options){0};
    flags_begin_kds(&out->settings);
    if (argc < 2)
        return err_make(ERR_INPUT, "what to do is missing: vouch kds fetch");
    out->help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    if (out->help)
        return OK;
    if (strcmp(argv[1], "fetch") != 0)
        return err_make(ERR_INPUT, "unknown action \"%.80s\": it is fetch", argv[1]);
    flags_begin();
    int flag;
    while (!out->help && (flag = getopt_long(argc - 1, argv + 1, FLAGS_SHORT, flags, NULL)) != -1)
        TRY(kds_take(out, flag, argv + 1));
    if (out->help)
        return OK;
    TRY(flags_words_left(argc - 1, argv + 1, kds_take_word, out));
    return kds_complete(out);
}

void vouch_kds_options_release(struct vouch_kds_options *options)
{
    settings_free(&options->settings);
    *options = (struct vouch_kds_options){0};
}
