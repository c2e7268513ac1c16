/* DATABASES, POOLS, USERS, LISTS: what there is, and how much of it is used. */
#include "admin/show.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/effective.h"

#include <stdlib.h>
#include <string.h>

/* The console as PgBouncer shows it, so that scripts which skip this database go on doing so. */
#define CONSOLE_DATABASE "pgbouncer"

/* ---- databases ---- */

static const struct column databases_columns[] = {
    {"name", COLUMN_TEXT},
    {"host", COLUMN_TEXT},
    {"port", COLUMN_INT},
    {"database", COLUMN_TEXT},
    {"force_user", COLUMN_TEXT},
    {"pool_size", COLUMN_INT},
    {"min_pool_size", COLUMN_INT},
    {"reserve_pool_size", COLUMN_INT},
    {"server_lifetime", COLUMN_BIGINT},
    {"pool_mode", COLUMN_TEXT},
    {"load_balance_hosts", COLUMN_TEXT},
    {"max_connections", COLUMN_INT},
    {"current_connections", COLUMN_INT},
    {"max_client_connections", COLUMN_INT},
    {"current_client_connections", COLUMN_INT},
    {"paused", COLUMN_INT},
    {"disabled", COLUMN_INT},
};

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

/* `database` is NULL as long as nobody has used the entry. */
static void put_database(const struct showing *showing, const char *name, const struct config_database *entry,
                         const struct pool_database *database, struct table *out)
{
    const struct config *config = showing->config;
    table_text(out, name);
    table_text(out, or_null(entry->host));
    table_int(out, entry->port);
    table_text(out, entry->dbname[0] ? entry->dbname : name);
    table_text(out, or_null(entry->user));
    table_int(out, config_pool_size(config, entry, NULL));
    table_int(out, config_min_pool_size(config, entry, NULL));
    table_int(out, config_reserve_pool_size(config, entry, NULL));
    table_int(out, config_server_lifetime_us(config, entry) / US_PER_SECOND);
    table_text(out, pool_mode_text(entry->pool_mode));
    table_text(out, entry->host_count > 1 ? load_balance_hosts_text(config_load_balance_hosts(entry)) : NULL);
    table_int(out, config_max_db_connections(config, entry));
    table_int(out, database ? limit_taken(&database->links) : 0);
    table_int(out, config_max_db_client_connections(config, entry));
    table_int(out, database ? limit_taken(&database->clients) : 0);
    table_bool(out, database ? atomic_load(&database->paused) : fleet_is_paused(showing->fleet, NULL));
    table_bool(out, database && atomic_load(&database->disabled));
}

static void put_console_database(const struct showing *showing, struct table *out)
{
    table_text(out, CONSOLE_DATABASE);
    table_null(out);
    table_int(out, showing->config->set.listen_port);
    table_text(out, CONSOLE_DATABASE);
    table_text(out, CONSOLE_DATABASE);
    table_int(out, 2); /* pool_size, as PgBouncer has it: there is no pool */
    table_int(out, 0);
    table_int(out, 0);
    table_int(out, 0);
    table_text(out, pool_mode_text(POOL_MODE_STATEMENT));
    table_null(out);
    table_int(out, 0);
    table_int(out, 0);
    table_int(out, 0);
    table_int(out, atomic_load(&showing->consoles->count));
    table_int(out, 0);
    table_int(out, 0);
}

struct databases_filling {
    struct showing *showing;
    struct table *out;
};

/* A database that came from the entry "*". */
static void put_database_of_fallback(void *arg, struct pool_database *database)
{
    bool autodb = false;
    struct databases_filling *filling = arg;
    const struct config_database *entry = config_find_database(filling->showing->config, database->name, &autodb);
    if (entry && autodb)
        put_database(filling->showing, database->name, entry, database, filling->out);
}

static struct err fill_databases(struct showing *showing, struct table *out)
{
    struct registry *registry = fleet_registry(showing->fleet);
    struct databases_filling filling = {showing, out};
    for (size_t i = 0; i < showing->config->database_count; i++) {
        const struct config_database *entry = &showing->config->databases[i];
        put_database(showing, entry->name, entry, registry_find_database(registry, entry->name), out);
    }
    registry_each_database(registry, put_database_of_fallback, &filling);
    put_console_database(showing, out);
    return OK;
}

const struct show_table show_databases = {SHOW_COLUMNS(databases_columns), .fill = fill_databases};

