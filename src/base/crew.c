#include "base/crew.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct job {
    STAILQ_ENTRY(job) link;
    struct loop *home;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

/* What loops do for those who are in comes before what the crew does for those who want in. */
#define CREW_NICER 10

struct crew {
    pthread_mutex_t lock; /* guards jobs and ending */
    pthread_cond_t wake;
    STAILQ_HEAD(, job) jobs;
    bool ending;
    size_t threads;
    pthread_t thread[];
};

/* Waits for a job; NULL when the crew ends and nothing is left. */
static struct job *crew_take(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (STAILQ_EMPTY(&crew->jobs) && !crew->ending)
        pthread_cond_wait(&crew->wake, &crew->lock);
    struct job *job = STAILQ_FIRST(&crew->jobs);
    if (job)
        STAILQ_REMOVE_HEAD(&crew->jobs, link);
    pthread_mutex_unlock(&crew->lock);
    return job;
}

/* Of this thread alone: Linux keeps a nice value for each (setpriority(2), under "C library/kernel differences"). A
 * kernel that will not is no reason to stop: the crew then works beside the loops. */
static void crew_step_back(void)
{
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + CREW_NICER);
}

static void *crew_main(void *arg)
{
    struct job *job;
    crew_step_back();
    while ((job = crew_take(arg))) {
        job->work(job->arg);
        loop_post(job->home, job->done, job->arg);
        free(job);
    }
    return NULL;
}

/* Signals are for the main thread: what a crew thread inherits is a full mask. */
static int crew_start(struct crew *crew, pthread_t *thread)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, crew_main, crew);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

struct err crew_new(size_t threads, struct crew **out)
{
    struct crew *crew = mem_alloc(sizeof *crew + threads * sizeof crew->thread[0]);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    STAILQ_INIT(&crew->jobs);
    for (size_t i = 0; i < threads; i++) {
        int error = crew_start(crew, &crew->thread[i]);
        if (error) {
            crew_free(crew);
            return err_make(ERR_SYSTEM, "cannot start a thread: %s", strerror(error));
        }
        crew->threads++;
    }
    *out = crew;
    return OK;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->ending = true;
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < crew->threads; i++)
        pthread_join(crew->thread[i], NULL);
    pthread_cond_destroy(&crew->wake);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

void crew_submit(struct crew *crew, struct loop *home, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct job *job = NEW(struct job);
    *job = (struct job){.home = home, .work = work, .done = done, .arg = arg};
    pthread_mutex_lock(&crew->lock);
    STAILQ_INSERT_TAIL(&crew->jobs, job, link);
    pthread_cond_signal(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
}
