/*
 * process.h: the daemon as a Unix process: background, pid file, user, limits. Main thread, before others start.
 */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include "base/err.h"

/* Becomes `user` with its groups and without root's capabilities; nothing when "" or when it is that user already.
 * Needs root. */
struct err process_become(const char *user) MUST_CHECK;
/* Goes into the background: the caller goes on in a session of its own, with /dev/null as standard streams. */
struct err process_detach(void) MUST_CHECK;
/* Writes the process id; a file that holds the id of a living process is not taken over. "": nothing. */
struct err process_write_pidfile(const char *path) MUST_CHECK;
void process_remove_pidfile(const char *path);
/* Raises the limit of open files as far as the process may. */
void process_raise_limits(void);
/* Tells the service manager (sd_notify(3)); nothing without one. */
void process_notify(const char *state);

#endif
