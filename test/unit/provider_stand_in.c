#include "provider_stand_in.h"

#include "attest/provider_kind.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define AT_REPORT_DATA 0x50

struct provider_stand_in provider_stand_in = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static struct provider_stand_in *const self = &provider_stand_in;

struct played {
    struct provider provider;
    bool interrupted;
};

static struct err played_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                                struct provider_report *out)
{
    struct played *played = (struct played *)provider;
    struct err outcome = OK;
    pthread_mutex_lock(&self->lock);
    self->reports++;
    self->is_waiting = self->is_held;
    pthread_cond_broadcast(&self->wake);
    while (self->is_held && !played->interrupted)
        pthread_cond_wait(&self->wake, &self->lock);
    self->is_waiting = false;
    if (played->interrupted)
        outcome = err_make(ERR_NOT_NOW, "interrupted");
    else if (failed(self->report_error))
        outcome = self->report_error;
    if (!failed(outcome)) {
        out->report[0] = 3; /* version */
        memcpy(out->report + AT_REPORT_DATA, report_data, SNP_REPORT_DATA_SIZE);
        out->report[AT_REPORT_DATA] ^= self->gives_other_data;
        out->table = self->table.n > 0 ? mem_copy(self->table) : NULL;
        out->table_size = self->table.n;
    }
    pthread_mutex_unlock(&self->lock);
    return outcome;
}

static void played_interrupt(struct provider *provider)
{
    struct played *played = (struct played *)provider;
    pthread_mutex_lock(&self->lock);
    played->interrupted = true;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

static void played_free(struct provider *provider)
{
    pthread_mutex_lock(&self->lock);
    self->freed++;
    pthread_mutex_unlock(&self->lock);
    free(provider);
}

static const struct provider_kind played_kind = {
    .name = "stand-in", .simulated = true, .report = played_report, .interrupt = played_interrupt, .free = played_free};

struct err __wrap_provider_open(const struct settings *set, struct provider **out)
{
    (void)set;
    if (failed(self->open_error))
        return self->open_error;
    struct played *played = NEW(struct played);
    played->provider.kind = &played_kind;
    self->opened++;
    *out = &played->provider;
    return OK;
}

void provider_stand_in_reset(void)
{
    pthread_mutex_lock(&self->lock);
    self->open_error = self->report_error = OK;
    self->is_held = self->is_waiting = self->gives_other_data = false;
    self->table = BYTES_NONE;
    self->reports = self->opened = self->freed = 0;
    pthread_mutex_unlock(&self->lock);
}

void provider_stand_in_fail(struct err error)
{
    pthread_mutex_lock(&self->lock);
    self->report_error = error;
    pthread_mutex_unlock(&self->lock);
}

void provider_stand_in_hold(bool hold)
{
    pthread_mutex_lock(&self->lock);
    self->is_held = hold;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

void provider_stand_in_await(void)
{
    pthread_mutex_lock(&self->lock);
    while (!self->is_waiting)
        pthread_cond_wait(&self->wake, &self->lock);
    pthread_mutex_unlock(&self->lock);
}
