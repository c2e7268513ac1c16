#include "attest/verifier.h"

#include "attest/azure_verify.h"
#include "attest/challenge.h"
#include "attest/judge.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* Without these among the checks there is no verdict but deny: of a certificate, of all evidence, of every report, of a
 * policy. */
#define REQUIRED_OF_CERTIFICATE VERIFY_CHECK_TLS, VERIFY_CHECK_EVIDENCE, VERIFY_CHECK_VALIDITY, VERIFY_CHECK_ISSUED
#define REQUIRED_OF_EVIDENCE    VERIFY_CHECK_FORMAT, JUDGE_CHECK_NONCE, JUDGE_CHECK_NONCE_LENGTH, JUDGE_CHECK_NONCE_AGE
#define REQUIRED_OF_REPORT      VERIFY_CHECK_BINDING, SNP_CHECKS
#define REQUIRED_OF_POLICY      JUDGE_CHECK_SIMULATED, JUDGE_CHECK_MEASUREMENT /* and all others: see verify_demands */

static const char *const certificate_required[] = {REQUIRED_OF_CERTIFICATE, REQUIRED_OF_EVIDENCE, REQUIRED_OF_REPORT,
                                                   REQUIRED_OF_POLICY, NULL};
static const char *const certificate_required_without_policy[] = {REQUIRED_OF_CERTIFICATE, REQUIRED_OF_EVIDENCE,
                                                                  REQUIRED_OF_REPORT, VERIFY_CHECK_POLICY, NULL};
static const char *const report_required[] = {REQUIRED_OF_EVIDENCE, REQUIRED_OF_REPORT, REQUIRED_OF_POLICY, NULL};
static const char *const report_required_without_policy[] = {REQUIRED_OF_EVIDENCE, REQUIRED_OF_REPORT,
                                                             VERIFY_CHECK_POLICY, NULL};

/* What is at hand while one certificate is verified. */
struct verification {
    const struct verify_request *request;
    struct verdict *verdict;
    struct checklist *checks;
    struct evidence evidence;       /* of one that is remembered: format, nonce and time alone */
    struct certificate certificate; /* the same: times and hash of the key */
    struct azure_facts azure;       /* of EVIDENCE_AZURE, which is not remembered; zeros otherwise */
    struct verified *verified;      /* NULL: nothing is remembered */
    struct verified_key key;
    bool is_known;
    struct verified_leaf known;
    size_t bound_from, bound_to; /* the checks that are remembered: from evidence to binding */
};

static void verify_tls(const struct verification *v)
{
    if (v->request->role == VERIFY_FILE) {
        checklist_add(v->checks, VERIFY_CHECK_TLS, CHECK_SKIPPED, "", "a file is no session");
        return;
    }
    bool good = v->request->is_tls13;
    checklist_add(v->checks, VERIFY_CHECK_TLS, good ? CHECK_PASS : CHECK_FAIL, "TLS 1.3",
                  good ? "TLS 1.3" : "no TLS 1.3: such a session is not attested");
}

static void verify_format(const struct policy *policy, enum evidence_format format, struct checklist *checks)
{
    bool is_accepted = !policy || policy->formats[format];
    checklist_add(checks, VERIFY_CHECK_FORMAT, is_accepted ? CHECK_PASS : CHECK_FAIL,
                  policy ? "a format that the policy accepts" : "a known format", evidence_format_name(format));
}

