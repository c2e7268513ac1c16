/* Channels that are closed: gently, so that all is sent and the peer may end first, or at once. */
#include "base/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "channel_scene.h"

static bool step_close_gently(struct scene *scene)
{
    if (scene->phase++ == 0) {
        scene_send_much(scene);
        channel_close_gently(scene->channel, PATIENCE_US, false);
        scene->channel = NULL;
    }
    scene_peer_read(scene);
    return scene->peer_at_end;
}

static void test_a_channel_closed_gently_sends_everything_first(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_close_gently);
    assert_int_equal(scene->peer_got, MUCH);
    assert_false(scene->peer_wrong);
    assert_int_equal(scene->drained + scene->ended + scene->calls, 0); /* no callbacks any more */
}

static bool step_await_peer(struct scene *scene)
{
    switch (scene->phase++) {
    case 0:
        scene->linger_fd = channel_fd(scene->channel);
        channel_pause(scene->channel);
        channel_send(scene->channel, BYTES_LITERAL("\0")); /* as the pattern begins */
        channel_close_gently(scene->channel, PATIENCE_US, true);
        scene->channel = NULL;
        return false;
    case 10: /* our side has ended, and yet the peer can still write */
        scene_peer_read(scene);
        assert_true(scene->peer_at_end);
        assert_int_equal(scene->peer_got, 1);
        assert_true(is_open(scene->linger_fd));
        assert_int_equal(write(scene->peer, "late", 4), 4);
        shutdown(scene->peer, SHUT_WR);
        return false;
    default:
        return scene->phase > 11 && !is_open(scene->linger_fd);
    }
}

static void test_a_channel_that_awaits_its_peer_ends_when_that_does(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_await_peer);
    assert_int_equal(scene->calls + scene->ended, 0);
}

static bool step_linger(struct scene *scene)
{
    if (scene->phase++ == 0) {
        scene->linger_fd = channel_fd(scene->channel);
        scene->mark_us = clock_monotonic_us();
        channel_close_gently(scene->channel, 100 * US_PER_MS, true);
        scene->channel = NULL;
    }
    return !is_open(scene->linger_fd);
}

static void test_a_peer_that_does_not_end_is_not_awaited_for_ever(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_linger);
    int64_t took_us = clock_monotonic_us() - scene->mark_us;
    assert_true(took_us >= 100 * US_PER_MS);
}

/* Another channel, closed gently, whose peer stays. */
static void close_another(struct scene *scene)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    scene->more_peers[scene->more_count++] = ends[1];
    channel_close_gently(channel_open(scene->engine, ends[0], &scene_ops, scene), PATIENCE_US, true);
}

static bool step_linger_in_company(struct scene *scene)
{
    int64_t now_us = clock_monotonic_us();
    if (scene->phase++ == 0) {
        scene->linger_fd = channel_fd(scene->channel);
        channel_close_gently(scene->channel, 10 * US_PER_MS, true);
        scene->channel = NULL;
        scene->mark_us = now_us;
    }
    if (now_us - scene->mark_us >= 100 * US_PER_MS && scene->more_count < COUNT(scene->more_peers)) {
        scene->mark_us = now_us;
        close_another(scene);
    }
    return !is_open(scene->linger_fd) || scene->more_count == COUNT(scene->more_peers);
}

static void test_channels_closed_later_do_not_keep_an_earlier_one_lingering(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_linger_in_company);
    assert_in_range(scene->more_count, 0, COUNT(scene->more_peers) - 1);
    assert_false(is_open(scene->linger_fd));
}

static bool step_close_with_nothing_to_say(struct scene *scene)
{
    channel_close_gently(scene->channel, PATIENCE_US, false);
    scene->channel = NULL;
    scene_peer_read(scene);
    return scene->peer_at_end;
}

static void test_a_channel_with_nothing_to_say_closes_at_once(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_close_with_nothing_to_say);
    assert_int_equal(scene->phase, 0);
}

static bool step_close_at_once(struct scene *scene)
{
    channel_send(scene->channel, BYTES_LITERAL("lost"));
    channel_close(scene->channel);
    scene->channel = NULL;
    scene_peer_read(scene);
    assert_true(scene->peer_at_end);
    return true;
}

static void test_closing_at_once_loses_what_is_queued(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_close_at_once);
    assert_int_equal(scene->peer_got, 0);
}

static bool step_leave_lingering(struct scene *scene)
{
    scene->linger_fd = channel_fd(scene->channel);
    channel_close_gently(scene->channel, PATIENCE_US, true);
    scene->channel = NULL;
    return true;
}

static void test_an_engine_that_ends_closes_what_lingers(void **state)
{
    struct scene *scene = *state;
    scene_play(scene, step_leave_lingering);
    assert_true(is_open(scene->linger_fd));
    engine_free(scene->engine);
    assert_false(is_open(scene->linger_fd));
    scene->engine = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_a_channel_closed_gently_sends_everything_first),
        IN_SCENE(test_a_channel_that_awaits_its_peer_ends_when_that_does),
        IN_SCENE(test_a_peer_that_does_not_end_is_not_awaited_for_ever),
        IN_SCENE(test_channels_closed_later_do_not_keep_an_earlier_one_lingering),
        IN_SCENE(test_a_channel_with_nothing_to_say_closes_at_once),
        IN_SCENE(test_closing_at_once_loses_what_is_queued),
        IN_SCENE(test_an_engine_that_ends_closes_what_lingers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
