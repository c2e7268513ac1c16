/*
 * loop.h: one thread's event loop: timers, its mailbox, and the end of a turn.
 *
 * A loop belongs to the thread that calls loop_run; every function but loop_post and loop_stop is for that thread (or
 * for the one that sets the loop up before it runs). A turn is one wait for events and the handling of all that came.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/err.h"

#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct loop;

struct err loop_new(struct loop **out) MUST_CHECK;
/* After loop_run has returned. Letters that were never opened are dropped. */
void loop_free(struct loop *loop);

/* Runs until loop_stop; the mailbox is emptied before it returns. */
void loop_run(struct loop *loop);
/* Any thread. */
void loop_stop(struct loop *loop);
/* libevent's base, for evhttp and for descriptors that are not streams. */
struct event_base *loop_base(struct loop *loop);

/* The mailbox: runs open(arg) on the loop's thread, in the order of posting by one sender. Any thread. What `arg`
 * points to belongs to the letter from here on. */
void loop_post(struct loop *loop, void (*open)(void *arg), void *arg);

/* A task runs once at the end of the turn in which it was deferred; deferring it twice is deferring it once. */
struct loop_task {
    void (*run)(void *arg);
    void *arg;
    bool deferred;
    TAILQ_ENTRY(loop_task) link;
};
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_cancel(struct loop *loop, struct loop_task *task);

/* A timer fires once per timer_start; starting a running timer moves it. Freed by timer_free (NULL does nothing). */
struct timer;
struct timer *timer_new(struct loop *loop, void (*fire)(void *arg), void *arg);
void timer_start(struct timer *timer, int64_t after_us);
void timer_stop(struct timer *timer);
void timer_free(struct timer *timer);

/* Monotonic time in microseconds, read once a turn: cheap, and the same for all that a turn does. */
int64_t loop_now_us(struct loop *loop);

#endif
