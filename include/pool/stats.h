/*
 * stats.h: the counters behind SHOW STATS. Each worker counts for itself, without atomics; who shows them adds up
 * snapshots that the workers made. Times in microseconds.
 */
#ifndef POOL_STATS_H
#define POOL_STATS_H

#include <stdint.h>

#define STATS_FIELDS(X)                                                                                                \
    X(server_assignment_count)                                                                                         \
    X(xact_count)                                                                                                      \
    X(query_count)                                                                                                     \
    X(received)                                                                                                        \
    X(sent)                                                                                                            \
    X(xact_time)                                                                                                       \
    X(query_time)                                                                                                      \
    X(wait_time)                                                                                                       \
    X(login_count)                                                                                                     \
    X(serialization_failure_count)                                                                                     \
    X(server_closed_count)                                                                                             \
    X(server_lifetime)

/* received: bytes from clients; sent: bytes to clients. serialization_failure_count: errors with SQLSTATE 40001.
 * server_lifetime: the ages of the links that have been closed. */
struct stats {
#define STATS_FIELD(name) uint64_t name;
    STATS_FIELDS(STATS_FIELD)
#undef STATS_FIELD
};

static inline void stats_add(struct stats *sum, const struct stats *part)
{
#define STATS_FIELD(name) sum->name += part->name;
    STATS_FIELDS(STATS_FIELD)
#undef STATS_FIELD
}

static inline void stats_subtract(struct stats *from, const struct stats *part)
{
#define STATS_FIELD(name) from->name -= part->name;
    STATS_FIELDS(STATS_FIELD)
#undef STATS_FIELD
}

#endif
