/*
 * bucket.h: a token bucket that gives less while the device is throttled. Pure: the caller says what time it is.
 *
 * Times are monotonic microseconds that never go back. One thread at a time.
 */
#ifndef ATTEST_BUCKET_H
#define ATTEST_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* How often the rate is halved at most. */
#define BUCKET_HALVINGS_MAX 4

struct bucket {
    double rate; /* tokens a second as set; 0: no limit */
    double burst;
    double tokens;     /* at `at_us`; 0..burst */
    int64_t at_us;     /* when they were counted last */
    unsigned halvings; /* of the rate in force; 0..BUCKET_HALVINGS_MAX */
};

/* Full. */
void bucket_init(struct bucket *bucket, double rate, double burst, int64_t now_us);
/* Other limits from now on; what is in it stays as far as it fits. */
void bucket_adjust(struct bucket *bucket, double rate, double burst, int64_t now_us);

/* The rate in force. */
double bucket_rate(const struct bucket *bucket);
/* What is in it now. */
double bucket_tokens(const struct bucket *bucket, int64_t now_us);
/* How long until there is a token; 0: there is one. */
int64_t bucket_wait_us(const struct bucket *bucket, int64_t now_us);
/* False when there is none. */
bool bucket_take(struct bucket *bucket, int64_t now_us);

/* The device was throttled: empty, and half the rate. */
void bucket_slow(struct bucket *bucket, int64_t now_us);
/* It answered promptly: twice the rate, up to what is set. */
void bucket_quicken(struct bucket *bucket, int64_t now_us);

#endif
