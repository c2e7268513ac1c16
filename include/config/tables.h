/*
 * tables.h: the sections [databases], [users], [peers] and [policies] of a snapshot, shared by the snapshots that SET
 * derives from one file.
 *
 * Filled by one thread, then finished; after that immutable and counted. Reached through config/config.h.
 */
#ifndef CONFIG_TABLES_H
#define CONFIG_TABLES_H

#include "config/config.h"

struct config_tables {
    struct config_database *databases; /* finished: by name, each name once */
    size_t database_count;
    struct config_database *fallback;
    struct config_user *users;
    size_t user_count;
    struct config_peer *peers;
    size_t peer_count;
    struct config_policy *policies;
    size_t policy_count;
    unsigned references;
};

struct config_tables *tables_new(void);
struct config_tables *tables_ref(struct config_tables *tables);
void tables_unref(struct config_tables *tables);

/* Adds an entry from its key and the text behind it; a later one of the same name replaces the earlier when finished.
 */
struct err tables_add_database(struct config_tables *tables, const char *name, const char *text) MUST_CHECK;
struct err tables_add_user(struct config_tables *tables, const char *name, const char *text) MUST_CHECK;
struct err tables_add_peer(struct config_tables *tables, const char *name, const char *text) MUST_CHECK;
struct err tables_add_policy(struct config_tables *tables, const char *name, const char *path) MUST_CHECK;

/* Sorts, drops replaced entries, takes the entry "*" out of `databases`, splits host lists. */
void tables_finish(struct config_tables *tables);

#endif
