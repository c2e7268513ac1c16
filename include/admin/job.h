/*
 * job.h: one command at work: it may visit workers, ask main, or wait until something has come to pass, and then gives
 * its reply.
 *
 * The thread of the worker whose session asked. Nothing waits in a thread: other sessions go on.
 */
#ifndef ADMIN_JOB_H
#define ADMIN_JOB_H

#include "admin/consoles.h"
#include "admin/table.h"

/* `sqlstate` NULL: it went well. `table`: rows, the callee's; NULL: none. `notice` may be NULL. */
struct reply {
    const char *sqlstate;
    char error[ERR_WHY_SIZE];
    struct table *table;
    const char *notice;
    const char *detail; /* of the notice */
};

struct job;
typedef void job_done(void *arg, struct reply *reply);

/* Begins; `command` is copied and has its operand. `done` is called once, maybe before this returns: then NULL is
 * returned. Rights have been checked. */
struct job *job_start(struct consoles *consoles, struct worker *home, const struct command *command, job_done *done,
                      void *arg);
/* `done` will not be called. What the command has begun goes on. NULL does nothing. */
void job_abandon(struct job *job);

#endif
