/* Session variables that are carried from link to link, and counters that hold over all threads. */
#include "pool/limits.h"
#include "pool/stats.h"
#include "pool/variables.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static int track(void **state)
{
    (void)state;
    return failed(variables_track("IntervalStyle, search_path")) ? -1 : 0;
}

static void put(struct variables *set, const char *name, const char *value)
{
    int index = variables_index(name);
    assert_true(index >= 0);
    variables_put(set, (size_t)index, value);
}

static const char *get(const struct variables *set, const char *name)
{
    return variables_get(set, (size_t)variables_index(name));
}

/* ---- what is tracked ---- */

static void test_five_variables_are_always_tracked_and_others_as_configured(void **state)
{
    (void)state;
    static const char *const names[] = {
        "client_encoding",  "DateStyle",     "TimeZone",   "standard_conforming_strings",
        "application_name", "IntervalStyle", "search_path"};
    assert_int_equal(variables_count(), COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_string_equal(variables_name(i), names[i]);
        assert_int_equal(variables_index(names[i]), i);
    }
    assert_int_equal(variables_index("TIMEZONE"), 2);
    assert_int_equal(variables_index("geqo"), -1);
    assert_int_equal(variables_index(""), -1);
}

static void test_names_given_twice_count_once(void **state)
{
    expect_ok(variables_track(" datestyle ,geqo,,GEQO,"));
    assert_int_equal(variables_count(), 6);
    assert_string_equal(variables_name(5), "geqo");
    expect_ok(variables_track(""));
    assert_int_equal(variables_count(), 5);
    assert_int_equal(track(state), 0);
}

static void test_more_than_can_be_tracked_are_refused(void **state)
{
    expect_ok(variables_track("a,b,c,d,e,f,g,h,i,j,k"));
    assert_int_equal(variables_count(), VARIABLES_MAX);
    expect_err(variables_track("a,b,c,d,e,f,g,h,i,j,k,l"), ERR_LIMIT, "at most 16 can be tracked");
    assert_int_equal(track(state), 0);
}

/* ---- values ---- */

static void test_values_are_kept_until_they_change(void **state)
{
    (void)state;
    struct variables set = {0};
    assert_null(get(&set, "TimeZone"));
    put(&set, "TimeZone", "UTC");
    put(&set, "TimeZone", "UTC");
    assert_string_equal(get(&set, "TimeZone"), "UTC");
    put(&set, "TimeZone", "Europe/Berlin");
    assert_string_equal(get(&set, "TimeZone"), "Europe/Berlin");
    put(&set, "TimeZone", "");
    assert_string_equal(get(&set, "TimeZone"), "");
    assert_null(get(&set, "DateStyle"));
    variables_clear(&set);
    assert_null(get(&set, "TimeZone"));
}

static void test_equal_values_are_one(void **state)
{
    (void)state;
    struct variables one = {0};
    struct variables two = {0};
    char text[] = "ISO, MDY"; /* elsewhere in memory */
    put(&one, "DateStyle", "ISO, MDY");
    put(&two, "DateStyle", text);
    assert_ptr_equal(one.value[1], two.value[1]);
    variables_clear(&one);
    assert_string_equal(get(&two, "DateStyle"), "ISO, MDY"); /* and live as long as anybody has them */
    variables_clear(&two);
}

static void test_what_is_missing_is_filled_in(void **state)
{
    (void)state;
    struct variables set = {0};
    struct variables from = {0};
    put(&set, "TimeZone", "UTC");
    put(&from, "TimeZone", "CET");
    put(&from, "DateStyle", "ISO");
    variables_fill(&set, &from);
    variables_clear(&from);
    assert_string_equal(get(&set, "TimeZone"), "UTC");
    assert_string_equal(get(&set, "DateStyle"), "ISO");
    assert_null(get(&set, "client_encoding"));
    variables_clear(&set);
}

/* ---- differences ---- */

static void test_sets_differ_where_the_client_wants_another_value(void **state)
{
    (void)state;
    struct variables client = {0};
    struct variables link = {0};
    assert_false(variables_differ(&client, &link));
    put(&link, "TimeZone", "UTC");
    assert_false(variables_differ(&client, &link)); /* what the client leaves unset does not count */
    put(&client, "TimeZone", "UTC");
    assert_false(variables_differ(&client, &link));
    put(&client, "TimeZone", "utc");
    assert_true(variables_differ(&client, &link));
    put(&client, "TimeZone", "UTC");
    put(&client, "DateStyle", "ISO");
    assert_true(variables_differ(&client, &link)); /* the link has none */
    variables_clear(&client);
    variables_clear(&link);
}

static void expect_set(const struct variables *wanted, const struct variables *actual, const char *expected)
{
    struct writer sql = writer_growing(10000);
    variables_write_set(wanted, actual, &sql);
    writer_u8(&sql, 0);
    assert_string_equal((const char *)sql.start, expected);
    writer_free(&sql);
}

static void test_every_difference_is_set(void **state)
{
    (void)state;
    struct variables client = {0};
    struct variables link = {0};
    put(&client, "DateStyle", "ISO");
    put(&client, "TimeZone", "UTC");
    put(&client, "search_path", "\"$user\", public");
    put(&link, "DateStyle", "ISO");
    put(&link, "TimeZone", "CET");
    put(&link, "client_encoding", "UTF8");
    expect_set(&client, &link, "SET TimeZone='UTC';SET search_path='\"$user\", public';");
    expect_set(&client, &client, "");
    variables_clear(&client);
    variables_clear(&link);
}

