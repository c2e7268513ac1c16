/*
 * daemon.h: the running daemon: configuration in force, workers, signals, shutdown. Everything runs on main's loop,
 * unless said otherwise.
 */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "app/options.h"
#include "pool/fleet.h"

struct daemon;

/* Everything from the configuration file to the end; returns the process's exit status. */
int daemon_run(const struct options *options);

#endif
