#include "pool/janitor.h"

#include "base/clock.h"
#include "config/effective.h"

static int64_t janitor_now(const struct clientele *clientele)
{
    return loop_now_us(clientele->place->loop);
}

/* ---- links ---- */

static void janitor_weed_idle(struct shard *shard, int64_t now)
{
    int64_t idle_limit = shard->place->config->set.server_idle_timeout_us;
    struct server *server;
    struct server *next;
    for (server = TAILQ_FIRST(&shard->idle); server; server = next) {
        next = TAILQ_NEXT(server, entry);
        const char *unwanted = shard_unwanted(shard, server);
        bool spare = limit_taken(&shard->pool->links) > atomic_load(&shard->pool->min_size);
        if (!unwanted && idle_limit > 0 && spare && now - server->used_us >= idle_limit)
            unwanted = "server idle timeout";
        if (unwanted && server->cancels == 0)
            server_close(server, unwanted);
    }
}

/* server_connect_timeout, for links that are not ready yet. */
static void janitor_check_opening(struct shard *shard, int64_t now)
{
    int64_t limit = shard->place->config->set.server_connect_timeout_us;
    struct server *server;
    struct server *next;
    for (server = TAILQ_FIRST(&shard->opening); server && limit > 0; server = next) {
        next = TAILQ_NEXT(server, entry);
        if (now - server->opened_us >= limit)
            server_give_up(server, err_make(ERR_TIMEOUT, "connect timeout"));
    }
}

/* min_pool_size: one worker looks after it, for pools that have clients or a user of their own. */
static void janitor_fill(struct shard *shard, const struct config_database *database)
{
    struct pool *pool = shard->pool;
    if (shard->place->index != 0 || (atomic_load(&pool->clients) == 0 && !(database && database->user[0])))
        return;
    if (limit_taken(&pool->links) < atomic_load(&pool->min_size))
        shard_open(shard, false);
}

/* ---- clients ---- */

static void janitor_check_waiters(struct shard *shard, const struct config_database *database, int64_t now)
{
    struct waiter *waiter;
    while ((waiter = TAILQ_FIRST(&shard->waiters))) {
        const struct client *client = client_of_waiter(waiter);
        const struct config *config = shard->place->config;
        int64_t limit =
            database ? config_query_wait_timeout_us(config, database, config_find_user(config, client->identity->user))
                     : config->set.query_wait_timeout_us;
        if (limit == 0 || now - waiter->since_us < limit)
            return;
        shard_forget(shard, waiter);
        waiter->ops->failed(waiter, "query_wait_timeout");
    }
}

/* Why a client with a link must go; NULL when it may stay. */
static const char *janitor_overdue(const struct config *config, const struct client *client,
                                   const struct server *server, int64_t now)
{
    const struct config_user *user = config_find_user(config, client->identity->user);
    int64_t query = config_query_timeout_us(config, user);
    int64_t idle = config_idle_transaction_timeout_us(config, user);
    int64_t transaction = config_transaction_timeout_us(config, user);
    if (query > 0 && server->request_us > 0 && now - server->request_us >= query)
        return "query timeout";
    if (transaction > 0 && server->xact_us > 0 && now - server->xact_us >= transaction)
        return "transaction timeout";
    if (idle > 0 && server->transaction_status != 'I' && server->request_us == 0 && now - server->used_us >= idle)
        return "idle transaction timeout";
    return NULL;
}

static void janitor_check_lent(struct shard *shard, int64_t now)
{
    struct server *server;
    struct server *next;
    for (server = TAILQ_FIRST(&shard->lent); server; server = next) {
        next = TAILQ_NEXT(server, entry);
        struct client *client = client_of_link(server);
        const char *overdue = client ? janitor_overdue(shard->place->config, client, server, now) : NULL;
        if (overdue)
            client_end(client, "08P01", overdue);
    }
}

static void janitor_check_idle_clients(struct clientele *clientele)
{
    int64_t now = janitor_now(clientele);
    const struct config *config = clientele->place->config;
    struct guest *guest;
    struct guest *next;
    for (guest = TAILQ_FIRST(&clientele->guests); guest; guest = next) {
        next = TAILQ_NEXT(guest, entry);
        struct client *client = client_of_guest(guest);
        int64_t limit = config_client_idle_timeout_us(config, config_find_user(config, client->identity->user));
        if (limit == 0 || client->state != CLIENT_IDLE)
            continue;
        if (now - guest->active_us < limit)
            break; /* the longest idle stand first */
        client_end(client, "08P01", "client_idle_timeout");
    }
}

/* The list is only walked where somebody has asked for the timeout. */
static bool janitor_has_idle_timeout(const struct config *config)
{
    bool any = config->set.client_idle_timeout_us > 0;
    for (size_t i = 0; i < config->user_count && !any; i++)
        any = config_client_idle_timeout_us(config, &config->users[i]) > 0;
    return any;
}

void janitor_tick(struct clientele *clientele)
{
    int64_t now = janitor_now(clientele);
    const struct config *config = clientele->place->config;
    for (struct pool *pool = registry_pools(clientele->registry); pool; pool = pool->next) {
        struct shard *shard = &pool->shards[clientele->place->index];
        const struct config_database *database = config_find_database(config, pool->database->name, NULL);
        janitor_weed_idle(shard, now);
        janitor_check_opening(shard, now);
        janitor_check_waiters(shard, database, now);
        janitor_check_lent(shard, now);
        janitor_fill(shard, database);
        if (shard->waiter_count > 0)
            shard_serve(shard);
    }
    if (janitor_has_idle_timeout(config))
        janitor_check_idle_clients(clientele);
}

void janitor_weed(struct clientele *clientele, const struct pool_database *database)
{
    for (struct pool *pool = registry_pools(clientele->registry); pool; pool = pool->next) {
        struct shard *shard = &pool->shards[clientele->place->index];
        if (database && pool->database != database)
            continue;
        janitor_weed_idle(shard, janitor_now(clientele));
        shard_serve(shard);
    }
}

static void janitor_close_links(struct server_list *list, const char *text)
{
    struct server *server;
    struct server *next;
    for (server = TAILQ_FIRST(list); server; server = next) {
        next = TAILQ_NEXT(server, entry);
        server_close(server, text);
    }
}

void janitor_clear(struct clientele *clientele, const struct pool_database *database, const char *text)
{
    struct guest *guest;
    struct guest *next;
    for (guest = TAILQ_FIRST(&clientele->guests); guest; guest = next) {
        next = TAILQ_NEXT(guest, entry);
        struct client *client = client_of_guest(guest);
        if (!database || client->shard->pool->database == database)
            client_end(client, "57P01", text);
    }
    for (struct pool *pool = registry_pools(clientele->registry); pool; pool = pool->next) {
        struct shard *shard = &pool->shards[clientele->place->index];
        if (database && pool->database != database)
            continue;
        janitor_close_links(&shard->idle, text);
        janitor_close_links(&shard->opening, text);
        janitor_close_links(&shard->tasked, text);
    }
}
