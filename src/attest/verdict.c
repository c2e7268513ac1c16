#include "attest/verdict.h"

#include "attest/check_json.h"
#include "attest/judge.h"
#include "attest/printable.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_HASH_BYTES 4

const char *verdict_kind_name(enum verdict_kind kind)
{
    switch (kind) {
    case VERDICT_WARN:
        return "warn";
    case VERDICT_ALLOW:
        return "allow";
    case VERDICT_DENY:
        break;
    }
    return "deny";
}

void verdict_init(struct verdict *verdict)
{
    *verdict = (struct verdict){.kind = VERDICT_DENY};
    verdict->reason = mem_string("nothing has been judged");
    verdict->policy = mem_string("");
    verdict->policy_version = mem_string("");
}

void verdict_release(struct verdict *verdict)
{
    free(verdict->reason);
    free(verdict->policy);
    free(verdict->policy_version);
    checklist_free(&verdict->checks);
    snp_lineage_drop(verdict->lineage);
    free(verdict->pcrs);
    *verdict = (struct verdict){.kind = VERDICT_DENY};
}

/* Puts `text`, which is freed, in the place of what stands there. */
static void put_text(char **place, char *text, size_t limit)
{
    free(*place);
    *place = printable_text(text, limit);
    free(text);
}

static void name_policy(struct verdict *verdict, const struct policy *policy)
{
    char hash[2 * VERSION_HASH_BYTES + 1];
    hex_encode(bytes_of(policy->sha256, VERSION_HASH_BYTES), hash);
    put_text(&verdict->policy, mem_string(policy->name), VERDICT_REASON_MAX);
    put_text(&verdict->policy_version, mem_format("%s%s(%s)", policy->version, policy->version[0] ? " " : "", hash),
             VERDICT_REASON_MAX);
}

static bool is_named(const struct check *check, const char *name)
{
    return strcmp(check->name, name) == 0;
}

/* The sentence for a demand that was not met. */
static char *tell(const struct check *check, const struct snp_facts *facts, const char *policy)
{
    if (policy[0] == '\0' && check->expected[0] == '\0')
        return mem_format("%s: %s", check->name, check->found);
    if (policy[0] == '\0')
        return mem_format("%s: %s, expected %s", check->name, check->found, check->expected);
    if (is_named(check, JUDGE_CHECK_MEASUREMENT) && facts->report_is_read)
        return mem_format("measurement %s is not allowed by policy \"%s\"", check->found, policy);
    if (is_named(check, JUDGE_CHECK_DEBUG) && facts->report_is_read)
        return mem_format("the guest may be debugged, which policy \"%s\" forbids", policy);
    if (check->expected[0] == '\0')
        return mem_format("%s: %s (policy \"%s\")", check->name, check->found, policy);
    return mem_format("%s: %s, expected %s (policy \"%s\")", check->name, check->found, check->expected, policy);
}

static const char *find_missing(const struct checklist *checks, const char *const *required)
{
    for (; *required; required++)
        if (!checklist_find(checks, *required))
            return *required;
    return NULL;
}

/* Deny stays what it is unless the last line is reached. */
static char *decide(struct verdict *verdict, const char *const *required)
{
    const struct check *failure = checklist_first(&verdict->checks, CHECK_FAIL);
    if (failure)
        return tell(failure, &verdict->facts, verdict->policy);
    const char *missing = required[0] ? find_missing(&verdict->checks, required) : "any";
    if (missing)
        return mem_format("%s: the check was not made (policy \"%s\")", missing, verdict->policy);
    const struct check *warning = checklist_first(&verdict->checks, CHECK_WARN);
    verdict->kind = warning ? VERDICT_WARN : VERDICT_ALLOW;
    return warning ? tell(warning, &verdict->facts, verdict->policy) : mem_string("");
}

void verdict_conclude(struct verdict *verdict, const struct policy *policy, const char *const *required)
{
    verdict->kind = VERDICT_DENY;
    if (policy)
        name_policy(verdict, policy);
    put_text(&verdict->reason, decide(verdict, required), VERDICT_REASON_MAX);
}

char *verdict_json(const struct verdict *verdict)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < verdict->checks.count; i++)
        json_array_append_new(checks, check_json(&verdict->checks.checks[i]));
    json_t *json = json_object();
    json_object_set_new(json, "verdict", json_string(verdict_kind_name(verdict->kind)));
    json_object_set_new(json, "reason", json_printable(verdict->reason));
    json_object_set_new(json, "checks", checks);
    return json_line(json);
}
