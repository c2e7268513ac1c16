/*
 * login.h: one client between its first byte and its session: what is known so far, and how that ends.
 *
 * A login owns its stream until it hands it on (login_admit) or closes it; it frees itself. What it holds is freed when
 * it ends. The rooms that move it on: startup_packet.h, admission.h, examination.h, password_exchange.h; door.h lets it
 * in. The gate's thread.
 */
#ifndef GATE_LOGIN_H
#define GATE_LOGIN_H

#include "base/log.h"
#include "gate/client_auth.h"
#include "gate/gate.h"

#define LOGIN_HELD_MAX (128 * 1024) /* what may arrive while the login is not reading */

enum login_state {
    LOGIN_STARTUP,  /* awaits a startup packet */
    LOGIN_TLS,      /* in the TLS handshake */
    LOGIN_VERDICT,  /* the crew judges the client's evidence */
    LOGIN_PASSWORD, /* awaits a 'p' message */
    LOGIN_DERIVE,   /* the crew derives keys from a password */
    LOGIN_OVER,     /* refused or handed on; freed as soon as nothing works for it any more */
    LOGIN_STATES
};

/* What is done with bytes in each state: true when some were used and there may be more to do. NULL: bytes wait. */
struct login_step {
    const char *name;
    bool (*take)(struct login *login);
};

/* Work for the crew (login_submit); `arg` is freed with the login, or by login_job_end before. */
struct login_job {
    void (*work)(struct login *login); /* on a thread of the crew */
    void (*done)(struct login *login); /* on the gate's; not called where the login has ended meanwhile */
    void *arg;                         /* may be NULL */
    void (*free_arg)(void *arg);       /* may be NULL */
};

/* `held`: bytes that have arrived and are not used yet. `working`: the crew works for this login; one that ends
 * meanwhile is freed when the crew is done. `rules` is kept, so that a reload does not change the rules under way. */
struct login {
    TAILQ_ENTRY(login) entry;
    struct gate *gate;
    struct stream *stream;
    struct rules *rules;
    struct identity *identity;
    struct address peer;
    struct writer held;
    const struct login_step *steps; /* LOGIN_STATES of them */
    enum login_state state;
    int64_t started_us;
    bool asked_tls;    /* SSLRequest has been answered */
    bool asked_gssenc; /* GSSENCRequest has been answered */
    bool working;
    bool is_own_uid;             /* on the console, of whom nothing is asked */
    const struct hba_line *line; /* NULL unless auth_type = hba */
    enum auth_type method;
    struct client_auth *auth; /* of password_exchange.h */
    struct login_job job;
    struct turnstile_ticket ticket; /* while the job waits for the crew or is done there */
    struct loop_task burial;
};

/* A login that has just connected; its stream is for the caller to set. */
struct login *login_new(struct gate *gate, const struct address *peer, bool is_unix, const struct login_step *steps);

/* "C-<id>: database/user@address:port <what><text>". */
void login_log(const struct login *login, enum log_level level, const char *what, const char *text);

/* Sends what `out` holds and frees it. */
void login_send(struct login *login, struct writer *out);
/* Takes n bytes off what has arrived. */
void login_consume(struct login *login, size_t n);
/* Uses what has arrived as far as the state allows. */
void login_advance(struct login *login);

/* Both end it; one that is over already is left alone. */
void login_close(struct login *login, const char *why);
/* With a FATAL ErrorResponse where the client can read one. */
void login_refuse(struct login *login, const char *sqlstate, const char *text);

/* Gives a job to the crew when it is this client's turn; nothing is read from the client meanwhile. */
void login_submit(struct login *login, enum login_state state, struct login_job job);
/* For the gate's turnstile: it is this login's turn. */
void login_let_in(struct turnstile_ticket *ticket);
/* Frees the argument of the job that is done. */
void login_job_end(struct login *login);

/* The client is in: AuthenticationOk, and stream and identity go to gate_ops.admit. Refused instead where the rules
 * have changed under way, and those in force would not take its evidence. */
void login_admit(struct login *login);

#endif
