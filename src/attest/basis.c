#include "attest/basis.h"

#include "attest/challenge.h"
#include "attest/judge.h"
#include "attest/tpm_quote.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "snp/consistency.h"
#include "snp/revocation.h"

#include <stdio.h>
#include <stdlib.h>

#define NOT_AGAIN "not asked of a session that goes on"
#define NO_CHAIN  "the chain did not verify when the session began"

/* Those that every verdict here has; without one of them there is none but deny. The demands: see judge_missing. */
static const char *const basis_required[] = {VERIFY_CHECK_FORMAT,
                                             VERIFY_CHECK_BINDING,
                                             SNP_CHECK_CHAIN,
                                             SNP_CHECK_CHAIN_ROOT,
                                             SNP_CHECK_CHAIN_VALIDITY,
                                             SNP_CHECK_CHAIN_REVOCATION,
                                             SNP_CHECK_REPORT_SIGNATURE,
                                             SNP_CHECK_KEY_KIND,
                                             SNP_CHECK_PRODUCT,
                                             SNP_CHECK_CHIP_ID,
                                             SNP_CHECK_CSP_ID,
                                             SNP_CHECK_TCB,
                                             SNP_CHECK_REPORTED_TCB,
                                             SNP_CHECK_COMMITTED_TCB,
                                             SNP_CHECK_COMMITTED_VERSION,
                                             JUDGE_CHECK_SIMULATED,
                                             JUDGE_CHECK_NONCE,
                                             JUDGE_CHECK_NONCE_LENGTH,
                                             NULL};

/* What is looked at together. */
struct review {
    const struct basis *basis;
    const struct policy *policy;
    const struct crl_set *crls;
    int64_t now_s;
    struct checklist *out;
};

static struct bytes pcr_values(const uint8_t *pcrs, uint32_t quoted)
{
    return bytes_of(pcrs, (size_t)__builtin_popcount(quoted) * TPM_PCR_SIZE);
}

struct basis basis_of(const struct verdict *verdict)
{
    return (struct basis){.format = verdict->format,
                          .facts = verdict->facts,
                          .lineage = snp_lineage_hold(verdict->lineage),
                          .pcrs = verdict->pcrs ? mem_copy(pcr_values(verdict->pcrs, verdict->pcrs_quoted)) : NULL,
                          .pcrs_quoted = verdict->pcrs_quoted,
                          .nonce_size = verdict->nonce_size,
                          .nonce_is_ours = verdict->nonce_is_ours};
}

void basis_release(struct basis *basis)
{
    snp_lineage_drop(basis->lineage);
    free(basis->pcrs);
    *basis = (struct basis){0};
}

static void review_add(const struct review *review, const char *name, bool good, const char *expected,
                       const char *found)
{
    checklist_add(review->out, name, good ? CHECK_PASS : CHECK_FAIL, expected, found);
}

static void review_format(const struct review *review)
{
    enum evidence_format format = review->basis->format;
    review_add(review, VERIFY_CHECK_FORMAT, review->policy->formats[format], "a format that the policy accepts",
               evidence_format_name(format));
    if (evidence_format_binds_key(format))
        review_add(review, VERIFY_CHECK_BINDING, true, "evidence made for this certificate", "it is");
    else
        checklist_add(
            review->out, VERIFY_CHECK_BINDING, review->policy->certificates.allow_unbound ? CHECK_WARN : CHECK_FAIL,
            "evidence made for this certificate", "the report binds a nonce and no key: anybody may have relayed it");
}

/* A root that was trusted by the earlier policy alone must be trusted by this one. */
static void review_root(const struct review *review)
{
    const struct snp_chain *chain = review->basis->lineage->chain;
    bool trusted = chain->root == SNP_ROOT_AMD ||
                   (chain->root == SNP_ROOT_EXTRA &&
                    snp_arks_trust(review->policy->certificates.trusted_arks, chain->ark_spki_sha256));
    review_add(review, SNP_CHECK_CHAIN_ROOT, trusted, "a trusted root",
               trusted ? "trusted" : "a root that certificates.trusted_arks does not name");
}

static void review_validity(const struct review *review)
{
    const struct snp_chain *chain = review->basis->lineage->chain;
    char until[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE], expected[CLOCK_TEXT_SIZE + 16];
    clock_text(chain->not_after_s * US_PER_SECOND, until);
    clock_text(review->now_s * US_PER_SECOND, now);
    snprintf(expected, sizeof expected, "until %s", until);
    review_add(review, SNP_CHECK_CHAIN_VALIDITY,
               chain->not_before_s <= review->now_s && review->now_s <= chain->not_after_s, expected, now);
}

