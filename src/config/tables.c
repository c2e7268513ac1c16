#include "config/tables.h"

#include "base/mem.h"
#include "config/entries.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

#define DATABASE_PORT 5432
#define PEER_PORT     6432
#define PEER_ID_MAX   16383

struct config_tables *tables_new(void)
{
    struct config_tables *tables = NEW(struct config_tables);
    tables->references = 1;
    return tables;
}

struct config_tables *tables_ref(struct config_tables *tables)
{
    __atomic_add_fetch(&tables->references, 1, __ATOMIC_RELAXED);
    return tables;
}

static void database_free(void *entry)
{
    struct config_database *database = entry;
    free((char *)database->name);
    for (size_t i = 0; i < database->host_count; i++)
        free((char *)database->hosts[i]);
    free((void *)database->hosts);
    entry_free(&entry_database, database);
}

static void user_free(void *entry)
{
    struct config_user *user = entry;
    free((char *)user->name);
    entry_free(&entry_user, user);
}

static void peer_free(void *entry)
{
    entry_free(&entry_peer, entry);
}

static void policy_free(void *entry)
{
    struct config_policy *policy = entry;
    free((char *)policy->name);
    free((char *)policy->path);
}

static void free_all(void *entries, size_t count, size_t size, void (*free_one)(void *entry))
{
    for (size_t i = 0; i < count; i++)
        free_one((char *)entries + i * size);
    free(entries);
}

void tables_unref(struct config_tables *tables)
{
    if (!tables || __atomic_sub_fetch(&tables->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free_all(tables->databases, tables->database_count, sizeof *tables->databases, database_free);
    if (tables->fallback)
        free_all(tables->fallback, 1, sizeof *tables->fallback, database_free);
    free_all(tables->users, tables->user_count, sizeof *tables->users, user_free);
    free_all(tables->peers, tables->peer_count, sizeof *tables->peers, peer_free);
    free_all(tables->policies, tables->policy_count, sizeof *tables->policies, policy_free);
    free(tables);
}

/* Room for one more at the end of an array; it doubles at every power of two. */
static void *grow(void **array, size_t *count, size_t size)
{
    if ((*count & (*count - 1)) == 0)
        *array = mem_resize(*array, (*count ? *count * 2 : 1) * size);
    void *entry = (char *)*array + (*count)++ * size;
    memset(entry, 0, size);
    return entry;
}

struct err tables_add_database(struct config_tables *tables, const char *name, const char *text)
{
    if (config_is_console(name))
        return err_make(ERR_INPUT, "database name \"%s\" is reserved for the console", name);
    if (!*name)
        return err_make(ERR_INPUT, "a database has no name");
    struct config_database *database =
        grow((void **)&tables->databases, &tables->database_count, sizeof *tables->databases);
    database->name = mem_string(name);
    entry_init(&entry_database, database);
    TRY(entry_read(&entry_database, text, database));
    if (database->port == CONFIG_UNSET)
        database->port = DATABASE_PORT;
    return OK;
}

struct err tables_add_user(struct config_tables *tables, const char *name, const char *text)
{
    struct config_user *user = grow((void **)&tables->users, &tables->user_count, sizeof *tables->users);
    user->name = mem_string(name);
    entry_init(&entry_user, user);
    TRY(entry_read(&entry_user, text, user));
    if (!*user->server_tls_cert_file != !*user->server_tls_key_file)
        return err_make(ERR_INPUT, "server_tls_cert_file and server_tls_key_file are needed together");
    return OK;
}

struct err tables_add_peer(struct config_tables *tables, const char *name, const char *text)
{
    int64_t peer_id = 0;
    TRY(err_within(value_int(name, 1, PEER_ID_MAX, &peer_id), "invalid peer id"));
    struct config_peer *peer = grow((void **)&tables->peers, &tables->peer_count, sizeof *tables->peers);
    peer->peer_id = (int)peer_id;
    entry_init(&entry_peer, peer);
    TRY(entry_read(&entry_peer, text, peer));
    if (peer->port == CONFIG_UNSET)
        peer->port = PEER_PORT;
    return OK;
}

struct err tables_add_policy(struct config_tables *tables, const char *name, const char *path)
{
    if (!*path)
        return err_make(ERR_INPUT, "policy %s names no file", name);
    struct config_policy *policy = grow((void **)&tables->policies, &tables->policy_count, sizeof *tables->policies);
    policy->name = mem_string(name);
    policy->path = mem_string(path);
    return OK;
}

/* Entries are sorted through pointers into the array as it was read, so that equal names keep their order. */
typedef int compare(const void *a, const void *b);

static int compare_place(const void *a, const void *b)
{
    return a < b ? -1 : a > b;
}

static int compare_named(const void *a, const void *b)
{
    const void *left = *(const void *const *)a;
    const void *right = *(const void *const *)b;
    int order = strcmp(*(const char *const *)left, *(const char *const *)right); /* `name` comes first in each */
    return order ? order : compare_place(left, right);
}

static int compare_peers(const void *a, const void *b)
{
    const struct config_peer *left = *(const struct config_peer *const *)a;
    const struct config_peer *right = *(const struct config_peer *const *)b;
    if (left->peer_id != right->peer_id)
        return left->peer_id < right->peer_id ? -1 : 1;
    return compare_place(left, right);
}

static bool same_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
}

static bool same_peer(const void *a, const void *b)
{
    return ((const struct config_peer *)a)->peer_id == ((const struct config_peer *)b)->peer_id;
}

/* A sorted array in which the last of equal entries remains. */
static void settle(void **array, size_t *count, size_t size, compare *order, bool (*same)(const void *, const void *),
                   void (*free_one)(void *entry))
{
    if (*count == 0)
        return;
    char **places = NEW_ARRAY(char *, *count);
    char *settled = mem_alloc_array(size, *count);
    for (size_t i = 0; i < *count; i++)
        places[i] = (char *)*array + i * size;
    qsort(places, *count, sizeof *places, order);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (i + 1 < *count && same(places[i], places[i + 1]))
            free_one(places[i]);
        else
            memcpy(settled + kept++ * size, places[i], size);
    }
    free(places);
    free(*array);
    *array = settled;
    *count = kept;
}

