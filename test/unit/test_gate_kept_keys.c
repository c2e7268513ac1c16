/* What a login leaves behind. */
#include "gate/client_auth.h"
#include "gate/secret_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define ITERATIONS 4096

static const uint8_t salt[16] = "0123456789abcdef";

/* A cleartext login against a SCRAM secret, to its end. */
static struct err log_in(const char *password)
{
    struct scram_keys keys;
    struct userlist_entry entry = {.name = (char *)"app", .secret = (char *)"SCRAM-SHA-256", .kind = SECRET_SCRAM};
    assert_int_equal(scram_derive("right", BYTES(salt), ITERATIONS, &keys).code, ERR_NONE);
    assert_int_equal(scram_secret_of(&keys, BYTES(salt), ITERATIONS, &entry.scram).code, ERR_NONE);
    struct client_auth *auth = client_auth_new(AUTH_TYPE_PLAIN, "app", &entry, ITERATIONS, BYTES_NONE);
    struct writer out = writer_growing(1024);
    enum client_auth_step step;
    assert_int_equal(client_auth_begin(auth, &out, &step).code, ERR_NONE);
    assert_int_equal(client_auth_take(auth, bytes_of(password, strlen(password) + 1), &out, &step).code, ERR_NONE);
    assert_int_equal(step, CLIENT_AUTH_WORK);
    client_auth_work(auth);
    struct err outcome = client_auth_worked(auth, &out, &step);
    writer_free(&out);
    client_auth_free(auth);
    return outcome;
}

static bool is_kept(const char *password)
{
    struct scram_keys keys;
    return secret_cache_find(password, BYTES(salt), ITERATIONS, &keys);
}

static int clear_cache(void **state)
{
    (void)state;
    secret_cache_clear();
    return 0;
}

static void test_the_keys_of_a_right_password_are_kept(void **state)
{
    (void)state;
    assert_int_equal(log_in("right").code, ERR_NONE);
    assert_true(is_kept("right"));
    assert_int_equal(log_in("right").code, ERR_NONE);
}

static void test_a_wrong_password_takes_no_place_among_the_keys_that_are_kept(void **state)
{
    (void)state;
    assert_int_equal(log_in("wrong").code, ERR_DENIED);
    assert_false(is_kept("wrong"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_keys_of_a_right_password_are_kept, clear_cache, clear_cache),
        cmocka_unit_test_setup_teardown(test_a_wrong_password_takes_no_place_among_the_keys_that_are_kept, clear_cache,
                                        clear_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
