#include "gate/standing.h"

#include "attest/judge.h"
#include "attest/verdict.h"
#include "base/mem.h"

#include <stdlib.h>

struct standing *standing_new(struct policy *policy, const struct snp_facts *facts)
{
    struct standing *standing = NEW(struct standing);
    standing->policy = policy_ref(policy);
    standing->facts = *facts;
    return standing;
}

void standing_free(struct standing *standing)
{
    if (!standing)
        return;
    policy_drop(standing->policy);
    free(standing);
}

static char *standing_judge(const struct standing *standing, const struct policy *policy, int64_t now_us)
{
    static const char *const required[] = {JUDGE_CHECK_SIMULATED, NULL};
    struct verdict verdict;
    char *text = NULL;
    verdict_init(&verdict);
    verdict.facts = standing->facts;
    judge_again(policy, &standing->facts, now_us, &verdict.checks);
    verdict_conclude(&verdict, policy, required);
    if (verdict.kind == VERDICT_DENY)
        text = mem_string(verdict.reason);
    verdict_release(&verdict);
    return text;
}

char *standing_lost(const struct standing *standing, const struct policies *policies, int64_t now_us)
{
    const struct policy *policy = policies_find(policies, standing->policy->name);
    if (!policy)
        return mem_format("there is no policy \"%s\" any more", standing->policy->name);
    if (policy == standing->policy || policy->keeps_sessions)
        return NULL;
    return standing_judge(standing, policy, now_us);
}
