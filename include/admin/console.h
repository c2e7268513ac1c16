/*
 * console.h: one session on the database `pgvouch` (or `pgbouncer`): greeting, simple and extended queries, its end.
 *
 * It stays with the worker that accepted it. One command runs at a time; what the client sends meanwhile is kept, so
 * that its going away is noticed also while a PAUSE waits.
 */
#ifndef ADMIN_CONSOLE_H
#define ADMIN_CONSOLE_H

#include "admin/consoles.h"

/* Takes over stream and identity, as a worker_console does; `consoles` is a struct consoles. The worker's thread. */
void console_admit(void *consoles, struct worker *worker, struct stream *stream, struct identity *identity,
                   struct bytes unread);

#endif
