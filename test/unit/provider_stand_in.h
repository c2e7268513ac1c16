/*
 * provider_stand_in.h: for tests: a provider whose reports are unsigned, and which fails, lies and waits as told.
 *
 * provider_open hands it out in programs linked with --wrap=provider_open. One at a time; any thread may tell it.
 */
#ifndef TEST_PROVIDER_STAND_IN_H
#define TEST_PROVIDER_STAND_IN_H

#include "attest/provider.h"

#include <pthread.h>

struct provider_stand_in {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct err open_error;   /* what provider_open answers */
    struct err report_error; /* what the next reports answer */
    bool is_held;            /* a report waits until it is released or interrupted */
    bool is_waiting;         /* one does */
    bool gives_other_data;   /* a report over other REPORT_DATA */
    struct bytes table;
    unsigned reports, opened, freed;
};
extern struct provider_stand_in provider_stand_in;

/* Well-behaved again, with counters at 0. */
void provider_stand_in_reset(void);
void provider_stand_in_fail(struct err error);
void provider_stand_in_hold(bool hold);
/* Blocks until a report waits. */
void provider_stand_in_await(void);

struct err __wrap_provider_open(const struct settings *set, struct provider **out) MUST_CHECK;

#endif
