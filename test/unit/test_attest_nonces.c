/* Nonces: whose they are, how old, under which key, and how many. */
#include "attest/nonces.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW   (INT64_C(1800000000) * US_PER_SECOND)
#define AGE   (INT64_C(60) * US_PER_SECOND)
#define LIMIT 4

static const uint8_t our_key[SHA384_SIZE] = {1};
static const uint8_t other_key[SHA384_SIZE] = {2};

struct nonce {
    uint8_t byte[NONCE_SIZE];
};

static int setup(void **state)
{
    struct nonces *nonces = NULL;
    if (failed(nonces_new(LIMIT, &nonces)))
        return -1;
    *state = nonces;
    return 0;
}

static int teardown(void **state)
{
    nonces_free(*state);
    return 0;
}

static struct nonce issue(struct nonces *nonces, int64_t now_us)
{
    struct nonce nonce = {0};
    assert_false(failed(nonces_issue(nonces, now_us, nonce.byte, NULL)));
    return nonce;
}

static void assert_look(struct nonces *nonces, const struct nonce *nonce, const uint8_t *key, int64_t now_us,
                        enum nonce_state state)
{
    int64_t age_us;
    assert_string_equal(nonce_state_name(nonces_look(nonces, BYTES(nonce->byte), key, now_us, AGE, &age_us)),
                        nonce_state_name(state));
}

static void assert_claim(struct nonces *nonces, const struct nonce *nonce, const uint8_t *key, int64_t now_us,
                         enum nonce_state state)
{
    int64_t age_us;
    assert_string_equal(nonce_state_name(nonces_claim(nonces, BYTES(nonce->byte), key, now_us, AGE, &age_us)),
                        nonce_state_name(state));
}

static void test_a_nonce_is_fresh_for_whoever_comes_first(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    assert_look(*state, &nonce, our_key, NOW, NONCE_FRESH);
    assert_look(*state, &nonce, other_key, NOW, NONCE_FRESH);
    assert_claim(*state, &nonce, our_key, NOW, NONCE_FRESH);
}

static void test_the_same_key_may_come_again_and_another_is_a_replay(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    assert_claim(*state, &nonce, our_key, NOW, NONCE_FRESH);
    assert_claim(*state, &nonce, our_key, NOW + AGE, NONCE_FRESH);
    assert_look(*state, &nonce, our_key, NOW + AGE, NONCE_FRESH);
    assert_look(*state, &nonce, other_key, NOW + 1, NONCE_OTHER_KEY);
    assert_claim(*state, &nonce, other_key, NOW + 1, NONCE_OTHER_KEY);
}

static void test_looking_binds_nothing(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    assert_look(*state, &nonce, our_key, NOW, NONCE_FRESH);
    assert_claim(*state, &nonce, other_key, NOW, NONCE_FRESH);
    assert_look(*state, &nonce, our_key, NOW, NONCE_OTHER_KEY);
}

static void test_a_nonce_expires_just_after_its_age(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    assert_claim(*state, &nonce, our_key, NOW + AGE, NONCE_FRESH);
    assert_claim(*state, &nonce, our_key, NOW + AGE + 1, NONCE_EXPIRED);
    assert_claim(*state, &nonce, other_key, NOW + AGE + 1, NONCE_EXPIRED);
}

static void test_the_age_is_told(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    int64_t age_us = -1;
    nonces_look(*state, BYTES(nonce.byte), our_key, NOW + 1234, AGE, &age_us);
    assert_int_equal(age_us, 1234);
    nonces_look(*state, BYTES(nonce.byte), our_key, NOW + 2 * AGE, AGE, &age_us);
    assert_int_equal(age_us, 2 * AGE);
    nonce.byte[0] ^= 1;
    nonces_look(*state, BYTES(nonce.byte), our_key, NOW + 1234, AGE, &age_us);
    assert_int_equal(age_us, 0);
}

