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
static const char *standing_policy_name(const struct identity *identity, const struct address *peer,
                                        const struct rules *rules)
{
    const struct hba_question question = {.peer = peer,
                                          .is_unix = identity->is_unix,
                                          .is_tls = identity->tls_version != NULL,
                                          .database = identity->database,
                                          .user = identity->user};
    const struct hba_line *line = rules_find_line(rules, &question);
    if (rules->config->set.auth_type != AUTH_TYPE_HBA || (line && line->method != AUTH_TYPE_REJECT))
        return rules_attest(rules, line);
    return identity->standing ? identity->standing->policy->name : NULL;
}

static char *standing_ask(const struct identity *identity, const struct address *peer, const struct gate *gate,
                          bool is_session)
{
    const struct standing *standing = identity->standing;
    const char *name = standing_policy_name(identity, peer, gate->rules);
    if (!name)
        return NULL;
    const struct policy *policy = policies_find(&gate->rules->policies, name);
    if (!policy)
        return mem_format("there is no policy \"%s\" any more", name);
    if (!standing)
        return mem_format("evidence: none was asked for when the login began, and policy \"%s\" asks for it now", name);
    if (policy == standing->policy || (is_session && policy->keeps_sessions))
        return NULL;
    return standing_judge(standing, policy, gate);
}

char *standing_lost(const struct identity *identity, const struct gate *gate)
{
    return identity->standing ? standing_ask(identity, &identity->standing->peer, gate, true) : NULL;
}

char *standing_barred(const struct identity *identity, const struct address *peer, const struct gate *gate)
{
    return standing_ask(identity, peer, gate, false);
}
