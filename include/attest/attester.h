/*
 * attester.h: our own evidence: the authority, the attested leaf, and its renewal.
 *
 * The one place that talks to the provider, on a thread of its own, so that a throttled device holds nobody up, and at
 * a pace that a device bears (attest/pace.h). The leaf is renewed at a third of attest_max_age; when that fails, or the
 * provider does not answer, it serves on until notAfter, and the log says so.
 */
#ifndef ATTEST_ATTESTER_H
#define ATTEST_ATTESTER_H

#include "attest/evidence.h"
#include "attest/kds.h"
#include "attest/pace.h"
#include "base/loop.h"
#include "config/config.h"

struct attester;

struct attester_ops {
    /* A new leaf: on the home loop's thread. `identity` is borrowed for the call. */
    void (*renewed)(void *ctx, struct tls_identity *identity);
    /* The state has changed: a leaf was made or could not be made. On the home loop's thread; may be NULL. */
    void (*changed)(void *ctx);
};

/* Opens provider and authority, writes attest_ca_file and starts the thread: no report is asked for yet, and there is
 * no leaf before attester_make_first. A config without a provider ("auto" finds none, attest_required = 0) serves a
 * leaf without evidence, with a warning. `digest` is what attest/digest.h makes of the configuration; `device`, if not
 * NULL, is a provider that is open already and becomes the attester's, whatever the outcome. `kds`, which may be NULL
 * and must outlive the attester, is asked for the certificate where the device gives none: evidence that lacks it never
 * takes the place of evidence that has it, while that is valid. Main. */
struct err attester_start(struct config *config, const uint8_t digest[SHA384_SIZE], struct provider *device,
                          struct kds *kds, struct loop *home, const struct attester_ops *ops, void *ctx,
                          struct attester **out) MUST_CHECK;
/* Makes the first leaf (blocks) and starts the renewal. Once, before anything but attester_stop. When `stop_fd`, which
 * is only looked at, becomes readable meanwhile, no report is asked for any more, what waits is interrupted, and the
 * outcome is ERR_NOT_NOW: soon, even where the device does not let go (attester_is_busy). -1: never. Main. */
struct err attester_make_first(struct attester *attester, int stop_fd) MUST_CHECK;
/* Whether the thread is at work: attester_stop would wait until the device lets go of it. Any thread. */
bool attester_is_busy(struct attester *attester);
/* Waits for the thread, and interrupts `kds`; no callback after it. NULL does nothing. Main. */
void attester_stop(struct attester *attester);

/* The leaf in force, NULL before the first; borrowed until the next turn of the home loop. Main. */
struct tls_identity *attester_identity(const struct attester *attester);

/* A changed configuration: settings of names, ages and the digest take effect with a leaf that is made at once.
 * ERR_INPUT for settings that cannot be (names): nothing changes then. Main. */
struct err attester_adopt(struct attester *attester, struct config *config,
                          const uint8_t digest[SHA384_SIZE]) MUST_CHECK;

/* What SHOW EVIDENCE and metrics tell. Times since 1970 in microseconds; 0: not known. */
struct attester_state {
    const char *provider; /* "none" without one */
    bool simulated;
    bool has_report;
    uint8_t report[SNP_REPORT_SIZE];
    uint8_t config_digest[SHA384_SIZE];
    uint8_t leaf_sha256[32];
    uint8_t authority_sha256[32];
    int64_t issued_at_us;
    int64_t next_renewal_us;
    int64_t not_after_us;
    uint64_t renewals;
    bool is_complete;           /* the certificate of the processor's key is with the report */
    uint64_t failures;          /* since the last success */
    char failure[ERR_WHY_SIZE]; /* the last; "" when there was none since */
    struct pace_state pace;
};
/* Any thread. */
void attester_read_state(struct attester *attester, struct attester_state *out);

#endif
