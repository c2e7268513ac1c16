/*
 * janitor.h: what a worker looks after several times a second: timeouts, sizes, waiting clients. Its thread.
 */
#ifndef POOL_JANITOR_H
#define POOL_JANITOR_H

#include "pool/client.h"

#define JANITOR_PERIOD_US (300 * INT64_C(1000))

/* One round over the clients and the worker's shards. */
void janitor_tick(struct clientele *clientele);
/* Closes idle links that are not wanted any more, and serves who waits: after PAUSE, RESUME, RECONNECT or a reload.
 * `database` NULL: all. */
void janitor_weed(struct clientele *clientele, const struct pool_database *database);
/* Ends every client and closes every link: KILL, shutdown. `database` NULL: all. */
void janitor_clear(struct clientele *clientele, const struct pool_database *database, const char *text);

#endif
