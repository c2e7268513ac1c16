/* main.c: the daemon's entry. */
#include "base/log.h"

int main(void)
{
    log_fatal("nothing to serve yet");
    return 1;
}
