/*
 * login.h: a client from its first byte to its session: startup packets, TLS, evidence, authentication.
 *
 * A login owns its stream until it hands it on (gate_ops.admit) or closes it; it frees itself. What it holds is freed
 * when it ends. The gate's thread.
 */
#ifndef GATE_LOGIN_H
#define GATE_LOGIN_H

#include "gate/gate.h"

/* A client has connected: takes over the descriptor. */
void login_accept(struct gate *gate, int fd, const struct address *peer, bool is_unix);
/* The same when max_client_conn is reached: the client is told so and nothing else happens. */
void login_turn_away(struct gate *gate, int fd);

/* client_login_timeout: ends logins that took too long. For the janitor. */
void logins_maintain(struct gate *gate);
/* Ends every login with `text` (shutdown). */
void logins_clear(struct gate *gate, const char *text);

#endif