static void review_revocation(const struct review *review)
{
    const struct snp_lineage *lineage = review->basis->lineage;
    struct snp_trust trust = {.now_s = review->now_s,
                              .crl_mode = review->policy->certificates.crl,
                              .crl_max_age_s = review->policy->certificates.crl_max_age_us / US_PER_SECOND};
    struct snp_revocation result = {.outcome = CHECK_FAIL, .found = "the list that came along was too long to be kept"};
    crl_set_lend(review->crls, lineage->chain->vek.kind, &trust);
    if (trust.crl_mode == SNP_CRL_OFF)
        result = (struct snp_revocation){.outcome = CHECK_SKIPPED, .found = "the policy looks at no lists"};
    else if (lineage->crl_is_kept)
        snp_revocation_judge(lineage->chain, &lineage->carried, &trust, &result);
    checklist_add(review->out, SNP_CHECK_CHAIN_REVOCATION, result.outcome, "not revoked", result.found);
}

static void review_chain(const struct review *review)
{
    bool holds = review->basis->lineage != NULL;
    review_add(review, SNP_CHECK_CHAIN, holds, "a chain that was verified", holds ? "it was" : NO_CHAIN);
    if (holds) {
        review_root(review);
        review_validity(review);
        review_revocation(review);
        return;
    }
    review_add(review, SNP_CHECK_CHAIN_ROOT, false, "a trusted root", NO_CHAIN);
    review_add(review, SNP_CHECK_CHAIN_VALIDITY, false, "all certificates valid", NO_CHAIN);
    review_add(review, SNP_CHECK_CHAIN_REVOCATION, false, "not revoked", NO_CHAIN);
}

/* Chain, signature, and report against certificate: what a policy may relax. */
static void review_report(const struct review *review)
{
    struct checklist snp = CHECKLIST_EMPTY;
    struct review within = *review;
    struct snp_facts facts = review->basis->facts;
    within.out = &snp;
    review_chain(&within);
    review_add(&within, SNP_CHECK_REPORT_SIGNATURE, facts.signature_holds, "by the key of the certificate",
               facts.signature_holds ? "holds" : "it did not hold when the session began");
    snp_consistency_check(&facts, review->policy->certificates.allow_masked_chip_id, &snp);
    judge_relax(review->policy, &snp);
    checklist_join(review->out, &snp);
}

/* A demand that nobody has looked at is not met. */
static void review_demands(const struct review *review)
{
    const struct basis *basis = review->basis;
    const struct tpm_quote quote = {.pcrs = basis->pcrs_quoted};
    judge_report(review->policy, &basis->facts, review->now_s * US_PER_SECOND, review->out);
    checklist_add(review->out, JUDGE_CHECK_EVIDENCE_AGE, CHECK_SKIPPED, "", NOT_AGAIN);
    judge_pcrs(review->policy, basis->pcrs ? &quote : NULL, pcr_values(basis->pcrs, basis->pcrs_quoted), review->out);
    const char *missing = judge_missing(review->out);
    if (missing)
        checklist_add(review->out, missing, CHECK_FAIL, "", "the check was not made");
}

static void review_nonce(const struct review *review)
{
    const struct basis *basis = review->basis;
    const struct policy *policy = review->policy;
    char expected[64];
    bool is_disabled = policy->nonce.mode == POLICY_DISABLED;
    if (is_disabled || (basis->nonce_size == 0 && !policy->nonce.required)) {
        const char *why = is_disabled ? CHALLENGE_DISABLED : "the policy asks for none";
        checklist_add(review->out, JUDGE_CHECK_NONCE, CHECK_SKIPPED, "", why);
        checklist_add(review->out, JUDGE_CHECK_NONCE_LENGTH, CHECK_SKIPPED, "", why);
        return;
    }
    if (basis->nonce_size == 0)
        checklist_add(review->out, JUDGE_CHECK_NONCE, challenge_outcome(policy, false), "a nonce",
                      "the evidence carried none");
    else if (policy->nonce.source == POLICY_NONCE_ANY)
        review_add(review, JUDGE_CHECK_NONCE, true, "any nonce", "found");
    else
        checklist_add(review->out, JUDGE_CHECK_NONCE, challenge_outcome(policy, basis->nonce_is_ours),
                      "a nonce that this server gave out, for this key",
                      basis->nonce_is_ours ? "it is" : "when the session began nobody asked whose it is");
    snprintf(expected, sizeof expected, "at least %zu bytes", policy->nonce.min_length);
    checklist_addf(review->out, JUDGE_CHECK_NONCE_LENGTH,
                   challenge_outcome(policy, basis->nonce_size >= policy->nonce.min_length), expected, "%zu bytes",
                   basis->nonce_size);
}

void basis_judge(const struct basis *basis, const struct policy *policy, const struct crl_set *crls, int64_t now_us,
                 struct verdict *out)
{
    const struct review review = {
        .basis = basis, .policy = policy, .crls = crls, .now_s = now_us / US_PER_SECOND, .out = &out->checks};
    out->format = basis->format;
    out->facts = basis->facts;
    out->at_us = now_us;
    review_format(&review);
    review_report(&review);
    review_demands(&review);
    review_nonce(&review);
    verdict_conclude(out, policy, basis_required);
}
