#include "attest/attester.h"

#include "attest/plan.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ATTESTER_RETRY_US        (10 * US_PER_SECOND)
#define ATTESTER_PATIENCE_US     (10 * US_PER_SECOND) /* a throttled device takes seconds */
#define ATTESTER_PATIENCE_MIN_US (1 * US_PER_SECOND)

#define ATTESTER_GRACE_MS        500 /* for the thread to let go of what it waits for */
#define ATTESTER_TOLD            "told to end before the first attested certificate was made"

/* The thread's one job. */
enum attester_job {
    ATTESTER_IDLE,   /* the plan belongs to the home loop */
    ATTESTER_MINTS,  /* the plan belongs to the thread */
    ATTESTER_MINTED, /* leaf and outcome wait for the home loop, to which the plan belongs again */
};

struct attester {
    struct loop *home;
    struct kds *kds; /* borrowed; may be NULL */
    const struct attester_ops *ops;
    void *ctx;

    /* Of the home loop. */
    struct plan *plan;
    struct plan *next_plan; /* waits until the thread is idle; NULL: none */
    struct pace *pace;      /* of all requests, whatever plan they are for */
    struct tls_identity *identity;
    struct tls_identity *retired; /* the one before, until the turn ends */
    struct loop_task retire;
    struct timer *renewal; /* while the thread mints: when to complain that it takes long */
    struct event *rung;
    int64_t retry_us;      /* before the next attempt after a failure */
    int64_t mint_began_us; /* monotonic */
    bool loss_is_told;     /* that the key is lost; until a leaf has been made again */

    int bell; /* eventfd: the thread has minted */
    pthread_t thread;
    bool thread_runs;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    enum attester_job job;
    bool ending;
    struct plan_leaf leaf;
    struct err outcome;
    struct attester_state state;
};

static void *attester_main(void *arg)
{
    struct attester *attester = arg;
    pthread_mutex_lock(&attester->lock);
    while (!attester->ending) {
        if (attester->job != ATTESTER_MINTS) {
            pthread_cond_wait(&attester->wake, &attester->lock);
            continue;
        }
        pthread_mutex_unlock(&attester->lock);
        struct plan_leaf leaf;
        struct err outcome = plan_mint(attester->plan, &leaf);
        pthread_mutex_lock(&attester->lock);
        attester->leaf = leaf;
        attester->outcome = outcome;
        attester->job = ATTESTER_MINTED;
        eventfd_write(attester->bell, 1);
    }
    pthread_mutex_unlock(&attester->lock);
    return NULL;
}

static int64_t attester_period_us(const struct attester *attester)
{
    return attester->plan->config->set.attest_max_age_us / 3;
}

/* Sets the timer and says so in the state. */
static void attester_schedule(struct attester *attester, int64_t after_us)
{
    timer_start(attester->renewal, after_us);
    pthread_mutex_lock(&attester->lock);
    attester->state.next_renewal_us = clock_wall_us() + after_us;
    pthread_mutex_unlock(&attester->lock);
}

static int64_t attester_patience_us(const struct attester *attester)
{
    int64_t due_us = attester_period_us(attester) / 4;
    if (due_us < ATTESTER_PATIENCE_MIN_US)
        return ATTESTER_PATIENCE_MIN_US;
    return due_us < ATTESTER_PATIENCE_US ? due_us : ATTESTER_PATIENCE_US;
}

/* The plan's requests keep to the one pace, with the limits that the plan sets. Nobody mints meanwhile. */
static void attester_set_pace(struct attester *attester)
{
    const struct settings *set = &attester->plan->config->set;
    pace_adjust(attester->pace, set->attest_report_rate, set->attest_report_burst);
    if (attester->plan->provider)
        provider_set_pace(attester->plan->provider, attester->pace);
}

/* Has the thread mint, if it is idle; a plan that waits comes into force first. */
static void attester_begin(struct attester *attester)
{
    pthread_mutex_lock(&attester->lock);
    if (attester->job == ATTESTER_IDLE) {
        if (attester->next_plan) {
            plan_succeed(attester->plan, attester->next_plan);
            attester->plan = attester->next_plan;
            attester->next_plan = NULL;
            attester_set_pace(attester);
        }
        attester->mint_began_us = clock_monotonic_us();
        timer_start(attester->renewal, attester_patience_us(attester));
        attester->job = ATTESTER_MINTS;
        pthread_cond_signal(&attester->wake);
    }
    pthread_mutex_unlock(&attester->lock);
}

