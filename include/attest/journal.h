/*
 * journal.h: the latest verdicts, for SHOW ATTESTATIONS, and the log of all of them, for audits.
 *
 * A bounded ring in memory and one line of JSON a verdict appended to attest_log, written before the client learns of
 * the verdict. Any thread.
 */
#ifndef ATTEST_JOURNAL_H
#define ATTEST_JOURNAL_H

#include "attest/verdict.h"

#define JOURNAL_SIZE    1000
#define JOURNAL_ID_SIZE 20

struct journal;

/* Whom a verdict is about; copied. */
struct journal_peer {
    const char *role; /* "client" */
    const char *user;
    const char *database;
    const char *address;
    int port;
    uint64_t client_id;
};

/* An entry, immutable once written, counted: journal_drop gives one back. Texts are never NULL. */
struct journal_entry {
    _Atomic unsigned references;
    char id[JOURNAL_ID_SIZE]; /* unique in this process and unlikely to repeat in another */
    char *role, *user, *database, *address;
    int port;
    uint64_t client_id;
    struct verdict verdict;
};

/* Keeps the last `limit` entries. */
struct journal *journal_new(size_t limit);
void journal_free(struct journal *journal); /* NULL does nothing */

/* Opens the file ("" for none; mode 0600 when made) that lines of attest/journal_line.h are appended to, also again
 * under the same name, for log rotation. On failure the one before stays. */
struct err journal_open_log(struct journal *journal, const char *path) MUST_CHECK;

/* Takes the verdict's contents over (it is left empty, as verdict_release leaves it), writes the line, and copies the
 * entry's id to `id`. A line that cannot be written is missing in the file alone: the log says so, once until lines can
 * be written again. */
void journal_write(struct journal *journal, const struct journal_peer *peer, struct verdict *verdict,
                   char id[JOURNAL_ID_SIZE]);

/* Newest first; an array (free) of references that the caller drops. */
struct journal_entry **journal_latest(struct journal *journal, size_t *count);
/* NULL when it is not there any more. The caller drops it. */
struct journal_entry *journal_find(struct journal *journal, const char *id);
void journal_drop(struct journal_entry *entry); /* NULL does nothing */

/* Since the start. */
struct journal_counts {
    uint64_t allowed, warned, denied;
};
struct journal_counts journal_count(struct journal *journal);

#endif
