#include "gate/standing.h"

#include "attest/attest.h"
#include "base/clock.h"
#include "base/mem.h"
#include "gate/gate.h"

#include <stdlib.h>

struct standing *standing_new(struct policy *policy, const struct verdict *verdict, const struct address *peer)
{
    struct standing *standing = NEW(struct standing);
    standing->policy = policy_ref(policy);
    standing->basis = basis_of(verdict);
    standing->peer = *peer;
    return standing;
}

void standing_free(struct standing *standing)
{
    if (!standing)
        return;
    policy_drop(standing->policy);
    basis_release(&standing->basis);
    free(standing);
}

static char *standing_judge(const struct standing *standing, const struct policy *policy, const struct gate *gate)
{
    struct crl_set *crls = gate->attest ? crls_hold(gate->attest->crls) : NULL;
    struct verdict verdict;
    char *text = NULL;
    verdict_init(&verdict);
    basis_judge(&standing->basis, policy, crls, clock_wall_us(), &verdict);
    if (verdict.kind == VERDICT_DENY)
        text = mem_string(verdict.reason);
    verdict_release(&verdict);
    crl_set_drop(crls);
    return text;
}

/* As admission asks for one who comes now; NULL: none is asked for. Who may log in is no question to a session: where
 * nobody like that is let in any more, the policy of its own name goes on being asked. */
static const char *standing_policy_name(const struct identity *identity, const struct rules *rules)
{
    const struct hba_question question = {.peer = &identity->standing->peer,
                                          .is_unix = identity->is_unix,
                                          .is_tls = identity->tls_version != NULL,
                                          .database = identity->database,
                                          .user = identity->user};
    const struct hba_line *line = rules_find_line(rules, &question);
    bool is_let_in = rules->config->set.auth_type != AUTH_TYPE_HBA || (line && line->method != AUTH_TYPE_REJECT);
    return is_let_in ? rules_attest(rules, line) : identity->standing->policy->name;
}

char *standing_lost(const struct identity *identity, const struct gate *gate)
{
    const struct standing *standing = identity->standing;
    const char *name = standing ? standing_policy_name(identity, gate->rules) : NULL;
    if (!name)
        return NULL;
    const struct policy *policy = policies_find(&gate->rules->policies, name);
    if (!policy)
        return mem_format("there is no policy \"%s\" any more", name);
    if (policy == standing->policy || policy->keeps_sessions)
        return NULL;
    return standing_judge(standing, policy, gate);
}
