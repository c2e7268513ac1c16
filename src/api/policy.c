/* policy.c: policies, as the library's callers see them. */
#include "api/handles.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *policy_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Takes the policy over. */
static vouch_policy *policy_wrap(struct policy *policy)
{
    vouch_policy *wrapped = NEW(vouch_policy);
    wrapped->policy = policy;
    wrapped->gap_count = policy_gaps(policy, wrapped->gaps);
    return wrapped;
}

int vouch_policy_load(const char *path, vouch_policy **out, char *why, size_t why_size)
{
    struct policy *policy = NULL;
    struct err outcome = policy_load_quietly(policy_name_of(path), path, &policy);
    *out = failed(outcome) ? NULL : policy_wrap(policy);
    return api_answer(outcome, why, why_size);
}

int vouch_policy_parse(const void *text, size_t size, const char *path, vouch_policy **out, char *why, size_t why_size)
{
    struct policy *policy = NULL;
    const char *place = path ? path : "policy";
    struct err outcome = policy_parse(policy_name_of(place), place, bytes_of(text, size), &policy);
    *out = failed(outcome) ? NULL : policy_wrap(policy);
    return api_answer(outcome, why, why_size);
}

void vouch_policy_free(vouch_policy *policy)
{
    if (!policy)
        return;
    policy_drop(policy->policy);
    free(policy);
}

const char *vouch_policy_name(const vouch_policy *policy)
{
    return policy->policy->name;
}

size_t vouch_policy_gap_count(const vouch_policy *policy)
{
    return policy->gap_count;
}

const char *vouch_policy_gap(const vouch_policy *policy, size_t index)
{
    return index < policy->gap_count ? policy->gaps[index] : "";
}
