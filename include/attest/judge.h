/*
 * judge.h: a policy's demands, held against what verified evidence says: one check for each demand.
 *
 * Pure; any thread.
 */
#ifndef ATTEST_JUDGE_H
#define ATTEST_JUDGE_H

#include "attest/policy_key.h"
#include "attest/tpm_quote.h"

/* Names of the checks; all are always appended, the first first, the others in the order of policy_keys, which says
 * what each is about. The first is of no group: it fails in every mode, for a software PSP's root that the policy does
 * not allow, and where no root is known though the chain must be verified. Of the others: A demand that the policy does
 * not make, or whose group is disabled, is CHECK_SKIPPED and says so; one that is not met fails, or warns where its
 * group's mode is warn; one that cannot be decided because the report was not read is treated as not met. */
#define JUDGE_SKEW_S                    300 /* clocks that differ by less are forgiven */

#define JUDGE_CHECK_SIMULATED           "simulated" /* certificates.allow_simulated */
#define JUDGE_CHECK_MEASUREMENT         "measurement"
#define JUDGE_CHECK_MIN_VERSION         "tcb_min_version"
#define JUDGE_CHECK_MIN_CURRENT_VERSION "tcb_min_current_version"
#define JUDGE_CHECK_MIN_BUILD           "tcb_min_build"
#define JUDGE_CHECK_MIN_CURRENT_BUILD   "tcb_min_current_build"
#define JUDGE_CHECK_PLATFORM_VERSION    "tcb_min_platform_version"
#define JUDGE_CHECK_MIN_REPORTED        "tcb_min_reported"
#define JUDGE_CHECK_MIN_CURRENT         "tcb_min_current"
#define JUDGE_CHECK_MIN_COMMITTED       "tcb_min_committed"
#define JUDGE_CHECK_MIN_LAUNCH          "tcb_min_launch"
#define JUDGE_CHECK_PROVISIONAL         "provisional_firmware"
#define JUDGE_CHECK_LAUNCH_MITIGATIONS  "launch_mitigations"
#define JUDGE_CHECK_CURRENT_MITIGATIONS "current_mitigations"
#define JUDGE_CHECK_DEBUG               "debug"
#define JUDGE_CHECK_SMT                 "smt"
#define JUDGE_CHECK_GUEST_SVN           "guest_svn"
#define JUDGE_CHECK_POLICY_REQUIRED     "policy_required"
#define JUDGE_CHECK_POLICY_FORBIDDEN    "policy_forbidden"
#define JUDGE_CHECK_POLICY_EXACT        "policy_exact"
#define JUDGE_CHECK_MIN_ABI             "min_abi"
#define JUDGE_CHECK_MIN_VMPL            "min_vmpl"
#define JUDGE_CHECK_MAX_VMPL            "max_vmpl"
#define JUDGE_CHECK_PLATFORM_REQUIRED   "platform_required"
#define JUDGE_CHECK_PLATFORM_FORBIDDEN  "platform_forbidden"
#define JUDGE_CHECK_PLATFORM_UNKNOWN    "platform_unknown_bits"
#define JUDGE_CHECK_HOST_DATA           "host_data"
#define JUDGE_CHECK_FAMILY_ID           "family_id"
#define JUDGE_CHECK_IMAGE_ID            "image_id"
#define JUDGE_CHECK_REPORT_ID           "report_id"
#define JUDGE_CHECK_ID_KEY              "id_key_digest"
#define JUDGE_CHECK_AUTHOR_KEY          "author_key_digest"
#define JUDGE_CHECK_ID_KEY_REQUIRED     "id_key_required"
#define JUDGE_CHECK_AUTHOR_KEY_REQUIRED "author_key_required"
#define JUDGE_CHECK_PRODUCT_ALLOWED     "product_allowed"
#define JUDGE_CHECK_PRODUCT_DENIED      "product_denied"
#define JUDGE_CHECK_CHIP_ALLOWED        "chip_id_allowed"
#define JUDGE_CHECK_CHIP_DENIED         "chip_id_denied"
#define JUDGE_CHECK_CSP_ALLOWED         "csp_id_allowed"
#define JUDGE_CHECK_KEY_KIND_ALLOWED    "key_kind_allowed"

/* `now_us`: wall clock, for measurements that hold for a time. */
void judge_report(const struct policy *policy, const struct snp_facts *facts, int64_t now_us, struct checklist *out);

/* Whether judge_report says the same at any time: no measurement holds for a time only. */
bool judge_is_timeless(const struct policy *policy);

/* evidence.max_age, of whatever evidence claims when it was made; `issued_at_s` 0: it does not say, which is not met.
 */
#define JUDGE_CHECK_EVIDENCE_AGE "evidence_age"
void judge_age(const struct policy *policy, int64_t issued_at_s, int64_t now_us, struct checklist *out);

/* launch.tpm_pcrs, of PCRs that a quote vouches for; `quote` NULL: none does, which is not met. `pcrs`: their
 * values, as tpm_quote_check_pcrs let them through. */
#define JUDGE_CHECK_PCRS "azure_pcrs"
void judge_pcrs(const struct policy *policy, const struct tpm_quote *quote, struct bytes pcrs, struct checklist *out);

/* The first name of a check of judge_report, judge_age or judge_pcrs that is not in the list: then there was no
 * judgement, whatever the others say. NULL when all are there. */
const char *judge_missing(const struct checklist *list);

/* Every demand that the policy makes, in the order of its checks, with what verdicts expect. Also of groups that are
 * disabled. `expected` holds for the call. */
void judge_explain(const struct policy *policy,
                   void (*tell)(void *arg, const struct policy_key *key, enum policy_mode mode, const char *expected),
                   void *arg);

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
