#include "gate/userlist.h"

#include "base/mem.h"
#include "gate/md5.h"
#include "gate/text_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* `entries` are sorted by name. */
struct userlist {
    struct userlist_entry *entries;
    size_t count;
};

/* A "quoted" text; "" inside stands for a quote. NULL when there is none. */
static char *userlist_take_quoted(const char **cursor)
{
    const char *p = *cursor;
    while (isspace((unsigned char)*p))
        p++;
    if (*p++ != '"')
        return NULL;
    struct writer text = writer_growing(8192);
    for (; *p && !(p[0] == '"' && p[1] != '"'); p++) {
        if (*p == '"')
            p++;
        writer_u8(&text, (uint8_t)*p);
    }
    writer_u8(&text, 0);
    char *taken = *p == '"' && !text.bad ? mem_string((const char *)text.start) : NULL;
    *cursor = p + 1;
    writer_free(&text);
    return taken;
}

static struct err userlist_take_secret(struct userlist_entry *entry)
{
    entry->kind = SECRET_PLAIN;
    if (md5_is_secret(entry->secret))
        entry->kind = SECRET_MD5;
    if (strncmp(entry->secret, "SCRAM-SHA-256$", 14) != 0)
        return OK;
    entry->kind = SECRET_SCRAM;
    return scram_secret_parse(entry->secret, &entry->scram);
}

static void userlist_wipe_entry(struct userlist_entry *entry)
{
    free(entry->name);
    mem_free_secret_string(entry->secret);
    *entry = (struct userlist_entry){0};
}

static struct err userlist_take_line(void *arg, const char *path, size_t line, const char *text)
{
    struct userlist *list = arg;
    struct userlist_entry entry = {0};
    while (isspace((unsigned char)*text))
        text++;
    if (*text == '\0' || *text == ';')
        return OK;
    entry.name = userlist_take_quoted(&text);
    entry.secret = entry.name ? userlist_take_quoted(&text) : NULL;
    struct err e = entry.secret ? userlist_take_secret(&entry)
                                : err_make(ERR_INPUT, "expected \"user\" \"secret\", both in double quotes");
    if (failed(e)) {
        userlist_wipe_entry(&entry);
        return err_within(e, "%s:%zu", path, line);
    }
    entry.line = line;
    list->entries = mem_resize(list->entries, (list->count + 1) * sizeof *list->entries);
    list->entries[list->count++] = entry;
    return OK;
}

static int userlist_compare(const void *a, const void *b)
{
    return strcmp(((const struct userlist_entry *)a)->name, ((const struct userlist_entry *)b)->name);
}

static int userlist_compare_lines(const void *a, const void *b)
{
    const struct userlist_entry *first = a;
    const struct userlist_entry *second = b;
    int names = userlist_compare(a, b);
    return names ? names : (first->line > second->line) - (first->line < second->line);
}

/* Sorts, and keeps the last line of each name. */
static void userlist_settle(struct userlist *list)
{
    size_t kept = 0;
    if (list->count)
        qsort(list->entries, list->count, sizeof *list->entries, userlist_compare_lines);
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->entries[kept - 1].name, list->entries[i].name) == 0)
            userlist_wipe_entry(&list->entries[--kept]);
        list->entries[kept++] = list->entries[i];
    }
    list->count = kept;
}

static struct err userlist_finish(struct userlist *list, struct err e, struct userlist **out)
{
    if (failed(e)) {
        userlist_free(list);
        return e;
    }
    userlist_settle(list);
    *out = list;
    return OK;
}

struct err userlist_parse(const char *path, struct bytes text, struct userlist **out)
{
    struct userlist *list = NEW(struct userlist);
    return userlist_finish(list, text_each_line(path, text, userlist_take_line, list), out);
}

struct err userlist_load(const char *path, struct userlist **out)
{
    struct userlist *list = NEW(struct userlist);
    return userlist_finish(list, path[0] ? text_file_each_line(path, userlist_take_line, list) : OK, out);
}

void userlist_free(struct userlist *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        userlist_wipe_entry(&list->entries[i]);
    free(list->entries);
    free(list);
}

const struct userlist_entry *userlist_find(const struct userlist *list, const char *name)
{
    const struct userlist_entry key = {.name = (char *)name};
    return list->count ? bsearch(&key, list->entries, list->count, sizeof key, userlist_compare) : NULL;
}

size_t userlist_count(const struct userlist *list)
{
    return list->count;
}

const struct userlist_entry *userlist_at(const struct userlist *list, size_t index)
{
    return &list->entries[index];
}
