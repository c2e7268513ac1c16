#include "base/clock.h"

#include <stdio.h>
#include <string.h>
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

int64_t clock_boot_us(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

int64_t clock_wall_us(void)
{
    return clock_read(CLOCK_REALTIME);
}

/* The last `count` digits of a number, as text at `at`; gives where it ends. */
static char *clock_put(char *at, int count, int number)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

/* Every line of the log and several checks of every verdict have a time: without printf it takes a tenth. */
void clock_text(int64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    int milliseconds = (int)(wall_us / US_PER_MS % 1000);
    struct tm parts = {0};
    if (!gmtime_r(&seconds, &parts) || parts.tm_year < -1900 || parts.tm_year > 9999 - 1900 || milliseconds < 0) {
        snprintf(out, CLOCK_TEXT_SIZE, "%lld s since 1970", (long long)seconds);
        return;
    }
    out = clock_put(out, 4, parts.tm_year + 1900);
    *out++ = '-';
    out = clock_put(out, 2, parts.tm_mon + 1);
    *out++ = '-';
    out = clock_put(out, 2, parts.tm_mday);
    *out++ = ' ';
    out = clock_put(out, 2, parts.tm_hour);
    *out++ = ':';
    out = clock_put(out, 2, parts.tm_min);
    *out++ = ':';
    out = clock_put(out, 2, parts.tm_sec);
    *out++ = '.';
    out = clock_put(out, 3, milliseconds);
    memcpy(out, " UTC", sizeof " UTC");
}
