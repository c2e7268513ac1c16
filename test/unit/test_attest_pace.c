/* The token bucket over an imagined clock, and the pace that requests for reports keep. */
#include "attest/bucket.h"
#include "attest/pace.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct err fine = {.code = ERR_NONE};

#define BEGAN_US INT64_C(1000000000)

static int64_t at(double seconds)
{
    return BEGAN_US + (int64_t)(seconds * 1e6);
}

static struct bucket full(double rate, double burst)
{
    struct bucket bucket;
    bucket_init(&bucket, rate, burst, BEGAN_US);
    return bucket;
}

static void test_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct bucket bucket = full(0.8, 2);
    assert_true(bucket_take(&bucket, at(0)));
    assert_true(bucket_take(&bucket, at(0)));
    assert_false(bucket_take(&bucket, at(0)));
    assert_int_equal(bucket_wait_us(&bucket, at(0)), 1250000);
    assert_int_equal(bucket_wait_us(&bucket, at(1)), 250000);
    assert_false(bucket_take(&bucket, at(1.249)));
    assert_true(bucket_take(&bucket, at(1.25)));
    assert_false(bucket_take(&bucket, at(1.25)));
}

static void test_bucket_never_holds_more_than_its_burst(void **state)
{
    (void)state;
    struct bucket bucket = full(0.8, 2);
    int taken = 0;
    while (bucket_take(&bucket, at(86400)))
        taken++;
    assert_int_equal(taken, 2);
}

static void test_bucket_gives_no_more_than_rate_and_burst_whoever_asks_how_often(void **state)
{
    (void)state;
    struct bucket bucket = full(0.8, 2);
    int taken = 0;
    for (int ms = 0; ms <= 100000; ms++)
        taken += bucket_take(&bucket, at(ms / 1000.0));
    assert_in_range(taken, 2 + 80 - 1, 2 + 80);
}

static void test_bucket_that_waits_as_told_gets_its_token(void **state)
{
    (void)state;
    struct bucket bucket = full(0.7, 1);
    int64_t now_us = BEGAN_US;
    for (int i = 0; i < 1000; i++) {
        assert_true(bucket_take(&bucket, now_us));
        now_us += bucket_wait_us(&bucket, now_us);
    }
}

static void test_bucket_without_a_rate_has_no_limit(void **state)
{
    (void)state;
    struct bucket bucket = full(0, 1);
    bucket_slow(&bucket, at(0));
    for (int i = 0; i < 100; i++)
        assert_true(bucket_take(&bucket, at(0)));
}

static void test_throttled_bucket_is_emptied_and_halves_its_rate_down_to_a_sixteenth(void **state)
{
    (void)state;
    struct bucket bucket = full(0.8, 2);
    bucket_slow(&bucket, at(0));
    assert_int_equal(bucket_wait_us(&bucket, at(0)), 2500000);
    for (int i = 0; i < 10; i++)
        bucket_slow(&bucket, at(0));
    assert_true(bucket_rate(&bucket) > 0.0499 && bucket_rate(&bucket) < 0.0501);
    assert_int_equal(bucket_wait_us(&bucket, at(0)), 20000000); /* as long as anybody waits */
}

static void test_prompt_answers_bring_the_rate_back_and_no_higher(void **state)
{
    (void)state;
    struct bucket bucket = full(0.8, 2);
    for (int i = 0; i < 3; i++)
        bucket_slow(&bucket, at(0));
    for (int i = 0; i < 3; i++) {
        assert_true(bucket_rate(&bucket) < 0.79);
        bucket_quicken(&bucket, at(0));
    }
    bucket_quicken(&bucket, at(0));
    assert_true(bucket_rate(&bucket) > 0.799 && bucket_rate(&bucket) < 0.801);
}

