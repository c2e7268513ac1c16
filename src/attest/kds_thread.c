/* kds_thread.c: the thread that talks to KDS: kds_new, kds_ask, kds_interrupt, kds_free. */
#include "attest/kds_thread.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MAX_MS      60000
#define UNUSABLE_PAUSE_US (60 * US_PER_SECOND)  /* before one who answered nonsense is asked for that again */
#define UNTIMELY_PAUSE_US (600 * US_PER_SECOND) /* before who gave what is not in force is */
#define SILENCED          "it is not asked while the program ends"

/* While elements are removed; not every system has it. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                                                                     \
    for ((var) = TAILQ_FIRST(head); (var) && ((next) = TAILQ_NEXT(var, field), true); (var) = (next))
#endif

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void kds_begin_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- counting ---- */

static void kds_count(struct kds *kds, uint64_t *counter)
{
    pthread_mutex_lock(&kds->lock);
    ++*counter;
    pthread_mutex_unlock(&kds->lock);
}

static void kds_count_failure(struct kds *kds, uint64_t *counter, const char *why)
{
    pthread_mutex_lock(&kds->lock);
    ++*counter;
    kds->counters.failed_at_us = clock_wall_us();
    snprintf(kds->counters.failure, sizeof kds->counters.failure, "%s", why);
    pthread_mutex_unlock(&kds->lock);
}

/* ---- answering ---- */

static void asker_answer(struct kds_asker *asker, const struct err *outcome, struct bytes content)
{
    asker->done(asker->arg, outcome, content);
    free(asker);
}

static void job_answer(struct kds_job *job, const struct err *outcome, struct bytes content)
{
    struct kds_asker *asker;
    while ((asker = TAILQ_FIRST(&job->askers))) {
        TAILQ_REMOVE(&job->askers, asker, link);
        asker_answer(asker, outcome, content);
    }
}

static void job_end(struct kds *kds, struct kds_job *job)
{
    if (job->transfer) {
        curl_multi_remove_handle(kds->multi, kds_transfer_handle(job->transfer));
        kds_transfer_free(job->transfer);
    }
    TAILQ_REMOVE(&kds->jobs, job, link);
    free(job);
}

static void job_fail(struct kds *kds, struct kds_job *job, const struct err *why)
{
    job_answer(job, why, BYTES_NONE);
    job_end(kds, job);
}

/* ---- what holds a request up ---- */

/* True while the item may not be asked for. */
static bool job_must_wait(struct kds *kds, const struct kds_job *job, int64_t now_us, struct kds_note *note)
{
    struct kds_note pace;
    bool waits = kds_notes_find(kds->notes, kds->options_now, KDS_NOTE_SERVICE, now_us, note);
    if (job->item.kind == SNP_KDS_VCEK && kds_notes_find(kds->notes, kds->options_now, KDS_NOTE_PACE, now_us, &pace) &&
        (!waits || pace.until_us > note->until_us)) {
        *note = pace;
        waits = true;
    }
    return waits;
}

/* Those who would wait longer than they may are told at once; others wait. Returns whether any is left. */
static bool job_dismiss_hasty(struct kds_job *job, const struct kds_note *note, int64_t now_us)
{
    struct kds_asker *asker, *next;
    int64_t wait_us = note->until_us - now_us, at_us = clock_monotonic_us() + wait_us;
    struct err why = err_make(ERR_NOT_NOW, "KDS is left alone for another %.1f s: %s",
                              (double)wait_us / (double)US_PER_SECOND, note->why);
    TAILQ_FOREACH_SAFE (asker, &job->askers, link, next) {
        if (asker->deadline_us > at_us)
            continue;
        TAILQ_REMOVE(&job->askers, asker, link);
        asker_answer(asker, &why, BYTES_NONE);
    }
    return !TAILQ_EMPTY(&job->askers);
}

static void kds_note(struct kds *kds, const char *name, int64_t pause_us, bool lasting, const char *why)
{
    struct kds_note note = {.until_us = clock_wall_us() + pause_us, .lasting = lasting};
    snprintf(note.why, sizeof note.why, "%s", why);
    kds_notes_set(kds->notes, kds->options_now, name, &note);
}

/* Not for a shorter time than was asked for before. Returns how long it will be now. */
static int64_t kds_leave_alone(struct kds *kds, int64_t pause_us, bool lasting, const char *why)
{
    int64_t now_us = clock_wall_us();
    struct kds_note note = {.until_us = now_us + pause_us, .lasting = lasting};
    snprintf(note.why, sizeof note.why, "%s", why);
    kds_notes_extend(kds->notes, kds->options_now, KDS_NOTE_SERVICE, now_us, &note);
    return kds_notes_find(kds->notes, kds->options_now, KDS_NOTE_SERVICE, now_us, &note) ? note.until_us - now_us : 0;
}

