/* Whose turn it is before the crew. */
#include "gate/turnstile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>

#define VISITORS 100

struct visitor {
    struct turnstile_ticket ticket;
    int order; /* 0: not let in */
};

static int let_in_so_far;

static void let_in(struct turnstile_ticket *ticket)
{
    ((struct visitor *)ticket)->order = ++let_in_so_far;
}

static int open_turnstile(void **state)
{
    static struct turnstile turnstile;
    let_in_so_far = 0;
    turnstile_init(&turnstile, let_in);
    *state = &turnstile;
    return 0;
}

static struct address address_of(const char *text)
{
    struct address address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        address.length = sizeof *v4;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
        address.length = sizeof *v6;
    }
    return address;
}

static void arrive(struct turnstile *turnstile, struct visitor *visitor, const char *from)
{
    struct address address = address_of(from);
    turnstile_arrive(turnstile, &visitor->ticket, &address);
}

static void leave_all(struct turnstile *turnstile, struct visitor *visitors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        turnstile_leave(turnstile, &visitors[i].ticket);
    assert_null(turnstile->sources);
    assert_true(TAILQ_EMPTY(&turnstile->turns));
    assert_int_equal(turnstile->inside, 0);
}

static void test_one_source_has_few_inside_and_the_others_wait_in_order(void **state)
{
    struct visitor visitors[TURNSTILE_OF_ONE_SOURCE + 2] = {0};
    size_t last = TURNSTILE_OF_ONE_SOURCE;
    for (size_t i = 0; i < last + 2; i++)
        arrive(*state, &visitors[i], "192.0.2.1");
    assert_int_equal(let_in_so_far, TURNSTILE_OF_ONE_SOURCE);
    assert_int_equal(visitors[last].order, 0);
    turnstile_leave(*state, &visitors[1].ticket);
    assert_int_equal(visitors[last].order, TURNSTILE_OF_ONE_SOURCE + 1);
    assert_int_equal(visitors[last + 1].order, 0);
    leave_all(*state, visitors, last + 2);
}

static void test_another_source_does_not_wait_for_the_first(void **state)
{
    struct visitor visitors[20] = {0};
    for (size_t i = 0; i < 19; i++)
        arrive(*state, &visitors[i], "192.0.2.1");
    arrive(*state, &visitors[19], "192.0.2.2");
    assert_int_equal(visitors[19].order, TURNSTILE_OF_ONE_SOURCE + 1);
    leave_all(*state, visitors, 20);
}

static void test_all_sources_together_have_a_limit_and_take_turns(void **state)
{
    static struct visitor visitors[VISITORS];
    char from[32];
    for (size_t i = 0; i < VISITORS; i++) {
        snprintf(from, sizeof from, "192.0.2.%zu", i < 50 ? 1 + i / 5 : 100 + i);
        visitors[i] = (struct visitor){0};
        arrive(*state, &visitors[i], from);
    }
    assert_int_equal(let_in_so_far, TURNSTILE_OF_ALL);
    turnstile_leave(*state, &visitors[0].ticket); /* of the first source, whose fifth visitor comes after the others */
    assert_int_equal(let_in_so_far, TURNSTILE_OF_ALL + 1);
    assert_int_equal(visitors[4].order, 0);
    leave_all(*state, visitors, VISITORS);
}

static void test_a_network_of_ipv6_and_a_mapped_address_are_one_source(void **state)
{
    struct visitor visitors[2 * (TURNSTILE_OF_ONE_SOURCE + 1)] = {0};
    char from[64];
    for (size_t i = 0; i <= TURNSTILE_OF_ONE_SOURCE; i++) {
        snprintf(from, sizeof from, "2001:db8:1:2:%zx::1", i);
        arrive(*state, &visitors[2 * i], from);
        arrive(*state, &visitors[2 * i + 1], i % 2 ? "192.0.2.1" : "::ffff:192.0.2.1");
    }
    assert_int_equal(visitors[2 * TURNSTILE_OF_ONE_SOURCE].order, 0);
    assert_int_equal(visitors[2 * TURNSTILE_OF_ONE_SOURCE + 1].order, 0);
    leave_all(*state, visitors, sizeof visitors / sizeof *visitors);
}

static void test_one_that_stops_waiting_is_not_let_in(void **state)
{
    struct visitor visitors[TURNSTILE_OF_ONE_SOURCE + 2] = {0};
    for (size_t i = 0; i < TURNSTILE_OF_ONE_SOURCE + 2; i++)
        arrive(*state, &visitors[i], "192.0.2.1");
    turnstile_leave(*state, &visitors[TURNSTILE_OF_ONE_SOURCE].ticket);
    turnstile_leave(*state, &visitors[TURNSTILE_OF_ONE_SOURCE].ticket);
    turnstile_leave(*state, &visitors[0].ticket);
    assert_int_equal(visitors[TURNSTILE_OF_ONE_SOURCE].order, 0);
    assert_int_equal(visitors[TURNSTILE_OF_ONE_SOURCE + 1].order, TURNSTILE_OF_ONE_SOURCE + 1);
    leave_all(*state, visitors, TURNSTILE_OF_ONE_SOURCE + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_source_has_few_inside_and_the_others_wait_in_order, open_turnstile),
        cmocka_unit_test_setup(test_another_source_does_not_wait_for_the_first, open_turnstile),
        cmocka_unit_test_setup(test_all_sources_together_have_a_limit_and_take_turns, open_turnstile),
        cmocka_unit_test_setup(test_a_network_of_ipv6_and_a_mapped_address_are_one_source, open_turnstile),
        cmocka_unit_test_setup(test_one_that_stops_waiting_is_not_let_in, open_turnstile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