static void test_adjusted_bucket_keeps_what_fits(void **state)
{
    (void)state;
    struct bucket bucket = full(1, 10);
    bucket_adjust(&bucket, 2, 3, at(0));
    assert_true(bucket_tokens(&bucket, at(0)) > 2.9 && bucket_tokens(&bucket, at(100)) < 3.1);
    for (int i = 0; i < 3; i++)
        assert_true(bucket_take(&bucket, at(0)));
    assert_int_equal(bucket_wait_us(&bucket, at(0)), 500000);
    bucket_adjust(&bucket, 2, 8, at(0)); /* a reload is no present */
    assert_false(bucket_take(&bucket, at(0)));
}

static void make_request(struct pace *pace, int64_t took_us, struct err outcome)
{
    assert_false(failed(pace_begin(pace)));
    if (took_us > 0)
        usleep((useconds_t)took_us);
    pace_end(pace, &outcome);
}

static void test_pace_counts_what_became_of_requests(void **state)
{
    (void)state;
    struct pace *pace = pace_new(0, 1);
    struct pace_state told;
    make_request(pace, 0, OK);
    make_request(pace, 20000, err_make(ERR_SYSTEM, "no"));
    pace_read(pace, &told);
    assert_int_equal(told.requests, 2);
    assert_int_equal(told.failures, 1);
    assert_int_equal(told.throttled, 0);
    assert_false(told.is_throttled);
    assert_false(told.key_is_lost);
    assert_int_equal(told.within[0], 1);
    assert_true(told.last_us >= 20000);
    assert_true(told.total_us >= told.last_us);
    pace_free(pace);
}

static void test_pace_knows_the_key_to_be_lost_until_a_report_is_made(void **state)
{
    (void)state;
    struct pace *pace = pace_new(0, 1);
    struct pace_state told;
    make_request(pace, 0, err_make(ERR_KEY_LOST, "gone"));
    make_request(pace, 0, err_make(ERR_SYSTEM, "something else"));
    pace_read(pace, &told);
    assert_true(told.key_is_lost);
    make_request(pace, 0, OK);
    pace_read(pace, &told);
    assert_false(told.key_is_lost);
    pace_free(pace);
}

static void test_what_is_slow_for_a_processor_may_be_prompt_for_another_device(void **state)
{
    (void)state;
    struct pace *pace = pace_new(200, 1);
    struct pace_state told;
    pace_expect(pace, PACE_THROTTLED_US + US_PER_SECOND);
    make_request(pace, PACE_THROTTLED_US + 20000, OK);
    pace_read(pace, &told);
    assert_false(told.is_throttled);
    assert_int_equal(told.throttled, 0);
    assert_true(told.rate > 199);
    pace_expect(pace, 10000);
    make_request(pace, 20000, OK);
    pace_read(pace, &told);
    assert_true(told.is_throttled);
    assert_int_equal(told.throttled, 1);
    pace_free(pace);
}

static void test_slow_request_slows_the_pace_and_prompt_ones_bring_it_back(void **state)
{
    (void)state;
    struct pace *pace = pace_new(200, 1);
    struct pace_state told;
    make_request(pace, PACE_THROTTLED_US + 20000, OK);
    pace_read(pace, &told);
    assert_true(told.is_throttled);
    assert_int_equal(told.throttled, 1);
    assert_true(told.rate > 99 && told.rate < 101);
    assert_true(told.tokens < 1); /* not a burst at once */
    make_request(pace, 0, err_make(ERR_SYSTEM, "no"));
    pace_read(pace, &told);
    assert_true(told.is_throttled); /* a failure is no prompt answer */
    make_request(pace, 0, OK);
    pace_read(pace, &told);
    assert_false(told.is_throttled);
    assert_true(told.rate > 199);
    pace_free(pace);
}