static void test_values_cannot_leave_their_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *value, *sql;
    } cases[] = {
        {"", "SET application_name='';"},
        {"it's", "SET application_name='it''s';"},
        {"';DROP TABLE x;--", "SET application_name=''';DROP TABLE x;--';"},
        {"a\\b", "SET application_name=E'a\\\\b';"}, /* whatever standard_conforming_strings is */
        {"\\'", "SET application_name=E'\\\\''';"},
        {"\\';DROP TABLE x;--", "SET application_name=E'\\\\'';DROP TABLE x;--';"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct variables client = {0};
        struct variables link = {0};
        put(&client, "application_name", cases[i].value);
        expect_set(&client, &link, cases[i].sql);
        variables_clear(&client);
    }
}

static void *put_many(void *arg)
{
    struct variables set = {0};
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        char value[2] = {(char)('a' + i % 7), '\0'};
        variables_put(&set, 0, value);
        variables_put(&set, 1, value);
        if (set.value[0] != set.value[1])
            return &put_many;
    }
    variables_clear(&set);
    return NULL;
}

static void test_values_are_shared_by_threads(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *trouble = NULL;
        pthread_join(threads[i], &trouble);
        assert_null(trouble);
    }
}

/* ---- limits ---- */

static void test_a_limit_gives_up_to_its_ceiling(void **state)
{
    (void)state;
    struct limit limit = {.ceiling = 2};
    assert_true(limit_take(&limit));
    assert_true(limit_take(&limit));
    assert_false(limit_take(&limit));
    assert_int_equal(limit_taken(&limit), 2);
    limit_give(&limit);
    assert_true(limit_take(&limit));
    assert_false(limit_take(&limit));
}

static void test_no_ceiling_is_no_limit(void **state)
{
    (void)state;
    struct limit limit = {.ceiling = 0};
    for (int i = 0; i < 1000; i++)
        assert_true(limit_take(&limit));
    assert_int_equal(limit_taken(&limit), 1000);
}

static void test_a_lowered_ceiling_holds_once_enough_is_given_back(void **state)
{
    (void)state;
    struct limit limit = {.ceiling = 3};
    for (int i = 0; i < 3; i++)
        assert_true(limit_take(&limit));
    limit.ceiling = 1;
    limit_give(&limit);
    assert_false(limit_take(&limit));
    limit_give(&limit);
    assert_false(limit_take(&limit));
    limit_give(&limit);
    assert_true(limit_take(&limit));
}

static void test_a_ceiling_of_one_s_own_is_looked_at_instead(void **state)
{
    (void)state;
    struct limit limit = {.ceiling = 1};
    assert_true(limit_take_below(&limit, 2));
    assert_true(limit_take_below(&limit, 2));
    assert_false(limit_take_below(&limit, 2));
    assert_false(limit_take(&limit));
}

#define CEILING 5
static struct limit shared = {.ceiling = CEILING};

static void *take_and_give(void *arg)
{
    (void)arg;
    uintptr_t got = 0;
    for (int i = 0; i < 20000; i++) {
        if (!limit_take(&shared))
            continue;
        got++;
        if (limit_taken(&shared) > CEILING)
            return NULL;
        limit_give(&shared);
    }
    return (void *)got;
}

static void test_a_limit_holds_over_all_threads(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *got = NULL;
        pthread_join(threads[i], &got);
        assert_non_null(got); /* the ceiling was never passed */
    }
    assert_int_equal(limit_taken(&shared), 0);
}

/* ---- counters ---- */

static void test_counters_are_added_and_subtracted_one_by_one(void **state)
{
    (void)state;
    struct stats sum = {0};
    struct stats part;
    uint64_t *counter = (uint64_t *)&part;
    size_t count = sizeof part / sizeof *counter;
    for (size_t i = 0; i < count; i++)
        counter[i] = i + 1;
    stats_add(&sum, &part);
    stats_add(&sum, &part);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(((uint64_t *)&sum)[i], 2 * (i + 1));
    stats_subtract(&sum, &part);
    assert_memory_equal(&sum, &part, sizeof sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_variables_are_always_tracked_and_others_as_configured),
        cmocka_unit_test(test_names_given_twice_count_once),
        cmocka_unit_test(test_more_than_can_be_tracked_are_refused),
        cmocka_unit_test(test_values_are_kept_until_they_change),
        cmocka_unit_test(test_equal_values_are_one),
        cmocka_unit_test(test_what_is_missing_is_filled_in),
        cmocka_unit_test(test_sets_differ_where_the_client_wants_another_value),
        cmocka_unit_test(test_every_difference_is_set),
        cmocka_unit_test(test_values_cannot_leave_their_quotes),
        cmocka_unit_test(test_values_are_shared_by_threads),
        cmocka_unit_test(test_a_limit_gives_up_to_its_ceiling),
        cmocka_unit_test(test_no_ceiling_is_no_limit),
        cmocka_unit_test(test_a_lowered_ceiling_holds_once_enough_is_given_back),
        cmocka_unit_test(test_a_ceiling_of_one_s_own_is_looked_at_instead),
        cmocka_unit_test(test_a_limit_holds_over_all_threads),
        cmocka_unit_test(test_counters_are_added_and_subtracted_one_by_one),
    };
    return cmocka_run_group_tests(tests, track, NULL);
}
