/*
 * review.h: after a change of the gate's rules, asks of every client of a worker whether its evidence is still
 * accepted: a few a turn, so that nobody's transaction waits for the judgement of thousands. The worker's thread.
 */
#ifndef POOL_REVIEW_H
#define POOL_REVIEW_H

#include "pool/clientele.h"

#define REVIEW_BATCH 16 /* clients judged in one turn: a fraction of a millisecond */

struct gate;

struct review {
    struct clientele *clientele;
    const struct gate *gate;
    struct timer *turn;
    uint32_t slot; /* of the clientele: whose turn it is */
};

/* The clientele and the gate outlive it. */
void review_init(struct review *review, struct clientele *clientele, const struct gate *gate);
/* Before the loop goes. */
void review_end(struct review *review);

/* Clients that the gate's rules do not accept any more end, each between transactions. The first REVIEW_BATCH are
 * judged before it returns. Starts anew where one is under way; who comes meanwhile was judged by the new rules. */
void review_begin(struct review *review);

#endif
