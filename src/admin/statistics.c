#include "admin/statistics.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* `sum`: since the start of the process, `delta`: of the last whole period. */
struct period {
    const struct pool_database *database;
    struct stats sum;
    struct stats delta;
};

struct statistics {
    struct fleet *fleet;
    struct loop *loop;
    struct timer *timer; /* NULL: stopped */
    struct census *census;
    int64_t period_us;
    bool logs;
    int64_t taken_us;       /* monotonic: when the last census was taken */
    pthread_mutex_t lock;   /* guards what follows */
    struct period *periods; /* by name */
    size_t period_count;
    int64_t length_us; /* of the last period */
};

static uint64_t per_second(uint64_t count, int64_t length_us)
{
    return length_us > 0 ? (uint64_t)((double)count * (double)US_PER_SECOND / (double)length_us) : 0;
}

static uint64_t per_event(uint64_t time, uint64_t events)
{
    return events > 0 ? time / events : 0;
}

static struct averages averages_of(const struct stats *delta, int64_t length_us)
{
    return (struct averages){
        .server_assignment_count = per_second(delta->server_assignment_count, length_us),
        .xact_count = per_second(delta->xact_count, length_us),
        .query_count = per_second(delta->query_count, length_us),
        .server_closed_count = per_second(delta->server_closed_count, length_us),
        .received = per_second(delta->received, length_us),
        .sent = per_second(delta->sent, length_us),
        .xact_time = per_event(delta->xact_time, delta->xact_count),
        .query_time = per_event(delta->query_time, delta->query_count),
        .wait_time = per_event(delta->wait_time, delta->server_assignment_count),
        .server_lifetime = per_event(delta->server_lifetime, delta->server_closed_count),
    };
}

struct averages statistics_average(struct statistics *statistics, const struct pool_database *database)
{
    struct stats delta = {0};
    pthread_mutex_lock(&statistics->lock);
    int64_t length_us = statistics->length_us;
    for (size_t i = 0; i < statistics->period_count; i++)
        if (!database || statistics->periods[i].database == database)
            stats_add(&delta, &statistics->periods[i].delta);
    pthread_mutex_unlock(&statistics->lock);
    return averages_of(&delta, length_us);
}

/* ---- every period ---- */

static void statistics_log(struct statistics *statistics)
{
    struct averages a = statistics_average(statistics, NULL);
    log_info("stats: %" PRIu64 " xacts/s, %" PRIu64 " queries/s, %" PRIu64 " client parses/s, %" PRIu64
             " server parses/s, %" PRIu64 " binds/s, in %" PRIu64 " B/s, out %" PRIu64 " B/s, xact %" PRIu64
             " us, query %" PRIu64 " us, wait %" PRIu64 " us",
             a.xact_count, a.query_count, UINT64_C(0), UINT64_C(0), UINT64_C(0), a.received, a.sent, a.xact_time,
             a.query_time, a.wait_time);
}

static const struct stats *statistics_before(const struct statistics *statistics, const struct pool_database *database)
{
    static const struct stats none;
    for (size_t i = 0; i < statistics->period_count; i++)
        if (statistics->periods[i].database == database)
            return &statistics->periods[i].sum;
    return &none;
}

static void statistics_close_period(struct statistics *statistics, const struct census *census)
{
    size_t count;
    int64_t now = clock_monotonic_us();
    struct census_database *databases = census_databases(census, &count);
    struct period *periods = NEW_ARRAY(struct period, count + 1);
    pthread_mutex_lock(&statistics->lock);
    for (size_t i = 0; i < count; i++) {
        periods[i] = (struct period){databases[i].database, databases[i].stats, databases[i].stats};
        stats_subtract(&periods[i].delta, statistics_before(statistics, databases[i].database));
    }
    free(statistics->periods);
    statistics->periods = periods;
    statistics->period_count = count;
    statistics->length_us = now - statistics->taken_us;
    pthread_mutex_unlock(&statistics->lock);
    statistics->taken_us = now;
    free(databases);
}

static void statistics_visit(void *arg, struct worker *worker)
{
    struct statistics *statistics = arg;
    census_take(statistics->census, worker);
}

static void statistics_visited(void *arg)
{
    struct statistics *statistics = arg;
    struct census *census = statistics->census;
    statistics->census = NULL;
    if (statistics->timer) {
        statistics_close_period(statistics, census);
        if (statistics->logs)
            statistics_log(statistics);
        timer_start(statistics->timer, statistics->period_us);
    }
    census_free(census);
}

static void statistics_due(void *arg)
{
    struct statistics *statistics = arg;
    if (statistics->census)
        return; /* one is under way; it starts the timer again */
    statistics->census = census_new(statistics->fleet);
    fleet_visit(statistics->fleet, statistics->loop, statistics_visit, statistics_visited, statistics);
}

/* ---- life ---- */

struct statistics *statistics_start(struct fleet *fleet, struct loop *loop, const struct config *config)
{
    struct statistics *statistics = NEW(struct statistics);
    statistics->fleet = fleet;
    statistics->loop = loop;
    statistics->taken_us = clock_monotonic_us();
    statistics->timer = timer_new(loop, statistics_due, statistics);
    pthread_mutex_init(&statistics->lock, NULL);
    statistics_adopt(statistics, config);
    return statistics;
}

void statistics_adopt(struct statistics *statistics, const struct config *config)
{
    int64_t period_us = config->set.stats_period * US_PER_SECOND;
    statistics->logs = config->set.log_stats;
    if (statistics->period_us != period_us)
        timer_start(statistics->timer, period_us);
    statistics->period_us = period_us;
}

void statistics_stop(struct statistics *statistics)
{
    if (!statistics)
        return;
    timer_free(statistics->timer);
    statistics->timer = NULL;
}

void statistics_free(struct statistics *statistics)
{
    if (!statistics)
        return;
    census_free(statistics->census);
    free(statistics->periods);
    pthread_mutex_destroy(&statistics->lock);
    free(statistics);
}
