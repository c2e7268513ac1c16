/*
 * relay.h: messages between a client and the link it has borrowed.
 *
 * Bytes are forwarded in place; the relay looks at the heads of messages to know when the link is free again, what the
 * backend's session variables are, and what a client may not do in its pool mode. While the client has no link, what it
 * sends is held and the client is not read. One worker's thread. The owner embeds the relay and is called back for what
 * the relay cannot decide.
 */
#ifndef POOL_RELAY_H
#define POOL_RELAY_H

#include "pool/server.h"
#include "pool/stats.h"

struct relay;

struct relay_ops {
    /* The client sent something and has no link: ask for one, and call relay_attach when it is there. */
    void (*need_link)(struct relay *relay);
    /* ReadyForQuery has been forwarded, and the backend owes nothing more. `idle`: it is outside a transaction. The
     * owner may relay_detach the link. */
    void (*settled)(struct relay *relay, bool idle);
    /* The client said Terminate and has been answered, or broke the protocol: `text` is NULL or what to tell it, with
     * its SQLSTATE. */
    void (*finished)(struct relay *relay, const char *sqlstate, const char *text);
    /* The link has ended while borrowed. It is gone. */
    void (*link_ended)(struct relay *relay, struct err why);
};

/* `held`: what the client sent while it had no link, from the beginning of a message. `skipping`: an error has been
 * sent for an extended series, and its messages up to Sync are dropped. */
struct relay {
    const struct relay_ops *ops;
    struct stream *client;
    struct server *server; /* NULL: no link */
    struct stats *stats;
    struct variables *variables; /* the client's */
    enum pool_mode mode;
    struct framer from_client;
    uint8_t *held;
    size_t held_size;
    bool asked; /* need_link has been called */
    bool skipping;
    bool dropping;   /* the body that passes through belongs to a message that is not forwarded */
    bool settle_due; /* ReadyForQuery has passed, and relay_settle has not been told yet */
    bool parting;    /* Terminate came while answers were due: nothing more is read, and the link ends with them */
    bool finished;   /* nothing is relayed any more */
};

/* Before relay_begin what the client sends is only held; the owner sets `asked` and may hand in what came before. */
void relay_hold_early(struct relay *relay, struct bytes bytes);
void relay_begin(struct relay *relay);
/* Drops what is held if it is one whole Query and nothing else, for a client that waits no longer. */
bool relay_drop_held_query(struct relay *relay);

/* What the client sent. The owner may have closed the client when this returns: look at relay->finished. */
void relay_from_client(struct relay *relay, struct bytes bytes);
/* The client takes bytes again, or the link does. */
void relay_client_drained(struct relay *relay);

/* Lends the relay a link, whose variables already are the client's: what was held is sent. */
void relay_attach(struct relay *relay, struct server *server);
/* Takes the link away. It owes nothing when relay_link_clean says so; otherwise it must be closed. */
struct server *relay_detach(struct relay *relay);
/* Whether the link could serve somebody else now. */
bool relay_link_clean(const struct relay *relay);

/* Forgets everything held. After this the relay must not be used. */
void relay_clear(struct relay *relay);

#endif
