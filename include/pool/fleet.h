/*
 * fleet.h: all workers together: start, configuration, the commands of the console, the end.
 *
 * Any thread may call the commands: they set what is global at once and tell the workers by message. What must be
 * waited for is asked with the functions that say whether it has come to pass.
 */
#ifndef POOL_FLEET_H
#define POOL_FLEET_H

#include "pool/worker.h"

struct fleet;

/* Opens the listeners and starts the workers (`threads`, or one a core). `attest` outlives the fleet and may be
 * NULL (gate.h); `console` gets the console's sessions. Main. */
struct err fleet_start(struct snapshot *snapshot, struct attest *attest, worker_console *console, void *console_ctx,
                       struct fleet **out) MUST_CHECK;
/* Ends all sessions with `text`, joins the workers and frees everything. Main. */
void fleet_stop(struct fleet *fleet, const char *text);

struct registry *fleet_registry(struct fleet *fleet);
struct crew *fleet_crew(struct fleet *fleet);
size_t fleet_size(const struct fleet *fleet);
struct worker *fleet_worker(struct fleet *fleet, size_t index);
const struct limit *fleet_clients(const struct fleet *fleet);

/* Every worker switches at its next turn, and dismisses the clients that new policies do not accept. */
void fleet_adopt(struct fleet *fleet, struct snapshot *snapshot);

/* Runs visit(arg, worker) on every worker's thread, then done(arg) on `home`; without `done`, `home` may be NULL. */
void fleet_visit(struct fleet *fleet, struct loop *home, void (*visit)(void *arg, struct worker *worker),
                 void (*done)(void *arg), void *arg);

/* `database` NULL means all, in all of these. PAUSE: links are closed as they come free, clients wait. */
void fleet_pause(struct fleet *fleet, struct pool_database *database);
void fleet_resume(struct fleet *fleet, struct pool_database *database);
bool fleet_is_paused(const struct fleet *fleet, const struct pool_database *database);
/* Whether every link has gone. */
bool fleet_has_no_links(struct fleet *fleet, const struct pool_database *database);
/* KILL: PAUSE, and every client and link is cut now. */
void fleet_kill(struct fleet *fleet, struct pool_database *database);
/* RECONNECT: links that exist now are closed as they come free. */
void fleet_reconnect(struct fleet *fleet, struct pool_database *database);
/* DISABLE and ENABLE: new clients are refused. */
void fleet_disable(struct pool_database *database, bool disabled);
/* Ends the client with this id, if there is one. */
void fleet_kill_client(struct fleet *fleet, struct loop *home, uint64_t id);

/* No new clients; those that are there stay. */
void fleet_drain(struct fleet *fleet);

#endif
