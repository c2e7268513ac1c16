/*
 * psp_issue.h: making certificates of the shapes AMD's have. For the software PSP, and for tests that need other
 * shapes. Any thread.
 */
#ifndef SNP_PSP_ISSUE_H
#define SNP_PSP_ISSUE_H

#include "snp/tcb.h"

#include <openssl/x509.h>

/* Making an RSA-4096 key takes seconds. *out is the caller's. */
struct err psp_make_rsa_key(EVP_PKEY **out) MUST_CHECK;
struct err psp_make_p384_key(EVP_PKEY **out) MUST_CHECK;

/* Begins a certificate for `key`; issuer NULL: self-signed. Times are seconds since 1970. It is valid only once it is
 * signed. *out is the caller's (X509_free). */
struct psp_certificate {
    const char *common_name;
    EVP_PKEY *key;
    const X509 *issuer;
    uint64_t serial;
    int64_t not_before_s;
    int64_t not_after_s;
};
struct err psp_certificate_begin(const struct psp_certificate *what, X509 **out) MUST_CHECK;

/* An authority's extensions: of a root (may sign lists, too) or of an intermediate (may sign nothing but VEKs). */
struct err psp_certificate_add_authority(X509 *certificate, const X509 *issuer) MUST_CHECK;

/* One of AMD's extensions; `name` is what follows 1.3.6.1.4.1.3704.1 and its dot ("3.8"). */
struct err psp_certificate_add(X509 *certificate, const char *name, struct bytes content) MUST_CHECK;
struct err psp_certificate_add_number(X509 *certificate, const char *name, uint8_t value) MUST_CHECK;
struct err psp_certificate_add_text(X509 *certificate, const char *name, const char *text) MUST_CHECK;

/* structVersion, productName and all SPLs, as the product's certificates carry them. */
struct err psp_certificate_add_versions(X509 *certificate, enum snp_product product, struct snp_tcb tcb) MUST_CHECK;

/* Signs with RSASSA-PSS, SHA-384, MGF1-SHA-384 and a salt of 48. */
struct err psp_certificate_sign(X509 *certificate, EVP_PKEY *issuer_key) MUST_CHECK;
/* Prepares a context for such a signature: what psp_certificate_sign and makers of revocation lists use. *out is the
 * caller's (EVP_MD_CTX_free). */
struct err psp_signing_context(EVP_PKEY *issuer_key, EVP_MD_CTX **out) MUST_CHECK;

#endif