static void split_hosts(struct config_database *database)
{
    const char *cursor = database->host;
    struct bytes host;
    const char **hosts = NULL;
    while (value_list_next(&cursor, &host)) {
        hosts = mem_resize(hosts, (database->host_count + 1) * sizeof *hosts);
        hosts[database->host_count++] = mem_string_of(host);
    }
    database->hosts = hosts;
}

/* Moves the entry "*" from the databases to `fallback`. */
static void take_fallback(struct config_tables *tables)
{
    for (size_t i = 0; i < tables->database_count; i++) {
        if (strcmp(tables->databases[i].name, "*") != 0)
            continue;
        tables->fallback = mem_copy(bytes_of(&tables->databases[i], sizeof *tables->databases));
        tables->database_count--;
        memmove(&tables->databases[i], &tables->databases[i + 1],
                (tables->database_count - i) * sizeof *tables->databases);
        return;
    }
}

void tables_finish(struct config_tables *tables)
{
    settle((void **)&tables->databases, &tables->database_count, sizeof *tables->databases, compare_named, same_name,
           database_free);
    settle((void **)&tables->users, &tables->user_count, sizeof *tables->users, compare_named, same_name, user_free);
    settle((void **)&tables->peers, &tables->peer_count, sizeof *tables->peers, compare_peers, same_peer, peer_free);
    settle((void **)&tables->policies, &tables->policy_count, sizeof *tables->policies, compare_named, same_name,
           policy_free);
    for (size_t i = 0; i < tables->database_count; i++)
        split_hosts(&tables->databases[i]);
    take_fallback(tables);
}
