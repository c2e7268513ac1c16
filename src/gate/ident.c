/* ident.c: auth_ident_file. */
#include "base/mem.h"
#include "gate/hba.h"
#include "gate/text_file.h"
#include "gate/words.h"

#include <stdlib.h>
#include <string.h>

struct ident_entry {
    char *map;
    char *system_user;
    char *user;
    bool any_user;
};

struct ident {
    struct ident_entry *entries;
    size_t count;
};

static struct err ident_take_line(void *arg, const char *path, size_t line, const char *text)
{
    struct ident *ident = arg;
    struct words words;
    TRY(err_within(words_split(text, &words), "%s:%zu", path, line));
    struct err e = OK;
    if (words.count == 3) {
        ident->entries = mem_resize(ident->entries, (ident->count + 1) * sizeof *ident->entries);
        ident->entries[ident->count++] = (struct ident_entry){
            .map = mem_string(words.word[0].text),
            .system_user = mem_string(words.word[1].text),
            .user = mem_string(words.word[2].text),
            .any_user = !words.word[2].quoted && strcmp(words.word[2].text, "all") == 0,
        };
    } else if (words.count > 0) {
        e = err_make(ERR_INPUT, "%s:%zu: expected three words: map name, system user, database user", path, line);
    }
    words_free(&words);
    return e;
}

static struct err ident_finish(struct ident *ident, struct err e, struct ident **out)
{
    if (failed(e))
        ident_free(ident);
    else
        *out = ident;
    return e;
}

struct err ident_parse(const char *path, struct bytes text, struct ident **out)
{
    struct ident *ident = NEW(struct ident);
    return ident_finish(ident, text_each_line(path, text, ident_take_line, ident), out);
}

struct err ident_load(const char *path, struct ident **out)
{
    struct ident *ident = NEW(struct ident);
    return ident_finish(ident, path[0] ? text_file_each_line(path, ident_take_line, ident) : OK, out);
}

void ident_free(struct ident *ident)
{
    if (!ident)
        return;
    for (size_t i = 0; i < ident->count; i++) {
        free(ident->entries[i].map);
        free(ident->entries[i].system_user);
        free(ident->entries[i].user);
    }
    free(ident->entries);
    free(ident);
}

bool ident_has_map(const struct ident *ident, const char *map)
{
    for (size_t i = 0; i < ident->count; i++)
        if (strcmp(ident->entries[i].map, map) == 0)
            return true;
    return false;
}

bool ident_allows(const struct ident *ident, const char *map, const char *system_user, const char *user)
{
    for (size_t i = 0; i < ident->count; i++) {
        const struct ident_entry *entry = &ident->entries[i];
        if (strcmp(entry->map, map) == 0 && strcmp(entry->system_user, system_user) == 0 &&
            (entry->any_user || strcmp(entry->user, user) == 0))
            return true;
    }
    return false;
}
