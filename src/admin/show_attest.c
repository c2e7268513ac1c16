/* ATTESTATIONS, ATTESTATION, EVIDENCE, POLICIES, KDS: who was believed and why, and what we say of ourselves. */
#include "admin/show.h"
#include "attest/attest.h"
#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

static void put_hex(struct table *out, const uint8_t *bytes, size_t n)
{
    char *text = mem_alloc(2 * n + 1);
    hex_encode(bytes_of(bytes, n), text);
    table_text(out, text);
    free(text);
}

static void put_time(struct table *out, int64_t wall_us)
{
    char text[CLOCK_TEXT_SIZE];
    if (wall_us == 0) {
        table_null(out);
        return;
    }
    clock_text(wall_us, text);
    table_text(out, text);
}

/* ---- verdicts ---- */

static const struct column attestations_columns[] = {
    {"time", COLUMN_TEXT},
    {"id", COLUMN_TEXT},
    {"role", COLUMN_TEXT},
    {"user", COLUMN_TEXT},
    {"database", COLUMN_TEXT},
    {"address", COLUMN_TEXT},
    {"verdict", COLUMN_TEXT},
    {"reason", COLUMN_TEXT},
    {"policy", COLUMN_TEXT},
    {"format", COLUMN_TEXT},
    {"tier", COLUMN_TEXT},
    {"product", COLUMN_TEXT},
    {"measurement", COLUMN_TEXT},
    {"chip_id", COLUMN_TEXT},
    {"tcb", COLUMN_TEXT},
    {"guest_svn", COLUMN_BIGINT},
    {"debug", COLUMN_INT},
    {"smt", COLUMN_INT},
    {"evidence_age", COLUMN_BIGINT},
    {"evidence_sha256", COLUMN_TEXT},
    {"duration_us", COLUMN_BIGINT},
};

/* What the report says, which was read, and is true only where the verdict says so. */
static void put_report(const struct snp_report *report, enum snp_product product, struct table *out)
{
    char tcb[SNP_TCB_TEXT_SIZE];
    snp_tcb_text(report->current_tcb, snp_product_tcb_layout(product), tcb);
    table_text(out, snp_product_name(product));
    put_hex(out, report->measurement, sizeof report->measurement);
    put_hex(out, report->chip_id, sizeof report->chip_id);
    table_text(out, tcb);
    table_int(out, report->guest_svn);
    table_bool(out, snp_policy_allows_debug(report->policy));
    table_bool(out, snp_policy_allows_smt(report->policy) || snp_platform_smt_is_on(report->platform_info));
}

static void put_verdict(const struct verdict *verdict, struct table *out)
{
    table_text(out, verdict_kind_name(verdict->kind));
    table_text(out, verdict->reason);
    table_text(out, verdict->policy);
    table_text(out, evidence_format_name(verdict->format));
    table_text(out, verdict->has_evidence ? "certificate" : NULL); /* the one tier there is yet */
    if (verdict->facts.report_is_read)
        put_report(&verdict->facts.report, verdict->facts.product, out);
    else
        for (int i = 0; i < 7; i++)
            table_null(out);
    if (verdict->issued_at_s != 0)
        table_int(out, verdict->at_us / US_PER_SECOND - verdict->issued_at_s);
    else
        table_null(out);
    if (verdict->has_evidence)
        put_hex(out, verdict->evidence_sha256, sizeof verdict->evidence_sha256);
    else
        table_null(out);
    table_int(out, verdict->duration_us);
}

static void put_entry(const struct journal_entry *entry, struct table *out)
{
    put_time(out, entry->verdict.at_us);
    table_text(out, entry->id);
    table_text(out, entry->role);
    table_text(out, entry->user);
    table_text(out, entry->database);
    table_text(out, entry->address);
    put_verdict(&entry->verdict, out);
}

static struct err fill_attestations(struct showing *showing, struct table *out)
{
    size_t count = 0;
    if (!showing->consoles->attest)
        return OK;
    struct journal_entry **latest = journal_latest(showing->consoles->attest->journal, &count);
    for (size_t i = 0; i < count; i++) {
        put_entry(latest[i], out);
        journal_drop(latest[i]);
    }
    free(latest);
    return OK;
}

