#include "attest/provider_simulated.h"

#include "attest/provider_kind.h"
#include "base/clock.h"
#include "base/mem.h"
#include "snp/certtable.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIMULATED_PERIOD_MAX_US (INT64_C(1000) * 24 * 3600 * US_PER_SECOND)

struct simulated {
    struct provider provider;
    struct psp *psp;
    bool gives_certificates;
    int64_t latency_us;
    int64_t period_us;    /* between two reports; 0: no throttle */
    int64_t next_free_us; /* monotonic: when the throttle gives the next report */
    pthread_mutex_t lock; /* guards interrupted */
    pthread_cond_t wake;
    bool interrupted;
};

static struct err simulated_hex(const char *setting, const char *text, uint8_t *out, size_t size)
{
    return err_within(hex_decode(text, out, size), "%s", setting);
}

/* "1.55.29": `count` numbers below 256. */
static struct err simulated_dotted(const char *setting, const char *text, uint8_t *out, size_t count)
{
    const char *at = text;
    for (size_t i = 0; i < count; i++) {
        char *end = NULL;
        unsigned long value = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : UINT8_MAX + 1UL;
        if (value > UINT8_MAX || *end != (i + 1 < count ? '.' : '\0'))
            return err_make(ERR_INPUT, "%s must be %zu numbers below 256 with dots between", setting, count);
        out[i] = (uint8_t)value;
        at = end + 1;
    }
    return OK;
}

static struct err simulated_tcb(const char *text, enum snp_product product, struct psp_identity *out)
{
    struct snp_tcb tcb;
    TRY(err_within(snp_tcb_read(text, snp_product_tcb_layout(product), &tcb), "attest_simulated_tcb"));
    psp_identity_set_tcb(out, tcb);
    return OK;
}

static enum snp_product simulated_product(enum attest_product product)
{
    switch (product) {
    case ATTEST_PRODUCT_MILAN:
        return SNP_PRODUCT_MILAN;
    case ATTEST_PRODUCT_GENOA:
        return SNP_PRODUCT_GENOA;
    case ATTEST_PRODUCT_TURIN:
        return SNP_PRODUCT_TURIN;
    }
    return SNP_PRODUCT_UNKNOWN;
}

struct err provider_simulated_identity(const struct settings *set, struct psp_identity *out)
{
    enum snp_product product = simulated_product(set->attest_simulated_product);
    struct psp_identity identity;
    uint8_t firmware[3] = {0};
    psp_identity_default(product, &identity);
    TRY(simulated_hex("attest_simulated_measurement", set->attest_simulated_measurement, identity.measurement,
                      sizeof identity.measurement));
    if (*set->attest_simulated_host_data)
        TRY(simulated_hex("attest_simulated_host_data", set->attest_simulated_host_data, identity.host_data,
                          sizeof identity.host_data));
    TRY(simulated_dotted("attest_simulated_firmware", set->attest_simulated_firmware, firmware, sizeof firmware));
    identity.current = (struct snp_firmware_version){firmware[0], firmware[1], firmware[2]};
    identity.committed = identity.current;
    if (*set->attest_simulated_tcb)
        TRY(simulated_tcb(set->attest_simulated_tcb, product, &identity));
    if (*set->attest_simulated_chip_id) {
        identity.chip_id_given = true;
        TRY(simulated_hex("attest_simulated_chip_id", set->attest_simulated_chip_id, identity.chip_id,
                          snp_product_chip_id_size(product)));
    }
    identity.policy = set->attest_simulated_policy;
    identity.platform_info = set->attest_simulated_platform_info;
    identity.guest_svn = (uint32_t)set->attest_simulated_guest_svn;
    *out = identity;
    return OK;
}

/* A directory without directories in it. */
static void simulated_remove_directory(const char *directory)
{
    DIR *open_directory = opendir(directory);
    struct dirent *entry;
    while (open_directory && (entry = readdir(open_directory)))
        unlinkat(dirfd(open_directory), entry->d_name, 0);
    if (open_directory)
        closedir(open_directory);
    rmdir(directory);
}

