/*
 * proof.h: who a client is by what it shows without a password: a certificate, or the owner of its process.
 *
 * `map` NULL: the name shown must be the user; else the ident map must let the one be the other. ERR_DENIED says why
 * not.
 */
#ifndef GATE_PROOF_H
#define GATE_PROOF_H

#include "gate/hba.h"

#include <openssl/ssl.h>
#include <sys/types.h>

/* The certificate must chain to client_tls_ca_file: evidence alone never grants an identity. `ssl` NULL: no TLS. */
struct err proof_by_certificate(const SSL *ssl, const struct ident *ident, const char *map,
                                const char *user) MUST_CHECK;
/* The owner of the process at the other end of a Unix socket. */
struct err proof_by_peer(int fd, const struct ident *ident, const char *map, const char *user) MUST_CHECK;
/* False when the kernel does not say. */
bool proof_peer_uid(int fd, uid_t *uid);

#endif
