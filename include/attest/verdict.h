/*
 * verdict.h: what became of a peer's evidence: allow, warn or deny, with every check that was made.
 *
 * A verdict begins as deny; only verdict_conclude, called once after all checks, can turn it. One thread at a time.
 */
#ifndef ATTEST_VERDICT_H
#define ATTEST_VERDICT_H

#include "attest/policy.h"
#include "snp/checklist.h"

enum verdict_kind { VERDICT_DENY = 0, VERDICT_WARN, VERDICT_ALLOW };
/* "deny", "warn", "allow". */
const char *verdict_kind_name(enum verdict_kind kind);

#define VERDICT_REASON_MAX 400

struct verdict {
    enum verdict_kind kind;
    char *reason; /* one sentence without control characters, at most VERDICT_REASON_MAX bytes; "" for allow */
    struct checklist checks;
    char *policy;         /* name; "" without one */
    char *policy_version; /* `version` of the file, and the first digits of its hash: "1.0 (3f2a91c0)" */
    enum evidence_format format;
    bool has_evidence;
    uint8_t evidence_sha256[EVIDENCE_SHA256_SIZE];
    struct snp_facts facts;
    struct snp_lineage *lineage; /* a reference; NULL: the chain did not verify, or a report was judged by itself */
    uint8_t *pcrs;               /* TPM_PCR_SIZE bytes each, the lowest first; NULL: no quote vouches for any */
    uint32_t pcrs_quoted;        /* which: bit n for PCR n */
    size_t nonce_size;           /* of the evidence's nonce */
    bool nonce_is_ours;          /* it was given out by this server, and is this key's */
    int64_t issued_at_s;         /* as the evidence claims; 0: not known */
    int64_t at_us;               /* wall clock: when it was made */
    int64_t duration_us;
};

/* A deny whose reason is that nothing has been judged. No text is NULL. */
void verdict_init(struct verdict *verdict);
/* Frees what it holds and leaves it empty: a deny with NULL texts. */
void verdict_release(struct verdict *verdict);

/* Decides: deny unless every name in `required` (ended by NULL, and at least one) is among the checks and none failed;
 * then warn when any warned, else allow. Writes `policy` and `policy_version` (a NULL policy has neither) and the
 * reason: of a deny the first failure, naming the policy, e.g. "measurement 5445… is not allowed by policy \"strict\"";
 * of a warn the first warning. */
void verdict_conclude(struct verdict *verdict, const struct policy *policy, const char *const *required);

/* {"verdict", "reason", "checks": [{"name", "outcome", "expected", "found"}]}; on the heap (free), without line end. */
char *verdict_json(const struct verdict *verdict);

#endif
