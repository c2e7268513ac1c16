#include "attest/provider.h"

#include "attest/pace.h"
#include "attest/provider_azure.h"
#include "attest/provider_kind.h"
#include "attest/provider_sev_guest.h"
#include "attest/provider_simulated.h"
#include "attest/provider_tsm.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct err provider_open_sev_guest(struct provider **out)
{
    struct err outcome = provider_sev_guest_open(PROVIDER_SEV_GUEST_DEVICE, out);
    if (outcome.code == ERR_SYSTEM && access(PROVIDER_SEV_GUEST_DEVICE, R_OK | W_OK) < 0 && errno == EACCES)
        return provider_lacks_right("open", PROVIDER_SEV_GUEST_DEVICE);
    return outcome;
}

/* The first device that is there. One that is there and does not work is an error: to go on without evidence is for
 * machines that have none. */
static struct err provider_open_first(const struct settings *set, const char *user, struct provider **out)
{
    struct err tsm = provider_tsm_open(PROVIDER_TSM_ROOT, user, out);
    if (!failed(tsm))
        return OK;
    struct err sev_guest = provider_open_sev_guest(out);
    if (!failed(sev_guest)) {
        if (tsm.code != ERR_NOT_FOUND)
            log_warning("attestation provider tsm cannot be used, sev-guest is: %s", tsm.why);
        return OK;
    }
    if (tsm.code != ERR_NOT_FOUND)
        return tsm;
    if (sev_guest.code != ERR_NOT_FOUND)
        return sev_guest;
    struct err azure = provider_azure_open(set->attest_tpm, out);
    if (azure.code == ERR_NONE || (azure.code != ERR_NOT_FOUND && azure.code != ERR_UNSUPPORTED))
        return azure;
    return err_make(ERR_NOT_FOUND,
                    "this machine gives no attestation reports: neither %s nor %s is there, nor an Azure TPM (%s)",
                    PROVIDER_TSM_ROOT, PROVIDER_SEV_GUEST_DEVICE, azure.why);
}

static struct err provider_open_as(const struct settings *set, const char *user, struct provider **out)
{
    switch (set->attest_provider) {
    case ATTEST_PROVIDER_AUTO:
        return provider_open_first(set, user, out);
    case ATTEST_PROVIDER_TSM:
        return provider_tsm_open(PROVIDER_TSM_ROOT, user, out);
    case ATTEST_PROVIDER_SEV_GUEST:
        return provider_open_sev_guest(out);
    case ATTEST_PROVIDER_AZURE:
        return provider_azure_open(set->attest_tpm, out);
    case ATTEST_PROVIDER_SIMULATED:
        return provider_simulated_open(set, out);
    }
    return err_make(ERR_UNSUPPORTED, "attest_provider is none that this version has");
}

struct err provider_open(const struct settings *set, struct provider **out)
{
    return provider_open_as(set, set->user, out);
}

struct err provider_open_device(const struct settings *set, const char *user, struct provider **out)
{
    *out = NULL;
    if (set->attest_provider == ATTEST_PROVIDER_SIMULATED)
        return OK;
    struct err e = provider_open_as(set, user, out);
    if (set->attest_provider == ATTEST_PROVIDER_AUTO && e.code == ERR_NOT_FOUND)
        return OK;
    return err_within(e, "attest_provider = %s", attest_provider_text(set->attest_provider));
}

void provider_free(struct provider *provider)
{
    if (provider)
        provider->kind->free(provider);
}

const char *provider_name(const struct provider *provider)
{
    return provider->kind->name;
}

bool provider_is_simulated(const struct provider *provider)
{
    return provider->kind->simulated;
}

bool provider_is_azure(const struct provider *provider)
{
    return provider->kind->azure;
}

struct err provider_check_key(int error, const char *where)
{
    const char *name = error == ENOTTY ? "ENOTTY" : error == ETIMEDOUT ? "ETIMEDOUT" : "EBADMSG";
    if (error != ENOTTY && error != ETIMEDOUT && error != EBADMSG)
        return OK;
    return err_make(ERR_KEY_LOST,
                    "the kernel has wiped the key with which the guest talks to the processor (%s: %s); only a reboot "
                    "brings attestation back",
                    where, name);
}

struct err provider_lacks_right(const char *act, const char *where)
{
    return err_make(
        ERR_DENIED,
        "user %u may not %s %s, which is root's: start as root (pgvouch becomes `user`, or -u, once the device "
        "is open), or give that user the right",
        (unsigned)geteuid(), act, where);
}

int64_t provider_throttled_us(const struct provider *provider)
{
    return provider->kind->throttled_us > 0 ? provider->kind->throttled_us : PACE_THROTTLED_US;
}

void provider_set_pace(struct provider *provider, struct pace *pace)
{
    provider->pace = pace;
    if (pace)
        pace_expect(pace, provider_throttled_us(provider));
}

struct err provider_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                           struct provider_report *out)
{
    *out = (struct provider_report){0};
    if (!provider->pace)
        return provider->kind->report(provider, report_data, out);
    TRY(pace_begin(provider->pace));
    struct err outcome = provider->kind->report(provider, report_data, out);
    pace_end(provider->pace, &outcome);
    return outcome;
}

void provider_report_release(struct provider_report *report)
{
    free(report->table);
    free(report->azure);
    *report = (struct provider_report){0};
}

void provider_interrupt(struct provider *provider)
{
    if (provider->pace)
        pace_interrupt(provider->pace);
    if (provider->kind->interrupt)
        provider->kind->interrupt(provider);
}
