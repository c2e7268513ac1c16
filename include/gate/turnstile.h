/*
 * turnstile.h: whose turn it is to have the crew work for a login.
 *
 * Whoever connects can make the crew verify signatures or stretch a password before anything is known about him. So no
 * source (an IPv4 address, an IPv6 /64, or the Unix socket) has more than a few of its logins there at once, sources
 * take turns, and all of a gate's logins together leave room for what else the crew does. The others wait here, where
 * one that ends costs nothing. The gate's thread.
 */
#ifndef GATE_TURNSTILE_H
#define GATE_TURNSTILE_H

#include "base/connector.h"

#include <stdbool.h>
#include <sys/queue.h>

#define TURNSTILE_OF_ONE_SOURCE 4
#define TURNSTILE_OF_ALL        32

struct turnstile_source;

/* Part of what waits. `source` is NULL before it arrives and after it has left. */
struct turnstile_ticket {
    TAILQ_ENTRY(turnstile_ticket) entry;
    struct turnstile_source *source;
    bool inside;
};

TAILQ_HEAD(turnstile_sources, turnstile_source);

/* `turns`: the sources that may let one more in, who has waited longest first. */
struct turnstile {
    struct turnstile_source *sources;
    struct turnstile_sources turns;
    unsigned inside;
    void (*let_in)(struct turnstile_ticket *ticket);
};

/* `let_in` is called from turnstile_arrive and turnstile_leave, and must not call either. */
void turnstile_init(struct turnstile *turnstile, void (*let_in)(struct turnstile_ticket *ticket));
/* Waits for its turn, or is let in at once. */
void turnstile_arrive(struct turnstile *turnstile, struct turnstile_ticket *ticket, const struct address *peer);
/* Comes out, or stops waiting. One that has not arrived is left alone. */
void turnstile_leave(struct turnstile *turnstile, struct turnstile_ticket *ticket);

#endif
