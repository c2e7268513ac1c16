/*
 * md5.h: PostgreSQL's md5 authentication ("Authentication Methods", MD5). Pure; any thread.
 */
#ifndef GATE_MD5_H
#define GATE_MD5_H

#include "base/bytes.h"

#define MD5_SECRET_SIZE 36 /* "md5", 32 digits, terminator */

/* The secret that a server stores: "md5" and md5(password user). */
struct err md5_secret(const char *password, const char *user, char out[MD5_SECRET_SIZE]) MUST_CHECK;
/* The answer to AuthenticationMD5Password: "md5" and md5(32 digits of the secret, salt). */
struct err md5_answer(const char *secret, const uint8_t salt[4], char out[MD5_SECRET_SIZE]) MUST_CHECK;
/* Whether a text is such a secret. */
bool md5_is_secret(const char *text);

#endif