/* ---- pools ---- */

static const struct column pools_columns[] = {
    {"database", COLUMN_TEXT},
    {"user", COLUMN_TEXT},
    {"cl_active", COLUMN_INT},
    {"cl_waiting", COLUMN_INT},
    {"cl_active_cancel_req", COLUMN_INT},
    {"cl_waiting_cancel_req", COLUMN_INT},
    {"sv_active", COLUMN_INT},
    {"sv_active_cancel", COLUMN_INT},
    {"sv_being_canceled", COLUMN_INT},
    {"sv_idle", COLUMN_INT},
    {"sv_used", COLUMN_INT},
    {"sv_tested", COLUMN_INT},
    {"sv_login", COLUMN_INT},
    {"maxwait", COLUMN_INT},
    {"maxwait_us", COLUMN_INT},
    {"pool_mode", COLUMN_TEXT},
    {"load_balance_hosts", COLUMN_TEXT},
};

static void put_pool(const struct showing *showing, const struct pool *pool, const struct census_pool *counts,
                     struct table *out)
{
    const struct config *config = showing->config;
    const struct config_database *entry = config_find_database(config, pool->database->name, NULL);
    int clients = atomic_load(&pool->clients);
    int64_t wait_us = counts->oldest_us ? loop_now_us(showing->home->place.loop) - counts->oldest_us : 0;
    wait_us = wait_us > 0 ? wait_us : 0; /* each worker has a clock of its own turn */
    table_text(out, pool->database->name);
    table_text(out, pool->user->name);
    table_int(out, clients > counts->waiting ? clients - counts->waiting : 0);
    table_int(out, counts->waiting);
    table_int(out, counts->cancels);
    table_int(out, 0); /* a cancel request never waits here */
    table_int(out, counts->active);
    table_int(out, counts->cancels);
    table_int(out, counts->canceled);
    table_int(out, counts->idle);
    table_int(out, counts->used);
    table_int(out, counts->tested);
    table_int(out, counts->opening);
    table_int(out, wait_us / US_PER_SECOND);
    table_int(out, wait_us % US_PER_SECOND);
    table_text(out, pool_mode_text(entry ? config_pool_mode(config, entry, config_find_user(config, pool->user->name))
                                         : config->set.pool_mode));
    table_text(out, entry && entry->host_count > 1 ? load_balance_hosts_text(config_load_balance_hosts(entry)) : NULL);
}

static struct err fill_pools(struct showing *showing, struct table *out)
{
    const struct census *census = showing->census;
    for (size_t i = census->pool_count; i > 0; i--) { /* oldest first */
        struct census_pool counts = census_of_pool(census, i - 1);
        put_pool(showing, census->pools[i - 1], &counts, out);
    }
    table_text(out, CONSOLE_DATABASE);
    table_text(out, CONSOLE_DATABASE);
    table_int(out, atomic_load(&showing->consoles->count));
    for (size_t i = 3; i < sizeof pools_columns / sizeof *pools_columns - 2; i++)
        table_int(out, 0);
    table_text(out, pool_mode_text(POOL_MODE_STATEMENT));
    table_null(out);
    return OK;
}

const struct show_table show_pools = {SHOW_COLUMNS(pools_columns), .wants_census = true, .fill = fill_pools};

/* ---- users ---- */

static const struct column users_columns[] = {
    {"name", COLUMN_TEXT},
    {"pool_size", COLUMN_INT},
    {"reserve_pool_size", COLUMN_INT},
    {"pool_mode", COLUMN_TEXT},
    {"max_user_connections", COLUMN_INT},
    {"current_connections", COLUMN_INT},
    {"max_user_client_connections", COLUMN_INT},
    {"current_client_connections", COLUMN_INT},
};

struct user_row {
    const char *name;
    int links, clients;
};

struct user_rows {
    struct user_row *rows;
    size_t count, size;
};

static void add_user(struct user_rows *users, const char *name, int links, int clients)
{
    if (users->count == users->size) {
        users->size = users->size ? 2 * users->size : 64;
        users->rows = mem_resize(users->rows, users->size * sizeof *users->rows);
    }
    users->rows[users->count++] = (struct user_row){name, links, clients};
}

static void add_user_in_use(void *arg, struct pool_user *user)
{
    add_user(arg, user->name, limit_taken(&user->links), limit_taken(&user->clients));
}

