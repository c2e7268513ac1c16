/*
 * vouch_certify.h: AMD's KDS for a command of `vouch`, and what evidence lacks, had from there.
 *
 * Main; blocks for as long as kds_timeout allows.
 */
#ifndef APP_VOUCH_CERTIFY_H
#define APP_VOUCH_CERTIFY_H

#include "attest/crls.h"
#include "attest/staple.h"

/* By the kds_* settings; kds_cache_dir is the user's cache where nothing else is said. The roots of `policy` (may be
 * NULL) are believed, too. *out is the caller's (kds_free). */
struct err vouch_kds_open(const struct settings *set, const struct policy *policy, struct kds **out) MUST_CHECK;

/* The device, with what it does not give had from KDS: ask staple->provider for reports, then whether staple->missing
 * is OK. staple->kds is the caller's. */
struct err vouch_kds_staple(const struct settings *set, struct provider *device, struct staple *staple) MUST_CHECK;

/* What stands beside a report. */
struct vouch_evidence_parts {
    struct bytes report;
    bool has_certificate;
    bool crl_is_named; /* the caller names a revocation list: none is fetched */
};

#define VOUCH_LACKS_CERTIFICATE "the evidence comes without the report's certificate"

/* Has the report's certificate fetched where neither the evidence nor the policy (may be NULL) has it, and the
 * revocation list that the policy requires: both are then at hand in `kds`. The error of the certificate, which is
 * needed; that a list cannot be had is said on standard error for `command`, and for the verdict to judge. A list in
 * the evidence spares no request: which one the peer shows is its own choice. */
struct err vouch_kds_supply(struct kds *kds, const char *command, const struct vouch_evidence_parts *parts,
                            const struct policy *policy) MUST_CHECK;

#endif
