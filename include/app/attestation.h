/*
 * attestation.h: the daemon's own evidence and the configuration: when there is some, and that it keeps up.
 *
 * Main thread.
 */
#ifndef APP_ATTESTATION_H
#define APP_ATTESTATION_H

#include "attest/attest.h"
#include "attest/provider.h"
#include "gate/rules.h"

/* While the process is still root, before it becomes `user`: opens the device that reports come from, where there is to
 * be evidence. *out is NULL where none is needed now; for attestation_start. */
struct err attestation_open_device(const struct config *config, const char *user, struct provider **out) MUST_CHECK;

/* Prepares the attester where the configuration calls for one (TLS towards clients, with no certificate of the
 * operator's) and there is none yet. Before rules_load: policies may name the simulated processor's root, which is made
 * here. No report is asked for: what may fail for nothing is to be tried before attestation_make_first. ERR_NOT_FOUND:
 * attest_required, and there can be no evidence. Takes *device over and leaves NULL there. */
struct err attestation_start(struct attest *attest, struct config *config, struct provider **device, struct loop *home,
                             const struct attester_ops *ops, void *ctx) MUST_CHECK;

/* Has an attester that is new make its first leaf (blocks); attester_make_first says what `stop_fd` is for. */
struct err attestation_make_first(const struct attest *attest, int stop_fd) MUST_CHECK;

/* After a failure: an attester that has made no leaf goes again, unless it is busy. */
void attestation_undo(struct attest *attest);

/* Whether attest_free would wait for a device. */
bool attestation_is_busy(const struct attest *attest);

/* Opens the log of verdicts that the configuration names. Nothing changes when it fails. */
struct err attestation_open_log(const struct attest *attest, const struct config *config) MUST_CHECK;

/* The identity to show under this configuration; NULL: the operator's, or none. Borrowed until the next turn. */
struct tls_identity *attestation_identity(const struct attest *attest, const struct config *config);

/* Has the leaf renewed, so that it binds changed settings and has changed names. Nothing changes when it fails. */
struct err attestation_renew(struct attest *attest, struct config *config) MUST_CHECK;

/* Takes over what has been read and checked: nonces as old as the policies allow, the log of verdicts, how KDS is
 * reached, and the revocation lists that policies ask for, which are looked for on `home`. Nothing changes when it
 * fails. */
struct err attestation_adopt(struct attest *attest, struct loop *home, const struct rules *rules) MUST_CHECK;

/* Tells the service manager how the evidence stands, where there is some. */
void attestation_tell_status(const struct attest *attest);

#endif
