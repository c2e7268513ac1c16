/*
 * consoles.h: what the console's sessions stand on, and all of them together.
 *
 * A session lives on the worker that accepted it; what main must do is asked of it by message and answered by message.
 */
#ifndef ADMIN_CONSOLES_H
#define ADMIN_CONSOLES_H

#include "admin/command.h"
#include "admin/statistics.h"

/* What main does for the console; called on main's loop. */
struct console_ops {
    struct err (*reload)(void *ctx);
    /* Sets one setting for the running process. */
    struct err (*set)(void *ctx, const char *name, const char *value);
    /* Begins to end the process. ERR_NOT_NOW: it is ending that way already. */
    struct err (*shutdown)(void *ctx, enum shutdown_mode mode);
};

/* A session as the others see it; embedded in it. Its worker's thread. */
struct console_seat {
    TAILQ_ENTRY(console_seat) entry;
    const struct identity *identity;
    struct stream *stream;
    int64_t connected_wall_us;
    int64_t request_wall_us;
    /* Ends the session with a FATAL error. */
    void (*end)(struct console_seat *seat, const char *text);
};
TAILQ_HEAD(console_seats, console_seat);

struct attest;

struct consoles {
    struct loop *main;
    const struct console_ops *ops;
    void *ctx;
    const char *version;   /* what SHOW VERSION says */
    struct attest *attest; /* of the process; NULL without TLS */
    struct statistics *statistics;
    struct console_seats *seats;   /* of each worker */
    _Atomic(struct fleet *) fleet; /* set last; NULL: not ready yet, or closed */
    _Atomic int count;             /* of sessions */
    atomic_bool ending;            /* a shutdown has begun */
};

/* `ops`, `ctx`, `version` and `attest` are the caller's and outlive it. Main. */
struct consoles *consoles_new(struct loop *main, const struct console_ops *ops, void *ctx, const char *version,
                              struct attest *attest);
/* From here on sessions are served. Main. */
void consoles_open(struct consoles *consoles, struct fleet *fleet, const struct config *config);
/* After fleet_adopt with other rules: ends the sessions whose evidence the policies do not accept any more. Main. */
void consoles_judge(struct consoles *consoles);
/* Ends all sessions with `text` and lets none in any more; waits until every worker has done so. Main, before
 * fleet_stop. NULL does nothing. */
void consoles_close(struct consoles *consoles, const char *text);
/* After fleet_stop, and after main's loop has opened its last letters. NULL does nothing. */
void consoles_free(struct consoles *consoles);

/* A console's session comes and goes: the worker's thread. False when none is let in. */
bool consoles_seat(struct consoles *consoles, struct worker *worker, struct console_seat *seat);
void consoles_leave(struct consoles *consoles, struct worker *worker, struct console_seat *seat);

#endif