static void test_a_nonce_with_any_bit_flipped_is_foreign(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    for (size_t bit = 0; bit < 8 * NONCE_SIZE; bit++) {
        struct nonce flipped = nonce;
        flipped.byte[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_claim(*state, &flipped, our_key, NOW, NONCE_FOREIGN);
    }
    assert_claim(*state, &nonce, our_key, NOW, NONCE_FRESH);
}

static void test_a_nonce_of_another_length_is_foreign(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    uint8_t longer[NONCE_SIZE + 1] = {0};
    int64_t age_us;
    memcpy(longer, nonce.byte, NONCE_SIZE);
    assert_int_equal(nonces_look(*state, BYTES_NONE, our_key, NOW, AGE, &age_us), NONCE_FOREIGN);
    assert_int_equal(nonces_look(*state, bytes_of(nonce.byte, NONCE_SIZE - 1), our_key, NOW, AGE, &age_us),
                     NONCE_FOREIGN);
    assert_int_equal(nonces_look(*state, BYTES(longer), our_key, NOW, AGE, &age_us), NONCE_FOREIGN);
}

static void test_a_nonce_of_another_process_is_foreign(void **state)
{
    struct nonces *other = NULL;
    assert_false(failed(nonces_new(LIMIT, &other)));
    struct nonce nonce = issue(other, NOW);
    assert_claim(*state, &nonce, our_key, NOW, NONCE_FOREIGN);
    assert_claim(other, &nonce, our_key, NOW, NONCE_FRESH);
    nonces_free(other);
}

static void test_no_nonce_is_given_out_twice(void **state)
{
    struct nonce first = issue(*state, NOW);
    struct nonce second = issue(*state, NOW);
    assert_memory_not_equal(first.byte, second.byte, NONCE_SIZE);
}

static void test_when_too_many_are_bound_no_more_are(void **state)
{
    struct nonce bound[LIMIT];
    for (size_t i = 0; i < LIMIT; i++) {
        bound[i] = issue(*state, NOW);
        assert_claim(*state, &bound[i], our_key, NOW, NONCE_FRESH);
    }
    struct nonce more = issue(*state, NOW);
    assert_look(*state, &more, our_key, NOW, NONCE_FULL);
    assert_claim(*state, &more, our_key, NOW, NONCE_FULL);
    assert_claim(*state, &bound[0], our_key, NOW, NONCE_FRESH);
    assert_claim(*state, &bound[0], other_key, NOW, NONCE_OTHER_KEY);
}

static void test_room_returns_when_bound_ones_have_expired(void **state)
{
    for (size_t i = 0; i < LIMIT; i++) {
        struct nonce nonce = issue(*state, NOW);
        assert_claim(*state, &nonce, our_key, NOW, NONCE_FRESH);
    }
    struct nonce later = issue(*state, NOW + NONCE_DEFAULT_AGE_US);
    assert_claim(*state, &later, our_key, NOW + NONCE_DEFAULT_AGE_US, NONCE_FULL);
    assert_claim(*state, &later, our_key, NOW + NONCE_DEFAULT_AGE_US + 1, NONCE_FRESH);
}

static void test_a_longer_age_that_comes_later_revives_no_replay(void **state)
{
    struct nonces *nonces = *state;
    struct nonce used = issue(nonces, NOW);
    struct nonce unused = issue(nonces, NOW - 1);
    struct nonce younger = issue(nonces, NOW + 1);
    int64_t later = NOW + NONCE_DEFAULT_AGE_US + 1;
    int64_t age_us;
    assert_claim(nonces, &used, our_key, NOW, NONCE_FRESH);
    assert_look(nonces, &younger, our_key, later, NONCE_EXPIRED);
    struct nonce trigger = issue(nonces, later);
    assert_claim(nonces, &trigger, our_key, later, NONCE_FRESH); /* the first binding is forgotten */
    assert_int_equal(nonces_claim(nonces, BYTES(used.byte), other_key, later, 100 * AGE, &age_us), NONCE_UNDECIDED);
    assert_int_equal(nonces_claim(nonces, BYTES(unused.byte), other_key, later, 100 * AGE, &age_us), NONCE_UNDECIDED);
    assert_int_equal(nonces_claim(nonces, BYTES(younger.byte), other_key, later, 100 * AGE, &age_us), NONCE_FRESH);
}

static void test_bindings_last_as_long_as_the_longest_age_asked_for(void **state)
{
    struct nonces *nonces = *state;
    int64_t age_us;
    nonces_set_max_age(nonces, 100 * AGE);
    nonces_set_max_age(nonces, AGE);
    struct nonce nonce = issue(nonces, NOW);
    assert_claim(nonces, &nonce, our_key, NOW, NONCE_FRESH);
    int64_t later = NOW + 99 * AGE;
    assert_int_equal(nonces_claim(nonces, BYTES(nonce.byte), our_key, later, 100 * AGE, &age_us), NONCE_FRESH);
    assert_int_equal(nonces_claim(nonces, BYTES(nonce.byte), other_key, later, 100 * AGE, &age_us), NONCE_OTHER_KEY);
}

static void test_a_nonce_from_the_future_has_no_age(void **state)
{
    struct nonce nonce = issue(*state, NOW);
    assert_claim(*state, &nonce, our_key, NOW - 5 * US_PER_SECOND, NONCE_FRESH);
    assert_claim(*state, &nonce, our_key, NOW - 5 * US_PER_SECOND - 1, NONCE_UNDECIDED);
}

static void test_who_asks_learns_how_long_a_nonce_lives(void **state)
{
    struct nonces *nonces = *state;
    struct nonce nonce;
    double expires_in_s = 0;
    assert_false(failed(nonces_issue(nonces, NOW, nonce.byte, &expires_in_s)));
    assert_true(expires_in_s == 300.0);
    nonces_set_max_age(nonces, 1500000);
    assert_false(failed(nonces_issue(nonces, NOW, nonce.byte, &expires_in_s)));
    assert_true(expires_in_s == 1.5);
}

#define THREADS 4
#define ROUNDS  300

/* Threads that claim the same nonces under keys of their own: each nonce must go to one of them. */
struct contest {
    struct nonces *nonces;
    struct nonce nonce[ROUNDS];
    struct contestant {
        struct contest *contest;
        pthread_t thread;
        uint8_t key[SHA384_SIZE];
        bool won[ROUNDS];
        size_t others;
    } contestant[THREADS];
};

static void *contend(void *arg)
{
    struct contestant *me = arg;
    struct contest *contest = me->contest;
    for (size_t i = 0; i < ROUNDS; i++) {
        struct nonce own;
        int64_t age_us;
        enum nonce_state state =
            nonces_claim(contest->nonces, BYTES(contest->nonce[i].byte), me->key, NOW, AGE, &age_us);
        me->won[i] = state == NONCE_FRESH;
        me->others += state == NONCE_OTHER_KEY;
        if (failed(nonces_issue(contest->nonces, NOW, own.byte, NULL)))
            return NULL;
        nonces_set_max_age(contest->nonces, AGE + (int64_t)i);
    }
    return NULL;
}

static void test_of_many_threads_one_gets_each_nonce(void **state)
{
    (void)state;
    struct contest *contest = NEW(struct contest);
    assert_false(failed(nonces_new(ROUNDS, &contest->nonces)));
    for (size_t i = 0; i < ROUNDS; i++)
        contest->nonce[i] = issue(contest->nonces, NOW);
    for (size_t i = 0; i < THREADS; i++) {
        contest->contestant[i].contest = contest;
        contest->contestant[i].key[0] = (uint8_t)i;
        assert_int_equal(pthread_create(&contest->contestant[i].thread, NULL, contend, &contest->contestant[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(contest->contestant[i].thread, NULL), 0);
    size_t others = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t winners = 0;
        for (size_t j = 0; j < THREADS; j++)
            winners += contest->contestant[j].won[i];
        assert_int_equal(winners, 1);
    }
    for (size_t j = 0; j < THREADS; j++)
        others += contest->contestant[j].others;
    assert_int_equal(others, (THREADS - 1) * ROUNDS);
    nonces_free(contest->nonces);
    free(contest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_nonce_is_fresh_for_whoever_comes_first),
        TEST(test_the_same_key_may_come_again_and_another_is_a_replay),
        TEST(test_looking_binds_nothing),
        TEST(test_a_nonce_expires_just_after_its_age),
        TEST(test_the_age_is_told),
        TEST(test_a_nonce_with_any_bit_flipped_is_foreign),
        TEST(test_a_nonce_of_another_length_is_foreign),
        TEST(test_a_nonce_of_another_process_is_foreign),
        TEST(test_no_nonce_is_given_out_twice),
        TEST(test_when_too_many_are_bound_no_more_are),
        TEST(test_room_returns_when_bound_ones_have_expired),
        TEST(test_a_longer_age_that_comes_later_revives_no_replay),
        TEST(test_bindings_last_as_long_as_the_longest_age_asked_for),
        TEST(test_a_nonce_from_the_future_has_no_age),
        TEST(test_who_asks_learns_how_long_a_nonce_lives),
        cmocka_unit_test(test_of_many_threads_one_gets_each_nonce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