/* ---- requests ---- */

static struct err job_send(struct kds *kds, struct kds_job *job)
{
    char path[SNP_KDS_PATH_SIZE];
    snp_kds_path(&job->item, path);
    TRY(kds_transfer_new(kds->options_now, path, snp_kds_size_max(job->item.kind), &job->transfer));
    curl_easy_setopt(kds_transfer_handle(job->transfer), CURLOPT_PRIVATE, job);
    if (curl_multi_add_handle(kds->multi, kds_transfer_handle(job->transfer)) != CURLM_OK) {
        kds_transfer_free(job->transfer);
        job->transfer = NULL;
        return err_make(ERR_SYSTEM, "libcurl takes no request");
    }
    if (job->item.kind == SNP_KDS_VCEK && kds->options_now->interval_us > 0)
        kds_note(kds, KDS_NOTE_PACE, kds->options_now->interval_us, true, "it gives VCEKs slowly (kds_interval)");
    kds_count(kds, &kds->counters.requests);
    log_debug("KDS: asking for %s", kds_transfer_url(job->transfer));
    return OK;
}

/* Sends the request, if it may be. */
static void job_begin(struct kds *kds, struct kds_job *job)
{
    struct kds_note note;
    int64_t now_us = clock_wall_us();
    struct err why = OK;
    if (kds->options_now->offline)
        why = err_make(ERR_NOT_NOW, "KDS is not asked (offline), and nothing fresh is at hand");
    else if (kds_notes_find(kds->notes, kds->options_now, job->name, now_us, &note))
        why = err_make(ERR_NOT_FOUND, "KDS is not asked again so soon: %s", note.why);
    else if (!job_must_wait(kds, job, now_us, &note))
        why = job_send(kds, job);
    else if (!job_dismiss_hasty(job, &note, now_us))
        job_end(kds, job);
    if (failed(why))
        job_fail(kds, job, &why);
}

static void kds_begin_jobs(struct kds *kds)
{
    struct kds_job *job, *next;
    TAILQ_FOREACH_SAFE (job, &kds->jobs, link, next)
        if (!job->transfer)
            job_begin(kds, job);
}

/* ---- answers ---- */

/* What was asked for and what came, for the log. */
static void job_refuse(struct kds *kds, struct kds_job *job, const struct err *cause)
{
    struct err why = *cause;
    bool untimely = why.code == ERR_NOT_NOW;
    if (untimely) /* for the asker that is not a matter of waiting */
        why.code = ERR_DENIED;
    why = err_within(why, "what KDS gave for %s is refused", kds_transfer_url(job->transfer));
    log_error("KDS: %s", why.why);
    kds_count_failure(kds, &kds->counters.refused, why.why);
    kds_note(kds, job->name, untimely ? UNTIMELY_PAUSE_US : UNUSABLE_PAUSE_US, false, cause->why);
    job_fail(kds, job, &why);
}

static void job_take_content(struct kds *kds, struct kds_job *job, struct bytes content)
{
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct err outcome = kds_store_check(kds->store, kds->options_now, &job->item, content, now_s);
    kds->failures = 0;
    bool may_revoke = job->item.kind == SNP_KDS_CRL && outcome.code == ERR_NOT_NOW; /* see kds_store_check */
    if (!failed(outcome) || may_revoke)
        kds_store_keep(kds->store, kds->options_now, &job->item, content, now_s);
    if (failed(outcome)) {
        job_refuse(kds, job, &outcome);
        return;
    }
    kds_count(kds, &kds->counters.fetched);
    log_info("KDS: fetched %s", kds_transfer_url(job->transfer));
    job_answer(job, &outcome, content);
    job_end(kds, job);
}

static void job_take_absence(struct kds *kds, struct kds_job *job, const struct err *cause)
{
    struct err why = err_within(*cause, "KDS, asked for %s", kds_transfer_url(job->transfer));
    kds->failures = 0;
    log_warning("%s; it is not asked for that again for %.0f s", why.why,
                (double)kds->options_now->negative_us / (double)US_PER_SECOND);
    kds_count_failure(kds, &kds->counters.missing, why.why);
    kds_note(kds, job->name, kds->options_now->negative_us, true, cause->why);
    job_fail(kds, job, &why);
}

