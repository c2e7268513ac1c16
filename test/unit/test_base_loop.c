/* The event loop of one thread, and the crew that works for it. */
#include "base/clock.h"
#include "base/crew.h"
#include "base/log.h"
#include "base/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "expect.h"

/* What happened, as letters in order. */
struct scene {
    struct loop *loop;
    char seen[64];
    struct loop_task task;
    struct timer *timer;
    struct timer *other;
    int64_t times[4];
};

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    expect_ok(loop_new(&scene->loop));
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    timer_free(scene->timer);
    timer_free(scene->other);
    loop_free(scene->loop);
    free(scene);
    return 0;
}

static void note(struct scene *scene, char what)
{
    scene->seen[strlen(scene->seen)] = what;
}

static void note_a(void *arg)
{
    note(arg, 'a');
}

static void note_b(void *arg)
{
    note(arg, 'b');
}

static void stop(void *arg)
{
    struct scene *scene = arg;
    note(scene, '.');
    loop_stop(scene->loop);
}

/* ---- libevent ---- */

static void test_what_libevent_complains_of_stands_in_the_log(void **state)
{
    const struct scene *scene = *state;
    char *directory = scratch_make(), *path = scratch_file(directory, "log", NULL);
    expect_ok(log_open(&(struct log_target){.file = path}));
    struct event *event = event_new(loop_base(scene->loop), 1 << 19, EV_READ, NULL, NULL); /* no such descriptor */
    assert_int_equal(event_add(event, NULL), -1);
    expect_ok(log_open(&(struct log_target){.to_stderr = true}));
    event_free(event);
    char *text = scratch_read(path);
    assert_non_null(strstr(text, "] WARNING libevent: "));
    free(text);
    free(path);
    scratch_remove(directory);
}

/* ---- the mailbox ---- */

static void test_letters_are_opened_in_the_order_of_posting(void **state)
{
    struct scene *scene = *state;
    loop_post(scene->loop, note_a, scene);
    loop_post(scene->loop, note_b, scene);
    loop_post(scene->loop, note_a, scene);
    loop_post(scene->loop, stop, scene);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, "aba.");
}

static void post_from_letter(void *arg)
{
    struct scene *scene = arg;
    note(scene, 'p');
    loop_post(scene->loop, stop, scene);
}

static void test_a_letter_may_post_another(void **state)
{
    struct scene *scene = *state;
    loop_post(scene->loop, post_from_letter, scene);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, "p.");
}

static void stop_then_post(void *arg)
{
    struct scene *scene = arg;
    loop_stop(scene->loop);
    loop_post(scene->loop, note_a, scene);
}

static void test_the_mailbox_is_emptied_before_the_loop_returns(void **state)
{
    struct scene *scene = *state;
    loop_post(scene->loop, stop_then_post, scene);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, "a");
}

static void test_letters_never_opened_are_dropped(void **state)
{
    struct scene *scene = *state;
    loop_post(scene->loop, note_a, scene);
    loop_post(scene->loop, note_b, scene);
    loop_free(scene->loop); /* a leak would show under a sanitizer */
    assert_string_equal(scene->seen, "");
    expect_ok(loop_new(&scene->loop));
}

#define SENDERS 4
#define LETTERS 2000

struct sender {
    struct loop *loop;
    pthread_t thread;
    int next_expected;
    int *open_total;
    struct parcel {
        struct sender *from;
        int number;
    } parcels[LETTERS];
};

static void parcel_open(void *arg)
{
    struct parcel *parcel = arg;
    struct sender *sender = parcel->from;
    if (parcel->number == sender->next_expected)
        sender->next_expected++;
    if (++*sender->open_total == SENDERS * LETTERS)
        loop_stop(sender->loop);
}

static void *sender_run(void *arg)
{
    struct sender *sender = arg;
    for (int i = 0; i < LETTERS; i++) {
        sender->parcels[i] = (struct parcel){sender, i};
        loop_post(sender->loop, parcel_open, &sender->parcels[i]);
    }
    return NULL;
}

