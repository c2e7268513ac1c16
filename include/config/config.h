/*
 * config.h: the configuration as an immutable snapshot.
 *
 * A file is read and checked whole, then stands as a `struct config` that nobody changes: RELOAD and SET make another.
 * Snapshots are counted: config_ref and config_unref may be called from any thread, and whoever holds a reference may
 * read everything inside without a lock. Texts are never NULL; "" means not set.
 *
 * userlist.txt, HBA and policy files are not read here, only named.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/bytes.h"
#include "config/settings.h"

#include <limits.h>

#define KEY_STRING(name, doc)        const char *name;
#define KEY_SECRET(name, doc)        const char *name;
#define KEY_INT(name, min, max, doc) int name;
#define KEY_DURATION(name, doc)      int64_t name##_us;
#define KEY_ENUM(name, type, doc)    enum type name;
#define ENTRY_DATABASE_KEYS

/* An entry of [databases]. Numbers not given are CONFIG_UNSET, but port, which is then 5432: use the functions below
 * for values in effect. `dbname` "" is the client's. */
struct config_database {
    const char *name;         /* "*" for the fallback */
    const char *const *hosts; /* `host` at its commas; none: unix_socket_dir */
    size_t host_count;
#include "config/entries.def"
};

#define KEY_STRING(name, doc)        const char *name;
#define KEY_INT(name, min, max, doc) int name;
#define KEY_DURATION(name, doc)      int64_t name##_us;
#define KEY_ENUM(name, type, doc)    enum type name;
#define ENTRY_USER_KEYS

/* An entry of [users]. */
struct config_user {
    const char *name;
#include "config/entries.def"
};

#define KEY_STRING(name, doc)        const char *name;
#define KEY_INT(name, min, max, doc) int name;
#define ENTRY_PEER_KEYS

/* An entry of [peers]. `port` is 6432 when not given. */
struct config_peer {
    int peer_id;
#include "config/entries.def"
};

/* An entry of [policies]. A path relative to the working directory stays so. */
struct config_policy {
    const char *name;
    const char *path;
};

struct config_tables;

struct config {
    struct settings set;
    const struct config_database *databases; /* by name, without the fallback */
    size_t database_count;
    const struct config_database *fallback; /* the entry "*", or NULL */
    const struct config_user *users;        /* by name */
    size_t user_count;
    const struct config_peer *peers; /* by peer_id */
    size_t peer_count;
    const struct config_policy *policies; /* by name */
    size_t policy_count;
    uint64_t generation;  /* 1, 2, … in the order in which snapshots were made in this process */
    int64_t loaded_at_us; /* wall clock, when the file was read */
    struct config_tables *tables;
    unsigned references;
};

/* Reads and checks a file. Errors begin with "FILE:LINE: " where a line is to blame. What is only doubtful is logged
 * as a warning. The caller owns one reference. */
struct err config_load(const char *path, struct config **out) MUST_CHECK;

/* The same for a running daemon: reads running->set.conffile; settings that cannot be changed while running keep
 * their value, with a warning for each that the file changes. On failure `running` stays in force. */
struct err config_reload(const struct config *running, struct config **out) MUST_CHECK;

/* A snapshot with one setting changed, for the console's SET. ERR_NOT_FOUND: no such setting; ERR_NOT_NOW: it cannot be
 * changed while running; ERR_INPUT: the value does not fit, alone or with the others. */
struct err config_set(const struct config *running, const char *name, const char *value,
                      struct config **out) MUST_CHECK;

/* From text instead of a file (tests, the quick start). `name` stands for the file in errors. */
struct err config_parse(const char *name, struct bytes text, struct config **out) MUST_CHECK;

struct config *config_ref(struct config *config);
/* The last reference frees; secrets are wiped. NULL does nothing. */
void config_unref(struct config *config);

/* The entry for a database name that a client gives: its own, or else the fallback, and then *autodb is true (autodb
 * may be NULL). NULL when there is neither. */
const struct config_database *config_find_database(const struct config *config, const char *name, bool *autodb);
const struct config_user *config_find_user(const struct config *config, const char *name);
const struct config_peer *config_find_peer(const struct config *config, int peer_id);
/* The file of a policy of [policies]; NULL when there is none of that name. */
const char *config_find_policy_path(const struct config *config, const char *name);

/* The console's databases, which no entry may be called: "pgvouch" and "pgbouncer". */
bool config_is_console(const char *database);

#endif
