#include "pool/shard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/effective.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct server_keeper shard_keeper;
static void shard_asked(void *arg);

void shards_init(struct pool *pool, struct place *const *places, size_t count)
{
    pool->shard_count = count;
    if (posix_memalign((void **)&pool->shards, _Alignof(struct shard), count * sizeof *pool->shards) != 0)
        abort(); /* only memory can be missing */
    for (size_t i = 0; i < count; i++) {
        struct shard *shard = &pool->shards[i];
        *shard = (struct shard){.pool = pool, .place = places[i]};
        TAILQ_INIT(&shard->idle);
        TAILQ_INIT(&shard->lent);
        TAILQ_INIT(&shard->opening);
        TAILQ_INIT(&shard->tasked);
        TAILQ_INIT(&shard->waiters);
    }
}

/* The list and count that a link of this state stands in. */
static struct server_list *shard_list(struct shard *shard, enum server_state state, int **count)
{
    switch (state) {
    case SERVER_OPENING:
        *count = &shard->opening_count;
        return &shard->opening;
    case SERVER_TASKED:
        *count = &shard->tasked_count;
        return &shard->tasked;
    case SERVER_LENT:
        *count = &shard->lent_count;
        return &shard->lent;
    case SERVER_IDLE:
        break;
    }
    *count = NULL;
    return &shard->idle;
}

static void shard_list_remove(struct server *server)
{
    int *count = NULL;
    struct server_list *list = shard_list(server->shard, server->state, &count); /* the macro may not look at it */
    TAILQ_REMOVE(list, server, entry);
    if (count)
        --*count;
    else
        atomic_fetch_sub(&server->shard->idle_count, 1);
}

static void shard_list_add(struct server *server)
{
    int *count = NULL;
    struct shard *shard = server->shard;
    struct server_list *list = shard_list(shard, server->state, &count);
    if (server->state == SERVER_IDLE && shard->place->config->set.server_round_robin)
        TAILQ_INSERT_TAIL(list, server, entry);
    else
        TAILQ_INSERT_HEAD(list, server, entry);
    if (count)
        ++*count;
    else
        atomic_fetch_add(&shard->idle_count, 1); /* sequentially consistent: see the head of shard.h */
}

static bool shard_paused(const struct shard *shard)
{
    return atomic_load_explicit(&shard->pool->database->paused, memory_order_relaxed);
}

static void shard_publish_oldest(struct shard *shard)
{
    const struct waiter *oldest = TAILQ_FIRST(&shard->waiters);
    atomic_store(&shard->oldest_wait_us, oldest ? oldest->since_us : 0);
}

static void shard_enqueue(struct shard *shard, struct waiter *waiter)
{
    waiter->since_us = loop_now_us(shard->place->loop);
    waiter->queued = true;
    TAILQ_INSERT_TAIL(&shard->waiters, waiter, entry);
    shard->waiter_count++;
    atomic_fetch_add(&shard->pool->waiting, 1);
    shard_publish_oldest(shard);
}

static void shard_dequeue(struct shard *shard, struct waiter *waiter)
{
    waiter->queued = false;
    TAILQ_REMOVE(&shard->waiters, waiter, entry);
    shard->waiter_count--;
    atomic_fetch_sub(&shard->pool->waiting, 1);
    shard_publish_oldest(shard);
}

/* ---- from list to list ---- */

static void shard_move(struct server *server, enum server_state state)
{
    shard_list_remove(server);
    server->state = state;
    shard_list_add(server);
}

static void shard_lend(struct shard *shard, struct server *server, struct waiter *waiter)
{
    int64_t now = loop_now_us(shard->place->loop);
    if (waiter->queued) {
        shard->stats.wait_time += (uint64_t)(now - waiter->since_us);
        shard_dequeue(shard, waiter);
    }
    shard->stats.server_assignment_count++;
    server->used_us = now;
    shard_move(server, SERVER_LENT);
    waiter->ops->lent(waiter, server);
}

