#include "admin/job.h"

#include "admin/show.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_AGAIN_US (20 * US_PER_MS) /* while a command waits for links to go */

struct job {
    struct consoles *consoles;
    struct fleet *fleet;
    struct worker *home;
    struct command command;
    job_done *done; /* NULL: abandoned */
    void *arg;
    bool away;                      /* other threads have it: it comes back by message */
    struct pool_database *database; /* NULL: all */
    struct showing *showing;
    struct timer *timer;
    struct err outcome;     /* of main */
    uint64_t client_id;     /* of KILL_CLIENT */
    _Atomic unsigned found; /* what the workers have counted */
};

static void job_free(struct job *job)
{
    if (job->showing)
        show_free(job->showing);
    timer_free(job->timer);
    command_release(&job->command);
    free(job);
}

void job_abandon(struct job *job)
{
    if (!job)
        return;
    job->done = NULL;
    if (!job->away)
        job_free(job);
}

static void job_finish(struct job *job, struct reply *reply)
{
    job_done *done = job->done;
    void *arg = job->arg;
    job_free(job);
    done(arg, reply);
}

static void job_succeed(struct job *job)
{
    struct reply reply = {0};
    job_finish(job, &reply);
}

static void job_fail(struct job *job, const char *sqlstate, const char *text)
{
    struct reply reply = {.sqlstate = sqlstate};
    snprintf(reply.error, sizeof reply.error, "%s", text);
    job_finish(job, &reply);
}

/* Whether anybody still waits for a job that has come back; if not, it is gone. */
static bool job_came_back(struct job *job)
{
    job->away = false;
    if (job->done)
        return true;
    job_free(job);
    return false;
}

static void job_visit(struct job *job, void (*visit)(void *arg, struct worker *worker), void (*done)(void *arg))
{
    job->away = true;
    fleet_visit(job->fleet, job->home->place.loop, visit, done, job);
}

static void job_visited(void *arg)
{
    struct job *job = arg;
    if (job_came_back(job))
        job_succeed(job);
}

/* ---- SHOW ---- */

static void job_finish_show(struct job *job)
{
    struct reply reply = {0};
    struct err e = show_finish(job->showing, &reply.table);
    if (failed(e)) {
        reply.sqlstate = "42704"; /* undefined_object */
        snprintf(reply.error, sizeof reply.error, "%s", e.why);
    }
    if (!failed(e) && !reply.table) {
        reply.notice = "Console usage";
        reply.detail = show_help_text();
    }
    job_finish(job, &reply);
}

static void job_collect(void *arg, struct worker *worker)
{
    struct job *job = arg;
    show_collect(job->showing, worker);
}

static void job_collected(void *arg)
{
    struct job *job = arg;
    if (job_came_back(job))
        job_finish_show(job);
}

static void job_show(struct job *job)
{
    job->showing = show_begin(job->consoles, job->fleet, job->home, job->command.show, job->command.operand);
    if (show_needs_visit(job->showing))
        job_visit(job, job_collect, job_collected);
    else
        job_finish_show(job);
}

/* ---- what main does ---- */

static void job_back_from_main(void *arg)
{
    struct job *job = arg;
    if (!job_came_back(job))
        return;
    if (failed(job->outcome))
        job_fail(job, job->outcome.code == ERR_NOT_NOW ? "55000" : "22023", job->outcome.why);
    else
        job_succeed(job);
}

static struct err job_run_on_main(struct job *job)
{
    const struct consoles *consoles = job->consoles;
    if (job->command.kind == COMMAND_RELOAD)
        return consoles->ops->reload(consoles->ctx);
    if (job->command.kind == COMMAND_SET)
        return consoles->ops->set(consoles->ctx, job->command.name, job->command.operand);
    return consoles->ops->shutdown(consoles->ctx, job->command.shutdown);
}

/* When the process ends meanwhile, all sessions have ended too, and nobody waits for the job. */
static void job_open_on_main(void *arg)
{
    struct job *job = arg;
    if (!atomic_load(&job->consoles->fleet)) {
        job_free(job);
        return;
    }
    job->outcome = job_run_on_main(job);
    loop_post(job->home->place.loop, job_back_from_main, job);
}

static void job_ask_main(struct job *job)
{
    job->away = true;
    loop_post(job->consoles->main, job_open_on_main, job);
}

