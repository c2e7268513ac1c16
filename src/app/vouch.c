/* vouch.c: the tool's entry. */
#include "app/vouch_command.h"
#include "app/vouch_output.h"
#include "base/log.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum vouch_exit (*run)(int argc, char **argv);
} commands[] = {{"verify", vouch_verify}, {"cert", vouch_cert},         {"report", vouch_report}, {"show", vouch_show},
                {"policy", vouch_policy}, {"selftest", vouch_selftest}, {"kds", vouch_kds}};

enum vouch_exit vouch_fail(const char *command, struct err why, bool hint)
{
    fprintf(stderr, "vouch %s: ", command);
    vouch_print_escaped(stderr, why.why);
    fputc('\n', stderr);
    if (hint)
        fprintf(stderr, "Try \"vouch %s --help\".\n", command);
    return VOUCH_FAILED;
}

static enum vouch_exit refuse_usage(const char *what, const char *word)
{
    fprintf(stderr, "vouch: %s%s\nTry \"vouch --help\".\n", what, word);
    return VOUCH_FAILED;
}

static enum vouch_exit run(int argc, char **argv)
{
    if (argc < 2)
        return refuse_usage("a command is missing: verify, cert, report, show, policy, selftest or kds", "");
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        fputs(vouch_usage, stdout);
        return VOUCH_DONE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("vouch (PgVouch) " PACKAGE_VERSION);
        return VOUCH_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return refuse_usage(*word == '-' ? "unknown option " : "unknown command ", word);
}

int main(int argc, char **argv)
{
    log_set_verbose(-1);
    signal(SIGPIPE, SIG_IGN); /* a peer that goes is an error, not the end */
    enum vouch_exit status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "vouch: cannot write to standard output\n");
        return VOUCH_FAILED;
    }
    return status;
}
