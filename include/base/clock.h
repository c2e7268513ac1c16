/* clock.h: time. Microseconds throughout. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MS     INT64_C(1000)

/* Since an arbitrary start; never goes back (CLOCK_MONOTONIC). For durations and deadlines. */
int64_t clock_monotonic_us(void);

/* Since the machine's start, also while it slept; never goes back (CLOCK_BOOTTIME). For ages that must not be made
 * smaller by whoever sets the wall clock. */
int64_t clock_boot_us(void);

/* Since 1970 (CLOCK_REALTIME). For what is shown to people or compared with certificates. */
int64_t clock_wall_us(void);

#define CLOCK_TEXT_SIZE 40
/* "2026-01-31 23:59:59.123 UTC" into out[CLOCK_TEXT_SIZE]. */
void clock_text(int64_t wall_us, char *out);

#endif
