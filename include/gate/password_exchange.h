/*
 * password_exchange.h: the client proves that it knows its password: cleartext, MD5 or SCRAM. The gate's thread.
 */
#ifndef GATE_PASSWORD_EXCHANGE_H
#define GATE_PASSWORD_EXCHANGE_H

#include "gate/login.h"

/* Asks by login->method; admits or refuses in the end. */
void password_exchange_start(struct login *login);
/* The step of LOGIN_PASSWORD: takes a 'p' message from what has arrived, if it is whole. */
bool password_exchange_take(struct login *login);

#endif
