#include "pool/fleet.h"

#include "base/log.h"
#include "base/mem.h"
#include "pool/janitor.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

#define CREW_SIZE      2
#define RESOLVERS_SIZE 4

struct fleet {
    struct common common;
    struct place **places; /* the workers' places, for the registry */
};

/* ---- life ---- */

static size_t fleet_threads(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->set.threads > 0)
        return (size_t)config->set.threads;
    return cores > 0 ? (size_t)cores : 1;
}

static struct err fleet_make_workers(struct fleet *fleet, struct snapshot *snapshot)
{
    struct common *common = &fleet->common;
    size_t count = fleet_threads(snapshot->config);
    common->workers = NEW_ARRAY(struct worker *, count);
    fleet->places = NEW_ARRAY(struct place *, count);
    for (size_t i = 0; i < count; i++) {
        TRY(worker_new(common, i, snapshot, &common->workers[i]));
        fleet->places[i] = &common->workers[i]->place;
        common->worker_count++;
    }
    common->registry = registry_new(fleet->places, count);
    for (size_t i = 0; i < count; i++)
        common->workers[i]->clientele.registry = common->registry;
    return OK;
}

static struct err fleet_begin(struct fleet *fleet, struct snapshot *snapshot)
{
    struct common *common = &fleet->common;
    if (RAND_bytes(common->cancel_key, sizeof common->cancel_key) != 1)
        return err_crypto("cannot draw random bytes");
    TRY(crew_new(CREW_SIZE, &common->crew));
    TRY(crew_new(RESOLVERS_SIZE, &common->resolvers));
    TRY(listeners_open(snapshot->config, fleet_threads(snapshot->config), &common->listeners));
    TRY(fleet_make_workers(fleet, snapshot));
    atomic_store(&common->clients.ceiling, snapshot->config->set.max_client_conn);
    for (size_t i = 0; i < common->worker_count; i++)
        TRY(worker_start(common->workers[i]));
    return OK;
}

static void fleet_free(struct fleet *fleet)
{
    struct common *common = &fleet->common;
    crew_free(common->crew);
    crew_free(common->resolvers);
    for (size_t i = 0; i < common->worker_count; i++)
        worker_free(common->workers[i]);
    registry_free(common->registry);
    listeners_free(common->listeners);
    free(common->workers);
    free(fleet->places);
    mem_free_secret(fleet, sizeof *fleet);
}

struct err fleet_start(struct snapshot *snapshot, struct attest *attest, worker_console *console, void *console_ctx,
                       struct fleet **out)
{
    struct fleet *fleet = NEW(struct fleet);
    fleet->common.attest = attest;
    fleet->common.console = console;
    fleet->common.console_ctx = console_ctx;
    struct err e = fleet_begin(fleet, snapshot);
    if (failed(e))
        fleet_stop(fleet, "pooler is shutting down");
    else
        *out = fleet;
    return e;
}

/* ---- messages to all workers ---- */

struct errand {
    _Atomic size_t left;
    struct loop *home;
    void (*visit)(void *arg, struct worker *worker);
    void (*done)(void *arg);
    void *arg;
};

struct call {
    struct errand *errand;
    struct worker *worker;
};

static void fleet_called(void *arg)
{
    struct call *call = arg;
    struct errand *errand = call->errand;
    errand->visit(errand->arg, call->worker);
    if (atomic_fetch_sub(&errand->left, 1) == 1) {
        if (errand->done)
            loop_post(errand->home, errand->done, errand->arg);
        free(errand);
    }
    free(call);
}

void fleet_visit(struct fleet *fleet, struct loop *home, void (*visit)(void *arg, struct worker *worker),
                 void (*done)(void *arg), void *arg)
{
    struct errand *errand = NEW(struct errand);
    *errand = (struct errand){.home = home, .visit = visit, .done = done, .arg = arg};
    atomic_init(&errand->left, fleet->common.worker_count);
    for (size_t i = 0; i < fleet->common.worker_count; i++) {
        struct call *call = NEW(struct call);
        *call = (struct call){.errand = errand, .worker = fleet->common.workers[i]};
        loop_post(call->worker->place.loop, fleet_called, call);
    }
}

static void fleet_stop_worker(void *arg, struct worker *worker)
{
    worker_stop(worker, arg);
}

void fleet_stop(struct fleet *fleet, const char *text)
{
    struct common *common = &fleet->common;
    if (common->worker_count > 0)
        fleet_visit(fleet, NULL, fleet_stop_worker, NULL, (void *)text);
    for (size_t i = 0; i < common->worker_count; i++)
        worker_join(common->workers[i]);
    fleet_free(fleet);
}

static void fleet_adopt_worker(void *arg, struct worker *worker)
{
    struct snapshot *snapshot = arg;
    bool other_rules = snapshot->rules != worker->gate.rules; /* not so when a leaf was renewed */
    worker_adopt(worker, snapshot);
    if (other_rules)
        review_begin(&worker->review);
    janitor_weed(&worker->clientele, NULL);
    snapshot_drop(snapshot);
}