/* The whole service is left alone for a while. Who has the time waits for the next attempt. */
static void job_take_trouble(struct kds *kds, struct kds_job *job, const struct kds_reply *reply)
{
    int64_t pause_us =
        kds_leave_alone(kds, kds_pause_us(++kds->failures, reply->retry_after_s), reply->throttled, reply->why.why);
    struct err why = err_within(reply->why, "KDS, asked for %s", kds_transfer_url(job->transfer));
    log_warning("%s; it is left alone for %.1f s", why.why, (double)pause_us / (double)US_PER_SECOND);
    kds_count_failure(kds, reply->throttled ? &kds->counters.throttled : &kds->counters.failed, why.why);
    curl_multi_remove_handle(kds->multi, kds_transfer_handle(job->transfer));
    kds_transfer_free(job->transfer);
    job->transfer = NULL;
    job_begin(kds, job);
}

static void job_take(struct kds *kds, struct kds_job *job, CURLcode code)
{
    struct kds_reply reply;
    kds_transfer_judge(job->transfer, code, &reply);
    switch (reply.answer) {
    case KDS_ANSWER_CONTENT:
        job_take_content(kds, job, reply.content);
        break;
    case KDS_ANSWER_NONE:
        job_take_absence(kds, job, &reply.why);
        break;
    case KDS_ANSWER_UNUSABLE:
        job_refuse(kds, job, &reply.why);
        break;
    case KDS_ANSWER_LATER:
        job_take_trouble(kds, job, &reply);
        break;
    }
}

static void kds_collect(struct kds *kds)
{
    CURLMsg *message;
    int left, running;
    curl_multi_perform(kds->multi, &running);
    while ((message = curl_multi_info_read(kds->multi, &left))) {
        struct kds_job *job = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE && curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job) == CURLE_OK)
            job_take(kds, job, code);
    }
}

/* A transfer whose askers have gone goes on: its answer is kept for the next one. */
static void kds_dismiss_overdue(struct kds *kds)
{
    struct kds_job *job, *next_job;
    struct kds_asker *asker, *next;
    int64_t now_us = clock_monotonic_us();
    struct err why = err_make(ERR_TIMEOUT, "KDS did not answer in time (kds_timeout)");
    TAILQ_FOREACH_SAFE (job, &kds->jobs, link, next_job) {
        TAILQ_FOREACH_SAFE (asker, &job->askers, link, next)
            if (asker->deadline_us <= now_us) {
                TAILQ_REMOVE(&job->askers, asker, link);
                asker_answer(asker, &why, BYTES_NONE);
            }
        if (TAILQ_EMPTY(&job->askers) && !job->transfer)
            job_end(kds, job);
    }
}

/* ---- rounds ---- */

static struct kds_job *kds_find_job(struct kds *kds, const char *name)
{
    struct kds_job *job;
    TAILQ_FOREACH (job, &kds->jobs, link)
        if (strcmp(job->name, name) == 0)
            return job;
    return NULL;
}

static void kds_enlist(struct kds *kds, struct kds_asker *asker)
{
    char name[SNP_KDS_NAME_SIZE];
    snp_kds_name(&asker->item, name);
    struct kds_job *job = kds_find_job(kds, name);
    if (!job) {
        job = NEW(struct kds_job);
        job->item = asker->item;
        memcpy(job->name, name, sizeof name);
        TAILQ_INIT(&job->askers);
        TAILQ_INSERT_TAIL(&kds->jobs, job, link);
    }
    TAILQ_INSERT_TAIL(&job->askers, asker, link);
}

/* Takes what has arrived. False: the end has come. */
static bool kds_begin_round(struct kds *kds, bool *interrupted)
{
    struct kds_asker *asker;
    pthread_mutex_lock(&kds->lock);
    while ((asker = TAILQ_FIRST(&kds->arrivals))) {
        TAILQ_REMOVE(&kds->arrivals, asker, link);
        kds_enlist(kds, asker);
    }
    *interrupted = kds->interrupted;
    bool goes_on = !kds->ending;
    kds->options_now = kds_options_ref(kds->options);
    pthread_mutex_unlock(&kds->lock);
    return goes_on;
}

static void kds_silence(struct kds *kds)
{
    struct kds_job *job, *next;
    struct err why = err_make(ERR_NOT_NOW, SILENCED);
    TAILQ_FOREACH_SAFE (job, &kds->jobs, link, next)
        job_fail(kds, job, &why);
}

