/*
 * tuning.h: TCP_NODELAY and the tcp_* settings. None of it is for Unix sockets. Any thread. What the kernel refuses is
 * left as it was: a tuning less does no harm.
 */
#ifndef POOL_TUNING_H
#define POOL_TUNING_H

#include "config/settings.h"

/* A new connection, in all. */
void tuning_set(const struct settings *set, int fd);
/* A listening socket, again after each reload. What it accepts from then on begins with TCP_NODELAY and the keepalive
 * settings (Linux copies them), which saves every login the calls; tuning_set_accepted adds the rest. */
void tuning_set_listener(const struct settings *set, int fd);
void tuning_set_accepted(const struct settings *set, int fd);

#endif
