#include "snp/checklist.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stddef.h>
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

/* A list that begins with one check grows to some 70; one that is copied stays as it is. */
static void checklist_make_room(struct checklist *list, size_t more)
{
    if (list->count + more <= list->size)
        return;
    if (list->size == 0)
        list->size = more > 1 ? more : 80;
    while (list->size < list->count + more)
        list->size *= 2;
    list->checks = mem_resize(list->checks, list->size * sizeof(struct check));
}

/* Texts are counted: what is remembered of evidence that comes back is copied for every verdict on it. */
struct checklist_text {
    atomic_uint owners;
    char characters[];
};

/* Of a verdict's texts a third are empty: they are all this one, which is never written to nor freed. */
static char checklist_nothing[] = "";

static struct checklist_text *checklist_text_of(char *characters)
{
    return (struct checklist_text *)(characters - offsetof(struct checklist_text, characters));
}

static char *checklist_text_new(const char *characters)
{
    if (!characters || !*characters)
        return checklist_nothing;
    size_t size = strlen(characters) + 1;
    struct checklist_text *text = mem_resize(NULL, sizeof *text + size);
    atomic_init(&text->owners, 1);
    memcpy(text->characters, characters, size);
    return text->characters;
}

static void checklist_text_share(char *characters)
{
    if (characters != checklist_nothing)
        atomic_fetch_add_explicit(&checklist_text_of(characters)->owners, 1, memory_order_relaxed);
}

static void checklist_text_drop(char *characters)
{
    if (characters == checklist_nothing)
        return;
    struct checklist_text *text = checklist_text_of(characters);
    if (atomic_fetch_sub_explicit(&text->owners, 1, memory_order_acq_rel) == 1)
        free(text);
}

void checklist_add(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                   const char *found)
{
    checklist_make_room(list, 1);
    list->checks[list->count++] =
        (struct check){name, outcome, checklist_text_new(expected), checklist_text_new(found)};
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
    checklist_add(list, name, outcome, expected, found);
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

void checklist_copy(const struct checklist *from, size_t begin, size_t end, struct checklist *list)
{
    checklist_make_room(list, end - begin);
    for (size_t i = begin; i < end; i++) {
        struct check check = from->checks[i];
        checklist_text_share(check.expected);
        checklist_text_share(check.found);
        list->checks[list->count++] = check;
    }
}

/* Lists are searched for dozens of names: most comparisons end at the first letter, or with one constant's address. */
const struct check *checklist_find(const struct checklist *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *other = list->checks[i].name;
        if (other == name || (other[0] == name[0] && strcmp(other, name) == 0))
            return &list->checks[i];
    }
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
        checklist_text_drop(list->checks[i].expected);
        checklist_text_drop(list->checks[i].found);
    }
    free(list->checks);
    *list = CHECKLIST_EMPTY;
}

static char *checklist_clean_text(char *text, char *(*clean)(const char *text, size_t limit), size_t limit)
{
    if (text == checklist_nothing)
        return text;
    char *cleaned = clean(text, limit);
    char *kept = checklist_text_new(cleaned);
    free(cleaned);
    checklist_text_drop(text);
    return kept;
}

void checklist_clean(struct checklist *list, char *(*clean)(const char *text, size_t limit), size_t limit)
{
    for (size_t i = 0; i < list->count; i++) {
        list->checks[i].expected = checklist_clean_text(list->checks[i].expected, clean, limit);
        list->checks[i].found = checklist_clean_text(list->checks[i].found, clean, limit);
    }
}