/* A key that is lost does not come back by itself: one loud word, and then silence as long as the leaf serves. */
static bool attester_tells_loss(struct attester *attester, const struct err *why, const char *until, bool over)
{
    if (why->code != ERR_KEY_LOST || over)
        return false;
    if (!attester->loss_is_told)
        log_error("attestation: THE KEY TO THE PROCESSOR IS LOST: no evidence can be made until this machine is "
                  "rebooted. The certificate in force serves until %s; move clients elsewhere before that: %s",
                  until, why->why);
    attester->loss_is_told = true;
    return true;
}

/* Puts a failure into the state, and into the log with what comes next. */
static void attester_tell_failure(struct attester *attester, const struct err *why, const char *next, int64_t after_us)
{
    char until[CLOCK_TEXT_SIZE];
    pthread_mutex_lock(&attester->lock);
    attester->state.failures++;
    memcpy(attester->state.failure, why->why, sizeof attester->state.failure);
    bool over = attester->state.not_after_us <= clock_wall_us();
    clock_text(attester->state.not_after_us, until);
    pthread_mutex_unlock(&attester->lock);
    if (!attester_tells_loss(attester, why, until, over))
        log_error("attestation: the certificate cannot be renewed, the one in force %s %s; %s in %.1f s: %s",
                  over ? "has been out of date since" : "serves until", until, next,
                  (double)after_us / (double)US_PER_SECOND, why->why);
    if (attester->ops->changed)
        attester->ops->changed(attester->ctx);
}

/* A device that never answers would let the leaf run out without a word. */
static void attester_complain(struct attester *attester)
{
    int64_t since_us = clock_monotonic_us() - attester->mint_began_us, patience_us = attester_patience_us(attester);
    struct err why = err_make(ERR_NOT_NOW, "the provider of reports has not answered for %.1f s",
                              (double)since_us / (double)US_PER_SECOND);
    attester_tell_failure(attester, &why, "looking again", patience_us);
    timer_start(attester->renewal, patience_us);
}

static void attester_renew(void *arg)
{
    struct attester *attester = arg;
    pthread_mutex_lock(&attester->lock);
    enum attester_job job = attester->job;
    pthread_mutex_unlock(&attester->lock);
    switch (job) {
    case ATTESTER_IDLE:
        attester_begin(attester);
        break;
    case ATTESTER_MINTS:
        attester_complain(attester);
        break;
    case ATTESTER_MINTED: /* the bell has rung */
        break;
    }
}

static void attester_drop_retired(void *arg)
{
    struct attester *attester = arg;
    tls_identity_release(attester->retired);
    attester->retired = NULL;
}

/* Takes the leaf over as the one in force. */
static struct err attester_take_leaf(struct attester *attester, const struct plan_leaf *leaf)
{
    uint8_t authority_sha256[32];
    struct err outcome = plan_authority_sha256(attester->plan, authority_sha256);
    if (failed(outcome)) {
        tls_identity_release(leaf->identity);
        return outcome;
    }
    tls_identity_release(attester->retired);
    attester->retired = attester->identity;
    attester->identity = leaf->identity;
    pthread_mutex_lock(&attester->lock);
    struct attester_state *state = &attester->state;
    const struct provider *provider = attester->plan->provider;
    state->provider = provider ? provider_name(provider) : "none";
    state->simulated = provider && provider_is_simulated(provider);
    state->has_report = leaf->has_report;
    state->is_complete = leaf->has_report && !failed(leaf->missing);
    memcpy(state->report, leaf->report, sizeof state->report);
    memcpy(state->config_digest, attester->plan->config_digest, sizeof state->config_digest);
    memcpy(state->leaf_sha256, leaf->sha256, sizeof state->leaf_sha256);
    memcpy(state->authority_sha256, authority_sha256, sizeof state->authority_sha256);
    state->issued_at_us = leaf->issued_at_s * US_PER_SECOND;
    state->not_after_us = leaf->not_after_s * US_PER_SECOND;
    state->failures = 0;
    state->failure[0] = '\0';
    pthread_mutex_unlock(&attester->lock);
    return OK;
}

/* The first retry comes soon, later ones at growing distances up to the period. */
static int64_t attester_next_retry_us(struct attester *attester)
{
    int64_t period_us = attester_period_us(attester);
    if (attester->retry_us == 0)
        attester->retry_us = period_us / 4 < ATTESTER_RETRY_US ? period_us / 4 : ATTESTER_RETRY_US;
    else
        attester->retry_us = attester->retry_us < period_us / 2 ? attester->retry_us * 2 : period_us;
    return attester->retry_us;
}

