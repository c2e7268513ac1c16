#include "admin/consoles.h"

#include "base/mem.h"
#include "gate/standing.h"

#include <semaphore.h>
#include <stdlib.h>

struct consoles *consoles_new(struct loop *main, const struct console_ops *ops, void *ctx, const char *version,
                              struct attest *attest)
{
    struct consoles *consoles = NEW(struct consoles);
    consoles->main = main;
    consoles->ops = ops;
    consoles->ctx = ctx;
    consoles->version = version;
    consoles->attest = attest;
    return consoles;
}

void consoles_open(struct consoles *consoles, struct fleet *fleet, const struct config *config)
{
    consoles->statistics = statistics_start(fleet, consoles->main, config);
    consoles->seats = NEW_ARRAY(struct console_seats, fleet_size(fleet));
    for (size_t i = 0; i < fleet_size(fleet); i++)
        TAILQ_INIT(&consoles->seats[i]);
    atomic_store(&consoles->fleet, fleet);
}

/* The end of all sessions, which every worker brings about for its own. */
struct closing {
    struct consoles *consoles;
    const char *text;
    sem_t done;
};

static void consoles_close_worker(void *arg, struct worker *worker)
{
    struct closing *closing = arg;
    struct console_seats *seats = &closing->consoles->seats[worker->place.index];
    struct console_seat *seat;
    while ((seat = TAILQ_FIRST(seats)))
        seat->end(seat, closing->text);
    sem_post(&closing->done);
}

void consoles_close(struct consoles *consoles, const char *text)
{
    struct fleet *fleet = consoles ? atomic_exchange(&consoles->fleet, NULL) : NULL;
    if (!fleet)
        return;
    struct closing closing = {.consoles = consoles, .text = text};
    sem_init(&closing.done, 0, 0);
    statistics_stop(consoles->statistics);
    fleet_visit(fleet, NULL, consoles_close_worker, NULL, &closing);
    for (size_t left = fleet_size(fleet); left > 0;)
        if (sem_wait(&closing.done) == 0)
            left--;
    sem_destroy(&closing.done);
}

static void consoles_dismiss(struct console_seat *seat, const char *why)
{
    char *text = mem_format("attestation is no longer accepted: %s", why);
    seat->end(seat, text);
    free(text);
}

static void consoles_judge_worker(void *arg, struct worker *worker)
{
    struct console_seats *seats = arg;
    struct console_seat *seat = TAILQ_FIRST(&seats[worker->place.index]);
    while (seat) {
        struct console_seat *next = TAILQ_NEXT(seat, entry);
        char *lost = standing_lost(seat->identity, &worker->gate);
        if (lost)
            consoles_dismiss(seat, lost);
        free(lost);
        seat = next;
    }
}

void consoles_judge(struct consoles *consoles)
{
    struct fleet *fleet = atomic_load(&consoles->fleet);
    if (fleet)
        fleet_visit(fleet, NULL, consoles_judge_worker, NULL, consoles->seats);
}

void consoles_free(struct consoles *consoles)
{
    if (!consoles)
        return;
    statistics_free(consoles->statistics);
    free(consoles->seats);
    free(consoles);
}

bool consoles_seat(struct consoles *consoles, struct worker *worker, struct console_seat *seat)
{
    if (!atomic_load(&consoles->fleet))
        return false;
    TAILQ_INSERT_TAIL(&consoles->seats[worker->place.index], seat, entry);
    atomic_fetch_add(&consoles->count, 1);
    return true;
}

void consoles_leave(struct consoles *consoles, struct worker *worker, struct console_seat *seat)
{
    TAILQ_REMOVE(&consoles->seats[worker->place.index], seat, entry);
    atomic_fetch_sub(&consoles->count, 1);
}