/* False when there is nothing to go on with: of a format that the policy does not accept nothing is read. */
static bool verify_find(struct verification *v)
{
    const char *expected = "evidence in the peer's certificate";
    struct verdict *verdict = v->verdict;
    if (!v->request->certificate) {
        checklist_add(v->checks, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, expected, "no certificate was shown");
        return false;
    }
    const struct policy *policy = v->request->policy;
    struct err e = evidence_find(v->request->certificate, policy ? policy->formats : NULL, &v->evidence);
    verdict->format = v->evidence.format;
    if (e.code == ERR_NOT_FOUND) {
        checklist_add(v->checks, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, expected, "the certificate carries no evidence");
        return false;
    }
    verdict->has_evidence = true;
    memcpy(verdict->evidence_sha256, v->evidence.sha256, sizeof verdict->evidence_sha256);
    bool is_accepted = e.code != ERR_DENIED;
    if (!failed(e))
        e = certificate_read(v->request->certificate, &v->certificate);
    if (failed(e) && is_accepted) {
        checklist_add(v->checks, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, expected, e.why);
        return false;
    }
    verdict->issued_at_s = v->evidence.issued_at_s;
    checklist_add(v->checks, VERIFY_CHECK_EVIDENCE, CHECK_PASS, expected, "found");
    verify_format(policy, v->evidence.format, v->checks);
    return is_accepted;
}

/* Evidence without certificates: one that the policy has at hand, or that KDS gave before. `proof` holds it. */
static void verify_lend(const struct policy *policy, struct kds *kds, struct snp_evidence *snp, struct kds_proof *proof)
{
    struct snp_report report;
    if (snp->vek.n > 0 || snp->vcek.n > 0 || snp->vlek.n > 0 || failed(snp_report_parse(snp->report, &report)))
        return;
    if (policy)
        snp->vek = veks_find(policy->certificates.veks, &report);
    if (!kds || snp->vek.n > 0 || failed(kds_certify(kds, &report, SNP_PRODUCT_UNKNOWN, false, proof)))
        return;
    snp->vcek = proof->table.vcek;
    if (snp->intermediate.n == 0)
        snp->intermediate = proof->table.intermediate;
    if (snp->ark.n == 0)
        snp->ark = proof->table.ark;
}

static void verify_lend_crls(const struct crl_set *crls, struct bytes report_bytes, struct snp_trust *trust)
{
    struct snp_report report;
    if (failed(snp_report_parse(report_bytes, &report)) || snp_report_signing_key(&report) == SNP_SIGNING_KEY_NONE)
        return;
    bool is_vlek = snp_report_signing_key(&report) == SNP_SIGNING_KEY_VLEK;
    crl_set_lend(crls, is_vlek ? SNP_VEK_VLEK : SNP_VEK_VCEK, trust);
}

static struct snp_trust verify_trust(const struct policy *policy, struct bytes crl, int64_t now_us)
{
    struct snp_trust trust = {.now_s = now_us / US_PER_SECOND, .crl_mode = SNP_CRL_IF_AVAILABLE, .crl = crl};
    if (policy) {
        trust.arks = policy->certificates.trusted_arks;
        trust.crl_mode = policy->certificates.crl;
        trust.crl_max_age_s = policy->certificates.crl_max_age_us / US_PER_SECOND;
        trust.allow_masked_chip_id = policy->certificates.allow_masked_chip_id;
    }
    return trust;
}

static void verify_take_checks(const struct policy *policy, struct checklist *checks, struct verdict *verdict)
{
    if (policy)
        judge_relax(policy, checks);
    checklist_join(&verdict->checks, checks);
}

static void verify_take_lent(const struct snp_evidence *lent, struct snp_evidence *snp)
{
    if (!lent || lent->vek.n + lent->vcek.n + lent->vlek.n == 0 || snp->vek.n + snp->vcek.n + snp->vlek.n > 0)
        return;
    struct bytes report = snp->report;
    *snp = *lent;
    snp->report = report;
}

/* Signature, chain and certificates. */
static void verify_report(const struct verification *v)
{
    const struct verify_request *request = v->request;
    struct checklist checks = CHECKLIST_EMPTY;
    struct snp_evidence snp = {.report = v->evidence.report};
    struct snp_trust trust = verify_trust(request->policy, request->crl, request->now_us);
    trust.cache = request->chains;
    struct kds_proof proof = {0};
    snp_evidence_take_table(&snp, &v->evidence.table);
    snp.vek = v->evidence.vek;
    verify_take_lent(request->lent, &snp);
    verify_lend(request->policy, request->kds, &snp, &proof);
    verify_lend_crls(request->crls, snp.report, &trust);
    snp_verify_keep(&snp, &trust, &checks, &v->verdict->facts, &v->verdict->lineage);
    kds_proof_release(&proof);
    verify_take_checks(request->policy, &checks, v->verdict);
}

