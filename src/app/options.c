#include "app/options.h"

#include <event2/event.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>

static const char usage[] = "Usage: pgvouch [OPTION]... CONFIG_FILE\n"
                            "A PostgreSQL connection pooler that proves what it is running.\n\n"
                            "  -d, --daemon         run in the background\n"
                            "  -R, --reboot         accepted for compatibility; nothing is taken over\n"
                            "  -q, --quiet          log nothing on standard error\n"
                            "  -v, --verbose        say more; may be repeated\n"
                            "  -u, --user=NAME      become this Unix user\n"
                            "  -V, --version        show the version and exit\n"
                            "  -h, --help           show this help and exit\n";

const char *options_version(void)
{
    return DAEMON_NAME " " PACKAGE_VERSION;
}

static void options_print_version(void)
{
    printf("%s\nlibevent %s\ntls: %s\n", options_version(), event_get_version(), OpenSSL_version(OPENSSL_VERSION));
#ifdef HAVE_SYSTEMD
    printf("systemd: yes\n");
#endif
}

bool options_parse(int argc, char **argv, struct options *out, int *status)
{
    static const struct option flags[] = {
        {"daemon", no_argument, NULL, 'd'},     {"reboot", no_argument, NULL, 'R'},
        {"quiet", no_argument, NULL, 'q'},      {"verbose", no_argument, NULL, 'v'},
        {"user", required_argument, NULL, 'u'}, {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    *out = (struct options){0};
    *status = 0;
    int flag;
    while ((flag = getopt_long(argc, argv, "dRqvu:Vh", flags, NULL)) != -1) {
        switch (flag) {
        case 'd':
            out->daemonize = true;
            break;
        case 'R':
            out->reboot = true;
            break;
        case 'q':
            out->quiet = true;
            break;
        case 'v':
            out->verbose++;
            break;
        case 'u':
            out->user = optarg;
            break;
        case 'V':
            options_print_version();
            return false;
        case 'h':
            fputs(usage, stdout);
            return false;
        default: /* getopt_long has said what is wrong */
            fputs("see pgvouch --help\n", stderr);
            *status = 1;
            return false;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "pgvouch: exactly one configuration file is needed; see pgvouch --help\n");
        *status = 1;
        return false;
    }
    out->file = argv[optind];
    return true;
}
