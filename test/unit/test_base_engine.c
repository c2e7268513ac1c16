/* Channels over socket pairs: what arrives, what leaves and when, how they end, and how they move. */
#include "base/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "channel_scene.h"

/* ---- receiving ---- */

static bool step_hello(struct scene *scene)
{
    if (scene->phase++ == 0)
        assert_int_equal(write(scene->peer, "hello", 5), 5);
    return scene->arrived.used == 5;
}

static void test_bytes_arrive(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_hello);
    assert_memory_equal(scene->arrived.start, "hello", 5);
    assert_int_equal(scene->calls, 1);
    assert_int_equal(scene->ended, 0);
}

static bool step_stop_reading(struct scene *scene)
{
    switch (scene->phase++) {
    case 0:
        channel_pause(scene->channel);
        channel_pause(scene->channel);
        assert_int_equal(write(scene->peer, "later", 5), 5);
        return false;
    case 20:
        assert_int_equal(scene->arrived.used, 0);
        assert_true(channel_is_paused(scene->channel));
        channel_resume(scene->channel);
        channel_resume(scene->channel);
        return false;
    default:
        return scene->arrived.used == 5;
    }
}

static void test_a_paused_channel_gets_nothing_until_resumed(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_stop_reading);
    assert_memory_equal(scene->arrived.start, "later", 5);
    assert_false(channel_is_paused(scene->channel));
}

static bool step_twice(struct scene *scene)
{
    switch (scene->phase++) {
    case 0:
        scene->close_on_arrival = true;
        assert_int_equal(write(scene->peer, "one", 3), 3);
        return false;
    case 1:
        (void)!write(scene->peer, "two", 3);
        return false;
    default:
        return scene->phase > 20;
    }
}

static void test_a_channel_closed_in_its_callback_hears_nothing_more(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_twice);
    assert_int_equal(scene->calls, 1);
    assert_int_equal(scene->ended, 0);
}

static size_t other_got;

static void other_arrived(void *owner, const uint8_t *p, size_t n)
{
    (void)p;
    *(size_t *)owner += n;
}

static bool step_change_owner(struct scene *scene)
{
    static const struct channel_ops other_ops = {other_arrived, NULL, NULL};
    if (scene->phase++ == 0) {
        channel_set_owner(scene->channel, &other_ops, &other_got);
        assert_int_equal(write(scene->peer, "hello", 5), 5);
    }
    return other_got == 5;
}

static void test_a_new_owner_gets_what_arrives_from_then_on(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_change_owner);
    assert_int_equal(scene->calls, 0);
}

/* ---- ends ---- */

static bool step_until_ended(struct scene *scene)
{
    if (scene->phase++ == 0) {
        assert_int_equal(write(scene->peer, "bye", 3), 3);
        scene_peer_close(scene);
    }
    return scene->ended > 0 && scene->phase > 20;
}

static void test_the_peer_s_end_comes_once_and_after_its_last_bytes(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_until_ended);
    assert_int_equal(scene->ended, 1);
    assert_int_equal(scene->why.code, ERR_CLOSED);
    assert_memory_equal(scene->arrived.start, "bye", 3);
}

/* A TCP connection instead of the socket pair, because only that can be reset. */
static void use_tcp(struct scene *scene)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(scene->peer);
    channel_close(scene->channel);
    scene->peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(listener);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    scene->channel = channel_open(scene->engine, fd, &scene_ops, scene);
}

static bool step_reset(struct scene *scene)
{
    if (scene->phase++ == 0) {
        struct linger at_once = {.l_onoff = 1};
        setsockopt(scene->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        scene_peer_close(scene);
    }
    return scene->ended > 0;
}

static void test_a_reset_connection_is_a_system_error(void **state)
{
    struct scene *scene = *state;
    use_tcp(scene);
    scene_play(scene, step_reset);
    expect_err(scene->why, ERR_SYSTEM, "Connection reset by peer");
}

static bool step_send_to_nobody(struct scene *scene)
{
    switch (scene->phase++) {
    case 0:
        channel_pause(scene->channel); /* so that only sending can notice */
        scene_peer_close(scene);
        channel_send(scene->channel, BYTES_LITERAL("hello?"));
        assert_int_equal(scene->ended, 0);
        return false;
    case 1:
        channel_send(scene->channel, BYTES_LITERAL("anybody?"));
        assert_int_equal(channel_unsent(scene->channel), 0);
        return false;
    default:
        return scene->ended > 0 && scene->phase > 20;
    }
}

static void test_sending_to_a_peer_that_has_gone_ends_even_a_paused_channel_once(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_send_to_nobody);
    assert_int_equal(scene->ended, 1);
    assert_int_equal(scene->why.code, ERR_SYSTEM);
}

