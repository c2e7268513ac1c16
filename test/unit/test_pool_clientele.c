/* The clients of a worker, and the keys that cancel for them alone. */
#include "base/writer.h"
#include "pool/clientele.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

static const uint8_t common_key[CANCEL_KEY_SIZE] = "the secret that keys are made wi";

struct scene {
    struct loop *loop;
    struct place place;
    struct limit limit;
    struct clientele clientele;
};

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    expect_ok(loop_new(&scene->loop));
    scene->place = (struct place){.index = 5, .loop = scene->loop};
    scene->limit.ceiling = 1000;
    clientele_init(&scene->clientele, &scene->place, &scene->limit, common_key);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    clientele_free(&scene->clientele);
    loop_free(scene->loop);
    free(scene);
    return 0;
}

static void come(struct scene *scene, struct guest *guest, uint64_t id)
{
    *guest = (struct guest){.id = id};
    assert_true(limit_take(&scene->limit));
    clientele_add(&scene->clientele, guest);
}

/* A guest's key as it stands in a CancelRequest. */
struct key {
    uint8_t bytes[4 + CANCEL_SECRET_MAX];
    size_t size;
};

static struct key key_of(const struct clientele *clientele, struct guest *guest, size_t secret_size)
{
    struct key key = {.size = 4 + secret_size};
    struct writer w = writer_over(key.bytes, 4);
    writer_u32(&w, clientele_cancel_key(clientele, guest, key.bytes + 4, secret_size));
    return key;
}

static struct guest *find(const struct scene *scene, const struct key *key)
{
    return clientele_find(&scene->clientele, bytes_of(key->bytes, key->size));
}

static void test_a_key_finds_its_guest(void **state)
{
    struct scene *scene = *state;
    static const size_t sizes[] = {4, CANCEL_SECRET_MAX};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct guest one;
        struct guest two;
        come(scene, &one, 1);
        come(scene, &two, 2);
        struct key first = key_of(&scene->clientele, &one, sizes[i]);
        struct key second = key_of(&scene->clientele, &two, sizes[i]);
        assert_memory_not_equal(first.bytes, second.bytes, first.size);
        assert_ptr_equal(find(scene, &first), &one);
        assert_ptr_equal(find(scene, &second), &two);
        clientele_remove(&scene->clientele, &one);
        clientele_remove(&scene->clientele, &two);
    }
}

static void test_secrets_are_longer_from_protocol_3_2_on(void **state)
{
    (void)state;
    assert_int_equal(clientele_secret_size(0), 4);
    assert_int_equal(clientele_secret_size(1), 4);
    assert_int_equal(clientele_secret_size(2), CANCEL_SECRET_MAX);
    assert_int_equal(clientele_secret_size(3), CANCEL_SECRET_MAX);
}

