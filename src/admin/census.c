#include "admin/census.h"

#include "base/mem.h"

#include <stdlib.h>

struct census *census_new(struct fleet *fleet)
{
    struct census *census = NEW(struct census);
    struct pool *newest = registry_pools(fleet_registry(fleet));
    for (struct pool *pool = newest; pool; pool = pool->next)
        census->pool_count++;
    census->worker_count = fleet_size(fleet);
    census->pools = NEW_ARRAY(struct pool *, census->pool_count + 1);
    census->counts = NEW_ARRAY(struct census_pool, census->worker_count * census->pool_count + 1);
    census->workers = NEW_ARRAY(struct census_worker, census->worker_count);
    size_t i = 0;
    for (struct pool *pool = newest; pool; pool = pool->next)
        census->pools[i++] = pool;
    return census;
}

void census_free(struct census *census)
{
    if (!census)
        return;
    free(census->pools);
    free(census->counts);
    free(census->workers);
    free(census);
}

static void census_count_idle(const struct shard *shard, struct census_pool *out)
{
    int64_t delay = shard->place->config->set.server_check_delay_us;
    int64_t now = loop_now_us(shard->place->loop);
    const struct server *server;
    TAILQ_FOREACH (server, &shard->idle, entry) {
        out->cancels += server->cancels;
        if (server->cancels > 0)
            out->canceled++;
        else if (now - server->used_us > delay)
            out->used++;
        else
            out->idle++;
    }
}

static void census_count_shard(const struct shard *shard, struct census_pool *out)
{
    const struct server *server;
    const struct waiter *oldest = TAILQ_FIRST(&shard->waiters);
    out->stats = shard->stats;
    out->active = shard->lent_count;
    out->tested = shard->tasked_count;
    out->opening = shard->opening_count;
    out->waiting = shard->waiter_count;
    out->oldest_us = oldest ? oldest->since_us : 0;
    TAILQ_FOREACH (server, &shard->lent, entry)
        out->cancels += server->cancels;
    census_count_idle(shard, out);
}

static int census_links(const struct census_pool *counts)
{
    return counts->active + counts->idle + counts->used + counts->canceled + counts->tested + counts->opening;
}

void census_take(struct census *census, struct worker *worker)
{
    size_t index = worker->place.index;
    struct census_worker *sum = &census->workers[index];
    sum->clients = worker->clientele.count;
    sum->logins = worker->gate.login_count;
    for (size_t i = 0; i < census->pool_count; i++) {
        struct census_pool *counts = &census->counts[index * census->pool_count + i];
        census_count_shard(&census->pools[i]->shards[index], counts);
        sum->links += (size_t)census_links(counts);
    }
}

struct census_pool census_of_pool(const struct census *census, size_t pool)
{
    struct census_pool sum = {0};
    for (size_t i = 0; i < census->worker_count; i++) {
        const struct census_pool *part = &census->counts[i * census->pool_count + pool];
        stats_add(&sum.stats, &part->stats);
        sum.active += part->active;
        sum.idle += part->idle;
        sum.used += part->used;
        sum.tested += part->tested;
        sum.opening += part->opening;
        sum.cancels += part->cancels;
        sum.canceled += part->canceled;
        sum.waiting += part->waiting;
        if (part->oldest_us != 0 && (sum.oldest_us == 0 || part->oldest_us < sum.oldest_us))
            sum.oldest_us = part->oldest_us;
    }
    return sum;
}

struct census_worker census_of_workers(const struct census *census)
{
    struct census_worker sum = {0};
    for (size_t i = 0; i < census->worker_count; i++) {
        sum.clients += census->workers[i].clients;
        sum.logins += census->workers[i].logins;
        sum.links += census->workers[i].links;
    }
    return sum;
}

static int compare_database(const void *a, const void *b)
{
    const struct census_database *left = a;
    const struct census_database *right = b;
    return strcmp(left->database->name, right->database->name);
}

struct census_database *census_databases(const struct census *census, size_t *count)
{
    struct census_database *all = NEW_ARRAY(struct census_database, census->pool_count + 1);
    *count = 0;
    for (size_t i = 0; i < census->pool_count; i++)
        all[i] = (struct census_database){census->pools[i]->database, census_of_pool(census, i).stats};
    qsort(all, census->pool_count, sizeof *all, compare_database);
    for (size_t i = 0; i < census->pool_count; i++) {
        if (*count > 0 && all[*count - 1].database == all[i].database)
            stats_add(&all[*count - 1].stats, &all[i].stats);
        else
            all[(*count)++] = all[i];
    }
    return all;
}
