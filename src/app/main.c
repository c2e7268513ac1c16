/* main.c: the daemon's entry. */
#include "app/daemon.h"

int main(int argc, char **argv)
{
    struct options options;
    int status;
    if (!options_parse(argc, argv, &options, &status))
        return status;
    return daemon_run(&options);
}
