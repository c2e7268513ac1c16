/*
 * identity.h: what one side of a TLS connection shows: certificate, chain and private key.
 *
 * Immutable and reference-counted; any thread.
 */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include "tls/certificate.h"

struct tls_identity;

/* The first certificate of `cert_file` with the chain that follows it, and the key of `key_file` ("" or NULL: the key
 * is in cert_file). Refused when key and certificate do not belong together. */
struct err tls_identity_load(const char *cert_file, const char *key_file, struct tls_identity **out) MUST_CHECK;

/* From objects in memory. Takes references of its own; `chain` may be NULL. */
struct err tls_identity_make(X509 *certificate, STACK_OF(X509) * chain, EVP_PKEY *key,
                             struct tls_identity **out) MUST_CHECK;

struct tls_identity *tls_identity_keep(struct tls_identity *identity);
/* NULL does nothing. */
void tls_identity_release(struct tls_identity *identity);

/* Borrowed. */
X509 *tls_identity_certificate(const struct tls_identity *identity);
STACK_OF(X509) * tls_identity_chain(const struct tls_identity *identity); /* may be empty, never NULL */
EVP_PKEY *tls_identity_key(const struct tls_identity *identity);

/* Certificate and chain to `cert_file` (0644), key to `key_file` (0600); each whole or not at all, the key first. */
struct err tls_identity_save(const struct tls_identity *identity, const char *cert_file,
                             const char *key_file) MUST_CHECK;

#endif
