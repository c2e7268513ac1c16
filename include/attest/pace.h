/*
 * pace.h: when the device may be asked for a report, and how it has answered so far.
 *
 * The host throttles guests that ask too often, and a request that stays throttled for a minute makes Linux wipe the
 * key that the guest has to the processor: attestation is then gone until a reboot. So nobody asks faster than the
 * bucket (attest/bucket.h) allows, nobody asks while another request is under way, and nobody waits for that longer
 * than PACE_WAIT_MAX_US. Any thread.
 */
#ifndef ATTEST_PACE_H
#define ATTEST_PACE_H

#include "base/clock.h"
#include "base/err.h"

#include <stdint.h>

#define PACE_WAIT_MAX_US  (20 * US_PER_SECOND)
#define PACE_THROTTLED_US (1 * US_PER_SECOND) /* what takes longer was throttled: a processor takes milliseconds */

struct pace;

struct pace *pace_new(double rate, double burst);
void pace_free(struct pace *pace); /* NULL does nothing */
/* What takes longer was throttled; PACE_THROTTLED_US where nobody says otherwise. Between two requests. */
void pace_expect(struct pace *pace, int64_t throttled_us);
/* As bucket_adjust. */
void pace_adjust(struct pace *pace, double rate, double burst);

/* Waits until a request may begin; the caller then makes it, and calls pace_end whatever became of it. ERR_NOT_NOW:
 * that would take longer than PACE_WAIT_MAX_US (known at once where the bucket says so), or there was an interruption;
 * no request may be made then. */
struct err pace_begin(struct pace *pace) MUST_CHECK;
void pace_end(struct pace *pace, const struct err *outcome);
/* From now on pace_begin fails, also where it waits already. */
void pace_interrupt(struct pace *pace);

/* Upper bounds of the classes in which durations are counted, in microseconds; what is longer is in none. */
#define PACE_CLASSES 8
extern const int64_t pace_bounds_us[PACE_CLASSES];

struct pace_state {
    double rate;   /* in force, reports a second; 0: no limit */
    double tokens; /* now */
    bool under_way;
    int64_t since_us;  /* how long the request that is under way has taken */
    bool is_throttled; /* that one takes too long, or the rate is lowered because others did */
    bool key_is_lost;
    uint64_t requests, failures, throttled; /* that have ended; that gave no report; that took too long */
    uint64_t refused;                       /* not made, because the wait would have been too long */
    int64_t last_us, total_us;              /* durations: of the last one, of all */
    uint64_t within[PACE_CLASSES];          /* requests by duration: each in the first class that holds it */
};
void pace_read(struct pace *pace, struct pace_state *out);

#endif