/* How long until something is due that no byte announces: a deadline, or the end of a pause. */
static int64_t job_due_us(struct kds *kds, const struct kds_job *job, int64_t now_us, int64_t wall_us)
{
    const struct kds_asker *asker;
    struct kds_note note;
    int64_t least_us = ROUND_MAX_MS * US_PER_MS;
    TAILQ_FOREACH (asker, &job->askers, link)
        if (asker->deadline_us - now_us < least_us)
            least_us = asker->deadline_us - now_us;
    if (job->transfer)
        return least_us;
    int64_t pause_us = job_must_wait(kds, job, wall_us, &note) ? note.until_us - wall_us : 0;
    return pause_us < least_us ? pause_us : least_us;
}

static int kds_round_ms(struct kds *kds)
{
    int64_t now_us = clock_monotonic_us(), wall_us = clock_wall_us(), least_us = ROUND_MAX_MS * US_PER_MS;
    for (const struct kds_job *job = TAILQ_FIRST(&kds->jobs); job; job = TAILQ_NEXT(job, link)) {
        int64_t due_us = job_due_us(kds, job, now_us, wall_us);
        if (due_us < least_us)
            least_us = due_us;
    }
    return least_us > 0 ? (int)(least_us / US_PER_MS) + 1 : 0;
}

static void *kds_main(void *arg)
{
    struct kds *kds = arg;
    bool interrupted = false;
    while (kds_begin_round(kds, &interrupted)) {
        if (interrupted)
            kds_silence(kds);
        kds_begin_jobs(kds);
        kds_collect(kds);
        kds_dismiss_overdue(kds);
        int wait_ms = kds_round_ms(kds);
        kds_options_drop(kds->options_now);
        curl_multi_poll(kds->multi, NULL, 0, wait_ms, NULL);
    }
    kds_silence(kds);
    kds_options_drop(kds->options_now);
    return NULL;
}

/* ---- from outside ---- */

/* Under the lock. Signals are for the main thread. */
static struct err kds_start_thread(struct kds *kds)
{
    sigset_t all, before;
    if (kds->thread_runs)
        return OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&kds->thread, NULL, kds_main, kds);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return err_make(ERR_SYSTEM, "cannot start the thread that asks KDS: %s", strerror(error));
    kds->thread_runs = true;
    return OK;
}

void kds_ask(struct kds *kds, const struct snp_kds_item *item, kds_done *done, void *arg)
{
    struct kds_asker *asker = NEW(struct kds_asker);
    asker->item = *item;
    asker->done = done;
    asker->arg = arg;
    pthread_mutex_lock(&kds->lock);
    asker->deadline_us = clock_monotonic_us() + kds->options->timeout_us;
    struct err outcome = kds->interrupted || kds->ending ? err_make(ERR_NOT_NOW, SILENCED) : kds_start_thread(kds);
    if (!failed(outcome))
        TAILQ_INSERT_TAIL(&kds->arrivals, asker, link);
    pthread_mutex_unlock(&kds->lock);
    if (failed(outcome))
        asker_answer(asker, &outcome, BYTES_NONE);
    else
        curl_multi_wakeup(kds->multi);
}

void kds_interrupt(struct kds *kds)
{
    pthread_mutex_lock(&kds->lock);
    kds->interrupted = true;
    pthread_mutex_unlock(&kds->lock);
    curl_multi_wakeup(kds->multi);
}

struct err kds_new(struct kds_options *options, struct kds **out)
{
    struct kds *kds = NEW(struct kds);
    pthread_once(&curl_once, kds_begin_curl);
    kds->options = options;
    kds->store = kds_store_new();
    kds->notes = kds_notes_new();
    TAILQ_INIT(&kds->jobs);
    TAILQ_INIT(&kds->arrivals);
    pthread_mutex_init(&kds->lock, NULL);
    kds->multi = curl_multi_init();
    if (!kds->multi) {
        kds_free(kds);
        return err_make(ERR_UNSUPPORTED, "libcurl cannot be used");
    }
    *out = kds;
    return OK;
}

void kds_free(struct kds *kds)
{
    if (!kds)
        return;
    pthread_mutex_lock(&kds->lock);
    kds->ending = true;
    pthread_mutex_unlock(&kds->lock);
    if (kds->thread_runs) {
        curl_multi_wakeup(kds->multi);
        pthread_join(kds->thread, NULL);
    }
    curl_multi_cleanup(kds->multi);
    kds_notes_free(kds->notes);
    kds_store_free(kds->store);
    kds_options_drop(kds->options);
    pthread_mutex_destroy(&kds->lock);
    free(kds);
}