static void test_request_that_would_wait_too_long_is_refused_at_once(void **state)
{
    (void)state;
    struct pace *pace = pace_new(0.01, 1);
    struct pace_state told;
    make_request(pace, 0, OK);
    int64_t began_us = clock_monotonic_us();
    struct err outcome = pace_begin(pace);
    assert_true(clock_monotonic_us() - began_us < 10 * US_PER_SECOND);
    assert_int_equal(outcome.code, ERR_NOT_NOW);
    assert_non_null(strstr(outcome.why, "no request waits longer than 20 s"));
    pace_read(pace, &told);
    assert_int_equal(told.refused, 1);
    assert_int_equal(told.requests, 1);
    pace_free(pace);
}

static void test_request_waits_for_its_token(void **state)
{
    (void)state;
    struct pace *pace = pace_new(10, 1);
    make_request(pace, 0, OK);
    int64_t began_us = clock_monotonic_us();
    make_request(pace, 0, OK);
    assert_true(clock_monotonic_us() - began_us >= 90 * US_PER_MS);
    pace_free(pace);
}

/* Somebody who asks on a thread of their own. */
struct asker {
    struct pace *pace;
    struct err outcome;
    pthread_t thread;
};

static void *asker_main(void *arg)
{
    struct asker *asker = arg;
    asker->outcome = pace_begin(asker->pace);
    if (!failed(asker->outcome))
        pace_end(asker->pace, &asker->outcome);
    return NULL;
}

static void test_no_request_begins_while_another_is_under_way(void **state)
{
    (void)state;
    struct pace *pace = pace_new(0, 1);
    struct asker asker = {.pace = pace};
    struct pace_state told;
    assert_false(failed(pace_begin(pace)));
    assert_int_equal(pthread_create(&asker.thread, NULL, asker_main, &asker), 0);
    usleep(50000); /* the other would have ended by now, were it let in */
    pace_read(pace, &told);
    assert_true(told.under_way);
    assert_int_equal(told.requests, 0);
    pace_end(pace, &fine);
    pthread_join(asker.thread, NULL);
    assert_false(failed(asker.outcome));
    pace_read(pace, &told);
    assert_int_equal(told.requests, 2);
    pace_free(pace);
}

static void test_interruption_ends_the_wait_and_lets_none_begin(void **state)
{
    (void)state;
    struct pace *pace = pace_new(0, 1);
    struct asker asker = {.pace = pace};
    assert_false(failed(pace_begin(pace)));
    assert_int_equal(pthread_create(&asker.thread, NULL, asker_main, &asker), 0);
    pace_interrupt(pace);
    pthread_join(asker.thread, NULL); /* without the first having ended */
    assert_int_equal(asker.outcome.code, ERR_NOT_NOW);
    assert_non_null(strstr(asker.outcome.why, "interrupted"));
    pace_end(pace, &fine);
    assert_int_equal(pace_begin(pace).code, ERR_NOT_NOW);
    pace_free(pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(test_bucket_never_holds_more_than_its_burst),
        cmocka_unit_test(test_bucket_gives_no_more_than_rate_and_burst_whoever_asks_how_often),
        cmocka_unit_test(test_bucket_that_waits_as_told_gets_its_token),
        cmocka_unit_test(test_bucket_without_a_rate_has_no_limit),
        cmocka_unit_test(test_throttled_bucket_is_emptied_and_halves_its_rate_down_to_a_sixteenth),
        cmocka_unit_test(test_prompt_answers_bring_the_rate_back_and_no_higher),
        cmocka_unit_test(test_adjusted_bucket_keeps_what_fits),
        cmocka_unit_test(test_pace_counts_what_became_of_requests),
        cmocka_unit_test(test_pace_knows_the_key_to_be_lost_until_a_report_is_made),
        cmocka_unit_test(test_what_is_slow_for_a_processor_may_be_prompt_for_another_device),
        cmocka_unit_test(test_slow_request_slows_the_pace_and_prompt_ones_bring_it_back),
        cmocka_unit_test(test_request_that_would_wait_too_long_is_refused_at_once),
        cmocka_unit_test(test_request_waits_for_its_token),
        cmocka_unit_test(test_no_request_begins_while_another_is_under_way),
        cmocka_unit_test(test_interruption_ends_the_wait_and_lets_none_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
