#include "pool/variables.h"

#include "base/mem.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

/* `references` is guarded by atoms_lock, like the table. */
struct atom {
    UT_hash_handle hh;
    unsigned references;
    char text[];
};

static pthread_mutex_t atoms_lock = PTHREAD_MUTEX_INITIALIZER;
static struct atom *atoms;

static char *tracked[VARIABLES_MAX];
static size_t tracked_count;

static struct atom *atom_take(const char *text)
{
    size_t n = strlen(text);
    struct atom *atom;
    pthread_mutex_lock(&atoms_lock);
    HASH_FIND(hh, atoms, text, n, atom);
    if (!atom) {
        atom = mem_alloc(sizeof *atom + n + 1);
        memcpy(atom->text, text, n + 1);
        HASH_ADD_KEYPTR(hh, atoms, atom->text, n, atom);
    }
    atom->references++;
    pthread_mutex_unlock(&atoms_lock);
    return atom;
}

static struct atom *atom_again(struct atom *atom)
{
    pthread_mutex_lock(&atoms_lock);
    atom->references++;
    pthread_mutex_unlock(&atoms_lock);
    return atom;
}

static void atom_drop(struct atom *atom)
{
    if (!atom)
        return;
    pthread_mutex_lock(&atoms_lock);
    if (--atom->references == 0) {
        HASH_DEL(atoms, atom); // NOLINT(clang-analyzer-core.NullDereference): it is in the table, so there is one
        free(atom);
    }
    pthread_mutex_unlock(&atoms_lock);
}

static struct err variables_track_one(struct bytes name)
{
    while (name.n > 0 && isspace(name.p[0]))
        name = bytes_of(name.p + 1, name.n - 1);
    while (name.n > 0 && isspace(name.p[name.n - 1]))
        name.n--;
    if (name.n == 0)
        return OK;
    char *text = mem_string_of(name);
    if (variables_index(text) >= 0) {
        free(text);
        return OK;
    }
    if (tracked_count == VARIABLES_MAX) {
        free(text);
        return err_make(ERR_LIMIT, "track_extra_parameters names too many parameters: at most %d can be tracked",
                        VARIABLES_MAX);
    }
    tracked[tracked_count++] = text;
    return OK;
}

struct err variables_track(const char *extra)
{
    static const char *const always[] = {"client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings",
                                         "application_name"};
    while (tracked_count > 0)
        free(tracked[--tracked_count]);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        TRY(variables_track_one(bytes_of_string(always[i])));
    while (*extra) {
        size_t n = strcspn(extra, ",");
        TRY(variables_track_one(bytes_of(extra, n)));
        extra += n + (extra[n] == ',');
    }
    return OK;
}

size_t variables_count(void)
{
    return tracked_count;
}

const char *variables_name(size_t index)
{
    return tracked[index];
}

int variables_index(const char *name)
{
    for (size_t i = 0; i < tracked_count; i++)
        if (strcasecmp(tracked[i], name) == 0)
            return (int)i;
    return -1;
}

const char *variables_get(const struct variables *set, size_t index)
{
    return set->value[index] ? set->value[index]->text : NULL;
}

void variables_put(struct variables *set, size_t index, const char *value)
{
    if (set->value[index] && strcmp(set->value[index]->text, value) == 0)
        return;
    atom_drop(set->value[index]);
    set->value[index] = atom_take(value);
}

void variables_fill(struct variables *set, const struct variables *from)
{
    for (size_t i = 0; i < tracked_count; i++)
        if (!set->value[i] && from->value[i])
            set->value[i] = atom_again(from->value[i]);
}

void variables_clear(struct variables *set)
{
    for (size_t i = 0; i < VARIABLES_MAX; i++)
        atom_drop(set->value[i]);
    *set = (struct variables){0};
}

bool variables_differ(const struct variables *wanted, const struct variables *actual)
{
    for (size_t i = 0; i < tracked_count; i++)
        if (wanted->value[i] && wanted->value[i] != actual->value[i])
            return true;
    return false;
}

static void variables_write_literal(struct writer *sql, const char *text)
{
    /* Backslashes mean the same in both settings of standard_conforming_strings only inside an E literal. */
    if (strchr(text, '\\'))
        writer_put(sql, BYTES_LITERAL("E"));
    writer_u8(sql, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'' || *p == '\\')
            writer_u8(sql, (uint8_t)*p);
        writer_u8(sql, (uint8_t)*p);
    }
    writer_u8(sql, '\'');
}

void variables_write_set(const struct variables *wanted, const struct variables *actual, struct writer *sql)
{
    for (size_t i = 0; i < tracked_count; i++) {
        if (!wanted->value[i] || wanted->value[i] == actual->value[i])
            continue;
        writer_format(sql, "SET %s=", tracked[i]);
        variables_write_literal(sql, wanted->value[i]->text);
        writer_u8(sql, ';');
    }
}
