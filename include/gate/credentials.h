/*
 * credentials.h: what a pool may use to log in to a backend as its user.
 *
 * Any of the three may be there: a password, an md5 secret ("md5" and 32 digits), or the SCRAM keys that a client's own
 * login has shown (ClientKey) together with ServerKey, for backends that hold the same secret. Immutable once made,
 * counted, wiped when freed. Any thread.
 */
#ifndef GATE_CREDENTIALS_H
#define GATE_CREDENTIALS_H

#include "gate/scram.h"

#include <stdatomic.h>

struct credentials {
    _Atomic unsigned references;
    char *password; /* NULL: not known */
    char *md5;      /* NULL: not known */
    bool has_scram_keys;
    struct scram_keys scram_keys;
};

/* Copies; NULL where something is not known. */
struct credentials *credentials_new(const char *password, const char *md5, const struct scram_keys *scram_keys);
struct credentials *credentials_ref(struct credentials *credentials);
/* NULL does nothing. */
void credentials_drop(struct credentials *credentials);

#endif