const struct show_table show_attestations = {SHOW_COLUMNS(attestations_columns), .fill = fill_attestations};

/* ---- the checks of one ---- */

static const struct column attestation_columns[] = {
    {"name", COLUMN_TEXT},
    {"outcome", COLUMN_TEXT},
    {"expected", COLUMN_TEXT},
    {"found", COLUMN_TEXT},
};

static struct err fill_attestation(struct showing *showing, struct table *out)
{
    struct attest *attest = showing->consoles->attest;
    struct journal_entry *entry = attest ? journal_find(attest->journal, showing->operand) : NULL;
    if (!entry)
        return err_make(ERR_NOT_FOUND, "no such attestation: %.80s", showing->operand);
    for (size_t i = 0; i < entry->verdict.checks.count; i++) {
        const struct check *check = &entry->verdict.checks.checks[i];
        table_text(out, check->name);
        table_text(out, check_outcome_name(check->outcome));
        table_text(out, check->expected);
        table_text(out, check->found);
    }
    journal_drop(entry);
    return OK;
}

const struct show_table show_attestation = {SHOW_COLUMNS(attestation_columns), .fill = fill_attestation};

/* ---- our own evidence ---- */

static const struct column evidence_columns[] = {
    {"provider", COLUMN_TEXT},
    {"simulated", COLUMN_INT},
    {"product", COLUMN_TEXT},
    {"measurement", COLUMN_TEXT},
    {"chip_id", COLUMN_TEXT},
    {"tcb", COLUMN_TEXT},
    {"guest_svn", COLUMN_BIGINT},
    {"debug", COLUMN_INT},
    {"smt", COLUMN_INT},
    {"report", COLUMN_TEXT},
    {"issued_at", COLUMN_TEXT},
    {"age", COLUMN_BIGINT},
    {"next_rotation", COLUMN_TEXT},
    {"not_after", COLUMN_TEXT},
    {"leaf_sha256", COLUMN_TEXT},
    {"ca_sha256", COLUMN_TEXT},
    {"config_digest", COLUMN_TEXT},
    {"rotations", COLUMN_BIGINT},
    {"failures", COLUMN_BIGINT},
    {"failure", COLUMN_TEXT},
    {"key_lost", COLUMN_INT},
    {"throttled", COLUMN_INT},
    {"report_requests", COLUMN_BIGINT},
    {"report_failures", COLUMN_BIGINT},
    {"report_throttled", COLUMN_BIGINT},
    {"report_us", COLUMN_BIGINT},
    {"report_tokens", COLUMN_TEXT},
    {"report_rate", COLUMN_TEXT},
};

static void put_own_report(const struct attester_state *state, struct table *out)
{
    struct snp_report report;
    struct err e = err_make(ERR_NOT_FOUND, "no report");
    if (state->has_report)
        e = snp_report_read(BYTES(state->report), &report);
    if (failed(e)) {
        for (int i = 0; i < 8; i++)
            table_null(out);
        return;
    }
    put_report(&report, snp_report_product(&report), out);
    put_hex(out, state->report, sizeof state->report);
}

static void put_decimal(struct table *out, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.3f", value);
    table_text(out, text);
}

/* How the device has answered. */
static void put_pace(const struct pace_state *pace, struct table *out)
{
    table_bool(out, pace->key_is_lost);
    table_bool(out, pace->is_throttled);
    table_int(out, (int64_t)pace->requests);
    table_int(out, (int64_t)pace->failures);
    table_int(out, (int64_t)pace->throttled);
    table_int(out, pace->last_us);
    put_decimal(out, pace->tokens);
    put_decimal(out, pace->rate);
}

