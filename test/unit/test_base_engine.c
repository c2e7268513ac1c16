/* Channels over socket pairs: what arrives, what leaves and when, how they end. */
#include "base/clock.h"
#include "base/engine.h"
#include "base/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "expect.h"

#define PATIENCE_US (20 * US_PER_SECOND)

/* A channel and the other end of its socket. `step` is called once a millisecond until it says that it is through. */
struct scene {
    struct loop *loop;
    struct engine *engine;
    struct channel *channel;
    int peer; /* non-blocking; -1 when closed */
    bool (*step)(struct scene *scene);
    struct timer *ticker;
    int64_t deadline_us;
    bool out_of_time;
    int phase;
    struct writer arrived;
    size_t calls; /* of `arrived` */
    size_t drained;
    size_t ended;
    struct err why;
    bool close_on_arrival;
    size_t peer_got; /* bytes of the pattern that the peer has read */
    bool peer_wrong;
    bool peer_at_end;
    int64_t mark_us;
    int linger_fd;
    int more_peers[12]; /* of further channels */
    size_t more_count;
    struct engine *first_engine;
};

static void scene_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct scene *scene = owner;
    scene->calls++;
    writer_put(&scene->arrived, bytes_of(p, n));
    if (scene->close_on_arrival) {
        channel_close(scene->channel);
        scene->channel = NULL;
    }
}

static void scene_drained(void *owner)
{
    struct scene *scene = owner;
    scene->drained++;
}

static void scene_ended(void *owner, struct err why)
{
    struct scene *scene = owner;
    scene->ended++;
    scene->why = why;
}

static const struct channel_ops scene_ops = {scene_arrived, scene_drained, scene_ended};

static void scene_tick(void *arg)
{
    struct scene *scene = arg;
    scene->out_of_time = clock_monotonic_us() > scene->deadline_us;
    if (scene->out_of_time || scene->step(scene))
        loop_stop(scene->loop);
    else
        timer_start(scene->ticker, US_PER_MS);
}

static void scene_play(struct scene *scene, bool (*step)(struct scene *scene))
{
    scene->step = step;
    scene->deadline_us = clock_monotonic_us() + PATIENCE_US;
    timer_start(scene->ticker, 0);
    loop_run(scene->loop);
    assert_false(scene->out_of_time);
}

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    expect_ok(loop_new(&scene->loop));
    scene->engine = engine_new(scene->loop);
    scene->ticker = timer_new(scene->loop, scene_tick, scene);
    scene->arrived = writer_growing(16 * 1024 * 1024);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    scene->peer = ends[1];
    scene->channel = channel_open(scene->engine, ends[0], &scene_ops, scene);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    if (scene->channel)
        channel_close(scene->channel);
    if (scene->peer >= 0)
        close(scene->peer);
    for (size_t i = 0; i < scene->more_count; i++)
        close(scene->more_peers[i]);
    engine_free(scene->engine);
    timer_free(scene->ticker);
    loop_free(scene->loop);
    writer_free(&scene->arrived);
    free(scene);
    return 0;
}

static uint8_t pattern_at(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

static uint8_t *pattern_make(size_t n)
{
    uint8_t *pattern = mem_alloc(n);
    for (size_t i = 0; i < n; i++)
        pattern[i] = pattern_at(i);
    return pattern;
}

/* Reads what is there, and compares it with the pattern. */
static void peer_read(struct scene *scene)
{
    uint8_t part[65536];
    ssize_t n;
    while ((n = read(scene->peer, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            scene->peer_wrong = scene->peer_wrong || part[i] != pattern_at(scene->peer_got++);
    scene->peer_at_end = n == 0;
}

static void peer_close(struct scene *scene)
{
    close(scene->peer);
    scene->peer = -1;
}

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
        peer_close(scene);
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
        peer_close(scene);
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
        peer_close(scene);
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
    peer_read(scene);
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

#define MUCH ((size_t)8 * 1024 * 1024)

/* In pieces of every size around those of the engine, so that they are copied, cut, and sent directly. */
static void send_much(struct scene *scene)
{
    static const size_t sizes[] = {1, 5, 4096, 32767, 32768, 32769, 65536, 100000, 7};
    uint8_t *pattern = pattern_make(MUCH);
    size_t sent = 0;
    for (size_t i = 0; sent < MUCH; i++) {
        size_t n = sizes[i % COUNT(sizes)];
        n = n < MUCH - sent ? n : MUCH - sent;
        channel_send(scene->channel, bytes_of(pattern + sent, n));
        sent += n;
    }
    free(pattern);
}

static bool step_send_much(struct scene *scene)
{
    if (scene->phase++ == 0) {
        send_much(scene);
        channel_flush(scene->channel);
        assert_true(channel_congested(scene->channel));
        assert_in_range(channel_unsent(scene->channel), MUCH / 2, MUCH);
        assert_int_equal(scene->drained, 0);
        return false;
    }
    peer_read(scene);
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

/* ---- closing gently ---- */

static bool step_close_gently(struct scene *scene)
{
    if (scene->phase++ == 0) {
        send_much(scene);
        channel_close_gently(scene->channel, PATIENCE_US, false);
        scene->channel = NULL;
    }
    peer_read(scene);
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

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
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
        peer_read(scene);
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
    peer_read(scene);
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
    peer_read(scene);
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

#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scene(test_bytes_arrive),
        in_scene(test_a_paused_channel_gets_nothing_until_resumed),
        in_scene(test_a_channel_closed_in_its_callback_hears_nothing_more),
        in_scene(test_a_new_owner_gets_what_arrives_from_then_on),
        in_scene(test_the_peer_s_end_comes_once_and_after_its_last_bytes),
        in_scene(test_a_reset_connection_is_a_system_error),
        in_scene(test_sending_to_a_peer_that_has_gone_ends_even_a_paused_channel_once),
        in_scene(test_a_broken_channel_drops_its_queue_and_ends),
        in_scene(test_bytes_leave_together_at_the_end_of_the_turn),
        in_scene(test_flushed_bytes_leave_at_once),
        in_scene(test_what_the_kernel_does_not_take_waits_and_arrives_whole_and_in_order),
        in_scene(test_a_channel_closed_gently_sends_everything_first),
        in_scene(test_a_channel_that_awaits_its_peer_ends_when_that_does),
        in_scene(test_a_peer_that_does_not_end_is_not_awaited_for_ever),
        in_scene(test_channels_closed_later_do_not_keep_an_earlier_one_lingering),
        in_scene(test_a_channel_with_nothing_to_say_closes_at_once),
        in_scene(test_closing_at_once_loses_what_is_queued),
        in_scene(test_an_engine_that_ends_closes_what_lingers),
        in_scene(test_a_released_descriptor_serves_another_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
