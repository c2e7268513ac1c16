#include "admin/metrics.h"

#include "attest/attest.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

#define IN_SECONDS(us) ((double)(us) / (double)US_PER_SECOND)

static void metrics_head(struct writer *out, const char *name, const char *type, const char *help)
{
    writer_format(out, "# HELP pgvouch_%s %s\n# TYPE pgvouch_%s %s\n", name, help, name, type);
}

static void metrics_number(struct writer *out, const char *name, const char *type, const char *help, double value)
{
    metrics_head(out, name, type, help);
    writer_format(out, "pgvouch_%s %.16g\n", name, value);
}

/* The value of a label between quotes: backslash, quote and line feed are escaped. */
static void metrics_label(struct writer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            writer_u8(out, '\\');
        if (*text == '\n')
            writer_put(out, BYTES_LITERAL("\\n"));
        else
            writer_u8(out, (uint8_t)*text);
    }
}

/* ---- the attester ---- */

static void metrics_durations(struct writer *out, const struct pace_state *pace)
{
    static const char name[] = "attester_report_duration_seconds";
    uint64_t sum = 0;
    metrics_head(out, name, "histogram", "How long requests for a report took, throttled ones included.");
    for (size_t i = 0; i < PACE_CLASSES; i++) {
        sum += pace->within[i];
        writer_format(out, "pgvouch_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, IN_SECONDS(pace_bounds_us[i]), sum);
    }
    writer_format(out, "pgvouch_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, pace->requests);
    writer_format(out, "pgvouch_%s_sum %.16g\npgvouch_%s_count %" PRIu64 "\n", name, IN_SECONDS(pace->total_us), name,
                  pace->requests);
}

static void metrics_pace(struct writer *out, const struct pace_state *pace)
{
    metrics_durations(out, pace);
    metrics_number(out, "attester_report_failures_total", "counter", "Requests that gave no report.",
                   (double)pace->failures);
    metrics_number(out, "attester_reports_throttled_total", "counter", "Requests that took longer than a second.",
                   (double)pace->throttled);
    metrics_number(out, "attester_reports_refused_total", "counter",
                   "Requests that were not made because they would have waited too long.", (double)pace->refused);
    metrics_number(out, "attester_report_under_way_seconds", "gauge",
                   "How long the request that is under way has taken; 0 where none is.", IN_SECONDS(pace->since_us));
    metrics_number(out, "attester_throttled", "gauge", "1 while the host makes requests for reports wait.",
                   pace->is_throttled);
    metrics_number(out, "attester_key_lost", "gauge",
                   "1 when the guest's key to the processor is lost: no evidence until a reboot.", pace->key_is_lost);
    metrics_number(out, "attester_tokens", "gauge", "Requests that could be made right now.", pace->tokens);
    metrics_number(out, "attester_rate", "gauge", "Requests a second that are allowed now; 0: no limit.", pace->rate);
}

static void metrics_certificate(struct writer *out, const struct attester_state *state)
{
    metrics_head(out, "attester_info", "gauge", "Where reports come from.");
    writer_format(out, "pgvouch_attester_info{provider=\"%s\",simulated=\"%d\"} 1\n", state->provider,
                  state->simulated);
    metrics_number(out, "certificate_renewals_total", "counter", "Times that the attested certificate was renewed.",
                   (double)state->renewals);
    metrics_number(out, "certificate_renewal_failures", "gauge", "Failures to renew it since the last success.",
                   (double)state->failures);
    metrics_number(out, "certificate_issued_timestamp_seconds", "gauge", "When the certificate in force was made.",
                   IN_SECONDS(state->issued_at_us));
    metrics_number(out, "certificate_expiry_timestamp_seconds", "gauge", "Until when it is good.",
                   IN_SECONDS(state->not_after_us));
    metrics_number(out, "certificate_renewal_timestamp_seconds", "gauge", "When it is to be renewed next.",
                   IN_SECONDS(state->next_renewal_us));
    metrics_pace(out, &state->pace);
}

static void metrics_attest(struct writer *out, const struct attest *attest)
{
    struct journal_counts counts = journal_count(attest->journal);
    metrics_head(out, "verdicts_total", "counter", "Verdicts on clients' evidence.");
    writer_format(out, "pgvouch_verdicts_total{verdict=\"allow\"} %" PRIu64 "\n", counts.allowed);
    writer_format(out, "pgvouch_verdicts_total{verdict=\"warn\"} %" PRIu64 "\n", counts.warned);
    writer_format(out, "pgvouch_verdicts_total{verdict=\"deny\"} %" PRIu64 "\n", counts.denied);
    if (!attest->attester)
        return;
    struct attester_state *state = NEW(struct attester_state);
    attester_read_state(attest->attester, state);
    metrics_certificate(out, state);
    free(state);
}

/* ---- clients and links ---- */

static int pool_count_links(struct pool *pool)
{
    return limit_taken(&pool->links);
}

static int pool_count_clients(struct pool *pool)
{
    return atomic_load_explicit(&pool->clients, memory_order_relaxed);
}

static int pool_count_waiting(struct pool *pool)
{
    return atomic_load_explicit(&pool->waiting, memory_order_relaxed);
}

static void metrics_of_pools(struct writer *out, struct pool *pools, const char *name, const char *help,
                             int (*count)(struct pool *pool))
{
    metrics_head(out, name, "gauge", help);
    for (struct pool *pool = pools; pool; pool = pool->next) {
        writer_format(out, "pgvouch_%s{database=\"", name);
        metrics_label(out, pool->database->name);
        writer_put(out, BYTES_LITERAL("\",user=\""));
        metrics_label(out, pool->user->name);
        writer_format(out, "\"} %d\n", count(pool));
    }
}

static void metrics_fleet(struct writer *out, struct fleet *fleet)
{
    struct pool *pools = registry_pools(fleet_registry(fleet));
    const struct limit *clients = fleet_clients(fleet);
    metrics_number(out, "client_connections", "gauge", "Client connections, those that log in included.",
                   limit_taken(clients));
    metrics_number(out, "client_connections_max", "gauge", "max_client_conn.", atomic_load(&clients->ceiling));
    metrics_number(out, "worker_threads", "gauge", "Worker threads.", (double)fleet_size(fleet));
    metrics_of_pools(out, pools, "pool_server_connections", "Server connections of a pool, idle or not.",
                     pool_count_links);
    metrics_of_pools(out, pools, "pool_clients", "Clients that belong to a pool.", pool_count_clients);
    metrics_of_pools(out, pools, "pool_clients_waiting", "Clients that wait for a server connection.",
                     pool_count_waiting);
}

void metrics_write(const struct consoles *consoles, bool ready, struct writer *out)
{
    struct fleet *fleet = atomic_load(&consoles->fleet);
    metrics_head(out, "info", "gauge", "The program.");
    writer_put(out, BYTES_LITERAL("pgvouch_info{version=\""));
    metrics_label(out, consoles->version);
    writer_put(out, BYTES_LITERAL("\"} 1\n"));
    metrics_number(out, "ready", "gauge", "1 where GET /ready says so.", ready);
    if (consoles->attest)
        metrics_attest(out, consoles->attest);
    if (fleet)
        metrics_fleet(out, fleet);
}
