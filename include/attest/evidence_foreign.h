/*
 * evidence_foreign.h: evidence in the formats of others: taken apart, and what its REPORT_DATA must be.
 *
 * Read where a policy names the format, and never written. None of them binds anything but the key (go-eat not even
 * that), so no issuer, name or validity. Views into the extension. Pure; any thread.
 */
#ifndef ATTEST_EVIDENCE_FOREIGN_H
#define ATTEST_EVIDENCE_FOREIGN_H

#include "attest/bind.h"

#define EVIDENCE_FOREIGN_MAX (48 * 1024) /* bytes of an extension that are looked at */

/* TCG DICE tagged evidence (OID 2.23.133.5.4.9) as "Interoperable RA-TLS X.509 Cert and Evidence Formats" of the
 * Confidential Computing Consortium has it: a tagged array of report and claims. That text registers tags for Intel
 * alone; for SEV-SNP the tag is the one that librats and rats-tls write. */
#define EVIDENCE_DICE_TAG    UINT64_C(0x1a7504)
struct evidence_dice {
    struct bytes report;
    struct bytes claims;     /* encoded, as they are hashed */
    struct bytes key_hash;   /* of the certificate's SubjectPublicKeyInfo */
    uint64_t hash_algorithm; /* of key_hash; IANA "Named Information Hash Algorithm": 1, 7 or 8 */
    struct bytes nonce;      /* may be empty */
};
/* Claims of other names are passed over where they are well formed. ERR_INPUT, also for a claim that stands twice, and
 * for claims without a name that is text; ERR_UNSUPPORTED for another tag. */
struct err evidence_dice_parse(struct bytes extension, struct evidence_dice *out) MUST_CHECK;
/* SHA-256 of the claims, then zeros. ERR_DENIED when the claims are about another key. */
struct err evidence_dice_report_data(const struct evidence_dice *dice, struct bytes spki,
                                     uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

/* The report alone (OID 1.3.9901.2.1). The bearer puts SHA-512(SubjectPublicKeyInfo | nonce) into REPORT_DATA; the
 * nonce does not travel with it, so that it is the one which the verifier asked for, or the empty one. A
 * SubjectPublicKeyInfo says its own length: no other key and nonce make the same input. */
struct err evidence_raw_parse(struct bytes extension, struct bytes *report) MUST_CHECK;
struct err evidence_raw_report_data(struct bytes spki, struct bytes nonce,
                                    uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

/* The CBOR map of the Go proxy (OID 1.3.6.1.4.1.99999.1). Of what it says beside the report, only nonce and
 * certificates are taken: the rest is no more than an unsigned copy of what the report says, or a claim without proof.
 */
struct evidence_go_eat {
    struct bytes report;
    struct bytes nonce;
    struct bytes vek, intermediate, ark; /* DER or PEM; may be empty */
};
/* ERR_INPUT, also for a key that stands twice and for more than three certificates. */
struct err evidence_go_eat_parse(struct bytes extension, struct evidence_go_eat *out) MUST_CHECK;
/* The nonce, then zeros. ERR_DENIED when there is none: the report would bind nothing at all. */
struct err evidence_go_eat_report_data(const struct evidence_go_eat *eat, uint8_t out[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

#endif
