/* SCRAM-SHA-256, the side that answers: against our own server, and against servers who cheat. */
#include "gate/scram.h"

#include "scram_vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

struct answering {
    struct scram_client *client;
    struct writer first;
    struct writer final;
};

static struct answering answering_new(struct bytes binding, bool plus)
{
    struct answering a = {
        .client = scram_client_new(binding, plus), .first = writer_growing(10000), .final = writer_growing(10000)};
    expect_ok(scram_client_first(a.client, &a.first));
    return a;
}

static void answering_free(struct answering *a)
{
    scram_client_free(a->client);
    writer_free(&a->first);
    writer_free(&a->final);
}

/* The client's own nonce, which its first message ends with. */
static const char *answering_nonce(struct answering *a)
{
    writer_u8(&a->first, 0);
    a->first.used--;
    return strstr((const char *)a->first.start, "r=") + 2;
}

static void test_both_sides_agree(void **state)
{
    (void)state;
    static const struct {
        struct bytes binding;
        bool offered;
        const char *gs2, *mechanism;
    } cases[] = {
        {{NULL, 0}, false, "n,,n=,r=", "SCRAM-SHA-256"},
        {{NULL, 0}, true, "n,,n=,r=", "SCRAM-SHA-256"},
        {{leaf_hash, 32}, true, "p=tls-server-end-point,,n=,r=", "SCRAM-SHA-256-PLUS"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answering a = answering_new(cases[i].binding, cases[i].offered);
        struct scram_server *server = scram_server_new(&vector.secret, cases[i].binding, false);
        struct writer first = writer_growing(10000);
        struct writer final = writer_growing(10000);
        struct bytes asked_salt;
        uint32_t iterations;
        uint8_t client_key[SCRAM_KEY_SIZE];
        assert_memory_equal(a.first.start, cases[i].gs2, strlen(cases[i].gs2));
        assert_string_equal(scram_client_mechanism(a.client), cases[i].mechanism);
        expect_ok(scram_server_first(server, scram_client_mechanism(a.client), writer_bytes(&a.first), &first));
        expect_ok(scram_client_take_first(a.client, writer_bytes(&first), &asked_salt, &iterations));
        assert_true(bytes_equal(asked_salt, BYTES(vector.salt)));
        assert_int_equal(iterations, 4096);
        expect_ok(scram_client_final(a.client, &vector.keys, &a.final));
        expect_ok(scram_server_final(server, writer_bytes(&a.final), &final, client_key));
        expect_ok(scram_client_take_final(a.client, writer_bytes(&final)));
        assert_memory_equal(client_key, vector.keys.client_key, SCRAM_KEY_SIZE);
        scram_server_free(server);
        writer_free(&first);
        writer_free(&final);
        answering_free(&a);
    }
}

static void test_a_server_over_tls_that_offers_no_binding_is_told_that_we_could(void **state)
{
    (void)state;
    struct answering a = answering_new(BYTES(leaf_hash), false);
    assert_memory_equal(a.first.start, "y,,n=,r=", 8); /* so that a removed -PLUS is noticed */
    assert_string_equal(scram_client_mechanism(a.client), "SCRAM-SHA-256");
    struct scram_server *server = scram_server_new(&vector.secret, BYTES(leaf_hash), false);
    expect_err(scram_server_first(server, scram_mechanism, writer_bytes(&a.first), &a.final), ERR_DENIED,
               "somebody removed SCRAM-SHA-256-PLUS");
    scram_server_free(server);
    answering_free(&a);
}

static void test_the_client_s_nonce_is_new_every_time(void **state)
{
    (void)state;
    struct answering one = answering_new(BYTES_NONE, false);
    struct answering two = answering_new(BYTES_NONE, false);
    assert_int_equal(strlen(answering_nonce(&one)), 24);
    assert_string_not_equal(answering_nonce(&one), answering_nonce(&two));
    answering_free(&one);
    answering_free(&two);
}

/* A server-first-message in which % stands for the client's nonce. */
static struct err take_first(struct answering *a, const char *format)
{
    struct writer w = writer_growing(10000);
    struct bytes asked_salt;
    uint32_t iterations;
    for (; *format; format++) {
        if (*format == '%')
            writer_put(&w, bytes_of_string(answering_nonce(a)));
        else
            writer_u8(&w, (uint8_t)*format);
    }
    struct err e = scram_client_take_first(a->client, writer_bytes(&w), &asked_salt, &iterations);
    writer_free(&w);
    return e;
}

static void test_malformed_messages_of_a_server_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=AAAA", ERR_INPUT, "malformed SCRAM message"},
        {"s=AAAA,r=%x,i=1", ERR_INPUT, "malformed SCRAM message"},
        {"m=x,r=%x,s=AAAA,i=1", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=,i=1", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=AAAA,i=", ERR_INPUT, "malformed SCRAM message"},
        {"r=%x,s=AAA,i=1", ERR_INPUT, "malformed base64"},
        {"r=%,s=AAAA,i=1", ERR_DENIED, "wrong SCRAM nonce"}, /* the server must add to it */
        {"r=another,s=AAAA,i=1", ERR_DENIED, "wrong SCRAM nonce"},
        {"r=x%,s=AAAA,i=1", ERR_DENIED, "wrong SCRAM nonce"},
        {"r=%x,s=AAAA,i=0", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=-1", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=1x", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=10000001", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=4294967297", ERR_INPUT, "impossible SCRAM iteration count"},
        {"r=%x,s=AAAA,i=99999999999999999999", ERR_INPUT, "impossible SCRAM iteration count"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct answering a = answering_new(BYTES_NONE, false);
        expect_err(take_first(&a, bad[i].message), bad[i].code, bad[i].why);
        answering_free(&a);
    }
}