const char *shard_unwanted(struct shard *shard, const struct server *server)
{
    const struct config *config = shard->place->config;
    const struct pool *pool = shard->pool;
    if (server->close_reason)
        return server->close_reason;
    const struct config_database *database = config_find_database(config, pool->database->name, NULL);
    if (!database)
        return "database was removed from the configuration";
    if (shard_paused(shard))
        return "database is paused";
    if (server->epoch != atomic_load_explicit(&pool->database->epoch, memory_order_relaxed))
        return "database configuration changed";
    int64_t lifetime = config_server_lifetime_us(config, database);
    if (lifetime > 0 && loop_now_us(shard->place->loop) - server->opened_us >= lifetime / 1000 * server->lifetime_share)
        return "server lifetime over";
    if (limit_taken(&pool->links) > atomic_load(&pool->links.ceiling) + atomic_load(&pool->reserve_size))
        return "pool is larger than it may be";
    return NULL;
}

/* ---- handing a link to another worker ---- */

static void shard_settle_idle(struct server *server);

static void shard_receive(void *arg)
{
    struct server *server = arg;
    server_join(server, server->shard->place);
    shard_list_add(server);
    shard_settle_idle(server);
}

static void shard_hand_over(struct server *server, struct shard *to)
{
    shard_list_remove(server);
    loop_cancel(server->place->loop, &server->settle);
    server_leave(server);
    server->shard = to;
    loop_post(to->place->loop, shard_receive, server);
}

/* The other shard whose first waiter has waited longest, if longer than anyone here. */
static struct shard *shard_older_waiter(struct shard *shard)
{
    struct pool *pool = shard->pool;
    if (atomic_load(&pool->waiting) <= shard->waiter_count)
        return NULL;
    const struct waiter *mine = TAILQ_FIRST(&shard->waiters);
    int64_t oldest = mine ? mine->since_us : INT64_MAX;
    struct shard *found = NULL;
    for (size_t i = 0; i < pool->shard_count; i++) {
        int64_t since = atomic_load(&pool->shards[i].oldest_wait_us);
        if (&pool->shards[i] != shard && since != 0 && since < oldest) {
            oldest = since;
            found = &pool->shards[i];
        }
    }
    return found;
}

/* ---- statements of ours between two loans ---- */

static void shard_task_done(struct server *server, struct err outcome)
{
    if (failed(outcome)) {
        log_warning("S-%llu: %s", (unsigned long long)server->id, outcome.why);
        server_close(server, "a statement of the pooler failed");
        return;
    }
    shard_move(server, SERVER_IDLE);
    shard_settle_idle(server);
}

/* server_check_query: a link that has been idle for long may be dead without anyone having noticed. */
static bool shard_check_due(struct shard *shard, const struct server *server)
{
    const struct settings *set = &shard->place->config->set;
    return set->server_check_query[0] && loop_now_us(shard->place->loop) - server->used_us > set->server_check_delay_us;
}

/* Not the link's last use, but as good a sign that it is alive. */
static void shard_checked(struct server *server, struct err outcome)
{
    server->used_us = loop_now_us(server->place->loop);
    shard_task_done(server, outcome);
}

static void shard_check(struct shard *shard, struct server *server)
{
    const char *query = shard->place->config->set.server_check_query;
    shard_move(server, SERVER_TASKED);
    server_run(server, strcmp(query, "<empty>") == 0 ? "" : query, shard_checked);
}

static void shard_reset_done(struct server *server, struct err outcome)
{
    server_variables_reset(server);
    shard_task_done(server, outcome);
}

/* ---- who gets an idle link ---- */

/* The link is idle, and stands in the idle list: to whom now? One that cannot move while this turn lasts is looked at
 * again when it is over, once: half a message that waits for its rest may keep it for long, and the other worker asks
 * again by itself. */