void fleet_adopt(struct fleet *fleet, struct snapshot *snapshot)
{
    atomic_store(&fleet->common.clients.ceiling, snapshot->config->set.max_client_conn);
    registry_adopt(fleet->common.registry, snapshot->config);
    for (size_t i = 0; i < fleet->common.worker_count; i++)
        snapshot_ref(snapshot);
    fleet_visit(fleet, NULL, fleet_adopt_worker, NULL, snapshot);
}

/* ---- commands ---- */

static void fleet_weed_worker(void *arg, struct worker *worker)
{
    janitor_weed(&worker->clientele, arg);
}

static void fleet_weed(struct fleet *fleet, struct pool_database *database)
{
    fleet_visit(fleet, NULL, fleet_weed_worker, NULL, database);
}

static void fleet_mark_paused(void *arg, struct pool_database *database)
{
    (void)arg;
    atomic_store(&database->paused, true);
}

static void fleet_mark_resumed(void *arg, struct pool_database *database)
{
    (void)arg;
    atomic_store(&database->paused, false);
}

static void fleet_mark_epoch(void *arg, struct pool_database *database)
{
    (void)arg;
    atomic_fetch_add(&database->epoch, 1);
}

static void fleet_mark(struct fleet *fleet, struct pool_database *database,
                       void (*mark)(void *arg, struct pool_database *database))
{
    if (database)
        mark(NULL, database);
    else
        registry_each_database(fleet->common.registry, mark, NULL);
}

void fleet_pause(struct fleet *fleet, struct pool_database *database)
{
    if (!database)
        registry_pause_new(fleet->common.registry, true);
    fleet_mark(fleet, database, fleet_mark_paused);
    fleet_weed(fleet, database);
}

void fleet_resume(struct fleet *fleet, struct pool_database *database)
{
    if (!database)
        registry_pause_new(fleet->common.registry, false);
    fleet_mark(fleet, database, fleet_mark_resumed);
    fleet_weed(fleet, database);
}

bool fleet_is_paused(const struct fleet *fleet, const struct pool_database *database)
{
    return database ? atomic_load(&database->paused) : registry_pauses_new(fleet->common.registry);
}

static void fleet_count_links(void *arg, struct pool_database *database)
{
    *(int *)arg += limit_taken(&database->links);
}

bool fleet_has_no_links(struct fleet *fleet, const struct pool_database *database)
{
    int links = 0;
    if (database)
        links = limit_taken(&database->links);
    else
        registry_each_database(fleet->common.registry, fleet_count_links, &links);
    return links == 0;
}

static void fleet_kill_worker(void *arg, struct worker *worker)
{
    janitor_clear(&worker->clientele, arg, "admin forced disconnect");
}

void fleet_kill(struct fleet *fleet, struct pool_database *database)
{
    fleet_pause(fleet, database);
    fleet_visit(fleet, NULL, fleet_kill_worker, NULL, database);
}

void fleet_reconnect(struct fleet *fleet, struct pool_database *database)
{
    fleet_mark(fleet, database, fleet_mark_epoch);
    fleet_weed(fleet, database);
}

void fleet_disable(struct pool_database *database, bool disabled)
{
    atomic_store(&database->disabled, disabled);
}

static void fleet_kill_client_of(void *arg, struct worker *worker)
{
    struct guest *guest = NULL;
    const uint64_t *id = arg;
    TAILQ_FOREACH (guest, &worker->clientele.guests, entry) {
        if (guest->id == *id) {
            client_end(client_of_guest(guest), "57P01", "admin forced disconnect");
            return;
        }
    }
}

void fleet_kill_client(struct fleet *fleet, struct loop *home, uint64_t id)
{
    uint64_t *copy = NEW(uint64_t);
    *copy = id;
    fleet_visit(fleet, home, fleet_kill_client_of, free, copy);
}

static void fleet_drain_worker(void *arg, struct worker *worker)
{
    (void)arg;
    worker_stop_listening(worker);
}

void fleet_drain(struct fleet *fleet)
{
    fleet_visit(fleet, NULL, fleet_drain_worker, NULL, NULL);
}

/* ---- what there is ---- */

struct registry *fleet_registry(struct fleet *fleet)
{
    return fleet->common.registry;
}

struct crew *fleet_crew(struct fleet *fleet)
{
    return fleet->common.crew;
}

size_t fleet_size(const struct fleet *fleet)
{
    return fleet->common.worker_count;
}

struct worker *fleet_worker(struct fleet *fleet, size_t index)
{
    return fleet->common.workers[index];
}

const struct limit *fleet_clients(const struct fleet *fleet)
{
    return &fleet->common.clients;
}
