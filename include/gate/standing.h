/*
 * standing.h: what a client was let in for: the policy that its evidence met and what the verdict was based on; and
 * whether that would still let it in.
 *
 * Part of an identity, and as it is: one thread at a time.
 */
#ifndef GATE_STANDING_H
#define GATE_STANDING_H

#include "attest/basis.h"
#include "base/connector.h"

struct gate;
struct identity;

struct standing {
    struct policy *policy; /* a reference */
    struct basis basis;
    struct address peer; /* whom the lines of auth_hba_file are asked about */
};

/* Takes a reference of the policy, and of the verdict what it was based on. */
struct standing *standing_new(struct policy *policy, const struct verdict *verdict, const struct address *peer);
void standing_free(struct standing *standing); /* NULL does nothing */

/* Why (as a verdict's reason) the policy that the gate's rules have for such a client now would not let it in; on the
 * heap (free). NULL: it would, or it keeps sessions, or it is the one that let it in, or no policy is for such a client
 * any more; or no evidence was asked of it when it came. What is not asked again: see basis_judge. */
char *standing_lost(const struct identity *identity, const struct gate *gate);

/* The same of one whose login ends only now, having begun under other rules: it is no session yet that a policy could
 * keep, and where evidence is asked for by now, it must have been shown. */
char *standing_barred(const struct identity *identity, const struct address *peer, const struct gate *gate);

#endif
