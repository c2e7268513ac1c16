/*
 * entries.h: one entry of [databases], [users] or [peers]: its keys as a table, made from entries.def.
 *
 * Used while a snapshot is being made, and by the manual's generator. Any thread.
 */
#ifndef CONFIG_ENTRIES_H
#define CONFIG_ENTRIES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum entry_type { ENTRY_STRING, ENTRY_SECRET, ENTRY_INT, ENTRY_DURATION, ENTRY_ENUM };

struct entry_key {
    const char *name;
    enum entry_type type;
    size_t offset;
    int64_t min;
    int64_t max;
    const char *const *words;
    const char *doc;
};

/* What kind of entry: its keys and how an error calls them ("connection", "user", "peer"). */
struct entry_kind {
    const char *what;
    const struct entry_key *keys;
    size_t key_count;
};

extern const struct entry_kind entry_database; /* of struct config_database */
extern const struct entry_kind entry_user;     /* of struct config_user */
extern const struct entry_kind entry_peer;     /* of struct config_peer */

/* Sets every key of an object to "not given". */
void entry_init(const struct entry_kind *kind, void *object);

/* Reads key=value pairs into an object that entry_init has seen. On failure what was read so far stays in it. */
struct err entry_read(const struct entry_kind *kind, const char *text, void *object) MUST_CHECK;

/* Frees the texts of an object, wiping all of them; not the object. */
void entry_free(const struct entry_kind *kind, void *object);

#endif
