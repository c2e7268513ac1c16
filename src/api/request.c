/* request.c: what is to be judged, collected piece by piece. */
#include "api/handles.h"
#include "attest/evidence_alone.h"
#include "base/mem.h"
#include "snp/crl.h"
#include "tls/pem.h"

#include <stdlib.h>
#include <string.h>

#define DER_SEQUENCE 0x30

vouch_request *vouch_request_new(void)
{
    vouch_request *request = NEW(vouch_request);
    request->others = sk_X509_new_null();
    if (!request->others)
        abort(); /* as all of mem.h */
    return request;
}

void vouch_request_free(vouch_request *request)
{
    if (!request)
        return;
    X509_free(request->leaf);
    certificate_list_free(request->others);
    for (size_t i = 0; i < REQUEST_ENDORSEMENTS; i++)
        free(request->endorsement[i]);
    evidence_release(&request->evidence);
    free(request->content);
    policy_drop(request->policy);
    free(request);
}

static struct err request_check_piece(const void *bytes, size_t size, const char *what)
{
    if (!bytes || size == 0)
        return err_make(ERR_INPUT, "the %s is empty", what);
    if (size > VOUCH_PIECE_MAX)
        return err_make(ERR_LIMIT, "the %s has more than %d bytes", what, VOUCH_PIECE_MAX);
    return OK;
}

static struct err request_check_subject(const vouch_request *request)
{
    if (request->subject != REQUEST_NONE)
        return err_make(ERR_INPUT, "the request has its evidence already");
    return OK;
}

static struct err request_push(STACK_OF(X509) * list, X509 *certificate)
{
    if (sk_X509_push(list, certificate) > 0)
        return OK;
    X509_free(certificate);
    return err_crypto("cannot keep a certificate");
}

/* One in DER, or as many as stand in PEM, at the end of `list`. */
static struct err request_read_certificates(struct bytes content, STACK_OF(X509) * list)
{
    STACK_OF(X509) *read = NULL;
    if (content.p && content.p[0] == DER_SEQUENCE) {
        X509 *certificate = NULL;
        TRY(certificate_parse(content, &certificate));
        return request_push(list, certificate);
    }
    TRY(pem_read_certificates(content, "certificate", &read));
    struct err outcome = OK;
    while (!failed(outcome) && sk_X509_num(read) > 0)
        outcome = request_push(list, sk_X509_shift(read));
    certificate_list_free(read);
    return outcome;
}

/* The leaf goes before what was added earlier; its own companions behind. */
static struct err request_take_certificate(vouch_request *request, const void *bytes, size_t size)
{
    TRY(request_check_piece(bytes, size, "certificate"));
    TRY(request_check_subject(request));
    STACK_OF(X509) *read = sk_X509_new_null();
    struct err outcome =
        read ? request_read_certificates(bytes_of(bytes, size), read) : err_crypto("cannot read a certificate");
    if (!failed(outcome)) {
        request->leaf = sk_X509_shift(read);
        request->subject = REQUEST_CERTIFICATE;
    }
    while (!failed(outcome) && sk_X509_num(read) > 0)
        outcome = request_push(request->others, sk_X509_shift(read));
    certificate_list_free(read);
    return outcome;
}

int vouch_request_set_certificate(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size)
{
    return api_answer(request_take_certificate(request, bytes, size), why, why_size);
}

int vouch_request_add_issuer(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size)
{
    struct err outcome = request_check_piece(bytes, size, "issuer's certificate");
    if (!failed(outcome))
        outcome = request_read_certificates(bytes_of(bytes, size), request->others);
    return api_answer(outcome, why, why_size);
}

static struct err request_take_content(vouch_request *request, const void *bytes, size_t size, const char *what)
{
    TRY(request_check_piece(bytes, size, what));
    TRY(request_check_subject(request));
    request->content = mem_copy(bytes_of(bytes, size));
    request->size = size;
    return OK;
}

static void request_drop_content(vouch_request *request)
{
    evidence_release(&request->evidence);
    free(request->content);
    request->content = NULL;
    request->size = 0;
}

/* As the tool takes a file: what is of a report's size is one, whatever it begins like. */
static struct err request_take_report(vouch_request *request, const void *bytes, size_t size)
{
    TRY(request_take_content(request, bytes, size, "report"));
    struct bytes content = bytes_of(request->content, size);
    struct err outcome = OK;
    if (size != SNP_REPORT_SIZE && hcl_report_is_one(content))
        outcome = hcl_report_parse(content, &request->hcl);
    if (failed(outcome))
        request_drop_content(request);
    else
        request->subject = REQUEST_REPORT;
    return outcome;
}