/* When to make the next leaf, after one was made: soon where this one is not all it could be. */
static void attester_plan_next(struct attester *attester, const struct err *missing)
{
    if (!failed(*missing)) {
        attester->retry_us = 0;
        attester_schedule(attester, attester_period_us(attester));
        return;
    }
    int64_t after_us = attester_next_retry_us(attester);
    pthread_mutex_lock(&attester->lock);
    attester->state.failures++;
    memcpy(attester->state.failure, missing->why, sizeof attester->state.failure);
    pthread_mutex_unlock(&attester->lock);
    log_warning(
        "attestation: the evidence is without the certificate of the processor's key, which verifiers must then "
        "have from elsewhere; trying again in %.1f s: %s",
        (double)after_us / (double)US_PER_SECOND, missing->why);
    attester_schedule(attester, after_us);
}

static void attester_succeed(struct attester *attester, const struct err *missing)
{
    char until[CLOCK_TEXT_SIZE];
    pthread_mutex_lock(&attester->lock);
    attester->state.renewals++;
    clock_text(attester->state.not_after_us, until);
    pthread_mutex_unlock(&attester->lock);
    log_info("attestation: the certificate was renewed and is good until %s", until);
    attester->loss_is_told = false;
    attester_plan_next(attester, missing);
    loop_defer(attester->home, &attester->retire);
    attester->ops->renewed(attester->ctx, attester->identity);
    if (attester->ops->changed)
        attester->ops->changed(attester->ctx);
}

/* A lost key is not spoken of again until the leaf runs out: that is to be noticed when it happens. */
static int64_t attester_retry_after_us(struct attester *attester, const struct err *why)
{
    pthread_mutex_lock(&attester->lock);
    int64_t left_us = attester->state.not_after_us - clock_wall_us();
    pthread_mutex_unlock(&attester->lock);
    int64_t retry_us = attester_next_retry_us(attester);
    return why->code == ERR_KEY_LOST && left_us > 0 && left_us < retry_us ? left_us : retry_us;
}

static void attester_fail(struct attester *attester, const struct err *why)
{
    int64_t after_us = attester_retry_after_us(attester, why);
    attester_tell_failure(attester, why, "trying again", after_us);
    attester_schedule(attester, after_us);
}

/* Whether a leaf lacks what the one in force has, which is still good. */
static bool attester_is_worse(struct attester *attester, const struct plan_leaf *leaf)
{
    pthread_mutex_lock(&attester->lock);
    bool has_better = attester->state.is_complete && attester->state.not_after_us > clock_wall_us();
    pthread_mutex_unlock(&attester->lock);
    return has_better && failed(leaf->missing);
}

/* What the thread has left, if it has: the plan is the home loop's again. */
static bool attester_take_minted(struct attester *attester, struct plan_leaf *leaf, struct err *outcome)
{
    eventfd_t rings;
    eventfd_read(attester->bell, &rings);
    pthread_mutex_lock(&attester->lock);
    bool minted = attester->job == ATTESTER_MINTED;
    *leaf = attester->leaf;
    *outcome = attester->outcome;
    if (minted) {
        attester->job = ATTESTER_IDLE;
        attester->leaf.identity = NULL;
    }
    pthread_mutex_unlock(&attester->lock);
    return minted;
}

/* The bell: on the home loop. A leaf of a plan that is replaced already is not shown to anybody. */
static void attester_collect(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct attester *attester = arg;
    struct plan_leaf leaf;
    struct err outcome;
    if (!attester_take_minted(attester, &leaf, &outcome))
        return;
    if (attester->next_plan) {
        tls_identity_release(leaf.identity);
        attester_begin(attester);
        return;
    }
    if (!failed(outcome) && attester_is_worse(attester, &leaf)) {
        tls_identity_release(leaf.identity);
        outcome = leaf.missing;
    } else if (!failed(outcome)) {
        outcome = attester_take_leaf(attester, &leaf);
    }
    if (failed(outcome))
        attester_fail(attester, &outcome);
    else
        attester_succeed(attester, &leaf.missing);
}

/* Signals are for the main thread. */
static struct err attester_start_thread(struct attester *attester)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&attester->thread, NULL, attester_main, attester);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return err_make(ERR_SYSTEM, "cannot start the attester's thread: %s", strerror(error));
    attester->thread_runs = true;
    return OK;
}

static struct err attester_prepare(struct attester *attester, struct config *config, const uint8_t *digest,
                                   struct provider *device)
{
    TRY(plan_make(config, digest, device, &attester->plan));
    attester->plan->kds = attester->kds;
    attester_set_pace(attester);
    attester->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (attester->bell < 0)
        return err_system("cannot make an eventfd");
    attester->rung =
        event_new(loop_base(attester->home), attester->bell, EV_READ | EV_PERSIST, attester_collect, attester);
    if (!attester->rung || event_add(attester->rung, NULL) < 0)
        return err_make(ERR_SYSTEM, "cannot watch an eventfd");
    return attester_start_thread(attester);
}

