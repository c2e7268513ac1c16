/*
 * vouch_dial.h: reaching a PostgreSQL server as a client would, up to the end of the TLS handshake.
 *
 * One thread; blocks, never longer than the time allowed (name resolution has the resolver's own limits). SIGPIPE must
 * be ignored: OpenSSL writes to sockets whose peer may have gone.
 */
#ifndef APP_VOUCH_DIAL_H
#define APP_VOUCH_DIAL_H

#include "base/err.h"

#include <openssl/x509.h>
#include <stdint.h>

struct vouch_target {
    const char *host; /* name or address */
    int port;
    bool direct_tls; /* TLS from the first byte, with ALPN, instead of SSLRequest */
    int64_t timeout_us;
};

/* What the server showed. Free with vouch_server_release. */
struct vouch_server {
    X509 *leaf;
    STACK_OF(X509) * others; /* sent beside the leaf; never NULL */
    bool is_tls13;
    char version[16];
    char cipher[64];
};

/* ERR_TIMEOUT, ERR_CLOSED, ERR_SYSTEM, ERR_NOT_FOUND (the name), ERR_UNSUPPORTED (the server speaks no TLS or not
 * PostgreSQL), ERR_CRYPTO (the handshake failed); nothing to release then. TLS 1.2 is spoken, too, so that its use can
 * be reported. The server's identity is not judged here. */
struct err vouch_dial(const struct vouch_target *target, struct vouch_server *out) MUST_CHECK;
void vouch_server_release(struct vouch_server *server);

#endif