static void test_extensions_behind_a_server_s_first_message_are_passed_over(void **state)
{
    (void)state;
    struct answering a = answering_new(BYTES_NONE, false);
    expect_ok(take_first(&a, "r=%x,s=AAAA,i=10000000,x=y")); /* RFC 5802 section 5.1 */
    answering_free(&a);
}

static void test_a_server_that_does_not_know_the_secret_is_not_believed(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ERR_DENIED, "does not know the SCRAM secret"},
        {"v=AAAA", ERR_DENIED, "does not know the SCRAM secret"},
        {"v=AAA", ERR_INPUT, "malformed"},
        {"v=", ERR_INPUT, "malformed"},
        {"", ERR_INPUT, "malformed"},
        {"e=invalid-proof", ERR_DENIED, "refused the SCRAM exchange"},
        {"x=AAAA", ERR_INPUT, "malformed"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct answering a = answering_new(BYTES_NONE, false);
        expect_ok(take_first(&a, "r=%x,s=AAAA,i=1"));
        expect_ok(scram_client_final(a.client, &vector.keys, &a.final));
        expect_err(scram_client_take_final(a.client, bytes_of_string(bad[i].message)), bad[i].code, bad[i].why);
        answering_free(&a);
    }
}

static void test_ends_without_a_beginning_do_nothing(void **state)
{
    (void)state;
    scram_server_free(NULL);
    scram_client_free(NULL);
    scram_client_free(scram_client_new(BYTES(leaf_hash), true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_agree),
        cmocka_unit_test(test_a_server_over_tls_that_offers_no_binding_is_told_that_we_could),
        cmocka_unit_test(test_the_client_s_nonce_is_new_every_time),
        cmocka_unit_test(test_malformed_messages_of_a_server_are_refused),
        cmocka_unit_test(test_extensions_behind_a_server_s_first_message_are_passed_over),
        cmocka_unit_test(test_a_server_that_does_not_know_the_secret_is_not_believed),
        cmocka_unit_test(test_ends_without_a_beginning_do_nothing),
    };
    return cmocka_run_group_tests(tests, scram_vector_derive, NULL);
}