static void test_a_key_with_any_bit_changed_is_nobody_s(void **state)
{
    struct scene *scene = *state;
    struct guest guest;
    come(scene, &guest, 7);
    struct key key = key_of(&scene->clientele, &guest, CANCEL_SECRET_MAX);
    for (size_t bit = 10; bit < 8 * key.size; bit++) { /* the first ten name the worker, which the caller looks at */
        key.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        assert_null(find(scene, &key));
        key.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    assert_ptr_equal(find(scene, &key), &guest);
    clientele_remove(&scene->clientele, &guest);
}

static void test_a_part_of_a_key_is_nobody_s(void **state)
{
    struct scene *scene = *state;
    struct guest guest;
    come(scene, &guest, 7);
    struct key key = key_of(&scene->clientele, &guest, CANCEL_SECRET_MAX);
    for (key.size = 0; key.size < 4 + CANCEL_SECRET_MAX; key.size++)
        assert_null(find(scene, &key));
    struct key shorter = key_of(&scene->clientele, &guest, 4); /* it is given a short one now */
    assert_ptr_equal(find(scene, &shorter), &guest);
    assert_null(find(scene, &key));
    uint8_t longer[4 + CANCEL_SECRET_MAX + 1] = {0};
    memcpy(longer, key.bytes, sizeof key.bytes);
    assert_null(clientele_find(&scene->clientele, BYTES(longer)));
    clientele_remove(&scene->clientele, &guest);
}

static void test_who_was_given_no_key_cannot_be_cancelled(void **state)
{
    struct scene *scene = *state;
    struct guest guest;
    come(scene, &guest, 7);
    struct key key = key_of(&scene->clientele, &guest, 4);
    guest.secret_size = 0;
    assert_null(find(scene, &key));
    key.size = 4;
    assert_null(find(scene, &key));
    clientele_remove(&scene->clientele, &guest);
}

static void test_the_next_guest_of_a_slot_has_another_secret(void **state)
{
    struct scene *scene = *state;
    struct guest guest;
    come(scene, &guest, 7);
    uint32_t slot = guest.slot;
    struct key before = key_of(&scene->clientele, &guest, CANCEL_SECRET_MAX);
    clientele_remove(&scene->clientele, &guest);
    assert_null(find(scene, &before));
    come(scene, &guest, 8);
    assert_int_equal(guest.slot, slot);
    struct key after = key_of(&scene->clientele, &guest, CANCEL_SECRET_MAX);
    assert_null(find(scene, &before));
    assert_ptr_equal(find(scene, &after), &guest);
    clientele_remove(&scene->clientele, &guest);
}

static void test_slots_that_were_never_used_are_nobody_s(void **state)
{
    struct scene *scene = *state;
    assert_null(clientele_find(&scene->clientele, BYTES_LITERAL("\0\0\0\0abcd"))); /* nobody is there at all */
    struct guest guest;
    come(scene, &guest, 1);
    assert_null(clientele_find(&scene->clientele, BYTES_LITERAL("\0\0\0\012abcd")));
    assert_null(clientele_find(&scene->clientele, BYTES_LITERAL("\377\377\377\377abcd")));
    clientele_remove(&scene->clientele, &guest);
}

static void test_a_key_tells_its_worker(void **state)
{
    struct scene *scene = *state;
    struct guest guest;
    size_t worker = 0;
    come(scene, &guest, 1);
    struct key key = key_of(&scene->clientele, &guest, 4);
    assert_true(clientele_worker_of_key(bytes_of(key.bytes, key.size), &worker));
    assert_int_equal(worker, 5);
    assert_false(clientele_worker_of_key(bytes_of(key.bytes, 7), &worker));
    assert_false(clientele_worker_of_key(BYTES_NONE, &worker));
    scene->place.index = 256; /* the most workers there are: still a positive number */
    key = key_of(&scene->clientele, &guest, 4);
    assert_true(key.bytes[0] < 0x80);
    assert_true(clientele_worker_of_key(bytes_of(key.bytes, key.size), &worker));
    assert_int_equal(worker, 256);
    clientele_remove(&scene->clientele, &guest);
}

static void test_another_worker_or_process_makes_other_secrets(void **state)
{
    struct scene *scene = *state;
    static const uint8_t others_key[CANCEL_KEY_SIZE] = "another process's secret for its";
    struct guest guest;
    come(scene, &guest, 1);
    struct clientele others;
    clientele_init(&others, &scene->place, scene->clientele.limit, others_key);
    struct key mine = key_of(&scene->clientele, &guest, CANCEL_SECRET_MAX);
    struct key theirs = key_of(&others, &guest, CANCEL_SECRET_MAX);
    clientele_free(&others);
    scene->place.index = 6;
    struct key elsewhere = key_of(&scene->clientele, &guest, CANCEL_SECRET_MAX);
    assert_memory_not_equal(mine.bytes + 4, theirs.bytes + 4, CANCEL_SECRET_MAX);
    assert_memory_not_equal(mine.bytes + 4, elsewhere.bytes + 4, CANCEL_SECRET_MAX);
    clientele_remove(&scene->clientele, &guest);
}

static void test_places_are_given_back_when_guests_leave(void **state)
{
    struct scene *scene = *state;
    static struct guest guests[200]; /* more than the first slots */
    for (size_t i = 0; i < COUNT(guests); i++)
        come(scene, &guests[i], i + 1);
    assert_int_equal(scene->clientele.count, 200);
    assert_int_equal(limit_taken(&scene->limit), 200);
    for (size_t i = 0; i < COUNT(guests); i++) {
        struct key key = key_of(&scene->clientele, &guests[i], 4);
        assert_ptr_equal(find(scene, &key), &guests[i]);
    }
    for (size_t i = 0; i < COUNT(guests); i++)
        clientele_remove(&scene->clientele, &guests[i]);
    assert_int_equal(scene->clientele.count, 0);
    assert_int_equal(limit_taken(&scene->limit), 0);
    uint32_t slots = scene->clientele.slot_count;
    for (size_t i = 0; i < COUNT(guests); i++)
        come(scene, &guests[i], i + 1000);
    assert_int_equal(scene->clientele.slot_count, slots); /* slots are used again */
    for (size_t i = 0; i < COUNT(guests); i++)
        clientele_remove(&scene->clientele, &guests[i]);
}

static void test_guests_stand_in_the_order_of_their_last_doing(void **state)
{
    struct scene *scene = *state;
    struct guest one;
    struct guest two;
    struct guest three;
    come(scene, &one, 1);
    come(scene, &two, 2);
    come(scene, &three, 3);
    clientele_touch(&scene->clientele, &one);
    clientele_touch(&scene->clientele, &one);
    assert_ptr_equal(TAILQ_FIRST(&scene->clientele.guests), &two);
    assert_ptr_equal(TAILQ_NEXT(&two, entry), &three);
    assert_ptr_equal(TAILQ_NEXT(&three, entry), &one);
    assert_null(TAILQ_NEXT(&one, entry));
    assert_true(one.active_us >= three.active_us);
    clientele_remove(&scene->clientele, &three);
    clientele_remove(&scene->clientele, &two);
    clientele_remove(&scene->clientele, &one);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scene(test_a_key_finds_its_guest),
        in_scene(test_secrets_are_longer_from_protocol_3_2_on),
        in_scene(test_a_key_with_any_bit_changed_is_nobody_s),
        in_scene(test_a_part_of_a_key_is_nobody_s),
        in_scene(test_who_was_given_no_key_cannot_be_cancelled),
        in_scene(test_the_next_guest_of_a_slot_has_another_secret),
        in_scene(test_slots_that_were_never_used_are_nobody_s),
        in_scene(test_a_key_tells_its_worker),
        in_scene(test_another_worker_or_process_makes_other_secrets),
        in_scene(test_places_are_given_back_when_guests_leave),
        in_scene(test_guests_stand_in_the_order_of_their_last_doing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