/* Whether the leaf may be taken at its word that it is its own issuer: where the handshake proved its key, a signature
 * by that same key over the certificate would prove nothing more. */
static bool verify_may_be_own_issuer(const struct verification *v)
{
    const X509 *leaf = v->request->certificate;
    return v->request->role != VERIFY_FILE &&
           X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(leaf)) == 0;
}

static struct err verify_report_data_is(const struct verification *v, const uint8_t *issuer_spki_sha384)
{
    uint8_t due[SNP_REPORT_DATA_SIZE];
    TRY(evidence_report_data(&v->evidence, &v->certificate, issuer_spki_sha384, due));
    if (!bytes_equal_secret(BYTES(due), BYTES(v->verdict->facts.report.report_data)))
        return err_make(ERR_DENIED, "the report is about another key, name, time or nonce");
    return OK;
}

static struct err verify_issuer(const struct verification *v, uint8_t spki_sha384[SHA384_SIZE])
{
    X509 *issuer = certificate_find_issuer(v->request->certificate, v->request->others);
    if (!issuer)
        return err_make(ERR_NOT_FOUND, "the certificate of the leaf's issuer was not sent");
    return certificate_spki_sha384(issuer, spki_sha384);
}

/* Where the guest does not own REPORT_DATA, from link to link: the report vouches for the runtime claims, these for a
 * key, and that key signed a quote over what is due. `due` is not known where `why` has failed. */
static struct err verify_azure(const struct evidence_azure *azure, struct err why, const uint8_t *due,
                               struct verdict *verdict, struct azure_facts *facts)
{
    const struct snp_report *report = verdict->facts.report_is_read ? &verdict->facts.report : NULL;
    struct err e = azure_verify(azure, report, failed(why) ? NULL : due, &verdict->checks, facts);
    const char *missing = azure_verify_missing(&verdict->checks);
    if (missing)
        return err_make(ERR_DENIED, "the check %s was not made", missing);
    return failed(why) ? why : e;
}

static struct err verify_quote_holds(struct verification *v)
{
    uint8_t issuer[SHA384_SIZE];
    uint8_t due[SNP_REPORT_DATA_SIZE];
    struct err known = verify_issuer(v, issuer);
    if (!failed(known))
        known = evidence_report_data(&v->evidence, &v->certificate, issuer, due);
    return verify_azure(&v->evidence.azure, known, due, v->verdict, &v->azure);
}

/* The issuer's key enters REPORT_DATA of our own formats, so that evidence also says who may issue leaves. */
static struct err verify_binding_holds(struct verification *v)
{
    uint8_t issuer[SHA384_SIZE];
    if (v->evidence.format == EVIDENCE_AZURE)
        return verify_quote_holds(v);
    if (!v->verdict->facts.report_is_read)
        return err_make(ERR_INPUT, "the report cannot be read");
    if (!evidence_format_is_ours(v->evidence.format))
        return verify_report_data_is(v, NULL);
    if (verify_may_be_own_issuer(v) && !failed(verify_report_data_is(v, v->certificate.spki_sha384)))
        return OK;
    TRY(verify_issuer(v, issuer));
    return verify_report_data_is(v, issuer);
}

/* A report that binds no key may have been relayed by anybody: that is never a pass. Only of a client may a policy
 * tolerate it, since a server's evidence answers no nonce either. */
static bool verify_tolerates_unbound(const struct verify_request *request)
{
    return request->role == VERIFY_CLIENT && request->policy && request->policy->certificates.allow_unbound;
}

