/*
 * evidence.h: the evidence that a certificate carries: found, taken apart, and not yet believed.
 *
 * Any thread.
 */
#ifndef ATTEST_EVIDENCE_H
#define ATTEST_EVIDENCE_H

#include "attest/bind.h"
#include "attest/evidence_format.h"
#include "snp/certtable.h"
#include "tls/leaf.h"

/* Views into the certificate, which must stay. */
struct evidence {
    enum evidence_format format;
    uint8_t sha256[EVIDENCE_SHA256_SIZE]; /* of the extension's content: the evidence's name in journals */
    struct bytes report;
    struct snp_certtable table;
    struct bind bind;
};

/* ERR_NOT_FOUND: the certificate carries none. ERR_INPUT: malformed, or in more than one extension; `out->format` and
 * `out->sha256` are then set where they are known. */
struct err evidence_find(const X509 *certificate, struct evidence *out) MUST_CHECK;

/* REPORT_DATA as it must be for this certificate and this issuer's key. */
struct err evidence_report_data(const struct evidence *evidence, const struct certificate *certificate,
                                const uint8_t issuer_spki_sha384[SHA384_SIZE],
                                uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

struct provider;

/* Makes evidence for a drafted leaf and adds it: asks the provider for a report over the leaf's facts, the digest (48
 * bytes or empty), the nonce (may be empty) and the time, and writes the CMW extension. Blocks as provider_report. On
 * success *report (SNP_REPORT_SIZE bytes, may be NULL) holds the report. */
struct err evidence_attach(struct leaf *leaf, struct provider *provider, struct bytes config_digest, struct bytes nonce,
                           int64_t issued_at_s, uint8_t *report) MUST_CHECK;

/* A report that no certificate carries: asks the provider for one over the nonce (may be empty) and the time, and
 * writes it as a CMW with a bind record of kind 3 into `cmw`, a growing writer. Blocks as provider_report. On success
 * `report` holds the report. */
struct err evidence_make_report(struct provider *provider, struct bytes nonce, int64_t issued_at_s,
                                uint8_t report[SNP_REPORT_SIZE], struct writer *cmw) MUST_CHECK;

#endif
