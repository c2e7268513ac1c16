/*
 * judge.h: a policy's demands, held against what verified evidence says: one check for each demand.
 *
 * Pure; any thread.
 */
#ifndef ATTEST_JUDGE_H
#define ATTEST_JUDGE_H

#include "attest/policy.h"

/* Names of the checks, in this order; all are always appended. The first is of no group: it fails in every mode, for a
 * software PSP's root that the policy does not allow, and where no root is known though the chain must be verified.
 * Of the others: A demand that the policy does not make, or whose group
 * is disabled, is CHECK_SKIPPED and says so; one that is not met fails, or warns where its group's mode is warn; one
 * that cannot be decided because the report was not read is treated as not met. */
#define JUDGE_CHECK_SIMULATED        "simulated" /* certificates.allow_simulated */
#define JUDGE_CHECK_MEASUREMENT      "measurement"
#define JUDGE_CHECK_MIN_VERSION      "tcb_min_version"
#define JUDGE_CHECK_PLATFORM_VERSION "tcb_min_platform_version"
#define JUDGE_CHECK_DEBUG            "debug"
#define JUDGE_CHECK_SMT              "smt"
#define JUDGE_CHECK_GUEST_SVN        "guest_svn"

void judge_report(const struct policy *policy, const struct snp_facts *facts, struct checklist *out);

/* Makes the outcome of the checks in `snp` (of snp_verify) fit verify_chain and verify_signature: where one of these is
 * false, a failure of the checks it covers becomes a warning, and a check of that name warns in every verdict.
 * verify_chain covers chain, chain_root, chain_validity and chain_revocation; verify_signature covers
 * signature_algorithm and report_signature. Nothing else is relaxed. */
#define JUDGE_CHECK_VERIFY_CHAIN     "verify_chain"
#define JUDGE_CHECK_VERIFY_SIGNATURE "verify_signature"
void judge_relax(const struct policy *policy, struct checklist *snp);

/* The nonce of a client's evidence, in the order asked: there and long enough, known, of this key, young enough. */
#define JUDGE_CHECK_NONCE        "nonce"
#define JUDGE_CHECK_NONCE_LENGTH "nonce_length"
#define JUDGE_CHECK_NONCE_AGE    "nonce_age"

#endif
