#include "attest/pace.h"

#include "attest/bucket.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

const int64_t pace_bounds_us[PACE_CLASSES] = {
    10 * US_PER_MS,   50 * US_PER_MS,    250 * US_PER_MS,    1 * US_PER_SECOND,
    2500 * US_PER_MS, 5 * US_PER_SECOND, 20 * US_PER_SECOND, 60 * US_PER_SECOND,
};

struct pace {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct bucket bucket;
    bool interrupted;
    bool under_way;
    int64_t throttled_us; /* what takes longer was */
    int64_t began_us;     /* monotonic; of the request under way, else of the last */
    struct pace_state counts;
};

struct pace *pace_new(double rate, double burst)
{
    struct pace *pace = NEW(struct pace);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pace->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&pace->lock, NULL);
    bucket_init(&pace->bucket, rate, burst, clock_monotonic_us());
    pace->throttled_us = PACE_THROTTLED_US;
    return pace;
}

void pace_free(struct pace *pace)
{
    if (!pace)
        return;
    pthread_cond_destroy(&pace->wake);
    pthread_mutex_destroy(&pace->lock);
    free(pace);
}

void pace_expect(struct pace *pace, int64_t throttled_us)
{
    pthread_mutex_lock(&pace->lock);
    pace->throttled_us = throttled_us;
    pthread_mutex_unlock(&pace->lock);
}

void pace_adjust(struct pace *pace, double rate, double burst)
{
    pthread_mutex_lock(&pace->lock);
    bucket_adjust(&pace->bucket, rate, burst, clock_monotonic_us());
    pthread_cond_broadcast(&pace->wake);
    pthread_mutex_unlock(&pace->lock);
}

static void pace_wait(struct pace *pace, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / US_PER_SECOND, .tv_nsec = until_us % US_PER_SECOND * 1000};
    pthread_cond_timedwait(&pace->wake, &pace->lock, &until);
}

static struct err pace_refuse(struct pace *pace, int64_t wait_us)
{
    pace->counts.refused++;
    if (pace->under_way)
        return err_make(ERR_NOT_NOW, "the request for a report before this one has not ended within %d s",
                        (int)(PACE_WAIT_MAX_US / US_PER_SECOND));
    return err_make(ERR_NOT_NOW,
                    "the next report may be asked for in %.1f s (%.3g a second), and no request waits longer than %d s",
                    (double)wait_us / (double)US_PER_SECOND, bucket_rate(&pace->bucket),
                    (int)(PACE_WAIT_MAX_US / US_PER_SECOND));
}

/* With the lock held. */
static struct err pace_take_turn(struct pace *pace)
{
    int64_t deadline_us = clock_monotonic_us() + PACE_WAIT_MAX_US;
    for (;;) {
        int64_t now_us = clock_monotonic_us(), wait_us = bucket_wait_us(&pace->bucket, now_us);
        if (pace->interrupted)
            return err_make(ERR_NOT_NOW, "the request for a report was interrupted before it was made");
        if (!pace->under_way && bucket_take(&pace->bucket, now_us)) {
            pace->under_way = true;
            pace->began_us = now_us;
            return OK;
        }
        if (now_us >= deadline_us || (!pace->under_way && wait_us > deadline_us - now_us))
            return pace_refuse(pace, wait_us);
        pace_wait(pace, pace->under_way ? deadline_us : now_us + wait_us);
    }
}

struct err pace_begin(struct pace *pace)
{
    pthread_mutex_lock(&pace->lock);
    struct err outcome = pace_take_turn(pace);
    pthread_mutex_unlock(&pace->lock);
    return outcome;
}

static void pace_count(struct pace_state *counts, int64_t took_us, bool is_throttled, const struct err *outcome)
{
    counts->requests++;
    counts->failures += failed(*outcome);
    counts->throttled += is_throttled;
    counts->last_us = took_us;
    counts->total_us += took_us;
    for (size_t i = 0; i < PACE_CLASSES; i++)
        if (took_us <= pace_bounds_us[i]) {
            counts->within[i]++;
            break;
        }
    if (!failed(*outcome))
        counts->key_is_lost = false; /* the driver was loaded anew, with another of the guest's keys */
    else if (outcome->code == ERR_KEY_LOST)
        counts->key_is_lost = true;
}

void pace_end(struct pace *pace, const struct err *outcome)
{
    pthread_mutex_lock(&pace->lock);
    int64_t now_us = clock_monotonic_us(), took_us = now_us - pace->began_us;
    bool is_throttled = took_us > pace->throttled_us;
    pace->under_way = false;
    pace_count(&pace->counts, took_us, is_throttled, outcome);
    if (is_throttled)
        bucket_slow(&pace->bucket, now_us);
    else if (!failed(*outcome))
        bucket_quicken(&pace->bucket, now_us);
    pthread_cond_broadcast(&pace->wake);
    pthread_mutex_unlock(&pace->lock);
}

void pace_interrupt(struct pace *pace)
{
    pthread_mutex_lock(&pace->lock);
    pace->interrupted = true;
    pthread_cond_broadcast(&pace->wake);
    pthread_mutex_unlock(&pace->lock);
}

void pace_read(struct pace *pace, struct pace_state *out)
{
    pthread_mutex_lock(&pace->lock);
    int64_t now_us = clock_monotonic_us();
    *out = pace->counts;
    out->rate = bucket_rate(&pace->bucket);
    out->tokens = bucket_tokens(&pace->bucket, now_us);
    out->under_way = pace->under_way;
    out->since_us = pace->under_way ? now_us - pace->began_us : 0;
    out->is_throttled = pace->bucket.halvings > 0 || out->since_us > pace->throttled_us;
    pthread_mutex_unlock(&pace->lock);
}