struct err attester_start(struct config *config, const uint8_t digest[SHA384_SIZE], struct provider *device,
                          struct kds *kds, struct loop *home, const struct attester_ops *ops, void *ctx,
                          struct attester **out)
{
    struct attester *attester = NEW(struct attester);
    attester->home = home;
    attester->kds = kds;
    attester->ops = ops;
    attester->ctx = ctx;
    attester->bell = -1;
    attester->pace = pace_new(config->set.attest_report_rate, config->set.attest_report_burst);
    attester->retire = (struct loop_task){.run = attester_drop_retired, .arg = attester};
    attester->renewal = timer_new(home, attester_renew, attester);
    pthread_mutex_init(&attester->lock, NULL);
    pthread_cond_init(&attester->wake, NULL);
    struct err outcome = attester_prepare(attester, config, digest, device);
    if (failed(outcome))
        attester_stop(attester);
    else
        *out = attester;
    return outcome;
}

/* What the thread waits for comes to its end soon, but for the device itself. */
static void attester_interrupt(struct attester *attester)
{
    if (attester->plan->provider)
        provider_interrupt(attester->plan->provider);
    if (attester->kds)
        kds_interrupt(attester->kds);
}

/* Waits for the bell; false: `stop_fd` was readable before, and the thread had a moment to let go. */
static bool attester_await(struct attester *attester, int stop_fd)
{
    struct pollfd waits[] = {{.fd = attester->bell, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    while (waits[0].revents == 0 && waits[1].revents == 0)
        if (poll(waits, 2, -1) < 0)
            waits[0].revents = waits[1].revents = 0; /* EINTR: a debugger's stop, signals being blocked */
    if (waits[0].revents != 0)
        return true;
    attester_interrupt(attester);
    (void)poll(waits, 1, ATTESTER_GRACE_MS);
    return false;
}

static bool attester_is_told(int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    return poll(&stop, 1, 0) > 0;
}

/* On the thread, so that the caller can turn away from a device that does not answer. */
struct err attester_make_first(struct attester *attester, int stop_fd)
{
    if (attester_is_told(stop_fd))
        return err_make(ERR_NOT_NOW, ATTESTER_TOLD);
    attester_begin(attester);
    bool minted = attester_await(attester, stop_fd);
    struct plan_leaf leaf;
    struct err outcome;
    if (!minted)
        return err_make(ERR_NOT_NOW, ATTESTER_TOLD);
    (void)attester_take_minted(attester, &leaf, &outcome);
    TRY(err_within(outcome, "cannot make the first attested certificate"));
    TRY(attester_take_leaf(attester, &leaf));
    attester_plan_next(attester, &leaf.missing);
    return OK;
}

bool attester_is_busy(struct attester *attester)
{
    pthread_mutex_lock(&attester->lock);
    bool busy = attester->job == ATTESTER_MINTS;
    pthread_mutex_unlock(&attester->lock);
    return busy;
}

static void attester_end_thread(struct attester *attester)
{
    pthread_mutex_lock(&attester->lock);
    attester->ending = true;
    pthread_cond_signal(&attester->wake);
    pthread_mutex_unlock(&attester->lock);
    attester_interrupt(attester);
    pthread_join(attester->thread, NULL);
}

void attester_stop(struct attester *attester)
{
    if (!attester)
        return;
    if (attester->thread_runs)
        attester_end_thread(attester);
    if (attester->rung)
        event_free(attester->rung);
    if (attester->bell >= 0)
        close(attester->bell);
    timer_free(attester->renewal);
    loop_cancel(attester->home, &attester->retire);
    tls_identity_release(attester->leaf.identity);
    tls_identity_release(attester->retired);
    tls_identity_release(attester->identity);
    plan_free(attester->next_plan);
    plan_free(attester->plan);
    pace_free(attester->pace);
    pthread_cond_destroy(&attester->wake);
    pthread_mutex_destroy(&attester->lock);
    free(attester);
}

struct tls_identity *attester_identity(const struct attester *attester)
{
    return attester->identity;
}

struct err attester_adopt(struct attester *attester, struct config *config, const uint8_t digest[SHA384_SIZE])
{
    struct plan *plan = NULL;
    TRY(plan_revise(attester->plan, config, digest, &plan));
    plan_free(attester->next_plan);
    attester->next_plan = plan;
    attester_begin(attester);
    return OK;
}

void attester_read_state(struct attester *attester, struct attester_state *out)
{
    pthread_mutex_lock(&attester->lock);
    *out = attester->state;
    pthread_mutex_unlock(&attester->lock);
    pace_read(attester->pace, &out->pace);
}
