/*
 * server.h: one link to a backend: opened, logged in, idle, lent, closed.
 *
 * A link belongs to one worker at a time, and every function runs on that worker's thread. Its keeper (the shard) is
 * told when it is ready and when it has gone; while it is lent, bytes and the end of the connection go to the borrower.
 */
#ifndef POOL_SERVER_H
#define POOL_SERVER_H

#include "base/connector.h"
#include "pool/framer.h"
#include "pool/place.h"
#include "pool/pool.h"
#include "pool/requests.h"
#include "pool/variables.h"
#include "tls/stream.h"

#include <sys/queue.h>

enum server_state {
    SERVER_OPENING, /* connecting, TLS, login */
    SERVER_TASKED,  /* runs a statement of ours */
    SERVER_IDLE,
    SERVER_LENT,
};

struct server;

struct server_keeper {
    /* Logged in, connect_query done: the keeper may lend it. */
    void (*ready)(struct server *server);
    /* It closed. The keeper must only take it off its lists: the link frees itself. `failed_login`: it never was
     * ready, and `why` is what a waiting client should be told. */
    void (*gone)(struct server *server, const char *why, bool failed_login);
};

/* Whoever has borrowed a link. */
struct borrower_ops {
    void (*arrived)(void *borrower, const uint8_t *p, size_t n);
    void (*drained)(void *borrower);
    /* The connection ended; the link has gone from the pool and is freed after the call. */
    void (*ended)(void *borrower, struct err why);
};

struct server_login;

/* A cancel request on its way to a link; `server` becomes NULL when the link goes first. */
struct server_cancel {
    LIST_ENTRY(server_cancel) entry;
    struct server *server;
};

struct server {
    TAILQ_ENTRY(server) entry; /* in the keeper's list of its state */
    struct place *place;
    struct pool *pool;
    struct shard *shard;
    const struct server_keeper *keeper;
    struct loop_task settle;    /* the keeper's */
    struct loop_task burial;    /* frees it at the end of the turn in which it went */
    struct stream *stream;      /* NULL while connecting */
    struct server_login *login; /* NULL once logged in */
    const struct borrower_ops *borrower_ops;
    void *borrower;
    void (*task_done)(struct server *server, struct err outcome);
    char *task_error; /* what the backend said against our statement */
    struct framer framer;
    struct requests requests;
    struct variables variables;
    struct variables login_variables;
    struct variables before_tuning; /* while a client's variables are being set */
    struct address peer;
    char *host; /* as configured */
    uint64_t id;
    int64_t opened_us; /* monotonic */
    int64_t opened_wall_us;
    int64_t used_us;        /* monotonic: when it was last lent or given back */
    int64_t request_us;     /* monotonic: when the running query began; 0: none runs */
    int64_t xact_us;        /* monotonic: when the running transaction began; 0: none */
    int64_t lifetime_share; /* of server_lifetime, in thousandths: links made together must not end together */
    uint8_t cancel_key[8];
    int port;
    unsigned epoch;
    int cancels; /* cancel requests under way: the link must not change hands meanwhile */
    LIST_HEAD(, server_cancel) cancel_list;
    enum server_state state;
    uint8_t transaction_status; /* 'I', 'T' or 'E', from ReadyForQuery */
    bool has_cancel_key;
    bool opened;              /* its keeper has been told that it is ready */
    bool gone;                /* closed; nobody but callers further up still looks at it */
    const char *close_reason; /* a literal: it is closed instead of coming back */
};
TAILQ_HEAD(server_list, server);

/* Starts a link in state SERVER_OPENING; a slot of the pool has been taken for it. */
struct server *server_open(struct place *place, struct pool *pool, struct shard *shard,
                           const struct server_keeper *keeper);
/* Ends a link that is not ready yet, as a failed login. */
void server_give_up(struct server *server, struct err why);
/* Says goodbye (Terminate) and closes. The keeper's `gone` is called, the borrower's `ended` is not. */
void server_close(struct server *server, const char *reason);
/* Sends Terminate behind what has been sent; the link cannot be lent any more. */
void server_say_terminate(struct server *server);

/* The keeper sets server->state. While it is lent the borrower gets what arrives. */
void server_borrow(struct server *server, const struct borrower_ops *ops, void *borrower);
void server_return(struct server *server);

/* Runs a statement of ours on a link that owes nothing; what it returns is dropped. `done` may close the link. */
void server_run(struct server *server, const char *sql, void (*done)(struct server *server, struct err outcome));

/* Takes in the body of a ParameterStatus; *index is the tracked variable it sets, or -1. False when it is malformed. */
bool server_take_parameter(struct server *server, struct bytes body, int *index);
/* After server_reset_query: the variables are what they were at login, also where the backend does not report them. */
void server_variables_reset(struct server *server);

/* Hands bytes that have arrived to whoever has the link now. */
void server_deliver(struct server *server, struct bytes bytes);

/* Moving to another worker; only when server_can_move. The keeper sets server->shard between the two. */
bool server_can_move(const struct server *server);
void server_leave(struct server *server);
void server_join(struct server *server, struct place *place);

#endif
