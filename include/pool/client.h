/*
 * client.h: a session of a client that has logged in: greeting, waiting for links, using them, its end.
 *
 * A client stays with the worker that accepted it, and every function runs on that worker's thread.
 */
#ifndef POOL_CLIENT_H
#define POOL_CLIENT_H

#include "gate/identity.h"
#include "pool/clientele.h"
#include "pool/relay.h"

enum client_state {
    CLIENT_GREETING, /* logged in; waits to learn the backend's parameters */
    CLIENT_IDLE,     /* has no link and wants none */
    CLIENT_WAITING,  /* waits for a link */
    CLIENT_TUNING,   /* has a link, which is being told the session's variables */
    CLIENT_ACTIVE,   /* has a link */
};

struct client {
    struct guest guest;
    struct clientele *clientele;
    struct identity *identity;
    struct stream *stream;
    struct shard *shard;
    struct pool_user *user; /* the client's own, which max_user_client_connections counts */
    struct relay relay;
    struct server *tuned; /* the link in CLIENT_TUNING */
    struct waiter waiter;
    struct variables variables;
    struct loop_task burial;
    char *unwelcome; /* why it ends at its next transaction boundary; NULL: it may stay */
    int64_t connected_wall_us;
    enum client_state state;
    bool gone;
};

/* Takes over a stream whose login is over (AuthenticationOk has been sent), who it is, and what it sent since. */
void client_admit(struct clientele *clientele, struct stream *stream, struct identity *identity, struct bytes unread);
/* Ends a session with a FATAL error, or without a word when `text` is NULL. A link that could serve others is kept. */
void client_end(struct client *client, const char *sqlstate, const char *text);
/* Its attestation is not accepted any more, and `why`: ends a session with 57P01, now when it is between transactions,
 * else at the end of its transaction. */
void client_dismiss(struct client *client, const char *why);
/* The opposite, until then: it is accepted again. */
void client_pardon(struct client *client);

struct client *client_of_guest(struct guest *guest);
struct client *client_of_waiter(struct waiter *waiter);
/* The client that has borrowed a link; NULL when none has. */
struct client *client_of_link(const struct server *server);

/* A cancel request for a client that still waits for a link: its query is answered as cancelled. False when it does not
 * wait, or when what it sent is not a lone simple query. */
bool client_cancel_waiting(struct client *client);

const char *client_state_text(const struct client *client);

#endif
