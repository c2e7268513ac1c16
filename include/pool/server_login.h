/*
 * server_login.h: from nothing to a link that is ready for queries: dialling, StartupMessage, authentication, the
 * backend's parameters. The place's thread.
 */
#ifndef POOL_SERVER_LOGIN_H
#define POOL_SERVER_LOGIN_H

#include "pool/dial.h"
#include "pool/pool.h"
#include "pool/variables.h"

struct server_login;

/* What a login has found out. The callee of `done` takes the stream (and sets its owner) and the variables. `unread` is
 * what the backend has sent since, and is valid during the call only. */
struct server_greeting {
    struct stream *stream;
    struct address peer;
    const char *host;
    int port;
    struct variables variables;
    uint8_t cancel_key[8];
    bool has_cancel_key; /* old CockroachDB sends none */
    struct bytes unread;
};

/* Called once, never before server_login_start returns; server_login_free is allowed inside. */
typedef void server_login_done(void *arg, struct server_greeting *greeting, struct err outcome);

struct server_login *server_login_start(struct place *place, struct pool *pool, server_login_done *done, void *arg);
/* Ends it, if it is still under way. NULL does nothing. */
void server_login_free(struct server_login *login);

#endif
