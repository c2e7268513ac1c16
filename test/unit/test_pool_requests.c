/* What a backend still owes, through pipelines, errors and COPY. */
#include "pool/requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/*
 * Plays a conversation: letters are what the client sends (as the protocol names them), and between them
 *   z  ReadyForQuery comes     e  ErrorResponse comes     i  CopyInResponse comes
 * Returns what is due then: "none", "due", "discarding", "lost" when it is not known, or "unexpected" when an answer
 * came that was not.
 */
static const char *played(const char *conversation, struct requests *requests)
{
    for (; *conversation; conversation++) {
        switch (*conversation) {
        case 'z':
            if (!requests_answered(requests))
                return "unexpected";
            break;
        case 'e':
            requests_failed(requests);
            break;
        case 'i':
            requests_copy_in(requests);
            break;
        case ' ':
            break;
        default:
            requests_sent(requests, (uint8_t)*conversation);
            break;
        }
    }
    if (requests->lost)
        return requests_none_due(requests) ? "none, though lost" : "lost";
    if (requests_none_due(requests))
        return "none";
    return requests->count == 0 ? "discarding" : "due";
}

static void expect_played(const char *conversation, const char *expected)
{
    struct requests requests = {0};
    const char *outcome = played(conversation, &requests);
    if (strcmp(outcome, expected) != 0)
        fail_msg("\"%s\": %s, expected %s", conversation, outcome, expected);
    requests_clear(&requests);
    assert_true(requests_none_due(&requests));
}

static void test_a_query_owes_one_answer(void **state)
{
    (void)state;
    expect_played("", "none");
    expect_played("Q", "due");
    expect_played("Qz", "none");
    expect_played("Fz", "none");
    expect_played("QQz", "due");
    expect_played("QQzz", "none");
    expect_played("QFQzzz", "none");
    expect_played("Qez", "none"); /* a failed query is answered all the same */
}

static void test_a_series_owes_one_answer_from_its_sync_on(void **state)
{
    (void)state;
    expect_played("PBDES", "due");
    expect_played("PBDESz", "none");
    expect_played("PBDE", "due"); /* the next client's words would be taken for its own */
    expect_played("PBDEH", "due");
    expect_played("PBES PBES z", "due");
    expect_played("PBES PBES zz", "none");
    expect_played("Sz", "none");
    expect_played("SSz", "due");
    expect_played("CS z", "none");
}

static void test_queries_and_series_may_follow_one_another(void **state)
{
    (void)state;
    expect_played("Q PBES z", "due");
    expect_played("Q PBES zz", "none");
    expect_played("PBES Q zz", "none");
    expect_played("PBE Q zS z", "none"); /* a Query inside a series is answered on its own */
}

static void test_an_answer_that_nobody_asked_for_is_noticed(void **state)
{
    (void)state;
    expect_played("z", "unexpected");
    expect_played("Qzz", "unexpected");
    expect_played("PBEz", "unexpected");
    expect_played("Hz", "unexpected");
    expect_played("dz", "unexpected");
}

static void test_after_an_error_the_series_is_discarded_up_to_its_sync(void **state)
{
    (void)state;
    expect_played("PBES e z", "none");
    expect_played("PBE e", "discarding");
    expect_played("PBE e S", "due");
    expect_played("PBE e S z", "none");
    expect_played("PBE e PBE", "discarding");
    expect_played("PBE e PBE S z", "none");
    expect_played("PBES PBES e z", "due"); /* the second series is its own */
    expect_played("PBES PBES e z z", "none");
    expect_played("PBES PBES z e z", "none");
}

static void test_queries_sent_after_an_error_are_discarded_with_the_series(void **state)
{
    (void)state;
    expect_played("PBE e Q", "discarding");
    expect_played("PBE e Q S z", "none");
    expect_played("PBE e Q S zz", "unexpected");
}

static void test_an_error_that_may_be_a_query_s_or_its_series_leaves_the_link_with_its_client(void **state)
{
    (void)state;
    expect_played("PBE Q e", "lost");
    expect_played("PBE Q e S z", "lost"); /* and stays so: either one answer is due, or two */
    expect_played("PBE Q e S z z", "lost");
    expect_played("PBE Q S e z", "lost");
    expect_played("PBES Q e z z", "none"); /* the Sync stands between them */
}

