#include "attest/bucket.h"

#include "base/clock.h"

#include <math.h>

/* Counts what has come in since, at the rate that was in force. */
static void bucket_settle(struct bucket *bucket, int64_t now_us)
{
    bucket->tokens = bucket_tokens(bucket, now_us);
    bucket->at_us = now_us;
}

void bucket_init(struct bucket *bucket, double rate, double burst, int64_t now_us)
{
    *bucket = (struct bucket){.rate = rate, .burst = burst, .tokens = burst, .at_us = now_us};
}

void bucket_adjust(struct bucket *bucket, double rate, double burst, int64_t now_us)
{
    bucket_settle(bucket, now_us);
    bucket->rate = rate;
    bucket->burst = burst;
    bucket->tokens = fmin(bucket->tokens, burst);
}

double bucket_rate(const struct bucket *bucket)
{
    return ldexp(bucket->rate, -(int)bucket->halvings);
}

double bucket_tokens(const struct bucket *bucket, int64_t now_us)
{
    double passed_s = (double)(now_us - bucket->at_us) / (double)US_PER_SECOND;
    return fmin(bucket->burst, bucket->tokens + passed_s * bucket_rate(bucket));
}

int64_t bucket_wait_us(const struct bucket *bucket, int64_t now_us)
{
    double lacking = 1 - bucket_tokens(bucket, now_us);
    if (bucket->rate <= 0 || lacking <= 0)
        return 0;
    double wait_us = ceil(lacking / bucket_rate(bucket) * (double)US_PER_SECOND);
    return wait_us < (double)INT64_MAX / 2 ? (int64_t)wait_us : INT64_MAX / 2;
}

bool bucket_take(struct bucket *bucket, int64_t now_us)
{
    if (bucket_wait_us(bucket, now_us) > 0)
        return false;
    bucket_settle(bucket, now_us);
    bucket->tokens = fmax(0, bucket->tokens - 1);
    return true;
}

void bucket_slow(struct bucket *bucket, int64_t now_us)
{
    bucket_settle(bucket, now_us);
    bucket->tokens = 0;
    if (bucket->halvings < BUCKET_HALVINGS_MAX)
        bucket->halvings++;
}

void bucket_quicken(struct bucket *bucket, int64_t now_us)
{
    bucket_settle(bucket, now_us);
    if (bucket->halvings > 0)
        bucket->halvings--;
}
