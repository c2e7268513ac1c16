/*
 * requests.h: what a backend still owes: one entry for each thing it has been sent that ends in ReadyForQuery.
 *
 * A link may be given to the next client only when nothing is owed. Counting Query and Sync is not enough: after an
 * error in an extended-query series the backend discards everything up to Sync, Query included, and during an
 * extended-query COPY it ignores Sync (PostgreSQL protocol, "Extended Query", "COPY Operations"). So the kinds are kept
 * in order. Pure; one thread at a time. A zeroed struct is empty; requests_clear frees what a long pipeline took.
 */
#ifndef POOL_REQUESTS_H
#define POOL_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUESTS_INLINE 14

/* A ring of `count` entries from `first`; it lies in `inlined` until it outgrows it, then in `grown`. `discarding`: an
 * extended series failed and its Sync has not been sent yet. `copying`: the backend is in an extended-query COPY and
 * ignores Sync until CopyDone or CopyFail. `lost`: a Query stands behind a series without Sync, and an error came that
 * may be of either; how many answers are due can no longer be told, and the link stays with its client to the end. */
struct requests {
    uint8_t *grown;
    uint32_t size;
    uint32_t first;
    uint32_t count;
    bool discarding;
    bool lost;
    bool copying;
    uint8_t inlined[REQUESTS_INLINE];
};

/* A message of this type has been sent to the backend. */
void requests_sent(struct requests *requests, uint8_t type);
/* ReadyForQuery came. False when none was due: the backend broke the protocol. */
bool requests_answered(struct requests *requests);
/* ErrorResponse came. */
void requests_failed(struct requests *requests);
/* CopyInResponse or CopyBothResponse came. */
void requests_copy_in(struct requests *requests);

/* A backend that discards up to the next Sync owes nothing, but would discard the next client's words too. */
static inline bool requests_none_due(const struct requests *requests)
{
    return requests->count == 0 && !requests->discarding && !requests->lost;
}

void requests_clear(struct requests *requests);

#endif
