/*
 * provider.h: where attestation reports come from.
 *
 * One thread at a time uses a provider (the attester's), since a device gives one report at a time.
 */
#ifndef ATTEST_PROVIDER_H
#define ATTEST_PROVIDER_H

#include "config/settings.h"
#include "snp/report.h"

struct provider;
struct pace;

/* As attest_provider says; `auto` is the first of tsm, sev-guest and azure. ERR_NOT_FOUND: `auto`, and this machine has
 * none (never the simulated one), or the one named
 * is not here; ERR_UNSUPPORTED: one that this build does not have. The simulated provider makes its keys at first use
 * (seconds). *out is the caller's. */
struct err provider_open(const struct settings *set, struct provider **out) MUST_CHECK;
/* The device alone, while the process is still root: devices belong to root, and `user` is whom it becomes ("": nobody
 * else). *out is NULL where the provider is simulated, whose files must be that user's, or `auto` finds no device. */
struct err provider_open_device(const struct settings *set, const char *user, struct provider **out) MUST_CHECK;
/* NULL does nothing. */
void provider_free(struct provider *provider);

/* "simulated". A constant text. */
const char *provider_name(const struct provider *provider);
/* Whether it protects nothing. */
bool provider_is_simulated(const struct provider *provider);
/* Whether its reports come from an Azure paravisor, with the record that they need. */
bool provider_is_azure(const struct provider *provider);

/* A report that takes longer than this was throttled: a processor takes milliseconds, a paravisor seconds. */
int64_t provider_throttled_us(const struct provider *provider);

/* From now on reports are asked for at this pace, which outlives the provider (attest/pace.h). Between two reports. */
void provider_set_pace(struct provider *provider, struct pace *pace);

/* A report and the GUID table of certificates that prove it (empty when the provider has none). Where REPORT_DATA is
 * not the guest's, also the record that says what it binds (attest/evidence_azure.h). */
struct provider_report {
    uint8_t report[SNP_REPORT_SIZE];
    uint8_t *table;
    size_t table_size;
    uint8_t *azure; /* NULL: the report's REPORT_DATA is what was asked for */
    size_t azure_size;
};

/* Blocks: milliseconds, or seconds when the device is throttled or the pace makes it wait. On failure *out is empty.
 * ERR_KEY_LOST: the kernel has wiped the guest's key to the processor, and no report will be made until a reboot. */
struct err provider_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                           struct provider_report *out) MUST_CHECK;
void provider_report_release(struct provider_report *report);

/* Any thread, while the provider lives: a report that waits because it is throttled fails soon with ERR_NOT_NOW, and so
 * do all that follow. One that the device itself is making is not cut short. */
void provider_interrupt(struct provider *provider);

#endif
