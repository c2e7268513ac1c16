#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "channel_scene.h"

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

const struct channel_ops scene_ops = {scene_arrived, scene_drained, scene_ended};

static void scene_tick(void *arg)
{
    struct scene *scene = arg;
    scene->out_of_time = clock_monotonic_us() > scene->deadline_us;
    if (scene->out_of_time || scene->step(scene))
        loop_stop(scene->loop);
    else
        timer_start(scene->ticker, US_PER_MS);
}

void scene_play(struct scene *scene, bool (*step)(struct scene *scene))
{
    scene->step = step;
    scene->deadline_us = clock_monotonic_us() + PATIENCE_US;
    timer_start(scene->ticker, 0);
    loop_run(scene->loop);
    assert_false(scene->out_of_time);
}

int scene_begin(void **state)
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

int scene_end(void **state)
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

void scene_peer_read(struct scene *scene)
{
    uint8_t part[65536];
    ssize_t n;
    while ((n = read(scene->peer, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            scene->peer_wrong = scene->peer_wrong || part[i] != pattern_at(scene->peer_got++);
    scene->peer_at_end = n == 0;
}

void scene_peer_close(struct scene *scene)
{
    close(scene->peer);
    scene->peer = -1;
}

void scene_send_much(struct scene *scene)
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
