/*
 * userlist.h: auth_file: users and their secrets.
 *
 * PgBouncer's format: a line for each user, `"name" "secret" …`, both in double quotes with "" for a quote; what
 * follows is ignored, and so are empty lines and lines that begin with ';'. A secret is a plain password, "md5…" or
 * "SCRAM-SHA-256$…". A file once read is immutable; any thread may look things up.
 */
#ifndef GATE_USERLIST_H
#define GATE_USERLIST_H

#include "gate/scram.h"

enum secret_kind { SECRET_PLAIN, SECRET_MD5, SECRET_SCRAM };

struct userlist_entry {
    char *name;
    char *secret; /* the text */
    enum secret_kind kind;
    struct scram_secret scram; /* of SECRET_SCRAM */
    size_t line;               /* in the file */
};

struct userlist;

/* "" gives an empty list. Errors name FILE:LINE. A name that stands twice keeps its last line. */
struct err userlist_load(const char *path, struct userlist **out) MUST_CHECK;
struct err userlist_parse(const char *path, struct bytes text, struct userlist **out) MUST_CHECK;
void userlist_free(struct userlist *list); /* wipes; NULL does nothing */

/* NULL when there is no such user. */
const struct userlist_entry *userlist_find(const struct userlist *list, const char *name);
size_t userlist_count(const struct userlist *list);
const struct userlist_entry *userlist_at(const struct userlist *list, size_t index);

#endif
