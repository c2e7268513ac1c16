/*
 * client_auth.h: how a client proves who it is: by password (cleartext, MD5, SCRAM) against a line of auth_file.
 *
 * A pure machine: it is given message bodies and writes requests; what takes long (PBKDF2) is left to the caller to run
 * on the crew. One thread at a time. Methods that ask nothing of the client (trust, cert, peer) are not its business.
 */
#ifndef GATE_CLIENT_AUTH_H
#define GATE_CLIENT_AUTH_H

#include "config/enums.h"
#include "gate/credentials.h"
#include "gate/userlist.h"

struct client_auth;

enum client_auth_step {
    CLIENT_AUTH_SEND, /* send what was written, and wait for the client's next 'p' message */
    CLIENT_AUTH_WORK, /* run client_auth_work on the crew, then call client_auth_worked */
    CLIENT_AUTH_DONE, /* the client has proved itself; AuthenticationOk is due, after what was written */
};

/* `method`: AUTH_TYPE_PLAIN, _MD5 or _SCRAM_SHA_256; md5 becomes SCRAM where the secret is one. `entry` is copied;
 * NULL, or one with an empty secret: nobody can log in as that user, and the exchange fails at its end like one with a
 * wrong password. `channel_binding`: our leaf's tls-server-end-point hash, empty without TLS. `iterations`: for secrets
 * that are plain passwords. */
struct client_auth *client_auth_new(enum auth_type method, const char *user, const struct userlist_entry *entry,
                                    uint32_t iterations, struct bytes channel_binding);
void client_auth_free(struct client_auth *auth); /* wipes; NULL does nothing */

/* All: ERR_DENIED: the proof is wrong; ERR_INPUT: the client broke the protocol. */
struct err client_auth_begin(struct client_auth *auth, struct writer *out, enum client_auth_step *step) MUST_CHECK;
struct err client_auth_take(struct client_auth *auth, struct bytes body, struct writer *out,
                            enum client_auth_step *step) MUST_CHECK;
void client_auth_work(struct client_auth *auth);
struct err client_auth_worked(struct client_auth *auth, struct writer *out, enum client_auth_step *step) MUST_CHECK;

/* After CLIENT_AUTH_DONE: what a backend may be shown on the client's behalf. The caller's. */
struct credentials *client_auth_credentials(const struct client_auth *auth);

#endif
