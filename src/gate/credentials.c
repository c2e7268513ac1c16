#include "gate/credentials.h"

#include "base/mem.h"

struct credentials *credentials_new(const char *password, const char *md5, const struct scram_keys *scram_keys)
{
    struct credentials *credentials = NEW(struct credentials);
    atomic_init(&credentials->references, 1);
    credentials->password = mem_string(password);
    credentials->md5 = mem_string(md5);
    credentials->has_scram_keys = scram_keys != NULL;
    if (scram_keys)
        credentials->scram_keys = *scram_keys;
    return credentials;
}

struct credentials *credentials_ref(struct credentials *credentials)
{
    if (credentials)
        atomic_fetch_add(&credentials->references, 1);
    return credentials;
}

void credentials_drop(struct credentials *credentials)
{
    if (!credentials || atomic_fetch_sub(&credentials->references, 1) != 1)
        return;
    mem_free_secret_string(credentials->password);
    mem_free_secret_string(credentials->md5);
    mem_free_secret(credentials, sizeof *credentials);
}
