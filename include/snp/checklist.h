/*
 * checklist.h: what was checked, with what outcome: the body of every verdict.
 *
 * A checklist only grows. Nothing in it decides by itself: who reads it asks checklist_has_failure and must also know
 * that the checks it counts on are there (checklist_find). One thread at a time.
 */
#ifndef SNP_CHECKLIST_H
#define SNP_CHECKLIST_H

#include "base/err.h"

#include <stddef.h>

enum check_outcome {
    CHECK_PASS,
    CHECK_WARN,
    CHECK_FAIL,
    CHECK_SKIPPED /* not made; `found` says why */
};

struct check {
    const char *name; /* a constant of the program, lower_case */
    enum check_outcome outcome;
    char *expected; /* for people; never NULL; the list's, and of its copies: only read */
    char *found;    /* the same; never holds a secret */
};

/* Zero-initialise with CHECKLIST_EMPTY; the owner frees it with checklist_free. */
struct checklist {
    struct check *checks;
    size_t count;
    size_t size;
};

#define CHECKLIST_EMPTY ((struct checklist){0})

/* "pass", "warn", "fail", "skipped": the words of the JSON verdict. */
const char *check_outcome_name(enum check_outcome outcome);

/* Appends a check. `name` must outlive the list; the texts are copied, NULL means "". */
void checklist_add(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                   const char *found);

/* Appends a check whose `found` is formatted. */
void checklist_addf(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                    const char *found_format, ...) __attribute__((format(printf, 5, 6)));

/* Moves all checks of `from` to the end of `list`; `from` is then empty. */
void checklist_join(struct checklist *list, struct checklist *from);

/* Appends copies of the checks [begin, end) of `from`, which is another list. The copies may go to another thread. */
void checklist_copy(const struct checklist *from, size_t begin, size_t end, struct checklist *list);

/* The first check of that name, or NULL. Valid until the next change of the list. */
const struct check *checklist_find(const struct checklist *list, const char *name);

/* The first check that failed, or NULL: the reason of a refusal. */
const struct check *checklist_first(const struct checklist *list, enum check_outcome outcome);

bool checklist_has_failure(const struct checklist *list);

/* Replaces every text that is not empty by what `clean`, which gives text on the heap, makes of it. */
void checklist_clean(struct checklist *list, char *(*clean)(const char *text, size_t limit), size_t limit);

/* Frees what the list holds and leaves it empty. */
void checklist_free(struct checklist *list);

#endif
