/* verify.c: a request, handed to the verifier that the daemon uses. */
#include "api/handles.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define VERIFIER_CHAINS 1024 /* as many as chips that one fleet is likely to meet in a while */

vouch_verifier *vouch_verifier_new(void)
{
    vouch_verifier *verifier = NEW(vouch_verifier);
    verifier->chains = snp_chain_cache_new(VERIFIER_CHAINS);
    verifier->verified = verified_new(VERIFIER_CHAINS);
    return verifier;
}

void vouch_verifier_free(vouch_verifier *verifier)
{
    if (!verifier)
        return;
    snp_chain_cache_free(verifier->chains);
    verified_free(verifier->verified);
    free(verifier);
}

static struct bytes request_endorsement(const vouch_request *request, int endorsement)
{
    return bytes_of(request->endorsement[endorsement], request->endorsement_size[endorsement]);
}

static int64_t request_now_us(const vouch_request *request)
{
    return request->has_time ? request->time_s * US_PER_SECOND : clock_wall_us();
}

/* Seconds that do not fit in microseconds are no time of check. */
static struct err request_check_time(const vouch_request *request)
{
    if (request->has_time && (request->time_s < 0 || request->time_s > INT64_MAX / US_PER_SECOND))
        return err_make(ERR_INPUT, "the time of check is before 1970 or beyond what can be counted");
    return OK;
}

static struct err verify_certificate_of(const vouch_verifier *verifier, const vouch_request *request,
                                        struct verdict *verdict)
{
    static const enum verify_role roles[] = {
        [VOUCH_FILE] = VERIFY_FILE, [VOUCH_SERVER] = VERIFY_SERVER, [VOUCH_CLIENT] = VERIFY_CLIENT};
    struct verify_request what = {
        .role = roles[request->role],
        .certificate = request->leaf,
        .others = request->others,
        .is_tls13 = request->is_tls13,
        .verified = verifier ? verifier->verified : NULL,
        .policy = request->policy,
        .expected_nonce = bytes_of(request->nonce, request->nonce_size),
        .chains = verifier ? verifier->chains : NULL,
        .crl = request_endorsement(request, VOUCH_CRL),
        .now_us = request_now_us(request),
    };
    if (request->is_endorsed || request->endorsement[VOUCH_TABLE])
        return err_make(ERR_INPUT, "a certificate with evidence brings its own endorsements, but for a CRL");
    if (request->has_report_data)
        return err_make(ERR_INPUT, "what REPORT_DATA of a certificate has to be follows from the certificate");
    verify_certificate(&what, verdict);
    return OK;
}

static struct bytes request_report(const vouch_request *request)
{
    if (request->subject == REQUEST_CMW)
        return request->evidence.report;
    return request->hcl.report.n > 0 ? request->hcl.report : bytes_of(request->content, request->size);
}

static bool proves(const struct snp_certtable *table)
{
    return table->vcek.n + table->vlek.n > 0;
}

/* Certificates of a CMW, or of a table beside it or a report, or single ones: of one place alone, so that nobody
 * wonders which were used. */
static struct err request_collect(const vouch_request *request, struct snp_evidence *out)
{
    bool is_brought = proves(&request->evidence.table), is_table = proves(&request->table);
    *out = (struct snp_evidence){.report = request_report(request)};
    if (is_brought && (request->is_endorsed || is_table))
        return err_make(ERR_INPUT, "the CMW brings its own endorsements, but for a CRL");
    if (is_table && request->is_endorsed)
        return err_make(ERR_INPUT, "the table brings all endorsements, but for a CRL");
    if (is_brought || is_table) {
        snp_evidence_take_table(out, is_brought ? &request->evidence.table : &request->table);
        return OK;
    }
    out->vek = request_endorsement(request, VOUCH_VEK);
    out->vcek = request_endorsement(request, VOUCH_VCEK);
    out->vlek = request_endorsement(request, VOUCH_VLEK);
    out->intermediate = request_endorsement(request, VOUCH_INTERMEDIATE);
    out->ark = request_endorsement(request, VOUCH_ARK);
    if (out->vek.n + out->vcek.n + out->vlek.n == 0)
        return err_make(ERR_INPUT, "the report's certificate is missing: a VEK, VCEK or VLEK, or a table with one");
    return OK;
}

static struct err verify_report_of(const vouch_verifier *verifier, const vouch_request *request,
                                   struct verdict *verdict)
{
    struct snp_evidence evidence;
    if (request->role != VOUCH_FILE)
        return err_make(ERR_INPUT, "a report by itself is of no TLS session");
    TRY(request_collect(request, &evidence));
    struct verify_report_request what = {
        .evidence = &evidence,
        .bind = request->subject == REQUEST_CMW ? &request->evidence.bind : NULL,
        .azure = request->evidence.format == EVIDENCE_AZURE ? &request->evidence.azure : NULL,
        .claims = request->hcl.claims,
        .format = request->evidence.format,
        .policy = request->policy,
        .expected_nonce = bytes_of(request->nonce, request->nonce_size),
        .expected_data = request->has_report_data ? BYTES(request->report_data) : BYTES_NONE,
        .chains = verifier ? verifier->chains : NULL,
        .crl = request_endorsement(request, VOUCH_CRL),
        .now_us = request_now_us(request),
    };
    verify_report_alone(&what, verdict);
    return OK;
}

static struct err verify_judge(const vouch_verifier *verifier, const vouch_request *request, struct verdict *verdict)
{
    TRY(request_check_time(request));
    switch (request->subject) {
    case REQUEST_CERTIFICATE:
        return verify_certificate_of(verifier, request, verdict);
    case REQUEST_REPORT:
    case REQUEST_CMW:
        return verify_report_of(verifier, request, verdict);
    case REQUEST_NONE:
        break;
    }
    return err_make(ERR_INPUT, "the request has no evidence: a certificate, a report, a CMW or an EAT");
}

int vouch_verify(vouch_verifier *verifier, const vouch_request *request, vouch_verdict **out, char *why,
                 size_t why_size)
{
    vouch_verdict *made = NEW(vouch_verdict);
    verdict_init(&made->verdict);
    struct err outcome = verify_judge(verifier, request, &made->verdict);
    if (failed(outcome)) {
        vouch_verdict_free(made);
        made = NULL;
    } else {
        api_clean(&made->verdict.checks);
        api_tell_facts(made);
    }
    *out = made;
    return api_answer(outcome, why, why_size);
}
