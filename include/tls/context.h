/*
 * context.h: TLS contexts: for our clients (we are the TLS server) and for links to servers (we are the TLS client).
 *
 * A context is immutable and reference-counted: any thread may make connections from it. To renew a certificate, or to
 * take changed settings over, its owner makes another context and hands that out; handshakes and sessions under way
 * keep the one they began with.
 *
 * What holds for all of them: no session tickets, cache or resumption (a resumed session would carry no fresh proof),
 * no renegotiation, no compression, buffers released when idle.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "tls/identity.h"
#include "tls/settings.h"

#include <openssl/ssl.h>

/* How much of a server's certificate must hold. sslmode allow, prefer and require: NONE. */
enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_CA, TLS_VERIFY_FULL };

struct tls_context;

/* Towards clients. A client certificate is requested when `ask_certificate`, with an empty list of authorities, and is
 * never required: whether it chains to ca_file is recorded (tls_peer_chains, peer.h), for the login to judge.
 * `identity` is kept. ERR_INPUT names the setting that is wrong. Reads files. */
struct err tls_context_for_clients(const struct tls_settings *settings, bool ask_certificate,
                                   struct tls_identity *identity, struct tls_context **out) MUST_CHECK;

/* Towards servers. With `verify` other than NONE the handshake fails unless the certificate chains to ca_file, which
 * must then be given, and with FULL also names the host. `identity` may be NULL. Reads files. */
struct err tls_context_for_servers(const struct tls_settings *settings, enum tls_verify verify,
                                   struct tls_identity *identity, struct tls_context **out) MUST_CHECK;

/* The same settings and authorities with another identity: a rotated leaf, or a user's own client certificate. Reads
 * no file. */
struct err tls_context_with_identity(const struct tls_context *context, struct tls_identity *identity,
                                     struct tls_context **out) MUST_CHECK;

struct tls_context *tls_context_keep(struct tls_context *context);
/* NULL does nothing. Connections made from the context go on. */
void tls_context_release(struct tls_context *context);

/* Borrowed; NULL when there is none (towards servers). */
struct tls_identity *tls_context_identity(const struct tls_context *context);
bool tls_context_has_authorities(const struct tls_context *context);
/* The same for OpenSSL. */
SSL_CTX *tls_context_ssl_ctx(const struct tls_context *context);

enum tls_opening {
    TLS_NEGOTIATED, /* after SSLRequest: ALPN may be absent; if there, it must offer "postgresql" */
    TLS_DIRECT,     /* without SSLRequest: ALPN must be there and offer "postgresql" (no cross-protocol attacks) */
};

/* A connection in accept state, without BIOs, for stream_accept_tls. The caller's (SSL_free) until given away. */
struct err tls_context_accept(struct tls_context *context, enum tls_opening opening, SSL **out) MUST_CHECK;

/* A connection in connect state, for stream_connect_tls; offers ALPN "postgresql". `host` is the name or address
 * dialled: sent as SNI when it is a name, compared with the certificate with TLS_VERIFY_FULL. It may be NULL unless
 * TLS_VERIFY_FULL. With TLS_DIRECT the caller must also ask tls_peer_speaks_postgresql after the handshake. */
struct err tls_context_connect(struct tls_context *context, const char *host, enum tls_opening opening,
                               SSL **out) MUST_CHECK;

#endif