static bool step_break(struct scene *scene)
{
    if (scene->phase++ == 0) {
        channel_send(scene->channel, BYTES_LITERAL("dropped"));
        channel_break(scene->channel);
        assert_int_equal(channel_unsent(scene->channel), 0);
        assert_int_equal(scene->ended, 0);
    }
    scene_peer_read(scene);
    return scene->ended > 0 && scene->peer_at_end;
}

static void test_a_broken_channel_drops_its_queue_and_ends(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_break);
    assert_int_equal(scene->ended, 1);
    assert_int_equal(scene->peer_got, 0);
}

/* ---- sending ---- */

static bool step_send_in_turn(struct scene *scene)
{
    char got[16] = "";
    switch (scene->phase++) {
    case 0:
        channel_send(scene->channel, BYTES_LITERAL("one"));
        channel_send(scene->channel, BYTES_LITERAL("two"));
        channel_send(scene->channel, BYTES_NONE);
        assert_int_equal(channel_unsent(scene->channel), 6);
        assert_int_equal(read(scene->peer, got, sizeof got), -1);
        assert_int_equal(errno, EAGAIN);
        return false;
    default:
        assert_int_equal(read(scene->peer, got, sizeof got), 6);
        assert_memory_equal(got, "onetwo", 6);
        assert_int_equal(channel_unsent(scene->channel), 0);
        return true;
    }
}

static void test_bytes_leave_together_at_the_end_of_the_turn(void **state)
{
    scene_play(*state, step_send_in_turn);
}

static bool step_flush(struct scene *scene)
{
    char got[16] = "";
    channel_send(scene->channel, BYTES_LITERAL("now"));
    channel_flush(scene->channel);
    assert_int_equal(read(scene->peer, got, sizeof got), 3);
    assert_int_equal(channel_unsent(scene->channel), 0);
    return true;
}

static void test_flushed_bytes_leave_at_once(void **state)
{
    scene_play(*state, step_flush);
}

static bool step_send_much(struct scene *scene)
{
    if (scene->phase++ == 0) {
        scene_send_much(scene);
        channel_flush(scene->channel);
        assert_true(channel_congested(scene->channel));
        assert_in_range(channel_unsent(scene->channel), MUCH / 2, MUCH);
        assert_int_equal(scene->drained, 0);
        return false;
    }
    scene_peer_read(scene);
    return scene->peer_got == MUCH && scene->drained > 0;
}

static void test_what_the_kernel_does_not_take_waits_and_arrives_whole_and_in_order(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_send_much);
    assert_false(scene->peer_wrong);
    assert_int_equal(scene->drained, 1);
    assert_false(channel_congested(scene->channel));
    assert_int_equal(channel_unsent(scene->channel), 0);
}

/* ---- moving ---- */

static bool step_move(struct scene *scene)
{
    if (scene->phase++ == 0) {
        struct engine *second = engine_new(scene->loop);
        assert_ptr_equal(channel_engine(scene->channel), scene->engine);
        assert_ptr_equal(engine_loop(second), scene->loop);
        int fd = channel_release(scene->channel);
        assert_true(is_open(fd));
        assert_int_equal(write(scene->peer, "moved", 5), 5);
        scene->channel = channel_open(second, fd, &scene_ops, scene);
        assert_ptr_equal(channel_engine(scene->channel), second);
        scene->first_engine = scene->engine;
        scene->engine = second;
        return false;
    }
    return scene->arrived.used == 5;
}

static void test_a_released_descriptor_serves_another_engine(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_move);
    engine_free(scene->first_engine);
    assert_memory_equal(scene->arrived.start, "moved", 5);
    assert_int_equal(scene->ended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_bytes_arrive),
        IN_SCENE(test_a_paused_channel_gets_nothing_until_resumed),
        IN_SCENE(test_a_channel_closed_in_its_callback_hears_nothing_more),
        IN_SCENE(test_a_new_owner_gets_what_arrives_from_then_on),
        IN_SCENE(test_the_peer_s_end_comes_once_and_after_its_last_bytes),
        IN_SCENE(test_a_reset_connection_is_a_system_error),
        IN_SCENE(test_sending_to_a_peer_that_has_gone_ends_even_a_paused_channel_once),
        IN_SCENE(test_a_broken_channel_drops_its_queue_and_ends),
        IN_SCENE(test_bytes_leave_together_at_the_end_of_the_turn),
        IN_SCENE(test_flushed_bytes_leave_at_once),
        IN_SCENE(test_what_the_kernel_does_not_take_waits_and_arrives_whole_and_in_order),
        IN_SCENE(test_a_released_descriptor_serves_another_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
