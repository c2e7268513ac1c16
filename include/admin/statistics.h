/*
 * statistics.h: what happened in the last stats_period, database by database: the averages of SHOW STATS, and the line
 * of statistics in the log.
 */
#ifndef ADMIN_STATISTICS_H
#define ADMIN_STATISTICS_H

#include "admin/census.h"

struct statistics;

/* Begins to count every period. Main. */
struct statistics *statistics_start(struct fleet *fleet, struct loop *loop, const struct config *config);
/* stats_period and log_stats of a new configuration. Main. */
void statistics_adopt(struct statistics *statistics, const struct config *config);
/* No more counting. Main, while the fleet still runs. NULL does nothing. */
void statistics_stop(struct statistics *statistics);
/* After the fleet has ended and main's loop has opened its last letters. NULL does nothing. */
void statistics_free(struct statistics *statistics);

/* Averages as PgBouncer defines them: counts and bytes a second; times in microseconds for each transaction, query or
 * link lent. */
struct averages {
    uint64_t server_assignment_count, xact_count, query_count, server_closed_count;
    uint64_t received, sent;
    uint64_t xact_time, query_time, wait_time, server_lifetime;
};

/* Of the last whole period; zeros before there was one. NULL: of all databases together. Any thread. */
struct averages statistics_average(struct statistics *statistics, const struct pool_database *database);

#endif
