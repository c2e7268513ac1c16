/*
 * vouch_identity.h: whose server it is: the part of a verdict that evidence says nothing about.
 *
 * Main.
 */
#ifndef APP_VOUCH_IDENTITY_H
#define APP_VOUCH_IDENTITY_H

#include "app/vouch_dial.h"
#include "attest/verdict.h"

#define VOUCH_CHECK_IDENTITY       "identity" /* skipped: nobody said whom to trust */
#define VOUCH_CHECK_IDENTITY_CHAIN "identity_chain"
#define VOUCH_CHECK_IDENTITY_NAME  "identity_name"

/* Appends the checks to a concluded verdict; one that fails makes it a deny, and gives it its reason unless it was one
 * before. Never makes a verdict better. `authorities` may be NULL; they
 * and the server's certificate must be valid at `now_s`, since 1970. */
void vouch_identity_judge(const struct vouch_server *server, const char *host, STACK_OF(X509) * authorities,
                          int64_t now_s, struct verdict *verdict);

#endif
