/*
 * admission.h: whether a client that has said who it is may come in, and how it must prove itself: TLS mode, database,
 * rights on the console, HBA line, evidence, authentication method. The gate's thread.
 */
#ifndef GATE_ADMISSION_H
#define GATE_ADMISSION_H

#include "gate/login.h"

/* The StartupMessage has been taken: identity has user, database and parameters. Refuses, admits, or goes on to
 * evidence and authentication. */
void admission_decide(struct login *login);

#endif