static void job_shut_down_now(void *arg)
{
    const struct consoles *consoles = arg;
    if (!atomic_load(&consoles->fleet))
        return;
    struct err e = consoles->ops->shutdown(consoles->ctx, SHUTDOWN_NOW);
    (void)e; /* it always can */
}

/* SHUTDOWN at once is answered first: afterwards nobody is left to do it. */
static void job_shutdown(struct job *job)
{
    struct consoles *consoles = job->consoles;
    if (job->command.shutdown != SHUTDOWN_NOW) {
        job_ask_main(job);
        return;
    }
    job_succeed(job);
    loop_post(consoles->main, job_shut_down_now, consoles);
}

/* ---- PAUSE and its kin ---- */

/* Fails the job unless the operand, if there is one, names a database. */
static bool job_find_database(struct job *job)
{
    const struct config *config = job->home->place.config;
    const char *name = job->command.operand;
    if (!name)
        return true;
    char text[160];
    if (config_is_console(name)) {
        snprintf(text, sizeof text, "cannot do this to the admin database: %.63s", name);
    } else if (!config_find_database(config, name, NULL)) {
        snprintf(text, sizeof text, "no such database: %.100s", name);
    } else {
        job->database = registry_database(fleet_registry(job->fleet), config, name);
        return true;
    }
    job_fail(job, "3D000", text);
    return false;
}

static void job_look_at_pause(void *arg)
{
    struct job *job = arg;
    if (fleet_has_no_links(job->fleet, job->database))
        job_succeed(job);
    else if (!fleet_is_paused(job->fleet, job->database))
        job_fail(job, "55000", "PAUSE was ended by RESUME");
    else
        timer_start(job->timer, LOOK_AGAIN_US);
}

static void job_pause(struct job *job)
{
    if (!job->database && fleet_is_paused(job->fleet, NULL)) {
        job_fail(job, "55000", "already suspended/paused");
        return;
    }
    fleet_pause(job->fleet, job->database);
    job->timer = timer_new(job->home->place.loop, job_look_at_pause, job);
    job_look_at_pause(job);
}

static void job_resume(struct job *job)
{
    if (!job->database && !fleet_is_paused(job->fleet, NULL)) {
        job_fail(job, "55000", "pooler is not paused/suspended");
        return;
    }
    fleet_resume(job->fleet, job->database);
    job_succeed(job);
}

static void job_touch_worker(void *arg, struct worker *worker)
{
    (void)arg;
    (void)worker;
}

/* Letters of one sender are opened in order: when all workers have answered, what was posted before is done. */
static void job_await_workers(struct job *job)
{
    job_visit(job, job_touch_worker, job_visited);
}

/* ---- WAIT_CLOSE ---- */

static unsigned count_closing(const struct server_list *list)
{
    unsigned count = 0;
    const struct server *server;
    TAILQ_FOREACH (server, list, entry)
        if (server->close_reason || server->epoch != atomic_load(&server->pool->database->epoch))
            count++;
    return count;
}

static void job_count_closing(void *arg, struct worker *worker)
{
    struct job *job = arg;
    for (struct pool *pool = registry_pools(fleet_registry(job->fleet)); pool; pool = pool->next) {
        const struct shard *shard = &pool->shards[worker->place.index];
        if (job->database && pool->database != job->database)
            continue;
        atomic_fetch_add(&job->found, count_closing(&shard->lent) + count_closing(&shard->tasked) +
                                          count_closing(&shard->opening) + count_closing(&shard->idle));
    }
}

static void job_counted_closing(void *arg)
{
    struct job *job = arg;
    if (!job_came_back(job))
        return;
    if (atomic_load(&job->found) == 0)
        job_succeed(job);
    else
        timer_start(job->timer, LOOK_AGAIN_US);
}

static void job_look_at_closing(void *arg)
{
    struct job *job = arg;
    atomic_store(&job->found, 0);
    job_visit(job, job_count_closing, job_counted_closing);
}

static void job_wait_close(struct job *job)
{
    job->timer = timer_new(job->home->place.loop, job_look_at_closing, job);
    job_look_at_closing(job);
}

/* ---- KILL_CLIENT ---- */

static bool kill_guest(struct worker *worker, uint64_t id)
{
    struct guest *guest = NULL;
    TAILQ_FOREACH (guest, &worker->clientele.guests, entry) {
        if (guest->id == id) {
            client_end(client_of_guest(guest), "57P01", "admin forced disconnect");
            return true;
        }
    }
    return false;
}

