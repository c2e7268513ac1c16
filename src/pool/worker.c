#include "pool/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gate/door.h"
#include "pool/cancel.h"
#include "pool/janitor.h"
#include "pool/tuning.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS_US (100 * US_PER_MS) /* for what is queued to leave before the sockets close */

/* ---- snapshots ---- */

struct snapshot *snapshot_new(struct config *config, struct rules *rules, struct tls_context *client_tls,
                              struct tls_context *server_tls)
{
    struct snapshot *snapshot = NEW(struct snapshot);
    atomic_init(&snapshot->references, 1);
    snapshot->config = config_ref(config);
    snapshot->rules = rules_ref(rules);
    snapshot->client_tls = client_tls ? tls_context_keep(client_tls) : NULL;
    snapshot->server_tls = server_tls ? tls_context_keep(server_tls) : NULL;
    return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void snapshot_drop(struct snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) != 1)
        return;
    tls_context_release(snapshot->client_tls);
    tls_context_release(snapshot->server_tls);
    rules_drop(snapshot->rules);
    config_unref(snapshot->config);
    free(snapshot);
}

/* ---- clients that come ---- */

static void worker_take_client(struct worker *worker, int fd, const struct address *peer, bool is_unix)
{
    if (!is_unix)
        tuning_set_accepted(&worker->place.config->set, fd);
    if (limit_take(&worker->common->clients))
        door_accept(&worker->gate, fd, peer, is_unix);
    else
        door_turn_away(&worker->gate, fd);
}

/* A client of the Unix socket on its way to another worker. */
struct arrival {
    struct worker *worker;
    int fd;
    struct address peer;
};

static void worker_open_arrival(void *arg)
{
    struct arrival *arrival = arg;
    worker_take_client(arrival->worker, arrival->fd, &arrival->peer, true);
    free(arrival);
}

static void worker_accepted(void *arg, int fd, const struct address *peer, bool is_unix)
{
    struct worker *worker = arg;
    struct common *common = worker->common;
    if (!is_unix || common->worker_count == 1) {
        worker_take_client(worker, fd, peer, is_unix);
        return;
    }
    struct arrival *arrival = NEW(struct arrival);
    arrival->worker = common->workers[atomic_fetch_add(&common->next_worker, 1) % common->worker_count];
    arrival->fd = fd;
    arrival->peer = *peer;
    loop_post(arrival->worker->place.loop, worker_open_arrival, arrival);
}

/* ---- what the gate tells ---- */

static void worker_admit(void *ctx, struct stream *stream, struct identity *identity, struct bytes unread)
{
    struct worker *worker = ctx;
    if (identity->is_console)
        worker->common->console(worker->common->console_ctx, worker, stream, identity, unread);
    else
        client_admit(&worker->clientele, stream, identity, unread);
}

/* A cancel key on its way to the worker whose client it is. */
struct cancel_letter {
    struct worker *worker;
    size_t size;
    uint8_t key[];
};

static void worker_open_cancel(void *arg)
{
    struct cancel_letter *letter = arg;
    struct guest *guest = clientele_find(&letter->worker->clientele, bytes_of(letter->key, letter->size));
    struct client *client = guest ? client_of_guest(guest) : NULL;
    if (client && client->relay.server)
        cancel_start(client->relay.server);
    else if (client)
        client_cancel_waiting(client);
    mem_free_secret(letter, sizeof *letter + letter->size);
}

static void worker_cancel(void *ctx, struct bytes key)
{
    struct worker *worker = ctx;
    size_t index;
    if (!clientele_worker_of_key(key, &index) || index >= worker->common->worker_count)
        return;
    struct cancel_letter *letter = mem_alloc(sizeof *letter + key.n);
    letter->worker = worker->common->workers[index];
    letter->size = key.n;
    memcpy(letter->key, key.p, key.n);
    loop_post(letter->worker->place.loop, worker_open_cancel, letter);
}