static void shard_settle(struct server *server, bool again)
{
    struct shard *shard = server->shard;
    const char *unwanted = shard_unwanted(shard, server);
    if (unwanted) {
        server_close(server, unwanted);
        return;
    }
    struct shard *elsewhere = shard_older_waiter(shard);
    struct waiter *waiter = TAILQ_FIRST(&shard->waiters);
    if (server->cancels > 0)
        return; /* who waits for the cancel request's end settles it */
    if (elsewhere && server_can_move(server)) {
        shard_hand_over(server, elsewhere);
    } else if (waiter && shard_check_due(shard, server)) {
        shard_check(shard, server);
    } else if (waiter) {
        shard_lend(shard, server, waiter);
    } else if (elsewhere && again) {
        loop_defer(shard->place->loop, &server->settle);
    }
}

static void shard_settle_idle(struct server *server)
{
    shard_settle(server, true);
}

static void shard_settle_later(void *arg)
{
    struct server *server = arg;
    if (server->state == SERVER_IDLE)
        shard_settle(server, false);
}

void shard_cancel_over(struct server *server)
{
    server->cancels--;
    if (server->cancels == 0 && server->state == SERVER_IDLE)
        shard_settle_idle(server);
}

void shard_give_back(struct server *server, const char *dirty, bool reset)
{
    struct shard *shard = server->shard;
    const char *sql = shard->place->config->set.server_reset_query;
    server_return(server);
    server->used_us = loop_now_us(shard->place->loop);
    if (dirty) {
        server_close(server, dirty);
        return;
    }
    shard_move(server, SERVER_IDLE);
    if (sql[0] && (reset || shard->place->config->set.server_reset_query_always)) {
        shard_move(server, SERVER_TASKED);
        server_run(server, sql, shard_reset_done);
    } else {
        shard_settle_idle(server);
    }
}

void shard_give_back_unused(struct server *server)
{
    struct shard *shard = server->shard;
    server_return(server);
    shard_move(server, SERVER_IDLE);
    loop_defer(shard->place->loop, &server->settle);
}

/* ---- opening links ---- */

static bool shard_may_open(const struct shard *shard)
{
    int64_t retry = atomic_load(&shard->pool->retry_at_us);
    return !shard_paused(shard) && (retry == 0 || retry <= loop_now_us(shard->place->loop));
}

static bool shard_reserve_due(const struct shard *shard)
{
    int64_t patience = shard->place->config->set.reserve_pool_timeout_us;
    const struct waiter *oldest = TAILQ_FIRST(&shard->waiters);
    return patience > 0 && oldest && loop_now_us(shard->place->loop) - oldest->since_us >= patience;
}

/* max_db_connections or max_user_connections stands in the way: an idle link of another pool makes room. */
static bool shard_evict(const struct shard *shard)
{
    struct server *victim = NULL;
    for (struct pool *pool = atomic_load(shard->pool->newest); pool; pool = pool->next) {
        struct server *server = TAILQ_LAST(&pool->shards[shard->place->index].idle, server_list);
        if (pool == shard->pool || !server || server->cancels > 0)
            continue;
        if (pool->database != shard->pool->database && pool->user != shard->pool->user)
            continue;
        if (!victim || server->used_us < victim->used_us)
            victim = server;
    }
    if (victim)
        server_close(victim, "evicted");
    return victim != NULL;
}

bool shard_open(struct shard *shard, bool reserve)
{
    if (!shard_may_open(shard))
        return false;
    if (!pool_take_slot(shard->pool, reserve) &&
        !(pool_has_own_slot(shard->pool) && shard_evict(shard) && pool_take_slot(shard->pool, reserve)))
        return false;
    struct server *server = server_open(shard->place, shard->pool, shard, &shard_keeper);
    server->settle = (struct loop_task){.run = shard_settle_later, .arg = server};
    shard_list_add(server);
    return true;
}

/* Opens links for waiters that have none coming; where no slot is free, asks the others for idle ones. */
static void shard_hunt(struct shard *shard)
{
    while (shard->waiter_count > shard->opening_count + shard->tasked_count)
        if (!shard_open(shard, shard_reserve_due(shard)))
            break;
    for (size_t i = 0; shard->waiter_count > 0 && i < shard->pool->shard_count; i++) {
        struct shard *other = &shard->pool->shards[i];
        if (other != shard && atomic_load(&other->idle_count) > 0)
            loop_post(other->place->loop, shard_asked, other);
    }
}