/* The PSP holds in memory what it needs, so that keys that are to outlast nothing leave no file behind. */
static struct err simulated_open_nowhere(const struct psp_identity *identity, struct psp **out)
{
    const char *temporary = getenv("TMPDIR");
    char *directory = mem_format("%s/pgvouch-simulated.XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(directory)) {
        free(directory);
        return err_system("cannot make a directory for the simulated processor");
    }
    struct err outcome = psp_open(directory, identity, out);
    simulated_remove_directory(directory);
    free(directory);
    return outcome;
}

/* Waits until `until_us` (monotonic) or an interruption. */
static struct err simulated_wait(struct simulated *simulated, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / US_PER_SECOND, .tv_nsec = until_us % US_PER_SECOND * 1000};
    pthread_mutex_lock(&simulated->lock);
    while (!simulated->interrupted && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&simulated->wake, &simulated->lock, &until);
    bool interrupted = simulated->interrupted;
    pthread_mutex_unlock(&simulated->lock);
    return interrupted ? err_make(ERR_NOT_NOW, "the simulated processor was interrupted") : OK;
}

static struct err simulated_take_turn(struct simulated *simulated)
{
    int64_t now_us = clock_monotonic_us();
    int64_t start_us = simulated->next_free_us > now_us ? simulated->next_free_us : now_us;
    TRY(simulated_wait(simulated, start_us));
    simulated->next_free_us = start_us + simulated->period_us;
    return simulated_wait(simulated, start_us + simulated->latency_us);
}

static struct err simulated_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                                   struct provider_report *out)
{
    struct simulated *simulated = (struct simulated *)provider;
    TRY(simulated_take_turn(simulated));
    TRY(psp_report(simulated->psp, report_data, 0, out->report));
    if (!simulated->gives_certificates)
        return OK;
    struct snp_certtable table = {
        .vcek = psp_vcek(simulated->psp), .intermediate = psp_ask(simulated->psp), .ark = psp_ark(simulated->psp)};
    struct writer w = writer_growing(SNP_CERTTABLE_MAX);
    snp_certtable_write(&table, &w);
    struct err outcome = writer_finish(&w, "the table of certificates");
    if (!failed(outcome)) {
        out->table = mem_copy(writer_bytes(&w));
        out->table_size = w.used;
    }
    writer_free(&w);
    return outcome;
}

static void simulated_interrupt(struct provider *provider)
{
    struct simulated *simulated = (struct simulated *)provider;
    pthread_mutex_lock(&simulated->lock);
    simulated->interrupted = true;
    pthread_cond_broadcast(&simulated->wake);
    pthread_mutex_unlock(&simulated->lock);
}

static void simulated_free(struct provider *provider)
{
    struct simulated *simulated = (struct simulated *)provider;
    psp_free(simulated->psp);
    pthread_cond_destroy(&simulated->wake);
    pthread_mutex_destroy(&simulated->lock);
    free(simulated);
}

static const struct provider_kind simulated_kind = {
    .name = "simulated",
    .simulated = true,
    .report = simulated_report,
    .interrupt = simulated_interrupt,
    .free = simulated_free,
};

static int64_t simulated_period_us(double reports_a_second)
{
    if (reports_a_second <= 0)
        return 0;
    double period_us = (double)US_PER_SECOND / reports_a_second;
    return period_us < (double)SIMULATED_PERIOD_MAX_US ? (int64_t)period_us : SIMULATED_PERIOD_MAX_US;
}

struct err provider_simulated_open(const struct settings *set, struct provider **out)
{
    struct psp_identity identity;
    struct psp *psp = NULL;
    TRY(provider_simulated_identity(set, &identity));
    TRY(*set->attest_state_dir ? psp_open(set->attest_state_dir, &identity, &psp)
                               : simulated_open_nowhere(&identity, &psp));
    struct simulated *simulated = NEW(struct simulated);
    simulated->provider.kind = &simulated_kind;
    simulated->psp = psp;
    simulated->gives_certificates = set->attest_simulated_certificates;
    simulated->latency_us = set->attest_simulated_latency_us;
    simulated->period_us = simulated_period_us(set->attest_simulated_throttle);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&simulated->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&simulated->lock, NULL);
    *out = &simulated->provider;
    return OK;
}
