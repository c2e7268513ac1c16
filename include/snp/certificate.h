/*
 * certificate.h: what is common to all certificates of a chain: reading them, names, times, extensions.
 *
 * Any thread.
 */
#ifndef SNP_CERTIFICATE_H
#define SNP_CERTIFICATE_H

#include "base/bytes.h"

#include <openssl/x509.h>

#define SNP_CERTIFICATE_MAX            16384 /* longest certificate that is looked at, DER or PEM */
#define SNP_CERTIFICATE_EXTENSIONS_MAX 64
#define SNP_COMMON_NAME_SIZE           64

/* Reads a certificate, DER or one PEM block; nothing but white space may stand behind it. The caller frees *out with
 * X509_free. ERR_LIMIT when it is longer than SNP_CERTIFICATE_MAX, else ERR_INPUT. */
struct err snp_certificate_parse(struct bytes der_or_pem, X509 **out) MUST_CHECK;

/* The DER in `der_or_pem`: the bytes themselves, or the content of the one PEM block of that label. *owned is NULL or
 * to be freed with OPENSSL_free, after the view. */
struct err snp_der_of(struct bytes der_or_pem, const char *label, struct bytes *der, unsigned char **owned) MUST_CHECK;

/* The one common name. ERR_INPUT, with `out` "", when there is none, or several, or it is too long or not printable
 * ASCII. */
struct err snp_common_name(const X509_NAME *name, char out[SNP_COMMON_NAME_SIZE]) MUST_CHECK;

/* Since 1970. ERR_INPUT when it is no time. */
struct err snp_time_s(const ASN1_TIME *time, int64_t *out) MUST_CHECK;

/* ERR_INPUT when the certificate is not of X.509 version 3, an extension stands twice (RFC 5280 section 4.2), or there
 * are more than SNP_CERTIFICATE_EXTENSIONS_MAX. */
struct err snp_extensions_check(const X509 *certificate) MUST_CHECK;

#endif