static void test_letters_of_many_threads_all_arrive_each_sender_s_in_order(void **state)
{
    struct scene *scene = *state;
    struct sender *senders = NEW_ARRAY(struct sender, SENDERS);
    int total = 0;
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i].loop = scene->loop;
        senders[i].open_total = &total;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, sender_run, &senders[i]), 0);
    }
    loop_run(scene->loop);
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].next_expected, LETTERS);
    }
    free(senders);
}

static void *stop_from_thread(void *arg)
{
    loop_stop(arg);
    return NULL;
}

static void test_a_sleeping_loop_is_stopped_from_another_thread(void **state)
{
    struct scene *scene = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, scene->loop), 0);
    loop_run(scene->loop);
    pthread_join(thread, NULL);
}

/* ---- tasks ---- */

static void defer_twice(void *arg)
{
    struct scene *scene = arg;
    loop_defer(scene->loop, &scene->task);
    loop_defer(scene->loop, &scene->task);
    note(scene, '1');
}

static void test_a_task_runs_once_at_the_end_of_the_turn(void **state)
{
    struct scene *scene = *state;
    scene->task = (struct loop_task){.run = note_a, .arg = scene};
    loop_post(scene->loop, defer_twice, scene);
    loop_post(scene->loop, note_b, scene);
    loop_post(scene->loop, stop, scene);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, "1b.a");
    assert_false(scene->task.deferred);
}

static void defer_and_cancel(void *arg)
{
    struct scene *scene = arg;
    loop_defer(scene->loop, &scene->task);
    loop_cancel(scene->loop, &scene->task);
    loop_cancel(scene->loop, &scene->task);
}

static void test_a_cancelled_task_does_not_run(void **state)
{
    struct scene *scene = *state;
    scene->task = (struct loop_task){.run = note_a, .arg = scene};
    loop_post(scene->loop, defer_and_cancel, scene);
    loop_post(scene->loop, stop, scene);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, ".");
}

static void defer_again(void *arg)
{
    struct scene *scene = arg;
    note(scene, 't');
    if (strlen(scene->seen) < 3)
        loop_defer(scene->loop, &scene->task);
    else
        loop_stop(scene->loop);
}

static void test_a_task_may_defer_itself_again(void **state)
{
    struct scene *scene = *state;
    scene->task = (struct loop_task){.run = defer_again, .arg = scene};
    loop_defer(scene->loop, &scene->task);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, "ttt");
    assert_false(scene->task.deferred);
}

static void test_a_task_deferred_before_the_loop_runs_waits_for_no_event(void **state)
{
    struct scene *scene = *state;
    scene->task = (struct loop_task){.run = stop, .arg = scene};
    scene->timer = timer_new(scene->loop, note_a, scene);
    timer_start(scene->timer, 10 * US_PER_SECOND);
    loop_defer(scene->loop, &scene->task);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, ".");
}

/* ---- timers ---- */

static void test_timers_fire_in_the_order_of_their_times_and_once(void **state)
{
    struct scene *scene = *state;
    int64_t start_us = clock_monotonic_us();
    scene->timer = timer_new(scene->loop, stop, scene);
    scene->other = timer_new(scene->loop, note_a, scene);
    timer_start(scene->timer, 40 * US_PER_MS);
    timer_start(scene->other, 10 * US_PER_MS);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, "a.");
    assert_true(clock_monotonic_us() - start_us >= 30 * US_PER_MS); /* the loop's clock is coarse */
}

static void test_starting_a_running_timer_moves_it(void **state)
{
    struct scene *scene = *state;
    scene->timer = timer_new(scene->loop, stop, scene);
    scene->other = timer_new(scene->loop, note_a, scene);
    timer_start(scene->other, 1 * US_PER_MS);
    timer_start(scene->other, 3600 * US_PER_SECOND);
    timer_start(scene->timer, 20 * US_PER_MS);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, ".");
}

