#include "snp/checklist.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *check_outcome_name(enum check_outcome outcome)
{
    switch (outcome) {
    case CHECK_PASS:
        return "pass";
    case CHECK_WARN:
        return "warn";
    case CHECK_FAIL:
        return "fail";
    case CHECK_SKIPPED:
        return "skipped";
    }
    return "fail";
}

static void checklist_make_room(struct checklist *list, size_t more)
{
    if (list->count + more <= list->size)
        return;
    while (list->size < list->count + more)
        list->size = list->size > 0 ? 2 * list->size : 32;
    list->checks = mem_resize(list->checks, list->size * sizeof(struct check));
}

/* Takes `found` over. */
static void checklist_append(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                             char *found)
{
    checklist_make_room(list, 1);
    list->checks[list->count++] = (struct check){name, outcome, mem_string(expected ? expected : ""), found};
}

void checklist_add(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                   const char *found)
{
    checklist_append(list, name, outcome, expected, mem_string(found ? found : ""));
}

void checklist_addf(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                    const char *found_format, ...)
{
    char found[ERR_WHY_SIZE + 128];
    va_list arguments;
    va_start(arguments, found_format);
    if (vsnprintf(found, sizeof(found), found_format, arguments) < 0)
        found[0] = '\0';
    va_end(arguments);
    checklist_append(list, name, outcome, expected, mem_string(found));
}

void checklist_join(struct checklist *list, struct checklist *from)
{
    if (from->count > 0) {
        checklist_make_room(list, from->count);
        memcpy(list->checks + list->count, from->checks, from->count * sizeof(struct check));
        list->count += from->count;
    }
    free(from->checks);
    *from = CHECKLIST_EMPTY;
}

const struct check *checklist_find(const struct checklist *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->checks[i].name, name) == 0)
            return &list->checks[i];
    return NULL;
}

const struct check *checklist_first(const struct checklist *list, enum check_outcome outcome)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->checks[i].outcome == outcome)
            return &list->checks[i];
    return NULL;
}

bool checklist_has_failure(const struct checklist *list)
{
    return checklist_first(list, CHECK_FAIL) != NULL;
}

void checklist_free(struct checklist *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->checks[i].expected);
        free(list->checks[i].found);
    }
    free(list->checks);
    *list = CHECKLIST_EMPTY;
}
