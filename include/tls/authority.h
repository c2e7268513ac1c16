/*
 * authority.h: a certificate authority that issues leaves: the one made in this machine, or one of the operator's.
 *
 * Immutable after it was made; any thread.
 */
#ifndef TLS_AUTHORITY_H
#define TLS_AUTHORITY_H

#include "tls/certificate.h"

struct authority;

/* A new self-signed authority with a P-256 key: CA:TRUE, pathlen 0, keyCertSign and cRLSign only. It is valid from a
 * day ago (clocks differ) for `lifetime_s` from now. */
struct err authority_make(const char *common_name, int64_t lifetime_s, struct authority **out) MUST_CHECK;

/* From PEM files. The first certificate of `cert_file` issues, those that follow are its chain. Refused when the
 * certificate is no CA, does not fit the key, or the key is one whose signatures have no hash that channel binding
 * could use (Ed25519, Ed448). */
struct err authority_load(const char *cert_file, const char *key_file, struct authority **out) MUST_CHECK;

/* The certificate (0644) and key (0600); each whole or not at all, the key first. */
struct err authority_save(const struct authority *authority, const char *cert_file, const char *key_file) MUST_CHECK;

/* Loads the authority if both files exist, else makes one and saves it; *made says which (may be NULL). Of one that
 * is there but cannot be read or has expired nothing is overwritten: that is an error. */
struct err authority_open(const char *cert_file, const char *key_file, const char *common_name, int64_t lifetime_s,
                          struct authority **out, bool *made) MUST_CHECK;

/* NULL does nothing. */
void authority_free(struct authority *authority);

/* Borrowed. */
X509 *authority_certificate(const struct authority *authority);
STACK_OF(X509) * authority_chain(const struct authority *authority); /* above the certificate; never NULL */
EVP_PKEY *authority_key(const struct authority *authority);
/* SHA-384 of the SubjectPublicKeyInfo: what evidence binds as the issuer's. */
const uint8_t *authority_spki_sha384(const struct authority *authority);
int64_t authority_not_after_s(const struct authority *authority);

#endif
