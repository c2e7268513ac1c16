/*
 * variables.h: the session variables that a pooler carries from link to link (client_encoding, DateStyle, TimeZone, …).
 *
 * Both sides of a session hold a value for each tracked variable; when they differ, the link is told to SET before the
 * client's statement. Values are interned, so that comparing two sets is comparing pointers. A set belongs to its
 * client or link and to that one's thread; the intern table itself is safe from any thread.
 */
#ifndef POOL_VARIABLES_H
#define POOL_VARIABLES_H

#include "base/writer.h"

#define VARIABLES_MAX 16

struct atom;

/* Unset values are NULL. A zeroed set is empty. */
struct variables {
    struct atom *value[VARIABLES_MAX];
};

/* Which variables are tracked: the five that PgBouncer always tracks and the comma-separated `extra`
 * (track_extra_parameters). Called once before any thread starts; ERR_LIMIT beyond VARIABLES_MAX. */
struct err variables_track(const char *extra) MUST_CHECK;
size_t variables_count(void);
/* The name as the server spells it. */
const char *variables_name(size_t index);
/* -1 when `name` (any case) is not tracked. */
int variables_index(const char *name);

/* NULL when unset. Valid until the set changes. */
const char *variables_get(const struct variables *set, size_t index);
void variables_put(struct variables *set, size_t index, const char *value);
/* Takes over from `from` whatever `set` does not have. */
void variables_fill(struct variables *set, const struct variables *from);
void variables_clear(struct variables *set);

/* Whether a link with `actual` must be told something before it serves a client that wants `wanted`. What the client
 * leaves unset does not count. */
bool variables_differ(const struct variables *wanted, const struct variables *actual);
/* Appends "SET name='value';…" for every difference; values are quoted as literals. */
void variables_write_set(const struct variables *wanted, const struct variables *actual, struct writer *sql);

#endif