static void test_an_error_between_queries_discards_nothing(void **state)
{
    (void)state;
    expect_played("e", "none");
    expect_played("QQ e z z", "none");
    expect_played("Q PBES e z z", "none"); /* the query's error, not the series' */
}

static void test_a_copy_within_a_series_swallows_its_syncs(void **state)
{
    (void)state;
    expect_played("PBE i", "due");
    expect_played("PBES i", "due"); /* that Sync is read in COPY mode, and ignored */
    expect_played("PBES i ddcS z", "none");
    expect_played("PBES i ddcS zz", "unexpected");
    expect_played("PBE i dSdS cS z", "none");
    expect_played("PBE i fS e z", "none");
}

static void test_a_copy_whose_end_was_sent_already_ignores_only_what_stands_before(void **state)
{
    (void)state;
    expect_played("PBE S dc S i z", "none");
    expect_played("PBE dc S i z", "none");
    expect_played("PBE dc S PBES i z z", "none");
}

static void test_a_copy_that_fails_discards_up_to_the_sync_that_follows(void **state)
{
    (void)state;
    expect_played("PBE i d e", "discarding");
    expect_played("PBE i d e d S z", "none");
    expect_played("PBE i d e c S z", "none");
}

static void test_a_copy_of_a_simple_query_owes_the_query_s_answer(void **state)
{
    (void)state;
    expect_played("Q i ddc", "due");
    expect_played("Q i ddc z", "none");
    expect_played("Q i f e z", "none");
}

static void test_long_pipelines_are_counted_exactly(void **state)
{
    (void)state;
    static const int lengths[] = {REQUESTS_INLINE - 1, REQUESTS_INLINE, REQUESTS_INLINE + 1, 1000};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct requests requests = {0};
        for (int sent = 0; sent < 5; sent++) /* the ring has turned */
            requests_sent(&requests, 'Q');
        for (int sent = 0; sent < 5; sent++)
            assert_true(requests_answered(&requests));
        for (int sent = 0; sent < lengths[i]; sent++)
            requests_sent(&requests, sent % 3 ? 'Q' : 'S');
        for (int sent = 0; sent < lengths[i]; sent++) {
            assert_false(requests_none_due(&requests));
            assert_true(requests_answered(&requests));
        }
        assert_true(requests_none_due(&requests));
        assert_false(requests_answered(&requests));
        requests_clear(&requests);
    }
}

static void test_a_long_series_takes_no_room(void **state)
{
    (void)state;
    struct requests requests = {0};
    for (int i = 0; i < 100000; i++)
        requests_sent(&requests, "PBDEC"[i % 5]);
    assert_int_equal(requests.count, 1);
    assert_null(requests.grown);
    requests_clear(&requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query_owes_one_answer),
        cmocka_unit_test(test_a_series_owes_one_answer_from_its_sync_on),
        cmocka_unit_test(test_queries_and_series_may_follow_one_another),
        cmocka_unit_test(test_an_answer_that_nobody_asked_for_is_noticed),
        cmocka_unit_test(test_after_an_error_the_series_is_discarded_up_to_its_sync),
        cmocka_unit_test(test_queries_sent_after_an_error_are_discarded_with_the_series),
        cmocka_unit_test(test_an_error_that_may_be_a_query_s_or_its_series_leaves_the_link_with_its_client),
        cmocka_unit_test(test_an_error_between_queries_discards_nothing),
        cmocka_unit_test(test_a_copy_within_a_series_swallows_its_syncs),
        cmocka_unit_test(test_a_copy_whose_end_was_sent_already_ignores_only_what_stands_before),
        cmocka_unit_test(test_a_copy_that_fails_discards_up_to_the_sync_that_follows),
        cmocka_unit_test(test_a_copy_of_a_simple_query_owes_the_query_s_answer),
        cmocka_unit_test(test_long_pipelines_are_counted_exactly),
        cmocka_unit_test(test_a_long_series_takes_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
