/*
 * secret_cache.h: keys derived by PBKDF2, kept so that a password is stretched once and not at every login.
 *
 * Found by a keyed hash of password, salt and iterations, so that nothing in it tells the password. Bounded: the oldest
 * entry makes room. Any thread.
 */
#ifndef GATE_SECRET_CACHE_H
#define GATE_SECRET_CACHE_H

#include "gate/scram.h"

/* False when it has to be derived. */
bool secret_cache_find(const char *password, struct bytes salt, uint32_t iterations, struct scram_keys *out);
void secret_cache_keep(const char *password, struct bytes salt, uint32_t iterations, const struct scram_keys *keys);

/* scram_derive, with the cache before and behind it. For the crew, unless secret_cache_find has just said true. */
struct err secret_cache_derive(const char *password, struct bytes salt, uint32_t iterations,
                               struct scram_keys *out) MUST_CHECK;

/* Wipes everything (reload of userlist, end of the process). */
void secret_cache_clear(void);

#endif