static int compare_user(const void *a, const void *b)
{
    return strcmp(((const struct user_row *)a)->name, ((const struct user_row *)b)->name);
}

/* Everybody who is known: by [users], by auth_file, or by having come. By name, each once. */
static struct user_rows gather_users(const struct showing *showing)
{
    struct user_rows users = {0};
    const struct userlist *list = showing->home->gate.rules->users;
    for (size_t i = 0; i < showing->config->user_count; i++)
        add_user(&users, showing->config->users[i].name, 0, 0);
    for (size_t i = 0; i < userlist_count(list); i++)
        add_user(&users, userlist_at(list, i)->name, 0, 0);
    registry_each_user(fleet_registry(showing->fleet), add_user_in_use, &users);
    if (users.count > 0)
        qsort(users.rows, users.count, sizeof *users.rows, compare_user);
    size_t kept = 0;
    for (size_t i = 0; i < users.count; i++) {
        if (kept > 0 && strcmp(users.rows[kept - 1].name, users.rows[i].name) == 0) {
            users.rows[kept - 1].links += users.rows[i].links;
            users.rows[kept - 1].clients += users.rows[i].clients;
        } else {
            users.rows[kept++] = users.rows[i];
        }
    }
    users.count = kept;
    return users;
}

static void put_own_int(struct table *out, int value)
{
    if (value == CONFIG_UNSET)
        table_null(out);
    else
        table_int(out, value);
}

static struct err fill_users(struct showing *showing, struct table *out)
{
    const struct config *config = showing->config;
    struct user_rows users = gather_users(showing);
    for (size_t i = 0; i < users.count; i++) {
        const struct user_row *row = &users.rows[i];
        const struct config_user *entry = config_find_user(config, row->name);
        table_text(out, row->name);
        put_own_int(out, entry ? entry->pool_size : CONFIG_UNSET);
        put_own_int(out, entry ? entry->reserve_pool_size : CONFIG_UNSET);
        table_text(out, entry ? pool_mode_text(entry->pool_mode) : NULL);
        table_int(out, config_max_user_connections(config, entry));
        table_int(out, row->links);
        table_int(out, config_max_user_client_connections(config, entry));
        table_int(out, row->clients);
    }
    free(users.rows);
    return OK;
}

const struct show_table show_users = {SHOW_COLUMNS(users_columns), .fill = fill_users};

/* ---- lists ---- */

static const struct column lists_columns[] = {{"list", COLUMN_TEXT}, {"items", COLUMN_BIGINT}};

static void put_list(struct table *out, const char *name, size_t items)
{
    table_text(out, name);
    table_int(out, (int64_t)items);
}

struct databases_count {
    const struct config *config;
    size_t count;
};

static void count_fallback(void *arg, struct pool_database *database)
{
    bool autodb = false;
    struct databases_count *databases = arg;
    if (config_find_database(databases->config, database->name, &autodb) && autodb)
        databases->count++;
}

static size_t count_databases(const struct showing *showing)
{
    struct databases_count databases = {showing->config, showing->config->database_count + 1}; /* and the console */
    registry_each_database(fleet_registry(showing->fleet), count_fallback, &databases);
    return databases.count;
}

/* Nothing is kept for reuse, and names are resolved anew each time: no free objects, no DNS cache. */
static struct err fill_lists(struct showing *showing, struct table *out)
{
    struct census_worker sum = census_of_workers(showing->census);
    struct user_rows users = gather_users(showing);
    put_list(out, "databases", count_databases(showing));
    put_list(out, "users", users.count);
    put_list(out, "peers", showing->config->peer_count);
    put_list(out, "pools", showing->census->pool_count + 1);
    put_list(out, "peer_pools", 0);
    put_list(out, "free_clients", 0);
    put_list(out, "used_clients", sum.clients + (size_t)atomic_load(&showing->consoles->count));
    put_list(out, "login_clients", sum.logins);
    put_list(out, "free_servers", 0);
    put_list(out, "used_servers", sum.links);
    put_list(out, "dns_names", 0);
    put_list(out, "dns_zones", 0);
    put_list(out, "dns_queries", 0);
    put_list(out, "dns_pending", 0);
    free(users.rows);
    return OK;
}

const struct show_table show_lists = {SHOW_COLUMNS(lists_columns), .wants_census = true, .fill = fill_lists};
