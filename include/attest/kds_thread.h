/*
 * kds_thread.h: the inside of kds.h: what its two source files share, and nobody else includes.
 */
#ifndef ATTEST_KDS_THREAD_H
#define ATTEST_KDS_THREAD_H

#include "attest/kds.h"
#include "attest/kds_notes.h"
#include "attest/kds_store.h"
#include "attest/kds_transfer.h"

#include <pthread.h>
#include <sys/queue.h>

/* Somebody who wants an item. */
struct kds_asker {
    TAILQ_ENTRY(kds_asker) link;
    struct snp_kds_item item;
    int64_t deadline_us; /* monotonic */
    kds_done *done;
    void *arg;
};
TAILQ_HEAD(kds_askers, kds_asker);

/* An item that is wanted, by however many. Of the thread. */
struct kds_job {
    TAILQ_ENTRY(kds_job) link;
    struct snp_kds_item item;
    char name[SNP_KDS_NAME_SIZE];
    struct kds_askers askers;
    struct kds_transfer *transfer; /* NULL: none is under way */
};
TAILQ_HEAD(kds_jobs, kds_job);

struct kds {
    struct kds_store *store;

    /* Of the thread. */
    struct kds_jobs jobs;
    struct kds_notes *notes;
    unsigned failures;               /* of the service, since it last answered */
    struct kds_options *options_now; /* while it does one round */

    CURLM *multi; /* others only wake it */
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    struct kds_options *options;
    struct kds_askers arrivals;
    bool thread_runs;
    bool interrupted;
    bool ending;
    struct kds_counters counters;
};

#endif
