#include "config/enums.h"

#include <stddef.h>
#include <strings.h>

const char *const pool_mode_words[] = {"session", "transaction", "statement", NULL};
const char *const auth_type_words[] = {"any",  "trust", "plain", "md5", "scram-sha-256",
                                       "cert", "hba",   "ldap",  "pam", NULL};
const char *const auth_type_hba_words[] = {"any", "trust", "plain", "md5",  "scram-sha-256", "cert",
                                           "hba", "ldap",  "pam",   "peer", "reject",        NULL};
const char *const sslmode_words[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
const char *const load_balance_hosts_words[] = {"round-robin", "disable", NULL};
const char *const target_session_attrs_words[] = {"any", "read-write", "read-only", "primary", "standby", NULL};
const char *const io_engine_words[] = {"auto", "libevent", "io_uring", NULL};
const char *const attest_provider_words[] = {"auto", "tsm", "sev-guest", "azure", "simulated", NULL};
const char *const attest_product_words[] = {"milan", "genoa", "turin", NULL};

int enum_value(const char *const *words, const char *text)
{
    for (int value = 0; words[value]; value++) {
        if (strcasecmp(words[value], text) == 0)
            return value;
    }
    return -1;
}

const char *enum_word(const char *const *words, int value)
{
    if (value < 0)
        return NULL;
    for (int i = 0; words[i]; i++) {
        if (i == value)
            return words[i];
    }
    return NULL;
}
