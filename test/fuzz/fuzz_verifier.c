/* A stranger's certificate, whichever evidence is in it, judged from its bytes to the verdict; and evidence by itself.
 * The input is a certificate, or the content of an extension, whose first byte says which, of one that is made here. */
#include "fuzz.h"

#include "attest/evidence_alone.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "tls/leaf.h"

#define NOW_S       1800000000 /* 2027: fixed, so that an input always does the same */

#define ALL_FORMATS "formats: [cmw, eat, azure, go-eat, dice, raw]\nnonce: {required: true, source: any}\n"

/* No root but AMD's is trusted: whatever is made here must be denied. */
static const char strict[] = ALL_FORMATS "certificates: {allow_simulated: true, allow_unbound: true}\n";
/* Signature and chain only warn, so that what is judged behind them decides. */
static const char loose[] =
    ALL_FORMATS "guest: {mode: disabled}\ncertificates: {allow_simulated: true, allow_unbound: true, "
                "verify_chain: false, verify_signature: false}\n";

static struct policy *policies[2];
static struct nonces *nonces;
static struct verified *verified;
static struct snp_chain_cache *chains;

static void begin(void)
{
    static bool has_begun;
    if (has_begun)
        return;
    has_begun = true;
    MUST_HOLD(!failed(policy_parse("strict", "strict", bytes_of_string(strict), &policies[0])));
    MUST_HOLD(!failed(policy_parse("loose", "loose", bytes_of_string(loose), &policies[1])));
    MUST_HOLD(!failed(nonces_new(16, &nonces)));
    verified = verified_new(16);
    chains = snp_chain_cache_new(16);
}

/* Every check says what it found, and nothing but AMD's signature, which nobody makes here, would be an allow. */
static void look_at(const struct verdict *verdict, const struct policy *policy)
{
    MUST_HOLD(verdict->kind != VERDICT_ALLOW);
    MUST_HOLD(verdict->kind == VERDICT_DENY || policy == policies[1]);
    MUST_HOLD(verdict->kind == VERDICT_DENY || !checklist_has_failure(&verdict->checks));
    MUST_HOLD(*verdict->reason && verdict->checks.count > 0);
    char *json = verdict_json(verdict);
    MUST_HOLD(json);
    free(json);
}

static enum verdict_kind judge_once(struct verify_request *request)
{
    struct verdict verdict;
    verdict_init(&verdict);
    verify_certificate(request, &verdict);
    look_at(&verdict, request->policy);
    enum verdict_kind kind = verdict.kind;
    verdict_release(&verdict);
    return kind;
}

/* As a server, a client or a file, by either policy, with a challenge or without: a byte of the input says, since each
 * costs milliseconds. Twice, because what held is remembered: it must then be the same. */
static void judge(X509 *certificate, uint8_t choice)
{
    static const enum verify_role roles[] = {VERIFY_SERVER, VERIFY_CLIENT, VERIFY_FILE, VERIFY_CLIENT};
    struct verify_request request = {.role = roles[choice & 3],
                                     .certificate = certificate,
                                     .is_tls13 = true,
                                     .policy = policies[(choice >> 2) & 1],
                                     .nonces = nonces,
                                     .chains = chains,
                                     .verified = verified,
                                     .now_us = NOW_S * US_PER_SECOND};
    if (choice & 8)
        request.expected_nonce = BYTES_LITERAL("a challenge of ours");
    MUST_HOLD(judge_once(&request) == judge_once(&request));
}

static void take_certificate(struct bytes der)
{
    X509 *certificate = NULL;
    if (failed(certificate_parse(der, &certificate)))
        return;
    judge(certificate, der.p[der.n - 1]);
    X509_free(certificate);
}

static void take_extension(struct bytes input)
{
    struct leaf_spec spec = {
        .common_name = "stranger", .not_before_s = NOW_S - 60, .not_after_s = NOW_S + 60, .for_client = true};
    struct leaf *leaf = NULL;
    struct tls_identity *identity = NULL;
    const char *oid = evidence_format_oid((enum evidence_format)(input.p[0] % EVIDENCE_FORMATS));
    MUST_HOLD(!failed(leaf_draft(&spec, NULL, &leaf)));
    if (oid && !failed(leaf_add_extension(leaf, oid, bytes_of(input.p + 1, input.n - 1))) &&
        !failed(leaf_sign(leaf, &identity)))
        judge(tls_identity_certificate(identity), input.p[input.n - 1]);
    tls_identity_release(identity);
    leaf_free(leaf);
}

static void take_alone(struct bytes input)
{
    struct evidence evidence;
    struct verdict verdict;
    struct snp_evidence snp = {0};
    if (!failed(evidence_alone_parse(input, &evidence)))
        for (size_t i = 0; i < 2; i++) {
            snp.report = evidence.report;
            snp_evidence_take_table(&snp, &evidence.table);
            struct verify_report_request request = {
                .evidence = &snp,
                .bind = &evidence.bind,
                .azure = evidence.format == EVIDENCE_AZURE ? &evidence.azure : NULL,
                .format = evidence.format,
                .policy = policies[i],
                .chains = chains,
                .now_us = NOW_S * US_PER_SECOND,
            };
            verdict_init(&verdict);
            verify_report_alone(&request, &verdict);
            look_at(&verdict, policies[i]);
            verdict_release(&verdict);
        }
    evidence_release(&evidence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    begin();
    take_certificate(input);
    if (size > 0 && size < CERTIFICATE_MAX_SIZE / 2)
        take_extension(input);
    take_alone(input);
    return 0;
}
