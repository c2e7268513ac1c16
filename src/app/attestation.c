#include "app/attestation.h"

#include "app/process.h"
#include "attest/digest.h"
#include "attest/readiness.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

static bool attestation_is_due(const struct config *config)
{
    return config->set.client_tls_sslmode != SSLMODE_DISABLE && !config->set.client_tls_cert_file[0];
}

struct err attestation_open_device(const struct config *config, const char *user, struct provider **out)
{
    *out = NULL;
    return attestation_is_due(config) ? provider_open_device(&config->set, user, out) : OK;
}

struct err attestation_start(struct attest *attest, struct config *config, struct provider **device, struct loop *home,
                             const struct attester_ops *ops, void *ctx)
{
    uint8_t digest[SHA384_SIZE];
    if (!attestation_is_due(config)) {
        if (config->set.attest_required)
            return err_make(ERR_NOT_FOUND, "attest_required = 1, but no evidence can be shown: %s",
                            config->set.client_tls_sslmode == SSLMODE_DISABLE
                                ? "set client_tls_sslmode = require"
                                : "client_tls_cert_file names a certificate without evidence; leave it empty");
        return OK;
    }
    if (attest->attester)
        return OK;
    TRY(digest_of_config(config, digest));
    struct provider *provider = *device;
    *device = NULL;
    return attester_start(config, digest, provider, attest->kds, home, ops, ctx, &attest->attester);
}

struct err attestation_make_first(const struct attest *attest, int stop_fd)
{
    if (!attest->attester || attester_identity(attest->attester))
        return OK;
    return attester_make_first(attest->attester, stop_fd);
}

bool attestation_is_busy(const struct attest *attest)
{
    return attest->attester && attester_is_busy(attest->attester);
}

void attestation_undo(struct attest *attest)
{
    if (!attest->attester || attester_identity(attest->attester) || attester_is_busy(attest->attester))
        return;
    attester_stop(attest->attester);
    attest->attester = NULL;
}

struct err attestation_open_log(const struct attest *attest, const struct config *config)
{
    return err_within(journal_open_log(attest->journal, config->set.attest_log), "attest_log");
}

struct tls_identity *attestation_identity(const struct attest *attest, const struct config *config)
{
    return attestation_is_due(config) && attest->attester ? attester_identity(attest->attester) : NULL;
}

struct err attestation_renew(struct attest *attest, struct config *config)
{
    uint8_t digest[SHA384_SIZE];
    if (!attest->attester || !attestation_is_due(config))
        return OK;
    TRY(digest_of_config(config, digest));
    return attester_adopt(attest->attester, config, digest);
}

struct err attestation_adopt(struct attest *attest, struct loop *home, const struct rules *rules)
{
    const struct settings *set = &rules->config->set;
    int64_t max_age_us = policies_nonce_max_age_us(&rules->policies);
    struct kds_options *options = NULL;
    TRY(kds_options_read(set, NULL, &options));
    struct err opened = attestation_open_log(attest, rules->config);
    if (failed(opened)) {
        kds_options_drop(options);
        return opened;
    }
    nonces_set_max_age(attest->nonces, max_age_us > 0 ? max_age_us : NONCE_DEFAULT_AGE_US);
    kds_adopt(attest->kds, options);
    crls_watch(attest->crls, home, &rules->policies);
    return OK;
}

void attestation_tell_status(const struct attest *attest)
{
    if (!attest->attester || !attest->evidence_is_shown)
        return;
    struct attester_state *state = NEW(struct attester_state);
    char until[CLOCK_TEXT_SIZE];
    attester_read_state(attest->attester, state);
    clock_text(state->not_after_us, until);
    struct err lack = readiness_of(state, clock_wall_us());
    char *text = failed(lack) ? mem_format("STATUS=Not ready: %s", lack.why)
                 : state->failures > 0
                     ? mem_format("STATUS=The certificate in force serves until %s: %s", until, state->failure)
                     : mem_format("STATUS=The attested certificate is good until %s", until);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' '; /* a line of its own would be a message of its own */
    process_notify(text);
    free(text);
    free(state);
}
