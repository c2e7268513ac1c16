/*
 * provider_simulated.h: reports of the software PSP (snp/psp.h), as slow and as scarce as the settings say.
 */
#ifndef ATTEST_PROVIDER_SIMULATED_H
#define ATTEST_PROVIDER_SIMULATED_H

#include "attest/provider.h"
#include "snp/psp.h"

/* Makes the PSP's keys in attest_state_dir, or takes those that are there; without attest_state_dir they live in memory
 * alone, and the root is another one after every start. Blocks for seconds where keys are made. ERR_INPUT names the
 * setting that is wrong. *out is the caller's. */
struct err provider_simulated_open(const struct settings *set, struct provider **out) MUST_CHECK;

/* What the attest_simulated_* settings say. ERR_INPUT names the one that is wrong. */
struct err provider_simulated_identity(const struct settings *set, struct psp_identity *out) MUST_CHECK;

#endif
