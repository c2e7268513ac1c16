#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_read(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return clock_read(CLOCK_REALTIME);
}

void clock_text(int64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    snprintf(out, CLOCK_TEXT_SIZE, "%s.%03d UTC", date, (int)(wall_us / US_PER_MS % 1000));
}