static void worker_login_left(void *ctx)
{
    struct worker *worker = ctx;
    limit_give(&worker->common->clients);
}

static bool worker_is_tracked(const char *name)
{
    return variables_index(name) >= 0;
}

static const struct gate_ops worker_gate_ops = {
    .admit = worker_admit,
    .cancel = worker_cancel,
    .left = worker_login_left,
    .next_id = place_next_id,
    .is_tracked = worker_is_tracked,
};

/* ---- life ---- */

static void worker_tick(void *arg)
{
    struct worker *worker = arg;
    door_maintain(&worker->gate);
    janitor_tick(&worker->clientele);
    timer_start(worker->tick, JANITOR_PERIOD_US);
}

static void worker_end(void *arg)
{
    struct worker *worker = arg;
    loop_stop(worker->place.loop);
}

void worker_adopt(struct worker *worker, struct snapshot *snapshot)
{
    struct config *config_before = worker->place.config;
    struct tls_context *tls_before = worker->place.server_tls;
    worker->place.config = config_ref(snapshot->config);
    worker->place.server_tls = snapshot->server_tls ? tls_context_keep(snapshot->server_tls) : NULL;
    gate_adopt(&worker->gate, snapshot->rules, snapshot->client_tls);
    listeners_tune(worker->common->listeners, worker->place.index, &snapshot->config->set);
    config_unref(config_before);
    tls_context_release(tls_before);
}

struct err worker_new(struct common *common, size_t index, struct snapshot *snapshot, struct worker **out)
{
    struct worker *worker = NEW(struct worker);
    struct err e = loop_new(&worker->place.loop);
    if (failed(e)) {
        free(worker);
        return e;
    }
    worker->common = common;
    worker->place.index = index;
    worker->place.crew = common->crew;
    worker->place.resolvers = common->resolvers;
    worker->place.engine = engine_new(worker->place.loop);
    gate_init(&worker->gate, worker->place.engine, common->crew, &worker_gate_ops, worker);
    worker->gate.attest = common->attest;
    clientele_init(&worker->clientele, &worker->place, &common->clients, common->cancel_key);
    review_init(&worker->review, &worker->clientele, &worker->gate);
    worker->tick = timer_new(worker->place.loop, worker_tick, worker);
    worker->end = timer_new(worker->place.loop, worker_end, worker);
    worker_adopt(worker, snapshot);
    *out = worker;
    return OK;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    loop_run(worker->place.loop);
    return NULL;
}

struct err worker_start(struct worker *worker)
{
    sigset_t all;
    sigset_t before;
    char name[16];
    listeners_start(worker->common->listeners, worker->place.index, worker->place.loop, worker_accepted, worker);
    timer_start(worker->tick, JANITOR_PERIOD_US);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for main */
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return err_make(ERR_SYSTEM, "cannot start a worker thread: %s", strerror(error));
    snprintf(name, sizeof name, "worker-%zu", worker->place.index);
    pthread_setname_np(worker->thread, name);
    worker->started = true;
    return OK;
}

void worker_stop_listening(struct worker *worker)
{
    listeners_stop(worker->common->listeners, worker->place.index);
}

void worker_stop(struct worker *worker, const char *text)
{
    worker_stop_listening(worker);
    timer_stop(worker->tick);
    door_clear(&worker->gate, text);
    janitor_clear(&worker->clientele, NULL, text);
    timer_start(worker->end, LAST_WORDS_US);
}

void worker_join(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    worker->started = false;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    worker_stop_listening(worker);
    loop_stop(worker->place.loop);
    loop_run(worker->place.loop); /* opens what the crew and other workers have posted last */
    engine_free(worker->place.engine);
    loop_run(worker->place.loop);
    gate_close(&worker->gate);
    review_end(&worker->review);
    clientele_free(&worker->clientele);
    timer_free(worker->tick);
    timer_free(worker->end);
    loop_free(worker->place.loop);
    config_unref(worker->place.config);
    tls_context_release(worker->place.server_tls);
    free(worker);
}