/* Without an attester there is no row: an operator's certificate is shown, or there is no TLS. */
static struct err fill_evidence(struct showing *showing, struct table *out)
{
    struct attest *attest = showing->consoles->attest;
    if (!attest || !attest->attester)
        return OK;
    struct attester_state *state = NEW(struct attester_state);
    attester_read_state(attest->attester, state);
    table_text(out, state->provider);
    table_bool(out, state->simulated);
    put_own_report(state, out);
    put_time(out, state->issued_at_us);
    if (state->issued_at_us != 0)
        table_int(out, (clock_wall_us() - state->issued_at_us) / US_PER_SECOND);
    else
        table_null(out);
    put_time(out, state->next_renewal_us);
    put_time(out, state->not_after_us);
    put_hex(out, state->leaf_sha256, sizeof state->leaf_sha256);
    put_hex(out, state->authority_sha256, sizeof state->authority_sha256);
    put_hex(out, state->config_digest, sizeof state->config_digest);
    table_int(out, (int64_t)state->renewals);
    table_int(out, (int64_t)state->failures);
    table_text(out, state->failure);
    put_pace(&state->pace, out);
    free(state);
    return OK;
}

const struct show_table show_evidence = {SHOW_COLUMNS(evidence_columns), .fill = fill_evidence};

/* ---- policies ---- */

static const struct column policies_columns[] = {
    {"name", COLUMN_TEXT},      {"file", COLUMN_TEXT},         {"version", COLUMN_TEXT},  {"sha256", COLUMN_TEXT},
    {"loaded_at", COLUMN_TEXT}, {"measurements", COLUMN_TEXT}, {"tcb", COLUMN_TEXT},      {"guest", COLUMN_TEXT},
    {"nonce", COLUMN_TEXT},     {"certificates", COLUMN_TEXT}, {"simulated", COLUMN_INT}, /* whether simulated evidence
                                                                                             is let through */
};

static void put_policy(const struct policy *policy, struct table *out)
{
    bool verifies = policy->certificates.verify_chain && policy->certificates.verify_signature;
    table_text(out, policy->name);
    table_text(out, policy->path);
    table_text(out, policy->version);
    put_hex(out, policy->sha256, sizeof policy->sha256);
    put_time(out, policy->loaded_at_us);
    table_text(out, policy->measurements.given ? policy_mode_name(policy->measurements.mode) : "not asked");
    table_text(out, policy_mode_name(policy->tcb.mode));
    table_text(out, policy_mode_name(policy->guest.mode));
    table_text(out, policy->nonce.required ? "required" : "not required");
    table_text(out, verifies ? "verified" : "NOT verified");
    table_bool(out, policy->certificates.allow_simulated);
}

static struct err fill_policies(struct showing *showing, struct table *out)
{
    const struct policies *policies = &showing->home->gate.rules->policies;
    for (size_t i = 0; i < policies->count; i++)
        put_policy(policies->policy[i], out);
    return OK;
}

const struct show_table show_policies = {SHOW_COLUMNS(policies_columns), .fill = fill_policies};

/* ---- where certificates come from ---- */

static const struct column kds_columns[] = {
    {"url", COLUMN_TEXT},       {"offline", COLUMN_INT},    {"cache_dir", COLUMN_TEXT},   {"requests", COLUMN_BIGINT},
    {"fetched", COLUMN_BIGINT}, {"missing", COLUMN_BIGINT}, {"throttled", COLUMN_BIGINT}, {"failed", COLUMN_BIGINT},
    {"refused", COLUMN_BIGINT}, {"at_hand", COLUMN_BIGINT}, {"failed_at", COLUMN_TEXT},   {"failure", COLUMN_TEXT},
};

static struct err fill_kds(struct showing *showing, struct table *out)
{
    struct attest *attest = showing->consoles->attest;
    struct kds_counters counters;
    if (!attest)
        return OK;
    struct kds_options *options = kds_options_of(attest->kds);
    kds_read_counters(attest->kds, &counters);
    table_text(out, options->url);
    table_bool(out, options->offline);
    table_text(out, options->folder);
    table_int(out, (int64_t)counters.requests);
    table_int(out, (int64_t)counters.fetched);
    table_int(out, (int64_t)counters.missing);
    table_int(out, (int64_t)counters.throttled);
    table_int(out, (int64_t)counters.failed);
    table_int(out, (int64_t)counters.refused);
    table_int(out, (int64_t)counters.at_hand);
    put_time(out, counters.failed_at_us);
    table_text(out, counters.failure);
    kds_options_drop(options);
    return OK;
}

const struct show_table show_kds = {SHOW_COLUMNS(kds_columns), .fill = fill_kds};
