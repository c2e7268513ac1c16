/* STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS. */
#include "admin/show.h"

#include <stdlib.h>

/* Columns in the order of PgBouncer's usage page; what is ours comes last. Prepared statements are not followed: their
 * counters are zero. */
#define TOTAL_COLUMNS                                                                                                  \
    {"total_xact_count", COLUMN_BIGINT}, {"total_query_count", COLUMN_BIGINT},                                         \
        {"total_server_assignment_count", COLUMN_BIGINT}, {"total_server_closed_count", COLUMN_BIGINT},                \
        {"total_received", COLUMN_BIGINT}, {"total_sent", COLUMN_BIGINT}, {"total_xact_time", COLUMN_BIGINT},          \
        {"total_query_time", COLUMN_BIGINT}, {"total_wait_time", COLUMN_BIGINT},                                       \
        {"total_server_lifetime", COLUMN_BIGINT}, {"total_client_parse_count", COLUMN_BIGINT},                         \
        {"total_server_parse_count", COLUMN_BIGINT},                                                                   \
    {                                                                                                                  \
        "total_bind_count", COLUMN_BIGINT                                                                              \
    }
#define AVERAGE_COLUMNS                                                                                                \
    {"avg_xact_count", COLUMN_BIGINT}, {"avg_query_count", COLUMN_BIGINT},                                             \
        {"avg_server_assignment_count", COLUMN_BIGINT}, {"avg_recv", COLUMN_BIGINT}, {"avg_sent", COLUMN_BIGINT},      \
        {"avg_xact_time", COLUMN_BIGINT}, {"avg_query_time", COLUMN_BIGINT}, {"avg_wait_time", COLUMN_BIGINT},         \
        {"avg_server_lifetime", COLUMN_BIGINT}, {"avg_client_parse_count", COLUMN_BIGINT},                             \
        {"avg_server_parse_count", COLUMN_BIGINT},                                                                     \
    {                                                                                                                  \
        "avg_bind_count", COLUMN_BIGINT                                                                                \
    }
#define OWN_COLUMNS                                                                                                    \
    {"total_login_count", COLUMN_BIGINT},                                                                              \
    {                                                                                                                  \
        "total_serialization_failure_count", COLUMN_BIGINT                                                             \
    }

static const struct column stats_columns[] = {{"database", COLUMN_TEXT}, TOTAL_COLUMNS, AVERAGE_COLUMNS, OWN_COLUMNS};
static const struct column total_columns[] = {{"database", COLUMN_TEXT}, TOTAL_COLUMNS, OWN_COLUMNS};
static const struct column average_columns[] = {{"database", COLUMN_TEXT}, AVERAGE_COLUMNS};
static const struct column totals_columns[] = {{"name", COLUMN_TEXT}, {"value", COLUMN_BIGINT}};

#define STATS_COLUMNS (sizeof stats_columns / sizeof *stats_columns)

/* A row being made, number by number. */
struct numbers {
    int64_t number[STATS_COLUMNS];
    size_t count;
};

static void add(struct numbers *numbers, uint64_t value)
{
    numbers->number[numbers->count++] = (int64_t)value;
}

static void add_totals(struct numbers *numbers, const struct stats *stats)
{
    add(numbers, stats->xact_count);
    add(numbers, stats->query_count);
    add(numbers, stats->server_assignment_count);
    add(numbers, stats->server_closed_count);
    add(numbers, stats->received);
    add(numbers, stats->sent);
    add(numbers, stats->xact_time);
    add(numbers, stats->query_time);
    add(numbers, stats->wait_time);
    add(numbers, stats->server_lifetime);
    add(numbers, 0);
    add(numbers, 0);
    add(numbers, 0);
}

static void add_averages(struct numbers *numbers, const struct averages *averages)
{
    add(numbers, averages->xact_count);
    add(numbers, averages->query_count);
    add(numbers, averages->server_assignment_count);
    add(numbers, averages->received);
    add(numbers, averages->sent);
    add(numbers, averages->xact_time);
    add(numbers, averages->query_time);
    add(numbers, averages->wait_time);
    add(numbers, averages->server_lifetime);
    add(numbers, 0);
    add(numbers, 0);
    add(numbers, 0);
}

static void add_own(struct numbers *numbers, const struct stats *stats)
{
    add(numbers, stats->login_count);
    add(numbers, stats->serialization_failure_count);
}

static struct err fill_rows(struct showing *showing, bool totals, bool averages, struct table *out)
{
    size_t count;
    struct census_database *databases = census_databases(showing->census, &count);
    for (size_t i = 0; i < count; i++) {
        struct numbers numbers = {.count = 0};
        struct averages average = statistics_average(showing->consoles->statistics, databases[i].database);
        if (totals)
            add_totals(&numbers, &databases[i].stats);
        if (averages)
            add_averages(&numbers, &average);
        if (totals)
            add_own(&numbers, &databases[i].stats);
        table_text(out, databases[i].database->name);
        for (size_t k = 0; k < numbers.count; k++)
            table_int(out, numbers.number[k]);
    }
    free(databases);
    return OK;
}

static struct err fill_stats(struct showing *showing, struct table *out)
{
    return fill_rows(showing, true, true, out);
}

static struct err fill_stats_totals(struct showing *showing, struct table *out)
{
    return fill_rows(showing, true, false, out);
}

static struct err fill_stats_averages(struct showing *showing, struct table *out)
{
    return fill_rows(showing, false, true, out);
}

/* All databases together, one number a row. */
static struct err fill_totals(struct showing *showing, struct table *out)
{
    struct stats sum = {0};
    struct numbers numbers = {.count = 0};
    struct averages average = statistics_average(showing->consoles->statistics, NULL);
    for (size_t i = 0; i < showing->census->pool_count; i++) {
        struct census_pool counts = census_of_pool(showing->census, i);
        stats_add(&sum, &counts.stats);
    }
    add_totals(&numbers, &sum);
    add_averages(&numbers, &average);
    add_own(&numbers, &sum);
    for (size_t i = 0; i < numbers.count; i++) {
        table_text(out, stats_columns[i + 1].name);
        table_int(out, numbers.number[i]);
    }
    return OK;
}

const struct show_table show_stats = {SHOW_COLUMNS(stats_columns), .wants_census = true, .fill = fill_stats};
const struct show_table show_stats_totals = {SHOW_COLUMNS(total_columns), .wants_census = true,
                                             .fill = fill_stats_totals};
const struct show_table show_stats_averages = {SHOW_COLUMNS(average_columns), .wants_census = true,
                                               .fill = fill_stats_averages};
const struct show_table show_totals = {SHOW_COLUMNS(totals_columns), .wants_census = true, .fill = fill_totals};