static bool verify_binding(struct verification *v)
{
    const char *expected = v->evidence.format == EVIDENCE_AZURE ? "a quote made for this certificate"
                                                                : "REPORT_DATA made for this certificate";
    struct err e = verify_binding_holds(v);
    if (failed(e))
        checklist_add(v->checks, VERIFY_CHECK_BINDING, CHECK_FAIL, expected, e.why);
    else if (evidence_format_binds_key(v->evidence.format))
        checklist_add(v->checks, VERIFY_CHECK_BINDING, CHECK_PASS, expected, "it is");
    else
        checklist_add(v->checks, VERIFY_CHECK_BINDING, verify_tolerates_unbound(v->request) ? CHECK_WARN : CHECK_FAIL,
                      expected, "the report binds a nonce and no key: anybody may have relayed it");
    return !failed(e);
}

static void verify_time_text(int64_t at_s, char out[CLOCK_TEXT_SIZE])
{
    clock_text(at_s * US_PER_SECOND, out);
}

static void verify_times(const struct verification *v)
{
    char expected[128];
    char found[CLOCK_TEXT_SIZE];
    char from[CLOCK_TEXT_SIZE];
    char to[CLOCK_TEXT_SIZE];
    int64_t now_s = v->request->now_us / US_PER_SECOND;
    int64_t issued_s = v->evidence.issued_at_s;
    const struct certificate_facts *leaf = &v->certificate.facts;
    verify_time_text(leaf->not_before_s, from);
    verify_time_text(leaf->not_after_s, to);
    snprintf(expected, sizeof expected, "%s to %s", from, to);
    verify_time_text(now_s, found);
    bool valid = leaf->not_before_s <= now_s && now_s <= leaf->not_after_s;
    checklist_add(v->checks, VERIFY_CHECK_VALIDITY, valid ? CHECK_PASS : CHECK_FAIL, expected, found);
    if (!evidence_format_is_ours(v->evidence.format)) {
        checklist_add(v->checks, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "", "a report of this format binds no time");
        return;
    }
    verify_time_text(issued_s, found);
    bool issued = issued_s <= now_s + JUDGE_SKEW_S && issued_s <= leaf->not_after_s && issued_s > 0;
    checklist_add(v->checks, VERIFY_CHECK_ISSUED, issued ? CHECK_PASS : CHECK_FAIL, "not in the future", found);
}

/* What a policy demands, as it was found earlier (`known`, which is emptied; may be NULL); without one a check says
 * that nobody asked. A demand that nobody has looked at is not met. Gives where the checks of judge_report end; 0 when
 * one is missing: what was found is then not to be found again. */
static size_t verify_demands(const struct policy *policy, const struct azure_facts *azure, int64_t now_us,
                             struct checklist *known, struct verdict *verdict)
{
    if (!policy) {
        checklist_add(&verdict->checks, VERIFY_CHECK_POLICY, CHECK_SKIPPED, "",
                      "no policy was given: whether this is the right guest was not asked");
        return verdict->checks.count;
    }
    bool is_known = known && known->count > 0; /* all of them: they were counted when they were made */
    if (is_known)
        checklist_join(&verdict->checks, known);
    else
        judge_report(policy, &verdict->facts, now_us, &verdict->checks);
    size_t judged_to = verdict->checks.count;
    judge_age(policy, verdict->issued_at_s, now_us, &verdict->checks);
    judge_pcrs(policy, azure->quote_holds ? &azure->quote : NULL, azure->pcrs, &verdict->checks);
    const char *missing = is_known ? NULL : judge_missing(&verdict->checks);
    if (missing)
        checklist_add(&verdict->checks, missing, CHECK_FAIL, "", "the check was not made");
    return missing ? 0 : judged_to;
}

