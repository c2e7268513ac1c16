/*
 * census.h: how many links, clients and queries there are, counted by every worker for itself and then added up.
 *
 * Made on any thread, filled by fleet_visit (each worker writes its own part), read when the visit is over.
 */
#ifndef ADMIN_CENSUS_H
#define ADMIN_CENSUS_H

#include "pool/fleet.h"

/* Of one pool. `cancels`: cancel requests under way; `canceled`: idle links that wait for one to end; `used`: idle
 * longer than server_check_delay. */
struct census_pool {
    struct stats stats;
    int active, idle, used, tested, opening;
    int cancels, canceled;
    int waiting;
    int64_t oldest_us; /* monotonic: since when the first client waits; 0: none does */
};

/* Of one worker. */
struct census_worker {
    size_t clients, logins, links;
};

struct census {
    struct pool **pools; /* as they were when the census was made, newest first */
    size_t pool_count;
    size_t worker_count;
    struct census_pool *counts; /* of worker w and pool p at [w * pool_count + p] */
    struct census_worker *workers;
};

struct census *census_new(struct fleet *fleet);
void census_free(struct census *census); /* NULL does nothing */

/* The worker's thread. */
void census_take(struct census *census, struct worker *worker);

struct census_pool census_of_pool(const struct census *census, size_t pool);
struct census_worker census_of_workers(const struct census *census);

/* The statistics of every database that has a pool. An array (free). */
struct census_database {
    const struct pool_database *database;
    struct stats stats;
};
struct census_database *census_databases(const struct census *census, size_t *count);

#endif
