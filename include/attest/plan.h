/*
 * plan.h: what the attester's leaves are made from: names, ages, digest, authority and provider; and the making.
 *
 * A plan is made on main and does not change; one thread at a time mints from it.
 */
#ifndef ATTEST_PLAN_H
#define ATTEST_PLAN_H

#include "attest/evidence.h"
#include "attest/kds.h"
#include "attest/provider.h"
#include "config/config.h"

struct plan {
    struct config *config; /* a reference */
    uint8_t config_digest[SHA384_SIZE];
    char *common_name;
    char *san; /* as leaf_spec.san */
    struct authority *authority;
    struct provider *provider; /* NULL: leaves carry no evidence */
    struct kds *kds;           /* borrowed, set by who made the plan; NULL: what the device gives is all there is */
};

/* Opens authority and provider, or takes over the device that is open already, and writes attest_ca_file. Without a
 * provider where attest_provider is "auto": a plan without evidence, with a warning, or ERR_NOT_FOUND when
 * attest_required is set. ERR_INPUT names the setting that is wrong. Blocks. *out is the caller's. `device` may be
 * NULL, and is freed when this fails. */
struct err plan_make(struct config *config, const uint8_t digest[SHA384_SIZE], struct provider *device,
                     struct plan **out) MUST_CHECK;

/* A plan for a changed configuration, to succeed `before`: with a NULL authority or provider where that of `before`
 * goes on. The provider changes with the attest_simulated_* settings alone. Errors as plan_make; `before` stays as it
 * is. */
struct err plan_revise(const struct plan *before, struct config *config, const uint8_t digest[SHA384_SIZE],
                       struct plan **out) MUST_CHECK;
/* Gives `after` what goes on of `before`, and frees `before`. Nobody mints meanwhile. */
void plan_succeed(struct plan *before, struct plan *after);

void plan_free(struct plan *plan); /* NULL does nothing */

/* A leaf from now on. */
struct plan_leaf {
    struct tls_identity *identity; /* the caller's */
    bool has_report;
    uint8_t report[SNP_REPORT_SIZE];
    uint8_t sha256[32];
    int64_t issued_at_s; /* since 1970 */
    int64_t not_after_s;
    struct err missing; /* why the evidence comes without the certificate of the processor's key; OK: it has it */
};

/* Blocks as provider_report, and as kds_certify where the device gives no certificate. On failure *out holds nothing.
 */
struct err plan_mint(const struct plan *plan, struct plan_leaf *out) MUST_CHECK;

/* SHA-256 of the authority's certificate. */
struct err plan_authority_sha256(const struct plan *plan, uint8_t out[32]) MUST_CHECK;

/* The names of the leaf, comma-separated, on the heap: attest_san, or the host name and the addresses listened on; all
 * addresses listened on are the loopback ones and what localhost is. `host` is the host name, "" when it has none that
 * can stand in a certificate. */
char *plan_names(const struct settings *set, const char *host);

#endif
