#include "base/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct letter {
    struct letter *next;
    void (*open)(void *arg);
    void *arg;
};

struct loop {
    struct event_base *base;
    struct event *doorbell_event;
    int doorbell;                    /* eventfd: rung by whoever puts the first letter into an empty box */
    _Atomic(struct letter *) newest; /* letters linked newest first */
    TAILQ_HEAD(, loop_task) tasks;
    int64_t now_us; /* 0: not asked for in this turn yet */
    atomic_bool stopping;
};

struct timer {
    struct event *event;
    void (*fire)(void *arg);
    void *arg;
};

/* Takes all letters at once and opens them oldest first. */
static void loop_open_letters(struct loop *loop)
{
    struct letter *newest = atomic_exchange_explicit(&loop->newest, NULL, memory_order_acquire);
    struct letter *oldest = NULL;
    while (newest) {
        struct letter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct letter *next = oldest->next;
        oldest->open(oldest->arg);
        free(oldest);
        oldest = next;
    }
}

static void loop_doorbell_rang(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
    loop_open_letters(arg);
}

static pthread_once_t libevent_threads = PTHREAD_ONCE_INIT;

/* What libevent would write to standard error, where nobody may look. */
static void loop_take_words(int severity, const char *text)
{
    static const enum log_level levels[] = {[EVENT_LOG_DEBUG] = LOG_LEVEL_NOISE,
                                            [EVENT_LOG_MSG] = LOG_LEVEL_INFO,
                                            [EVENT_LOG_WARN] = LOG_LEVEL_WARNING,
                                            [EVENT_LOG_ERR] = LOG_LEVEL_ERROR};
    bool known = severity >= EVENT_LOG_DEBUG && severity <= EVENT_LOG_ERR;
    log_write(known ? levels[severity] : LOG_LEVEL_WARNING, "libevent: %s", text);
}

static void loop_init_libevent(void)
{
    event_set_log_callback(loop_take_words);
    /* Bases are made without locks (EVENT_BASE_FLAG_NOLOCK); this only makes libevent's globals safe. */
    evthread_use_pthreads();
}

static struct event_base *loop_new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct err loop_new(struct loop **out)
{
    pthread_once(&libevent_threads, loop_init_libevent);
    struct loop *loop = NEW(struct loop);
    TAILQ_INIT(&loop->tasks);
    loop->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->base = loop->doorbell < 0 ? NULL : loop_new_base();
    if (loop->base)
        loop->doorbell_event = event_new(loop->base, loop->doorbell, EV_READ | EV_PERSIST, loop_doorbell_rang, loop);
    if (!loop->doorbell_event || event_add(loop->doorbell_event, NULL) != 0) {
        struct err e = err_system("cannot make an event loop");
        loop_free(loop);
        return e;
    }
    *out = loop;
    return OK;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    struct letter *letter = atomic_load(&loop->newest);
    while (letter) {
        struct letter *next = letter->next;
        free(letter);
        letter = next;
    }
    if (loop->doorbell_event)
        event_free(loop->doorbell_event);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->doorbell >= 0)
        close(loop->doorbell);
    free(loop);
}

static void loop_run_tasks(struct loop *loop)
{
    struct loop_task *task;
    while ((task = TAILQ_FIRST(&loop->tasks))) {
        TAILQ_REMOVE(&loop->tasks, task, link);
        task->deferred = false;
        task->run(task->arg);
    }
}

void loop_run(struct loop *loop)
{
    loop_run_tasks(loop); /* what was deferred before there was a turn to end */
    while (!atomic_load_explicit(&loop->stopping, memory_order_acquire)) {
        loop->now_us = 0;
        event_base_loop(loop->base, EVLOOP_ONCE);
        loop_run_tasks(loop);
    }
    loop_open_letters(loop);
    loop_run_tasks(loop);
}

static void loop_ring(struct loop *loop)
{
    uint64_t one = 1;
    while (write(loop->doorbell, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->stopping, true, memory_order_release);
    loop_ring(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_post(struct loop *loop, void (*open)(void *arg), void *arg)
{
    struct letter *letter = NEW(struct letter);
    letter->open = open;
    letter->arg = arg;
    struct letter *before = atomic_load_explicit(&loop->newest, memory_order_relaxed);
    do {
        letter->next = before;
    } while (!atomic_compare_exchange_weak_explicit(&loop->newest, &before, letter, memory_order_release,
                                                    memory_order_relaxed));
    if (!before)
        loop_ring(loop);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->deferred)
        return;
    task->deferred = true;
    TAILQ_INSERT_TAIL(&loop->tasks, task, link);
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
    if (!task->deferred)
        return;
    task->deferred = false;
    TAILQ_REMOVE(&loop->tasks, task, link);
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *timer = arg;
    timer->fire(timer->arg);
}

struct timer *timer_new(struct loop *loop, void (*fire)(void *arg), void *arg)
{
    struct timer *timer = NEW(struct timer);
    timer->fire = fire;
    timer->arg = arg;
    timer->event = evtimer_new(loop->base, timer_fired, timer);
    if (!timer->event)
        abort(); /* only memory can be missing */
    return timer;
}

void timer_start(struct timer *timer, int64_t after_us)
{
    if (after_us < 0)
        after_us = 0;
    struct timeval delay = {.tv_sec = after_us / US_PER_SECOND, .tv_usec = after_us % US_PER_SECOND};
    evtimer_add(timer->event, &delay);
}

void timer_stop(struct timer *timer)
{
    evtimer_del(timer->event);
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

int64_t loop_now_us(struct loop *loop)
{
    if (loop->now_us == 0)
        loop->now_us = clock_monotonic_us();
    return loop->now_us;
}
