/*
 * evidence.h: the evidence that a certificate carries: found, taken apart, and not yet believed.
 *
 * Any thread.
 */
#ifndef ATTEST_EVIDENCE_H
#define ATTEST_EVIDENCE_H

#include "attest/bind.h"
#include "attest/eat.h"
#include "attest/evidence_azure.h"
#include "attest/evidence_foreign.h"
#include "attest/evidence_format.h"
#include "snp/certtable.h"
#include "tls/leaf.h"

/* Views into the certificate, which must stay, or into `rewritten`. */
struct evidence {
    uint8_t *rewritten; /* of a CMW in JSON: the same in CBOR; else NULL */
    enum evidence_format format;
    uint8_t sha256[EVIDENCE_SHA256_SIZE]; /* of the extension's content: the evidence's name in journals */
    struct bytes report;
    struct snp_certtable table;  /* of our own formats; empty otherwise, but for what a chain names */
    struct bytes vek;            /* a VCEK or VLEK of which the bearer does not say which; may be empty */
    struct bytes nonce;          /* of the verifier; empty where there is none, or the format carries none. Of
                                  * EVIDENCE_RAW, what the verifier puts there is what its REPORT_DATA has to be over */
    int64_t issued_at_s;         /* what the report binds; 0: the format carries no time that is bound */
    struct bind bind;            /* of our own formats */
    struct evidence_azure azure; /* of EVIDENCE_AZURE */
    struct evidence_dice dice;   /* of EVIDENCE_DICE */
    struct evidence_go_eat eat;  /* of EVIDENCE_GO_EAT */
};

/* `accepted` says, by format, which may be read; NULL: all of them. ERR_NOT_FOUND: the certificate carries none.
 * ERR_DENIED: it is of a format that is not accepted; nothing of it was read. ERR_INPUT, ERR_UNSUPPORTED: malformed, or
 * in more than one extension, be they of one format or of several. `out->format` and `out->sha256` are set where they
 * are known, also on failure. Release *out in any case. */
struct err evidence_find(const X509 *certificate, const bool accepted[EVIDENCE_FORMATS],
                         struct evidence *out) MUST_CHECK;

/* Only evidence that was in JSON holds memory; what was never found may be released, too. */
void evidence_release(struct evidence *evidence);

/* REPORT_DATA as it must be for this certificate; of EVIDENCE_AZURE, what its quote must be over instead.
 * `issuer_spki_sha384` is of its issuer's key; only our own formats bind it, NULL will do for others. ERR_DENIED when
 * the evidence says itself that it is about another key. */
struct err evidence_report_data(const struct evidence *evidence, const struct certificate *certificate,
                                const uint8_t *issuer_spki_sha384, uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

struct provider;

/* Makes evidence for a drafted leaf and adds it: asks the provider for a report over the leaf's facts, the digest (48
 * bytes or empty), the nonce (may be empty) and the time, and writes the CMW extension. Blocks as provider_report. On
 * success *report (SNP_REPORT_SIZE bytes, may be NULL) holds the report. */
struct err evidence_attach(struct leaf *leaf, struct provider *provider, struct bytes config_digest, struct bytes nonce,
                           int64_t issued_at_s, uint8_t *report) MUST_CHECK;
/* The same as an EAT in that extension. ERR_INPUT for a nonce of less than EAT_NONCE_MIN bytes that is not empty. */
struct err evidence_attach_eat(struct leaf *leaf, struct provider *provider, struct bytes config_digest,
                               struct bytes nonce, int64_t issued_at_s, uint8_t *report) MUST_CHECK;

/* A report that no certificate carries: asks the provider for one over the nonce (may be empty) and the time, and
 * writes it in one of our formats, with a bind record of kind 3, into `out`, a writer that grows to EVIDENCE_OURS_MAX.
 * Blocks as provider_report. On success `report` holds the report. */
#define EVIDENCE_OURS_MAX EAT_MAX
struct err evidence_make_report(struct provider *provider, enum evidence_format format, struct bytes nonce,
                                int64_t issued_at_s, uint8_t report[SNP_REPORT_SIZE], struct writer *out) MUST_CHECK;

#endif