static bool kill_console(struct console_seats *seats, uint64_t id)
{
    struct console_seat *seat = NULL;
    TAILQ_FOREACH (seat, seats, entry) {
        if (seat->identity->id == id) {
            seat->end(seat, "admin forced disconnect");
            return true;
        }
    }
    return false;
}

static void job_kill_client_of(void *arg, struct worker *worker)
{
    struct job *job = arg;
    if (kill_guest(worker, job->client_id) || kill_console(&job->consoles->seats[worker->place.index], job->client_id))
        atomic_fetch_add(&job->found, 1);
}

static void job_killed_client(void *arg)
{
    struct job *job = arg;
    if (!job_came_back(job))
        return;
    if (atomic_load(&job->found) > 0)
        job_succeed(job);
    else
        job_fail(job, "42704", "client not found");
}

static void job_kill_client(struct job *job)
{
    char *end;
    unsigned long long id = strtoull(job->command.operand, &end, 10);
    if (id == 0 || *end) {
        job_fail(job, "22023", "invalid client id");
        return;
    }
    job->client_id = id;
    job_visit(job, job_kill_client_of, job_killed_client);
}

/* ---- start ---- */

static void job_run(struct job *job)
{
    switch (job->command.kind) {
    case COMMAND_SHOW:
        job_show(job);
        break;
    case COMMAND_SET:
    case COMMAND_RELOAD:
        job_ask_main(job);
        break;
    case COMMAND_SHUTDOWN:
        job_shutdown(job);
        break;
    case COMMAND_PAUSE:
        job_pause(job);
        break;
    case COMMAND_RESUME:
        job_resume(job);
        break;
    case COMMAND_KILL:
        fleet_kill(job->fleet, job->database);
        job_await_workers(job);
        break;
    case COMMAND_KILL_CLIENT:
        job_kill_client(job);
        break;
    case COMMAND_RECONNECT:
        fleet_reconnect(job->fleet, job->database);
        job_await_workers(job);
        break;
    case COMMAND_WAIT_CLOSE:
        job_wait_close(job);
        break;
    case COMMAND_DISABLE:
    case COMMAND_ENABLE:
        fleet_disable(job->database, job->command.kind == COMMAND_DISABLE);
        job_succeed(job);
        break;
    case COMMAND_EMPTY:
    case COMMAND_BEGIN:
    case COMMAND_END:
    case COMMAND_NOTHING:
        job_succeed(job);
        break;
    }
}

/* While the process ends, what would hold that up or undo it is refused. */
static bool job_comes_too_late(const struct job *job)
{
    enum command_kind kind = job->command.kind;
    return atomic_load(&job->consoles->ending) &&
           (kind == COMMAND_PAUSE || kind == COMMAND_RESUME || kind == COMMAND_KILL);
}

static bool names_database(enum command_kind kind)
{
    return kind == COMMAND_PAUSE || kind == COMMAND_RESUME || kind == COMMAND_KILL || kind == COMMAND_RECONNECT ||
           kind == COMMAND_WAIT_CLOSE || kind == COMMAND_DISABLE || kind == COMMAND_ENABLE;
}

/* For job_start: the caller learns the job only when it has not ended before. */
struct job_starting {
    job_done *done;
    void *arg;
    bool ended;
};

static void job_ended_at_once(void *arg, struct reply *reply)
{
    struct job_starting *starting = arg;
    starting->ended = true;
    starting->done(starting->arg, reply);
}

struct job *job_start(struct consoles *consoles, struct worker *home, const struct command *command, job_done *done,
                      void *arg)
{
    struct job_starting starting = {done, arg, false};
    struct job *job = NEW(struct job);
    job->consoles = consoles;
    job->fleet = atomic_load(&consoles->fleet);
    job->home = home;
    job->command = *command;
    job->command.name = mem_string(command->name);
    job->command.operand = mem_string(command->operand);
    job->done = job_ended_at_once;
    job->arg = &starting;
    if (!job->fleet || job_comes_too_late(job))
        job_fail(job, "57P01", "pooler is shutting down");
    else if (!names_database(command->kind) || job_find_database(job))
        job_run(job);
    if (starting.ended)
        return NULL;
    job->done = done;
    job->arg = arg;
    return job;
}
