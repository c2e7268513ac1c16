/* Which value is in effect: the user's, the database's, or the setting. */
#include "config/effective.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static const char text[] = "[pgvouch]\n"
                           "pool_mode = session\ndefault_pool_size = 10\nmin_pool_size = 5\nreserve_pool_size = 1\n"
                           "max_db_connections = 100\nmax_db_client_connections = 101\n"
                           "max_user_connections = 102\nmax_user_client_connections = 103\n"
                           "server_lifetime = 1\nquery_wait_timeout = 2\nquery_timeout = 3\n"
                           "idle_transaction_timeout = 4\ntransaction_timeout = 5\nclient_idle_timeout = 6\n"
                           "auth_user = su\nauth_query = sq\n"
                           "[databases]\n"
                           "plain =\n"
                           "full = pool_mode=transaction pool_size=20 min_pool_size=6 reserve_pool_size=2"
                           " max_db_connections=200 max_db_client_connections=201 server_lifetime=11"
                           " query_wait_timeout=12 auth_user=du auth_query=dq auth_dbname=dd"
                           " load_balance_hosts=disable\n"
                           "zero = pool_size=0 max_db_connections=0 server_lifetime=0 query_wait_timeout=0\n"
                           "[users]\n"
                           "plain =\n"
                           "full = pool_mode=statement pool_size=3 reserve_pool_size=4 max_user_connections=302"
                           " max_user_client_connections=303 query_wait_timeout=22 query_timeout=23"
                           " idle_transaction_timeout=24 transaction_timeout=25 client_idle_timeout=26\n"
                           "zero = pool_size=0 max_user_connections=0 query_timeout=0\n";

static int begin(void **state)
{
    struct config *config = NULL;
    expect_ok(config_parse("x.ini", bytes_of_string(text), &config));
    *state = config;
    return 0;
}

static int end(void **state)
{
    config_unref(*state);
    return 0;
}

#define US(seconds) ((int64_t)(seconds)*1000000)

static void test_where_nobody_says_the_setting_counts(void **state)
{
    const struct config *c = *state;
    const struct config_database *d = config_find_database(c, "plain", NULL);
    const struct config_user *users[] = {NULL, config_find_user(c, "plain")};
    for (size_t i = 0; i < COUNT(users); i++) {
        const struct config_user *u = users[i];
        assert_int_equal(config_pool_mode(c, d, u), POOL_MODE_SESSION);
        assert_int_equal(config_pool_size(c, d, u), 10);
        assert_int_equal(config_min_pool_size(c, d, u), 5);
        assert_int_equal(config_reserve_pool_size(c, d, u), 1);
        assert_int_equal(config_max_user_connections(c, u), 102);
        assert_int_equal(config_max_user_client_connections(c, u), 103);
        assert_true(config_query_wait_timeout_us(c, d, u) == US(2));
        assert_true(config_query_timeout_us(c, u) == US(3));
        assert_true(config_idle_transaction_timeout_us(c, u) == US(4));
        assert_true(config_transaction_timeout_us(c, u) == US(5));
        assert_true(config_client_idle_timeout_us(c, u) == US(6));
    }
    assert_int_equal(config_max_db_connections(c, d), 100);
    assert_int_equal(config_max_db_client_connections(c, d), 101);
    assert_true(config_server_lifetime_us(c, d) == US(1));
    assert_int_equal(config_load_balance_hosts(d), LOAD_BALANCE_ROUND_ROBIN);
    assert_string_equal(config_auth_user(c, d), "su");
    assert_string_equal(config_auth_query(c, d), "sq");
    assert_string_equal(config_auth_dbname(c, d), "");
}

static void test_the_database_goes_before_the_setting(void **state)
{
    const struct config *c = *state;
    const struct config_database *d = config_find_database(c, "full", NULL);
    const struct config_user *u = config_find_user(c, "plain");
    assert_int_equal(config_pool_mode(c, d, u), POOL_MODE_TRANSACTION);
    assert_int_equal(config_pool_size(c, d, u), 20);
    assert_int_equal(config_min_pool_size(c, d, u), 6);
    assert_int_equal(config_reserve_pool_size(c, d, u), 2);
    assert_int_equal(config_max_db_connections(c, d), 200);
    assert_int_equal(config_max_db_client_connections(c, d), 201);
    assert_true(config_server_lifetime_us(c, d) == US(11));
    assert_true(config_query_wait_timeout_us(c, d, u) == US(12));
    assert_int_equal(config_load_balance_hosts(d), LOAD_BALANCE_DISABLE);
    assert_string_equal(config_auth_user(c, d), "du");
    assert_string_equal(config_auth_query(c, d), "dq");
    assert_string_equal(config_auth_dbname(c, d), "dd");
}

static void test_the_user_goes_before_the_database(void **state)
{
    const struct config *c = *state;
    const struct config_database *d = config_find_database(c, "full", NULL);
    const struct config_user *u = config_find_user(c, "full");
    assert_int_equal(config_pool_mode(c, d, u), POOL_MODE_STATEMENT);
    assert_int_equal(config_pool_size(c, d, u), 3);
    assert_int_equal(config_reserve_pool_size(c, d, u), 4);
    assert_int_equal(config_max_user_connections(c, u), 302);
    assert_int_equal(config_max_user_client_connections(c, u), 303);
    assert_true(config_query_wait_timeout_us(c, d, u) == US(22));
    assert_true(config_query_timeout_us(c, u) == US(23));
    assert_true(config_idle_transaction_timeout_us(c, u) == US(24));
    assert_true(config_transaction_timeout_us(c, u) == US(25));
    assert_true(config_client_idle_timeout_us(c, u) == US(26));
}

static void test_zero_is_a_value_and_not_a_gap(void **state)
{
    const struct config *c = *state;
    const struct config_database *d = config_find_database(c, "zero", NULL);
    const struct config_user *u = config_find_user(c, "zero");
    assert_int_equal(config_pool_size(c, d, NULL), 0);
    assert_int_equal(config_pool_size(c, config_find_database(c, "full", NULL), u), 0);
    assert_int_equal(config_max_db_connections(c, d), 0);
    assert_int_equal(config_max_user_connections(c, u), 0);
    assert_true(config_server_lifetime_us(c, d) == 0);
    assert_true(config_query_wait_timeout_us(c, d, u) == 0);
    assert_true(config_query_timeout_us(c, u) == 0);
}

static void test_no_more_is_kept_open_than_the_pool_holds(void **state)
{
    const struct config *c = *state;
    const struct config_database *d = config_find_database(c, "full", NULL);
    assert_int_equal(config_min_pool_size(c, d, config_find_user(c, "full")), 3);
    assert_int_equal(config_min_pool_size(c, d, config_find_user(c, "zero")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_nobody_says_the_setting_counts),
        cmocka_unit_test(test_the_database_goes_before_the_setting),
        cmocka_unit_test(test_the_user_goes_before_the_database),
        cmocka_unit_test(test_zero_is_a_value_and_not_a_gap),
        cmocka_unit_test(test_no_more_is_kept_open_than_the_pool_holds),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
