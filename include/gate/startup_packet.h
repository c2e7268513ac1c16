/*
 * startup_packet.h: what a client sends before it is anybody: SSLRequest, GSSENCRequest, direct TLS, CancelRequest,
 * StartupMessage (PostgreSQL protocol, "Message Formats"). The gate's thread.
 */
#ifndef GATE_STARTUP_PACKET_H
#define GATE_STARTUP_PACKET_H

#include "gate/login.h"

/* The step of LOGIN_STARTUP: takes one packet from what has arrived, if it is whole. */
bool startup_packet_take(struct login *login);

#endif
