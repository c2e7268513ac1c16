/*
 * crew.h: a few threads for work that would hold up an event loop (signatures, PBKDF2, evidence): anything > 0.2 ms.
 * They yield to the loops where processors are short.
 */
#ifndef BASE_CREW_H
#define BASE_CREW_H

#include "base/loop.h"

#include <stddef.h>

struct crew;

struct err crew_new(size_t threads, struct crew **out) MUST_CHECK;
/* Finishes what was submitted, then ends the threads. `done` of the last jobs is still posted. */
void crew_free(struct crew *crew);

/* Runs work(arg) on a thread of the crew, in order of submission, then posts done(arg) to `home`. `arg` belongs to the
 * job until `done` runs: who loses interest marks that inside arg; it must not free it. Any thread. */
void crew_submit(struct crew *crew, struct loop *home, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif
