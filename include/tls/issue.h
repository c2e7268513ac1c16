/*
 * issue.h: the parts that every certificate made here has: key, serial number, names, times, extensions, signature.
 *
 * For authority.c and leaf.c. One thread at a time for one certificate.
 */
#ifndef TLS_ISSUE_H
#define TLS_ISSUE_H

#include "base/bytes.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* A new ECDSA P-256 key; EVP_PKEY_free. */
struct err issue_make_key(EVP_PKEY **out) MUST_CHECK;

/* An unsigned version 3 certificate for `key` with a random serial number of 127 bits. `issuer` NULL: self-signed.
 * X509_free. */
struct err issue_begin(const char *common_name, EVP_PKEY *key, const X509 *issuer, int64_t not_before_s,
                       int64_t not_after_s, X509 **out) MUST_CHECK;

/* Adds an extension written in OpenSSL's configuration syntax; `value` is a constant of the program. */
struct err issue_add(X509 *x509, const X509 *issuer, int nid, const char *value) MUST_CHECK;

/* Signs with a hash that fits the key. ERR_UNSUPPORTED for keys that issue_key_is_fit refuses. */
struct err issue_sign(X509 *x509, EVP_PKEY *issuer_key) MUST_CHECK;

/* EC and RSA keys: their signatures name a hash, which channel binding needs (RFC 5929 section 4.1). */
bool issue_key_is_fit(const EVP_PKEY *key);

#endif
