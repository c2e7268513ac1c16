/*
 * certificate.h: X.509 certificates: reading what the attestation profile and authentication need.
 *
 * Any thread. Certificates are OpenSSL's reference-counted X509 objects.
 */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include "base/bytes.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Frees a stack and the references it holds. NULL does nothing. */
static inline void certificate_list_free(STACK_OF(X509) * list)
{
    sk_X509_pop_free(list, X509_free);
}

#define SHA384_SIZE          48

/* Longest certificate that is read; one with evidence has some 6 KB. */
#define CERTIFICATE_MAX_SIZE (64 * 1024)

/* What REPORT_DATA of certificate evidence binds (attestation profile, section 3). The views live as long as the
 * object they were taken from; seconds since 1970. */
struct certificate_facts {
    struct bytes spki;    /* SubjectPublicKeyInfo, DER */
    struct bytes subject; /* Name, DER */
    struct bytes san;     /* content of subjectAltName's extnValue (DER of GeneralNames); empty when absent */
    int64_t not_before_s;
    int64_t not_after_s;
};

/* A certificate taken apart. Owns a reference to `x509` and what the views look at; free with certificate_release,
 * which leaves it empty. An empty one is CERTIFICATE_EMPTY. */
struct certificate {
    X509 *x509;
    uint8_t *der_start, *spki_start;
    struct bytes der;
    struct certificate_facts facts;
    uint8_t spki_sha384[SHA384_SIZE];
};
#define CERTIFICATE_EMPTY ((struct certificate){0})

/* ERR_INPUT when a field cannot be read, also for two extensions of the same kind (RFC 5280 section 4.2). `x509` stays
 * the caller's. On failure *out is empty. */
struct err certificate_read(X509 *x509, struct certificate *out) MUST_CHECK;
/* As certificate_read for one that is not signed yet: without `der`. */
struct err certificate_read_unsigned(X509 *x509, struct certificate *out) MUST_CHECK;
void certificate_release(struct certificate *certificate);

/* Reads one DER certificate that fills `der` exactly. *out is the caller's (X509_free). */
struct err certificate_parse(struct bytes der, X509 **out) MUST_CHECK;

/* The content of the extension's extnValue, as a view into `x509`. ERR_NOT_FOUND when there is none, ERR_INPUT when it
 * occurs twice or `oid` is not a dotted object identifier. */
struct err certificate_extension(const X509 *x509, const char *oid, struct bytes *out) MUST_CHECK;

/* The subject's common name in UTF-8 on the heap. ERR_NOT_FOUND without one; ERR_INPUT when there are several or it
 * holds a zero byte: neither can be an identity. */
struct err certificate_common_name(const X509 *x509, char **out) MUST_CHECK;
/* The subject in RFC 2253 form, as PostgreSQL's clientname=DN compares it; on the heap. */
struct err certificate_subject_text(const X509 *x509, char **out) MUST_CHECK;
/* The serial number in hexadecimal; on the heap. */
struct err certificate_serial_text(const X509 *x509, char **out) MUST_CHECK;

/* Whether the certificate names the host: an IP address by an iPAddress SAN; a name by a dNSName SAN, or by the common
 * name where there is no dNSName; a wildcard stands for one whole label (RFC 6125, as OpenSSL applies it). */
bool certificate_names_host(X509 *x509, const char *host);

/* SHA-384 of the SubjectPublicKeyInfo. */
struct err certificate_spki_sha384(const X509 *x509, uint8_t out[SHA384_SIZE]) MUST_CHECK;

/* The issuer of `x509` by name and by verified signature: the certificate itself when it is self-signed, else the
 * first in `others` that fits (may be NULL). Borrowed; NULL when there is none. Says nothing about trust. */
X509 *certificate_find_issuer(X509 *x509, STACK_OF(X509) * others);

/* tls-server-end-point (RFC 5929 section 4.1) of a server's certificate: hashed with the hash of its signature
 * algorithm, SHA-256 in place of MD5 and SHA-1. ERR_UNSUPPORTED when the algorithm has no single hash (Ed25519). */
struct err certificate_end_point_hash(const X509 *x509, uint8_t out[EVP_MAX_MD_SIZE], size_t *size) MUST_CHECK;

#endif
