/*
 * standing.h: what a client was let in for: the facts of its evidence, and the policy they met; and whether that would
 * still let it in.
 *
 * Part of an identity, and as it is: one thread at a time.
 */
#ifndef GATE_STANDING_H
#define GATE_STANDING_H

#include "attest/policy.h"

struct standing {
    struct policy *policy; /* a reference */
    struct snp_facts facts;
};

/* Takes a reference of the policy and copies the facts. */
struct standing *standing_new(struct policy *policy, const struct snp_facts *facts);
void standing_free(struct standing *standing); /* NULL does nothing */

/* Why (as a verdict's reason) the policy of the same name among `policies` would not let the client in now; on the heap
 * (free). NULL: it would, or it keeps sessions, or the policy is the one that let it in. No signature, nonce or age is
 * looked at again. */
char *standing_lost(const struct standing *standing, const struct policies *policies, int64_t now_us);

#endif
