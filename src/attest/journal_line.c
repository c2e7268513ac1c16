#include "attest/journal_line.h"

#include "attest/check_json.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void put(json_t *line, const char *name, json_t *value)
{
    json_object_set_new(line, name, value);
}

static json_t *hex_json(struct bytes b)
{
    char *text = mem_alloc(2 * b.n + 1);
    hex_encode(b, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *time_json(int64_t at_us)
{
    struct tm parts;
    char date[32];
    char text[64];
    time_t seconds = (time_t)(at_us / US_PER_SECOND);
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof text, "%s.%06dZ", date, (int)(at_us % US_PER_SECOND));
    return json_string(text);
}

static void put_peer(json_t *line, const struct journal_entry *entry)
{
    put(line, "time", time_json(entry->verdict.at_us));
    put(line, "id", json_string(entry->id));
    put(line, "role", json_printable(entry->role));
    put(line, "user", json_printable(entry->user));
    put(line, "database", json_printable(entry->database));
    put(line, "address", json_printable(entry->address));
    put(line, "port", json_integer(entry->port));
    put(line, "client", json_integer((json_int_t)entry->client_id));
}

static void put_verdict(json_t *line, const struct verdict *verdict)
{
    put(line, "verdict", json_string(verdict_kind_name(verdict->kind)));
    put(line, "reason", json_printable(verdict->reason));
    put(line, "policy", json_printable(verdict->policy));
    put(line, "policy_version", json_printable(verdict->policy_version));
    put(line, "format", json_string(evidence_format_name(verdict->format)));
    put(line, "tier", verdict->has_evidence ? json_string("certificate") : json_null());
}

static json_t *tcb_json(const struct snp_facts *facts)
{
    char text[SNP_TCB_TEXT_SIZE];
    snp_tcb_text(facts->report.reported_tcb, snp_product_tcb_layout(facts->product), text);
    return json_string(text);
}

static void put_report(json_t *line, const struct snp_facts *facts)
{
    const struct snp_report *report = &facts->report;
    bool is_read = facts->report_is_read;
    put(line, "product", is_read ? json_string(snp_product_name(facts->product)) : json_null());
    put(line, "measurement", is_read ? hex_json(BYTES(report->measurement)) : json_null());
    put(line, "chip_id", is_read ? hex_json(BYTES(report->chip_id)) : json_null());
    put(line, "tcb", is_read ? tcb_json(facts) : json_null());
    put(line, "guest_svn", is_read ? json_integer(report->guest_svn) : json_null());
    put(line, "debug", is_read ? json_boolean(snp_policy_allows_debug(report->policy)) : json_null());
    put(line, "smt",
        is_read ? json_boolean(snp_policy_allows_smt(report->policy) || snp_platform_smt_is_on(report->platform_info))
                : json_null());
}

static void put_evidence(json_t *line, const struct verdict *verdict)
{
    bool has_age = verdict->has_evidence && verdict->issued_at_s > 0;
    put(line, "evidence_age_s",
        has_age ? json_integer(verdict->at_us / US_PER_SECOND - verdict->issued_at_s) : json_null());
    put(line, "evidence_sha256", verdict->has_evidence ? hex_json(BYTES(verdict->evidence_sha256)) : json_null());
    put(line, "duration_us", json_integer(verdict->duration_us));
}

static json_t *findings_json(const struct checklist *checks)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < checks->count; i++) {
        const struct check *check = &checks->checks[i];
        if (check->outcome == CHECK_FAIL || check->outcome == CHECK_WARN)
            json_array_append_new(findings, check_json(check));
    }
    return findings;
}

char *journal_line(const struct journal_entry *entry)
{
    json_t *line = json_object();
    put_peer(line, entry);
    put_verdict(line, &entry->verdict);
    put_report(line, &entry->verdict.facts);
    put_evidence(line, &entry->verdict);
    put(line, "checks", findings_json(&entry->verdict.checks));
    char *text = json_line(line);
    size_t n = strlen(text);
    text = mem_resize(text, n + 2);
    memcpy(text + n, "\n", 2);
    return text;
}
