/*
 * door.h: where clients come in: a login for everyone who connects, its way through the states, its time limit.
 *
 * The gate's thread.
 */
#ifndef GATE_DOOR_H
#define GATE_DOOR_H

#include "gate/gate.h"

/* A client has connected: takes over the descriptor. */
void door_accept(struct gate *gate, int fd, const struct address *peer, bool is_unix);
/* The same when max_client_conn is reached: the client is told so and nothing else happens. */
void door_turn_away(struct gate *gate, int fd);

/* client_login_timeout: ends logins that took too long. For the janitor. */
void door_maintain(struct gate *gate);
/* Ends every login with `text` (shutdown). */
void door_clear(struct gate *gate, const char *text);

#endif