int vouch_request_set_report(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size)
{
    return api_answer(request_take_report(request, bytes, size), why, why_size);
}

static struct err request_take_cmw(vouch_request *request, const void *bytes, size_t size)
{
    TRY(request_take_content(request, bytes, size, "CMW"));
    struct err outcome = evidence_alone_parse(bytes_of(request->content, size), &request->evidence);
    if (failed(outcome))
        request_drop_content(request);
    else
        request->subject = REQUEST_CMW;
    return outcome;
}

int vouch_request_set_cmw(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size)
{
    return api_answer(request_take_cmw(request, bytes, size), why, why_size);
}

/* A slip in a list is told from a list that says no. */
static struct err request_check_crl(struct bytes list)
{
    struct snp_crl *crl = NULL;
    TRY(err_within(snp_crl_parse(list, &crl), "CRL"));
    snp_crl_free(crl);
    return OK;
}

static struct err request_take_endorsement(vouch_request *request, int endorsement, const void *bytes, size_t size)
{
    if (endorsement < VOUCH_VEK || endorsement >= REQUEST_ENDORSEMENTS)
        return err_make(ERR_UNSUPPORTED, "there is no endorsement of number %d", endorsement);
    TRY(request_check_piece(bytes, size, "endorsement"));
    if (request->endorsement[endorsement])
        return err_make(ERR_INPUT, "the request has this endorsement already");
    if (endorsement == VOUCH_CRL)
        TRY(request_check_crl(bytes_of(bytes, size)));
    uint8_t *copy = mem_copy(bytes_of(bytes, size));
    struct err outcome = OK;
    if (endorsement == VOUCH_TABLE)
        outcome = err_within(snp_certtable_parse(bytes_of(copy, size), &request->table), "table of certificates");
    if (failed(outcome)) {
        free(copy);
        return outcome;
    }
    request->endorsement[endorsement] = copy;
    request->endorsement_size[endorsement] = size;
    request->is_endorsed |= endorsement != VOUCH_CRL && endorsement != VOUCH_TABLE;
    return OK;
}

int vouch_request_set_endorsement(vouch_request *request, int endorsement, const void *bytes, size_t size, char *why,
                                  size_t why_size)
{
    return api_answer(request_take_endorsement(request, endorsement, bytes, size), why, why_size);
}

void vouch_request_set_policy(vouch_request *request, const vouch_policy *policy)
{
    struct policy *held = policy_ref(policy->policy);
    policy_drop(request->policy);
    request->policy = held;
}

void vouch_request_set_time(vouch_request *request, int64_t seconds)
{
    request->has_time = true;
    request->time_s = seconds;
}

int vouch_request_set_nonce(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size)
{
    struct err outcome = request_check_piece(bytes, size, "nonce");
    if (!failed(outcome) && size > sizeof request->nonce)
        outcome = err_make(ERR_LIMIT, "the nonce has more than %zu bytes", sizeof request->nonce);
    if (!failed(outcome)) {
        memcpy(request->nonce, bytes, size);
        request->nonce_size = size;
    }
    return api_answer(outcome, why, why_size);
}

int vouch_request_set_report_data(vouch_request *request, const void *bytes, size_t size, char *why, size_t why_size)
{
    struct err outcome = request_check_piece(bytes, size, "REPORT_DATA");
    if (!failed(outcome) && size != sizeof request->report_data)
        outcome = err_make(ERR_INPUT, "REPORT_DATA has %zu bytes, not %zu", size, sizeof request->report_data);
    if (!failed(outcome)) {
        memcpy(request->report_data, bytes, size);
        request->has_report_data = true;
    }
    return api_answer(outcome, why, why_size);
}

int vouch_request_set_session(vouch_request *request, int role, int is_tls13, char *why, size_t why_size)
{
    struct err outcome = OK;
    if (role < VOUCH_FILE || role > VOUCH_CLIENT)
        outcome = err_make(ERR_UNSUPPORTED, "there is no role of number %d", role);
    if (!failed(outcome)) {
        request->role = role;
        request->is_tls13 = is_tls13 != 0;
    }
    return api_answer(outcome, why, why_size);
}
