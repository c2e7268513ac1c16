/* HELP, VERSION, CONFIG, STATE, MEM, PEERS: the process itself. */
#include "admin/show.h"
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>

const char *show_help_text(void)
{
    return "\n\tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|PEERS|VERSION"
           "\n\tSHOW SOCKETS|ACTIVE_SOCKETS|LISTS|MEM|STATE"
           "\n\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS"
           "\n\tSHOW ATTESTATIONS|EVIDENCE|POLICIES"
           "\n\tSHOW ATTESTATION 'id'"
           "\n\tSET key = arg"
           "\n\tRELOAD"
           "\n\tPAUSE [<db>]"
           "\n\tRESUME [<db>]"
           "\n\tDISABLE <db>"
           "\n\tENABLE <db>"
           "\n\tRECONNECT [<db>]"
           "\n\tKILL [<db>]"
           "\n\tKILL_CLIENT <client_id>"
           "\n\tWAIT_CLOSE [<db>]"
           "\n\tSHUTDOWN"
           "\n\tSHUTDOWN WAIT_FOR_SERVERS"
           "\n\tSHUTDOWN WAIT_FOR_CLIENTS";
}

const struct show_table show_help = {.columns = NULL};

static const struct column version_columns[] = {{"version", COLUMN_TEXT}};

static struct err fill_version(struct showing *showing, struct table *out)
{
    table_text(out, showing->consoles->version);
    return OK;
}

const struct show_table show_version = {SHOW_COLUMNS(version_columns), .fill = fill_version};

static const struct column config_columns[] = {
    {"key", COLUMN_TEXT},
    {"value", COLUMN_TEXT},
    {"default", COLUMN_TEXT},
    {"changeable", COLUMN_TEXT},
};

static struct err fill_config(struct showing *showing, struct table *out)
{
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        const struct setting *of = setting->alias_of ? setting_find(setting->alias_of) : setting;
        if (setting->type == SETTING_TYPE_GROUP)
            continue;
        char *value = setting_shown(of, &showing->config->set);
        table_text(out, setting->name);
        table_text(out, value);
        table_text(out, of->default_text);
        table_text(out, of->flags & SETTING_RELOADABLE ? "yes" : "no");
        mem_free_secret_string(value);
    }
    return OK;
}

const struct show_table show_config = {SHOW_COLUMNS(config_columns), .fill = fill_config};

static const struct column state_columns[] = {{"key", COLUMN_TEXT}, {"value", COLUMN_TEXT}};

static void put_state(struct table *out, const char *key, bool holds)
{
    table_text(out, key);
    table_text(out, holds ? "yes" : "no");
}

static struct err fill_state(struct showing *showing, struct table *out)
{
    bool paused = fleet_is_paused(showing->fleet, NULL);
    bool ending = atomic_load(&showing->consoles->ending);
    put_state(out, "active", !paused && !ending);
    put_state(out, "paused", paused);
    put_state(out, "suspended", false);
    put_state(out, "shutting_down", ending);
    return OK;
}

const struct show_table show_state = {SHOW_COLUMNS(state_columns), .fill = fill_state};

static const struct column mem_columns[] = {
    {"name", COLUMN_TEXT},   {"size", COLUMN_BIGINT},     {"used", COLUMN_BIGINT},
    {"free", COLUMN_BIGINT}, {"memtotal", COLUMN_BIGINT},
};

static void put_mem(struct table *out, const char *name, size_t size, size_t used)
{
    table_text(out, name);
    table_int(out, (int64_t)size);
    table_int(out, (int64_t)used);
    table_int(out, 0);
    table_int(out, (int64_t)(size * used));
}

/* Objects are not kept for reuse: none is ever free. The heap is counted in bytes. */
static struct err fill_mem(struct showing *showing, struct table *out)
{
    struct census_worker sum = census_of_workers(showing->census);
    struct mallinfo2 heap = mallinfo2();
    put_mem(out, "client", sizeof(struct client), sum.clients);
    put_mem(out, "server", sizeof(struct server), sum.links);
    put_mem(out, "pool", sizeof(struct pool) + fleet_size(showing->fleet) * sizeof(struct shard),
            showing->census->pool_count);
    table_text(out, "heap");
    table_int(out, 1);
    table_int(out, (int64_t)(heap.uordblks + heap.hblkhd));
    table_int(out, (int64_t)heap.fordblks);
    table_int(out, (int64_t)(heap.arena + heap.hblkhd));
    return OK;
}

const struct show_table show_mem = {SHOW_COLUMNS(mem_columns), .wants_census = true, .fill = fill_mem};

static const struct column peers_columns[] = {
    {"peer_id", COLUMN_INT},
    {"host", COLUMN_TEXT},
    {"port", COLUMN_INT},
    {"pool_size", COLUMN_INT},
};

static struct err fill_peers(struct showing *showing, struct table *out)
{
    const struct config *config = showing->config;
    for (size_t i = 0; i < config->peer_count; i++) {
        const struct config_peer *peer = &config->peers[i];
        table_int(out, peer->peer_id);
        table_text(out, peer->host[0] ? peer->host : NULL);
        table_int(out, peer->port);
        table_int(out, peer->pool_size == CONFIG_UNSET ? config->set.default_pool_size : peer->pool_size);
    }
    return OK;
}

const struct show_table show_peers = {SHOW_COLUMNS(peers_columns), .fill = fill_peers};
