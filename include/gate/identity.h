/*
 * identity.h: what is known of a client when its login is over.
 *
 * Made by the gate, owned by whoever it hands the session to; freed with identity_free, which wipes. One thread at a
 * time.
 */
#ifndef GATE_IDENTITY_H
#define GATE_IDENTITY_H

#include "gate/credentials.h"

#include <stddef.h>

struct standing; /* gate/standing.h */

struct identity_parameter {
    char *name;
    char *value;
};

struct identity {
    uint64_t id; /* of the client, in the log and in SHOW CLIENTS */
    char *database;
    char *user;
    struct identity_parameter *parameters; /* of the StartupMessage and its options, but database, user and options */
    size_t parameter_count;
    char *address_text; /* "192.0.2.1", "unix" */
    int port;
    const char *auth_method;                 /* as HBA lines name it */
    const char *tls_version;                 /* "TLSv1.3"; NULL: plain */
    const char *tls_cipher;                  /* NULL: plain */
    struct credentials *backend_credentials; /* what links of its pool may log in with; may be NULL */
    char *attestation;                       /* id of its verdict in the journal; NULL where none was asked */
    struct standing *standing;               /* what that verdict rests on; NULL where none was asked */
    unsigned protocol_minor;
    bool is_unix;
    bool is_console; /* an admin database */
    bool may_admin;  /* admin_users, or the daemon's own uid on the Unix socket */
    bool may_show;   /* may_admin, or stats_users */
};

/* NULL does nothing. */
void identity_free(struct identity *identity);

#endif