/* Another worker has a waiter and no link for it. */
static void shard_asked(void *arg)
{
    struct shard *shard = arg;
    struct server *server = TAILQ_FIRST(&shard->idle);
    if (server)
        shard_settle_idle(server);
}

void shard_serve(struct shard *shard)
{
    struct server *server;
    struct server *next;
    for (server = TAILQ_FIRST(&shard->idle); server && shard->waiter_count > 0; server = next) {
        next = TAILQ_NEXT(server, entry);
        shard_settle_idle(server);
    }
    shard_hunt(shard);
}

static void shard_poked(void *arg)
{
    shard_serve(arg);
}

/* A slot has come free: who waits longest may use it. Never from inside the link that closes. */
static void shard_pass_slot_on(struct shard *shard)
{
    struct shard *elsewhere = shard_older_waiter(shard);
    if (elsewhere)
        loop_post(elsewhere->place->loop, shard_poked, elsewhere);
    if (shard->waiter_count > 0)
        loop_post(shard->place->loop, shard_poked, shard);
}

void shard_request(struct shard *shard, struct waiter *waiter)
{
    struct server *server = TAILQ_FIRST(&shard->idle);
    if (server && shard->waiter_count == 0 && server->cancels == 0 && !shard_unwanted(shard, server) &&
        !shard_check_due(shard, server)) {
        waiter->since_us = loop_now_us(shard->place->loop);
        shard_lend(shard, server, waiter);
        return;
    }
    shard_enqueue(shard, waiter);
    shard_serve(shard);
}

void shard_forget(struct shard *shard, struct waiter *waiter)
{
    if (waiter->queued)
        shard_dequeue(shard, waiter);
}

void shard_fail_waiters(struct shard *shard, const char *text, bool greeting_only)
{
    struct waiter_list failed_ones = TAILQ_HEAD_INITIALIZER(failed_ones);
    struct waiter *waiter;
    struct waiter *next;
    for (waiter = TAILQ_FIRST(&shard->waiters); waiter; waiter = next) {
        next = TAILQ_NEXT(waiter, entry);
        if (greeting_only && !waiter->greeting)
            continue;
        shard_dequeue(shard, waiter);
        TAILQ_INSERT_TAIL(&failed_ones, waiter, entry);
    }
    while ((waiter = TAILQ_FIRST(&failed_ones))) {
        TAILQ_REMOVE(&failed_ones, waiter, entry);
        waiter->ops->failed(waiter, text);
    }
}

/* ---- what links tell their keeper ---- */

static void shard_backend_down(void *arg)
{
    struct shard *shard = arg;
    char why[ERR_WHY_SIZE];
    pool_failure(shard->pool, why);
    shard_fail_waiters(shard, why, true);
}

static void shard_server_ready(struct server *server)
{
    pool_succeeded(server->pool);
    server->used_us = loop_now_us(server->place->loop);
    shard_move(server, SERVER_IDLE);
    shard_settle_idle(server);
}

static void shard_server_gone(struct server *server, const char *why, bool failed_login)
{
    struct shard *shard = server->shard;
    struct pool *pool = server->pool;
    shard->stats.server_closed_count++;
    shard->stats.server_lifetime += (uint64_t)(loop_now_us(shard->place->loop) - server->opened_us);
    shard_list_remove(server);
    loop_cancel(server->place->loop, &server->settle);
    pool_give_slot(pool);
    if (failed_login) {
        pool_failed(pool, why, loop_now_us(shard->place->loop) + shard->place->config->set.server_login_retry_us);
        if (limit_taken(&pool->links) == 0)
            for (size_t i = 0; i < pool->shard_count; i++)
                loop_post(pool->shards[i].place->loop, shard_backend_down, &pool->shards[i]);
    }
    shard_pass_slot_on(shard);
}

static const struct server_keeper shard_keeper = {.ready = shard_server_ready, .gone = shard_server_gone};