static void verify_nonce(const struct verification *v)
{
    const struct verify_request *request = v->request;
    struct challenge_answer answer = {
        .policy = request->policy,
        .nonces = request->nonces,
        .nonce = v->evidence.nonce,
        .spki_sha384 = v->certificate.spki_sha384,
        .binds_time = evidence_format_is_ours(v->evidence.format),
        .issued_at_s = v->evidence.issued_at_s,
        .now_us = request->now_us,
        .nonces_now_us = request->nonces_now_us,
    };
    v->verdict->nonce_size = v->evidence.nonce.n;
    if (request->expected_nonce.n > 0)
        challenge_expect(request->policy, request->expected_nonce, v->evidence.nonce, "the evidence carries none",
                         v->checks);
    else if (request->role == VERIFY_CLIENT)
        v->verdict->nonce_is_ours = challenge_judge(&answer, v->checks);
    else
        challenge_skip(request->role == VERIFY_FILE ? CHALLENGE_NOT_ASKED
                                                    : "a server's certificate answers no challenge",
                       v->checks);
}

/* What a quote that holds vouches for, for who judges the verdict later. */
static void verify_keep_pcrs(const struct azure_facts *azure, struct verdict *verdict)
{
    if (!azure->quote_holds || azure->pcrs.n == 0)
        return;
    verdict->pcrs = mem_copy(azure->pcrs);
    verdict->pcrs_quoted = azure->quote.pcrs;
}

/* Whether this very certificate held lately under this very policy: what was found then is found again. Not where the
 * caller names a list: that is no part of the key. */
static bool verify_recall(struct verification *v)
{
    const struct verify_request *request = v->request;
    struct verified_leaf *known = &v->known;
    if (!request->certificate || !request->policy || !request->policy->certificates.allow_cached ||
        !request->verified || request->crl.n > 0 ||
        failed(verified_key_of(request->verified, request->certificate, request->policy, request->crls, request->role,
                               &v->key)))
        return false;
    v->verified = request->verified;
    v->is_known = verified_find(v->verified, &v->key, request->now_us, known);
    if (!v->is_known)
        return false;
    checklist_join(v->checks, &known->checks);
    v->evidence = (struct evidence){
        .format = known->format, .nonce = bytes_of(known->nonce, known->nonce_size), .issued_at_s = known->issued_at_s};
    v->certificate.facts.not_before_s = known->not_before_s;
    v->certificate.facts.not_after_s = known->not_after_s;
    memcpy(v->certificate.spki_sha384, known->spki_sha384, SHA384_SIZE);
    v->verdict->facts = known->facts;
    v->verdict->lineage = snp_lineage_hold(known->lineage);
    v->verdict->format = known->format;
    v->verdict->has_evidence = true;
    memcpy(v->verdict->evidence_sha256, known->evidence_sha256, sizeof known->evidence_sha256);
    v->verdict->issued_at_s = known->issued_at_s;
    return true;
}

/* The first look at a certificate. False when there is nothing to go on with. */
static bool verify_look(struct verification *v)
{
    v->bound_from = v->checks->count;
    if (!verify_find(v))
        return false;
    verify_report(v);
    /* A raw report does not say which nonce it is over: that which was asked for, or it is about something else. */
    bool is_raw = v->evidence.format == EVIDENCE_RAW;
    if (is_raw)
        v->evidence.nonce = v->request->expected_nonce;
    if (!verify_binding(v) && is_raw)
        v->evidence.nonce = BYTES_NONE;
    v->bound_to = v->checks->count;
    return true;
}

/* Demands that depend on the time are made again every time. Of Azure's evidence there is more to look at than is kept,
 * and what a raw report is over depends on what was asked. */
