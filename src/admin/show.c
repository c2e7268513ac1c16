#include "admin/show.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <time.h>

const struct show_table *show_table_of(enum show_kind kind)
{
    static const struct show_table *const tables[SHOW_KINDS] = {
        [SHOW_HELP] = &show_help,
        [SHOW_VERSION] = &show_version,
        [SHOW_CONFIG] = &show_config,
        [SHOW_DATABASES] = &show_databases,
        [SHOW_POOLS] = &show_pools,
        [SHOW_CLIENTS] = &show_clients,
        [SHOW_SERVERS] = &show_servers,
        [SHOW_SOCKETS] = &show_sockets,
        [SHOW_ACTIVE_SOCKETS] = &show_active_sockets,
        [SHOW_USERS] = &show_users,
        [SHOW_PEERS] = &show_peers,
        [SHOW_LISTS] = &show_lists,
        [SHOW_STATS] = &show_stats,
        [SHOW_STATS_TOTALS] = &show_stats_totals,
        [SHOW_STATS_AVERAGES] = &show_stats_averages,
        [SHOW_TOTALS] = &show_totals,
        [SHOW_MEM] = &show_mem,
        [SHOW_STATE] = &show_state,
        [SHOW_ATTESTATIONS] = &show_attestations,
        [SHOW_ATTESTATION] = &show_attestation,
        [SHOW_EVIDENCE] = &show_evidence,
        [SHOW_POLICIES] = &show_policies,
        [SHOW_KDS] = &show_kds,
    };
    return tables[kind];
}

struct showing *show_begin(struct consoles *consoles, struct fleet *fleet, struct worker *home, enum show_kind kind,
                           const char *operand)
{
    struct showing *showing = NEW(struct showing);
    showing->table = show_table_of(kind);
    showing->consoles = consoles;
    showing->fleet = fleet;
    showing->home = home;
    showing->config = config_ref(home->place.config);
    showing->operand = mem_string(operand);
    if (showing->table->wants_census)
        showing->census = census_new(fleet);
    if (showing->table->collect)
        showing->parts = NEW_ARRAY(struct table *, fleet_size(fleet));
    return showing;
}

bool show_needs_visit(const struct showing *showing)
{
    return showing->census || showing->parts;
}

void show_collect(struct showing *showing, struct worker *worker)
{
    const struct show_table *table = showing->table;
    if (showing->census)
        census_take(showing->census, worker);
    if (!showing->parts)
        return;
    struct table *part = table_new(table->columns, table->column_count);
    table->collect(showing, worker, part);
    showing->parts[worker->place.index] = part;
}

struct err show_finish(struct showing *showing, struct table **out)
{
    const struct show_table *table = showing->table;
    *out = NULL;
    if (!table->columns)
        return OK;
    struct table *rows = table_new(table->columns, table->column_count);
    for (size_t i = 0; showing->parts && i < fleet_size(showing->fleet); i++) {
        if (showing->parts[i])
            table_join(rows, showing->parts[i]);
        showing->parts[i] = NULL;
    }
    struct err e = table->fill ? table->fill(showing, rows) : OK;
    if (failed(e))
        table_free(rows);
    else
        *out = rows;
    return e;
}

void show_free(struct showing *showing)
{
    for (size_t i = 0; showing->parts && i < fleet_size(showing->fleet); i++)
        table_free(showing->parts[i]);
    free(showing->parts);
    census_free(showing->census);
    config_unref(showing->config);
    free(showing->operand);
    free(showing);
}

const char *show_time(int64_t wall_us, char out[SHOW_TIME_SIZE])
{
    struct tm tm;
    time_t seconds = wall_us / US_PER_SECOND;
    out[0] = 0;
    if (wall_us != 0 && gmtime_r(&seconds, &tm))
        strftime(out, SHOW_TIME_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return out;
}
