/* verdict.c: verdicts, as the library's callers read them. */
#include "api/handles.h"
#include "attest/printable.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 8192

void api_clean(struct checklist *checks)
{
    checklist_clean(checks, printable_text, TEXT_MAX);
}

void vouch_verdict_free(vouch_verdict *verdict)
{
    if (!verdict)
        return;
    api_free_facts(verdict);
    verdict_release(&verdict->verdict);
    free(verdict);
}

int vouch_verdict_outcome(const vouch_verdict *verdict)
{
    switch (verdict->verdict.kind) {
    case VERDICT_ALLOW:
        return VOUCH_ALLOW;
    case VERDICT_WARN:
        return VOUCH_WARN;
    case VERDICT_DENY:
        break;
    }
    return VOUCH_DENY;
}

const char *vouch_verdict_reason(const vouch_verdict *verdict)
{
    return verdict->verdict.reason;
}

size_t vouch_verdict_check_count(const vouch_verdict *verdict)
{
    return verdict->verdict.checks.count;
}

static const struct check *verdict_check(const vouch_verdict *verdict, size_t index)
{
    static char nothing[] = "";
    static const struct check none = {.name = nothing, .outcome = CHECK_FAIL, .expected = nothing, .found = nothing};
    return index < verdict->verdict.checks.count ? &verdict->verdict.checks.checks[index] : &none;
}

const char *vouch_verdict_check_name(const vouch_verdict *verdict, size_t index)
{
    return verdict_check(verdict, index)->name;
}

int vouch_verdict_check_outcome(const vouch_verdict *verdict, size_t index)
{
    switch (verdict_check(verdict, index)->outcome) {
    case CHECK_PASS:
        return VOUCH_CHECK_PASSED;
    case CHECK_WARN:
        return VOUCH_CHECK_WARNED;
    case CHECK_SKIPPED:
        return VOUCH_CHECK_SKIPPED;
    case CHECK_FAIL:
        break;
    }
    return VOUCH_CHECK_FAILED;
}

const char *vouch_verdict_check_expected(const vouch_verdict *verdict, size_t index)
{
    return verdict_check(verdict, index)->expected;
}

const char *vouch_verdict_check_found(const vouch_verdict *verdict, size_t index)
{
    return verdict_check(verdict, index)->found;
}

static int verdict_copy(const vouch_verdict *verdict, struct bytes field, unsigned char *out)
{
    bool is_read = verdict->verdict.facts.report_is_read;
    if (is_read)
        memcpy(out, field.p, field.n);
    else
        memset(out, 0, field.n);
    return is_read ? VOUCH_OK : VOUCH_ERROR_INPUT;
}

int vouch_verdict_measurement(const vouch_verdict *verdict, unsigned char out[VOUCH_MEASUREMENT_SIZE])
{
    return verdict_copy(verdict, BYTES(verdict->verdict.facts.report.measurement), out);
}

int vouch_verdict_report_data(const vouch_verdict *verdict, unsigned char out[VOUCH_REPORT_DATA_SIZE])
{
    return verdict_copy(verdict, BYTES(verdict->verdict.facts.report.report_data), out);
}

char *vouch_verdict_json(const vouch_verdict *verdict)
{
    return verdict_json(&verdict->verdict);
}

void vouch_text_free(char *text)
{
    free(text);
}