static void verify_remember(struct verification *v, size_t demands_from, size_t demands_to)
{
    struct verified_leaf leaf = {
        .facts = v->verdict->facts,
        .format = v->evidence.format,
        .nonce_size = v->evidence.nonce.n,
        .issued_at_s = v->evidence.issued_at_s,
        .not_before_s = v->certificate.facts.not_before_s,
        .not_after_s = v->certificate.facts.not_after_s,
    };
    if (!v->verified || v->is_known || v->evidence.format == EVIDENCE_AZURE ||
        (v->evidence.format == EVIDENCE_RAW && v->request->expected_nonce.n > 0) ||
        v->evidence.nonce.n > sizeof leaf.nonce || demands_to == 0)
        return;
    leaf.lineage = snp_lineage_hold(v->verdict->lineage);
    if (v->evidence.nonce.n > 0)
        memcpy(leaf.nonce, v->evidence.nonce.p, v->evidence.nonce.n);
    memcpy(leaf.evidence_sha256, v->evidence.sha256, sizeof leaf.evidence_sha256);
    memcpy(leaf.spki_sha384, v->certificate.spki_sha384, SHA384_SIZE);
    checklist_copy(v->checks, v->bound_from, v->bound_to, &leaf.checks);
    if (judge_is_timeless(v->request->policy))
        checklist_copy(v->checks, demands_from, demands_to, &leaf.demands);
    verified_keep(v->verified, &v->key, v->request->policy, v->request->now_us, &leaf);
}

void verify_certificate(const struct verify_request *request, struct verdict *out)
{
    struct verification v = {.request = request, .verdict = out, .checks = &out->checks};
    int64_t began_us = clock_monotonic_us();
    out->at_us = request->now_us;
    verify_tls(&v);
    if (verify_recall(&v) || verify_look(&v)) {
        verify_times(&v);
        size_t demands_from = out->checks.count;
        size_t demands_to = verify_demands(request->policy, &v.azure, request->now_us, &v.known.demands, out);
        verify_keep_pcrs(&v.azure, out);
        verify_remember(&v, demands_from, demands_to);
        verify_nonce(&v);
    }
    certificate_release(&v.certificate);
    evidence_release(&v.evidence);
    verified_leaf_release(&v.known);
    verdict_conclude(out, request->policy,
                     request->policy ? certificate_required : certificate_required_without_policy);
    out->duration_us = clock_monotonic_us() - began_us;
}

static bool report_has_bind(const struct verify_report_request *request)
{
    return request->bind && request->bind->kind == BIND_KIND_REPORT;
}

/* What a report by itself can be held against is the bind record that came with it, and what the caller knows. */
static struct err verify_report_binding_holds(const struct verify_report_request *request, struct verdict *out,
                                              struct azure_facts *azure)
{
    uint8_t due[SNP_REPORT_DATA_SIZE];
    bool has_bind = report_has_bind(request);
    struct bytes found = BYTES(out->facts.report.report_data);
    struct err known = has_bind ? bind_report_data_alone(request->bind, due) : OK;
    if (has_bind && request->azure)
        TRY(verify_azure(request->azure, known, due, out, azure));
    if (!out->facts.report_is_read)
        return err_make(ERR_INPUT, "the report cannot be read");
    if (request->expected_data.n > 0 && !bytes_equal_secret(request->expected_data, found))
        return err_make(ERR_DENIED, "REPORT_DATA is another than the one that was asked for");
    if (!has_bind || request->azure)
        return OK;
    TRY(known);
    return bytes_equal_secret(BYTES(due), found) ? OK
                                                 : err_make(ERR_DENIED, "the report is about another time or nonce");
}

/* Without what they would be held against, runtime claims are still those that the report vouches for. */
static void verify_report_claims(const struct verify_report_request *request, struct verdict *out)
{
    struct bytes claims = request->azure ? request->azure->claims : request->claims;
    if (claims.n > 0)
        azure_verify_claims(claims, out->facts.report_is_read ? &out->facts.report : NULL, &out->checks);
}

static const char *verify_report_bound_to(const struct verify_report_request *request)
{
    if (request->expected_data.n > 0)
        return "the REPORT_DATA that was asked for";
    return request->azure ? "a quote made for the bind record" : "REPORT_DATA made for the bind record";
}

