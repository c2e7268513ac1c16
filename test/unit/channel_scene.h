/*
 * channel_scene.h: for tests: a channel, the other end of its socket, and a loop that plays both.
 *
 * Stands behind cmocka.h, as expect.h does.
 */
#ifndef TEST_CHANNEL_SCENE_H
#define TEST_CHANNEL_SCENE_H

#include "base/clock.h"
#include "base/engine.h"
#include "base/writer.h"
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

/* What a channel of the scene calls. */
extern const struct channel_ops scene_ops;

/* Around each test. */
int scene_begin(void **state);
int scene_end(void **state);
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

/* Runs the loop until `step` is through; fails the test when that takes too long. */
void scene_play(struct scene *scene, bool (*step)(struct scene *scene));
/* Reads what is there, and compares it with the pattern. */
void scene_peer_read(struct scene *scene);
void scene_peer_close(struct scene *scene);

#define MUCH ((size_t)8 * 1024 * 1024)
/* Sends as much of the pattern, in pieces of every size around those of the engine, so that they are copied, cut, and
 * sent directly. */
void scene_send_much(struct scene *scene);

static inline bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

#endif
