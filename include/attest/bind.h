/*
 * bind.h: what ties a report to a certificate: the bind record, and REPORT_DATA made from it (doc/attestation.md).
 *
 * REPORT_DATA is a domain-separated hash, so that the processor never signs bytes of a peer's choosing. Pure; any
 * thread.
 */
#ifndef ATTEST_BIND_H
#define ATTEST_BIND_H

#include "base/writer.h"
#include "snp/report.h"
#include "tls/certificate.h"

#define BIND_MAX         512
#define BIND_NONCE_MAX   64
#define BIND_KIND_LEAF   1 /* certificate evidence */
#define BIND_KIND_REPORT 3 /* a report by itself, of `vouch report` */

/* Views live as long as the bytes they were read from. */
struct bind {
    unsigned kind;
    struct bytes config_digest; /* SHA384_SIZE bytes, or empty */
    int64_t issued_at_s;        /* the attester's clock, since 1970 */
    struct bytes nonce;         /* of the verifier; at most BIND_NONCE_MAX, may be empty */
};

/* CBOR in deterministic encoding (RFC 8949 section 4.2). */
void bind_write(const struct bind *bind, struct writer *w);

/* ERR_INPUT for anything but what bind_write writes, byte for byte; ERR_UNSUPPORTED for another profile or kind. */
struct err bind_parse(struct bytes cbor, struct bind *out) MUST_CHECK;

/* REPORT_DATA of kind 1 over the certificate's facts and the SHA-384 of its issuer's SubjectPublicKeyInfo. */
struct err bind_report_data(const struct bind *bind, const struct certificate_facts *facts,
                            const uint8_t issuer_spki_sha384[SHA384_SIZE],
                            uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

/* REPORT_DATA of kind 3: over what the record itself says. ERR_UNSUPPORTED for another kind, as bind_report_data is. */
struct err bind_report_data_alone(const struct bind *bind, uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

#endif