/* Whether what the bind record says is vouched for by what the processor, or Azure's TPM, signed. */
static bool verify_report_binding(const struct verify_report_request *request, struct verdict *out,
                                  struct azure_facts *azure)
{
    if (!report_has_bind(request))
        verify_report_claims(request, out);
    if (request->expected_data.n == 0 && !report_has_bind(request)) {
        checklist_add(&out->checks, VERIFY_CHECK_BINDING, CHECK_SKIPPED, "",
                      "no certificate: what REPORT_DATA binds was not looked at");
        return false;
    }
    struct err e = verify_report_binding_holds(request, out, azure);
    checklist_add(&out->checks, VERIFY_CHECK_BINDING, failed(e) ? CHECK_FAIL : CHECK_PASS,
                  verify_report_bound_to(request), failed(e) ? e.why : "it is");
    return !failed(e) && report_has_bind(request);
}

/* A measurement of Azure's is the paravisor's: a policy that does not name the format is not about it. The bare report
 * is no evidence of a peer's: who hands it over chose its form, and no policy says anything about that. */
static void verify_report_format(const struct verify_report_request *request, struct verdict *out)
{
    out->format = request->format;
    if (request->azure || request->claims.n > 0)
        out->format = EVIDENCE_AZURE;
    else if (out->format == EVIDENCE_NONE)
        out->format = request->bind ? EVIDENCE_CMW : EVIDENCE_RAW;
    if (out->format == EVIDENCE_RAW)
        checklist_add(&out->checks, VERIFY_CHECK_FORMAT, CHECK_SKIPPED, "",
                      "a report by itself: formats is about what it is wrapped in");
    else
        verify_format(request->policy, out->format, &out->checks);
}

/* A nonce stands in the bind record, which REPORT_DATA is made of; of one that is not vouched for none is believed. */
static void verify_report_nonce(const struct verify_report_request *request, bool is_bound, struct verdict *out)
{
    const char *absent = "the evidence is about none";
    if (out->format == EVIDENCE_RAW)
        absent = request->expected_data.n > 0
                     ? "a report by itself does not say: REPORT_DATA was given whole; ask for no nonce beside it"
                     : "a report by itself does not say: only its whole REPORT_DATA can be asked for";
    if (request->expected_nonce.n > 0)
        challenge_expect(request->policy, request->expected_nonce, is_bound ? request->bind->nonce : BYTES_NONE, absent,
                         &out->checks);
    else if (request->expected_data.n > 0)
        challenge_skip("REPORT_DATA was given whole: who gave it knows whether that is fresh", &out->checks);
    else
        challenge_skip(CHALLENGE_NOT_ASKED, &out->checks);
}

void verify_report_alone(const struct verify_report_request *request, struct verdict *out)
{
    struct checklist checks = CHECKLIST_EMPTY;
    struct azure_facts azure = {0};
    struct snp_trust trust = verify_trust(request->policy, request->crl, request->now_us);
    int64_t began_us = clock_monotonic_us();
    trust.cache = request->chains;
    out->at_us = request->now_us;
    struct snp_evidence evidence = *request->evidence;
    struct kds_proof proof = {0};
    verify_lend(request->policy, request->kds, &evidence, &proof);
    verify_lend_crls(request->crls, evidence.report, &trust);
    snp_verify(&evidence, &trust, &checks, &out->facts);
    kds_proof_release(&proof);
    verify_take_checks(request->policy, &checks, out);
    verify_report_format(request, out);
    bool is_bound = verify_report_binding(request, out, &azure);
    /* In a record that nothing vouches for, anybody may have written the time. */
    out->issued_at_s = is_bound ? request->bind->issued_at_s : 0;
    verify_demands(request->policy, &azure, request->now_us, NULL, out);
    verify_report_nonce(request, is_bound, out);
    verdict_conclude(out, request->policy, request->policy ? report_required : report_required_without_policy);
    out->duration_us = clock_monotonic_us() - began_us;
}
