/*
 * pem.h: certificates and private keys in PEM files (RFC 7468).
 *
 * Any thread. Blocks for the disk.
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "tls/certificate.h"

/* All certificates of a PEM file, in its order; at least one. Free with certificate_list_free. */
struct err pem_load_certificates(const char *path, STACK_OF(X509) * *out) MUST_CHECK;
/* The same of a file's content; `path` is what errors call it. */
struct err pem_read_certificates(struct bytes content, const char *path, STACK_OF(X509) * *out) MUST_CHECK;
/* A private key of a PEM file; one under a pass phrase is refused (nobody is there to be asked). EVP_PKEY_free. */
struct err pem_load_key(const char *path, EVP_PKEY **out) MUST_CHECK;

/* Writes a file whole or not at all: a new file beside it, with `mode` from the start, synced and renamed. */
struct err pem_replace_file(const char *path, struct bytes content, unsigned mode) MUST_CHECK;
/* Certificates in PEM, mode 0644. */
struct err pem_save_certificates(const char *path, X509 *first, STACK_OF(X509) * others) MUST_CHECK;
/* PKCS#8 in PEM, mode 0600. */
struct err pem_save_key(const char *path, EVP_PKEY *key) MUST_CHECK;

#endif
