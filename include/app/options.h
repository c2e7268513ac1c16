/*
 * options.h: the daemon's command line: PgBouncer's flags.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>

#define DAEMON_NAME "PgVouch"

struct options {
    const char *file;
    const char *user; /* -u; NULL: not given */
    bool daemonize;   /* -d */
    bool reboot;      /* -R: take over from a running process */
    bool quiet;       /* -q: nothing on stderr */
    int verbose;      /* -v, counted */
};

/* Fills *out. False when the process should end with *status: after --help and --version, or on a wrong flag, which has
 * been said on stderr. */
bool options_parse(int argc, char **argv, struct options *out, int *status);

/* "PgVouch 0.1.0": the first line of --version, and what SHOW VERSION says. */
const char *options_version(void);

#endif
