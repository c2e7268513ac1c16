#include "gate/gate.h"

#include "gate/login.h"

void gate_init(struct gate *gate, struct engine *engine, struct crew *crew, const struct gate_ops *ops, void *ctx)
{
    *gate = (struct gate){.engine = engine, .crew = crew, .ops = ops, .ctx = ctx};
    TAILQ_INIT(&gate->logins);
    turnstile_init(&gate->turnstile, login_let_in);
}

void gate_adopt(struct gate *gate, struct rules *rules, struct tls_context *tls)
{
    struct rules *rules_before = gate->rules;
    struct tls_context *tls_before = gate->tls;
    gate->rules = rules_ref(rules);
    gate->tls = tls ? tls_context_keep(tls) : NULL;
    rules_drop(rules_before);
    tls_context_release(tls_before);
}

void gate_close(struct gate *gate)
{
    rules_drop(gate->rules);
    tls_context_release(gate->tls);
    gate->rules = NULL;
    gate->tls = NULL;
}