static void test_a_stopped_timer_does_not_fire(void **state)
{
    struct scene *scene = *state;
    scene->timer = timer_new(scene->loop, stop, scene);
    scene->other = timer_new(scene->loop, note_a, scene);
    timer_start(scene->other, 1 * US_PER_MS);
    timer_stop(scene->other);
    timer_stop(scene->other);
    timer_start(scene->timer, 20 * US_PER_MS);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, ".");
}

static void test_a_time_in_the_past_is_now(void **state)
{
    struct scene *scene = *state;
    scene->timer = timer_new(scene->loop, stop, scene);
    timer_start(scene->timer, -5 * US_PER_SECOND);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, ".");
}

static void free_own_timer(void *arg)
{
    struct scene *scene = arg;
    timer_free(scene->timer);
    scene->timer = NULL;
    stop(scene);
}

static void test_a_timer_may_free_itself(void **state)
{
    struct scene *scene = *state;
    scene->timer = timer_new(scene->loop, free_own_timer, scene);
    timer_start(scene->timer, 0);
    loop_run(scene->loop);
    assert_string_equal(scene->seen, ".");
}

static void look_at_time(void *arg)
{
    struct scene *scene = arg;
    scene->times[0] = loop_now_us(scene->loop);
    int64_t from_us = clock_monotonic_us();
    while (clock_monotonic_us() < from_us + 2 * US_PER_MS)
        ;
    scene->times[1] = loop_now_us(scene->loop);
    timer_start(scene->timer, 1 * US_PER_MS);
}

static void look_again(void *arg)
{
    struct scene *scene = arg;
    scene->times[2] = loop_now_us(scene->loop);
    stop(scene);
}

static void test_time_stands_still_within_a_turn_only(void **state)
{
    struct scene *scene = *state;
    scene->timer = timer_new(scene->loop, look_again, scene);
    loop_post(scene->loop, look_at_time, scene);
    loop_run(scene->loop);
    assert_true(scene->times[0] == scene->times[1]);
    assert_true(scene->times[2] >= scene->times[1] + 2 * US_PER_MS);
}

/* ---- the crew ---- */

#define JOBS 20

struct job_log {
    struct scene *scene;
    pthread_t loop_thread;
    atomic_int worked;
    int work_order[JOBS];
    int done_order[JOBS];
    int done_count;
    bool done_at_home;
    atomic_int at_home;           /* jobs worked on the loop's own thread */
    atomic_int signals_delivered; /* jobs worked where a signal could come */
};

struct job_arg {
    struct job_log *log;
    int number;
};

static void job_work(void *arg)
{
    struct job_arg *job = arg;
    struct job_log *log = job->log;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    log->work_order[atomic_fetch_add(&log->worked, 1)] = job->number;
    if (sigismember(&mask, SIGTERM) != 1 || sigismember(&mask, SIGHUP) != 1)
        atomic_fetch_add(&log->signals_delivered, 1);
    if (pthread_equal(pthread_self(), log->loop_thread))
        atomic_fetch_add(&log->at_home, 1);
}

static void job_done(void *arg)
{
    struct job_arg *job = arg;
    struct job_log *log = job->log;
    log->done_order[log->done_count++] = job->number;
    log->done_at_home = pthread_equal(pthread_self(), log->loop_thread) != 0;
    if (log->done_count == JOBS)
        loop_stop(log->scene->loop);
}

static void test_the_crew_works_in_order_and_reports_home(void **state)
{
    struct scene *scene = *state;
    struct job_log log = {.scene = scene, .loop_thread = pthread_self()};
    struct job_arg jobs[JOBS];
    struct crew *crew;
    expect_ok(crew_new(1, &crew));
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job_arg){&log, i};
        crew_submit(crew, scene->loop, job_work, job_done, &jobs[i]);
    }
    loop_run(scene->loop);
    crew_free(crew);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(log.work_order[i], i);
        assert_int_equal(log.done_order[i], i);
    }
    assert_true(log.done_at_home);
    assert_int_equal(atomic_load(&log.at_home), 0);
    assert_int_equal(atomic_load(&log.signals_delivered), 0);
}

