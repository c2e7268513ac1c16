/*
 * peer.h: what a finished handshake says about the peer and the channel.
 *
 * On the thread that owns the connection, after the handshake.
 */
#ifndef TLS_PEER_H
#define TLS_PEER_H

#include "tls/certificate.h"

#include <openssl/ssl.h>

/* The certificate that the peer showed and whose key it proved to hold; borrowed; NULL when it showed none. */
X509 *tls_peer_certificate(const SSL *ssl);
/* What it sent besides, in its order, its own certificate not counted. The caller frees the stack with
 * certificate_list_free; empty when there is nothing, never NULL. */
STACK_OF(X509) * tls_peer_others(const SSL *ssl);

/* Whether there is a certificate and it chains, now and for its use, to the authorities of the context. */
bool tls_peer_chains(const SSL *ssl);
/* Why it does not; NULL when it does. A constant text. */
const char *tls_peer_chain_problem(const SSL *ssl);

/* Whether ALPN agreed on "postgresql". */
bool tls_peer_speaks_postgresql(const SSL *ssl);

/* "TLSv1.3", "TLS_AES_256_GCM_SHA384" and the like: constant texts. Attestation needs TLS 1.3. */
const char *tls_peer_version(const SSL *ssl);
const char *tls_peer_cipher(const SSL *ssl);
bool tls_peer_is_tls13(const SSL *ssl);
/* The server name the client sent, NULL when none. Borrowed. */
const char *tls_peer_server_name(const SSL *ssl);

/* tls-server-end-point (RFC 5929): on our clients' connections the hash of our own leaf, on links of the server's. */
struct err tls_peer_end_point_hash(const SSL *ssl, uint8_t out[EVP_MAX_MD_SIZE], size_t *size) MUST_CHECK;

/* Keying material by RFC 8446 section 7.5 (RFC 5705). `context` NULL: absent, which up to TLS 1.2 is not the same as
 * empty. */
struct err tls_exporter(SSL *ssl, const char *label, const struct bytes *context, uint8_t *out, size_t size) MUST_CHECK;

/* Frees the certificates that the peer sent besides its own, once the login has taken what it needs: a kept chain is
 * some kilobytes for every connection. tls_peer_others is then empty; all else stays. */
void tls_peer_forget(SSL *ssl);

#endif
