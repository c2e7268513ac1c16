/*
 * backend_auth.h: how a link answers the backend's Authentication messages.
 *
 * A pure machine: it is given message bodies and writes answers. What takes long (PBKDF2) is left to the caller to run
 * on the crew. One thread at a time.
 */
#ifndef GATE_BACKEND_AUTH_H
#define GATE_BACKEND_AUTH_H

#include "base/writer.h"
#include "gate/credentials.h"

struct backend_auth;

enum backend_auth_step {
    BACKEND_AUTH_SEND, /* send what was written, and wait for the next message */
    BACKEND_AUTH_WORK, /* run backend_auth_work on the crew, then call backend_auth_worked */
    BACKEND_AUTH_DONE, /* AuthenticationOk */
};

/* `channel_binding`: the tls-server-end-point hash of the backend's certificate (RFC 5929), empty without TLS. Copies;
 * `credentials` may be NULL: then only backends that ask for nothing let the link in. */
struct backend_auth *backend_auth_new(const char *user, struct credentials *credentials, struct bytes channel_binding);
/* NULL does nothing. Wipes. */
void backend_auth_free(struct backend_auth *auth);

/* Takes the body of an Authentication message. ERR_DENIED: what the backend wants is not there; ERR_INPUT: it broke
 * the protocol, or does not know the secret that it should (SCRAM proves both sides). */
struct err backend_auth_take(struct backend_auth *auth, struct bytes body, struct writer *out,
                             enum backend_auth_step *step) MUST_CHECK;
void backend_auth_work(struct backend_auth *auth);
struct err backend_auth_worked(struct backend_auth *auth, struct writer *out) MUST_CHECK;

#endif