/* Two jobs that wait for one another: only two threads can do them. */
static void meet(void *arg)
{
    pthread_barrier_wait(arg);
}

struct meeting {
    struct loop *loop;
    int left;
};
static struct meeting meeting;

static void met(void *arg)
{
    (void)arg;
    if (--meeting.left == 0)
        loop_stop(meeting.loop);
}

static void test_a_crew_of_two_works_at_the_same_time(void **state)
{
    struct scene *scene = *state;
    pthread_barrier_t barrier;
    struct crew *crew;
    meeting = (struct meeting){scene->loop, 2};
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    expect_ok(crew_new(2, &crew));
    crew_submit(crew, scene->loop, meet, met, &barrier);
    crew_submit(crew, scene->loop, meet, met, &barrier);
    loop_run(scene->loop);
    crew_free(crew);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(meeting.left, 0);
}

static void tell_niceness(void *arg)
{
    *(int *)arg = getpriority(PRIO_PROCESS, 0); /* of this thread */
}

static void told(void *arg)
{
    (void)arg;
    loop_stop(meeting.loop);
}

static void test_the_crew_yields_to_the_loop(void **state)
{
    struct scene *scene = *state;
    struct crew *crew;
    int ours = getpriority(PRIO_PROCESS, 0);
    int theirs = ours;
    meeting.loop = scene->loop;
    expect_ok(crew_new(1, &crew));
    crew_submit(crew, scene->loop, tell_niceness, told, &theirs);
    loop_run(scene->loop);
    crew_free(crew);
    assert_int_equal(theirs, ours + 10 < 19 ? ours + 10 : 19);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), ours);
}

static void test_what_was_submitted_is_finished_before_the_crew_ends(void **state)
{
    struct scene *scene = *state;
    struct job_log log = {.scene = scene, .loop_thread = pthread_self()};
    struct job_arg jobs[JOBS];
    struct crew *crew;
    expect_ok(crew_new(2, &crew));
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job_arg){&log, i};
        crew_submit(crew, scene->loop, job_work, job_done, &jobs[i]);
    }
    crew_free(crew);
    assert_int_equal(atomic_load(&log.worked), JOBS);
    assert_int_equal(log.done_count, 0);
    loop_run(scene->loop); /* the reports are in the mailbox */
    assert_int_equal(log.done_count, JOBS);
    crew_free(NULL);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scene(test_what_libevent_complains_of_stands_in_the_log),
        in_scene(test_letters_are_opened_in_the_order_of_posting),
        in_scene(test_a_letter_may_post_another),
        in_scene(test_the_mailbox_is_emptied_before_the_loop_returns),
        in_scene(test_letters_never_opened_are_dropped),
        in_scene(test_letters_of_many_threads_all_arrive_each_sender_s_in_order),
        in_scene(test_a_sleeping_loop_is_stopped_from_another_thread),
        in_scene(test_a_task_runs_once_at_the_end_of_the_turn),
        in_scene(test_a_cancelled_task_does_not_run),
        in_scene(test_a_task_may_defer_itself_again),
        in_scene(test_a_task_deferred_before_the_loop_runs_waits_for_no_event),
        in_scene(test_timers_fire_in_the_order_of_their_times_and_once),
        in_scene(test_starting_a_running_timer_moves_it),
        in_scene(test_a_stopped_timer_does_not_fire),
        in_scene(test_a_time_in_the_past_is_now),
        in_scene(test_a_timer_may_free_itself),
        in_scene(test_time_stands_still_within_a_turn_only),
        in_scene(test_the_crew_works_in_order_and_reports_home),
        in_scene(test_a_crew_of_two_works_at_the_same_time),
        in_scene(test_the_crew_yields_to_the_loop),
        in_scene(test_what_was_submitted_is_finished_before_the_crew_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
