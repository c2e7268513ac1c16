#include "config/config.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/check.h"
#include "config/ini.h"
#include "config/tables.h"

#include <stdlib.h>
#include <string.h>

bool config_is_console(const char *database)
{
    return strcmp(database, "pgvouch") == 0 || strcmp(database, "pgbouncer") == 0;
}

static uint64_t next_generation(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* A snapshot around tables that are finished; takes over the caller's reference to them. */
static struct config *config_new(struct config_tables *tables, int64_t loaded_at_us)
{
    struct config *config = NEW(struct config);
    config->databases = tables->databases;
    config->database_count = tables->database_count;
    config->fallback = tables->fallback;
    config->users = tables->users;
    config->user_count = tables->user_count;
    config->peers = tables->peers;
    config->peer_count = tables->peer_count;
    config->policies = tables->policies;
    config->policy_count = tables->policy_count;
    config->tables = tables;
    config->loaded_at_us = loaded_at_us;
    config->references = 1;
    return config;
}

struct config *config_ref(struct config *config)
{
    __atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
    return config;
}

void config_unref(struct config *config)
{
    if (!config || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    tables_unref(config->tables);
    settings_free(&config->set);
    free(config);
}

/* A file while it is read. */
struct config_reading {
    struct settings set;
    struct config_tables *tables;
};

static struct err take_setting(struct config_reading *reading, const struct ini_line *line)
{
    const struct setting *setting = setting_find(line->key);
    if (setting)
        return setting_set(setting, line->value, &reading->set);
    const char *nearest = setting_nearest(line->key);
    if (nearest)
        return err_make(ERR_INPUT, "unknown parameter: %s/%s; did you mean %s?", line->section, line->key, nearest);
    return err_make(ERR_INPUT, "unknown parameter: %s/%s", line->section, line->key);
}

static struct err take_database(struct config_reading *reading, const struct ini_line *line)
{
    return err_within(tables_add_database(reading->tables, line->key, line->value), "database %s", line->key);
}

static struct err take_user(struct config_reading *reading, const struct ini_line *line)
{
    return err_within(tables_add_user(reading->tables, line->key, line->value), "user %s", line->key);
}

static struct err take_peer(struct config_reading *reading, const struct ini_line *line)
{
    return err_within(tables_add_peer(reading->tables, line->key, line->value), "peer %s", line->key);
}

static struct err take_policy(struct config_reading *reading, const struct ini_line *line)
{
    return tables_add_policy(reading->tables, line->key, line->value);
}

static const struct {
    const char *name;
    struct err (*take)(struct config_reading *reading, const struct ini_line *line);
} sections[] = {
    {"pgvouch", take_setting}, {"pgbouncer", take_setting}, {"databases", take_database},
    {"users", take_user},      {"peers", take_peer},        {"policies", take_policy},
};

static struct err take_line(void *arg, const struct ini_line *line)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (strcmp(sections[i].name, line->section) == 0)
            return line->key ? sections[i].take(arg, line) : OK;
    }
    return err_make(ERR_INPUT,
                    "invalid section \"%.80s\"; sections are [pgvouch] (or [pgbouncer]), [databases], "
                    "[users], [peers] and [policies]",
                    line->section);
}

static void keep_path(struct settings *set, const char *path)
{
    struct err e = setting_set(setting_find("conffile"), path, set);
    if (failed(e))
        log_warning("%s", e.why); /* cannot be: any text fits */
}

/* With `running`, settings that cannot be changed while running are taken from it. */
static void keep_fixed(const struct config *running, struct settings *set)
{
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type == SETTING_TYPE_GROUP || setting->alias_of || (setting->flags & SETTING_RELOADABLE))
            continue;
        if (setting_equal(setting, &running->set, set))
            continue;
        log_warning("%s cannot be changed while running; restart for its new value", setting->name);
        setting_copy(setting, &running->set, set);
    }
}

/* Makes a snapshot of what was read, if it holds. Takes over `reading`'s content in any case. */
static struct err publish(struct config_reading *reading, struct err e, const struct config *running, const char *path,
                          struct config **out)
{
    if (failed(e)) {
        tables_unref(reading->tables);
        settings_free(&reading->set);
        return e;
    }
    if (!*reading->set.conffile)
        keep_path(&reading->set, path);
    if (running)
        keep_fixed(running, &reading->set);
    tables_finish(reading->tables);
    struct config *config = config_new(reading->tables, clock_wall_us());
    config->set = reading->set;
    e = err_within(config_check(config), "%s", path);
    if (failed(e)) {
        config_unref(config);
        return e;
    }
    config->generation = next_generation();
    *out = config;
    return OK;
}

static struct err read_and_publish(const char *path, const struct config *running, struct config **out)
{
    struct config_reading reading = {.tables = tables_new()};
    settings_init(&reading.set);
    return publish(&reading, ini_read(path, take_line, &reading), running, path, out);
}

struct err config_load(const char *path, struct config **out)
{
    return read_and_publish(path, NULL, out);
}

struct err config_reload(const struct config *running, struct config **out)
{
    return read_and_publish(running->set.conffile, running, out);
}

struct err config_parse(const char *name, struct bytes text, struct config **out)
{
    struct config_reading reading = {.tables = tables_new()};
    settings_init(&reading.set);
    return publish(&reading, ini_read_text(name, text, take_line, &reading), NULL, name, out);
}

struct err config_set(const struct config *running, const char *name, const char *value, struct config **out)
{
    const struct setting *setting = setting_find(name);
    if (!setting)
        return err_make(ERR_NOT_FOUND, "unknown parameter: %.80s", name);
    const struct setting *of = setting->alias_of ? setting_find(setting->alias_of) : setting;
    if (!(of->flags & SETTING_RELOADABLE))
        return err_make(ERR_NOT_NOW, "%s cannot be changed while running", of->name);
    struct config *config = config_new(tables_ref(running->tables), running->loaded_at_us);
    settings_copy(&running->set, &config->set);
    struct err e = setting_set(of, value, &config->set);
    if (!failed(e))
        e = config_check(config);
    if (failed(e)) {
        config_unref(config);
        return e;
    }
    config->generation = next_generation();
    *out = config;
    return OK;
}

/* bsearch's key is the name itself, and each entry begins with a pointer to its name. */
static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, *(const char *const *)entry);
}

const struct config_database *config_find_database(const struct config *config, const char *name, bool *autodb)
{
    const struct config_database *found = NULL;
    if (config->database_count > 0)
        found = bsearch(name, config->databases, config->database_count, sizeof *config->databases, compare_name);
    if (autodb)
        *autodb = !found && config->fallback;
    return found ? found : config->fallback;
}

const struct config_user *config_find_user(const struct config *config, const char *name)
{
    if (config->user_count == 0)
        return NULL;
    return bsearch(name, config->users, config->user_count, sizeof *config->users, compare_name);
}

static int compare_peer_id(const void *peer_id, const void *entry)
{
    const struct config_peer *peer = entry;
    int id = *(const int *)peer_id;
    return id < peer->peer_id ? -1 : id > peer->peer_id;
}

const struct config_peer *config_find_peer(const struct config *config, int peer_id)
{
    if (config->peer_count == 0)
        return NULL;
    return bsearch(&peer_id, config->peers, config->peer_count, sizeof *config->peers, compare_peer_id);
}

const char *config_find_policy_path(const struct config *config, const char *name)
{
    if (config->policy_count == 0)
        return NULL;
    const struct config_policy *policy =
        bsearch(name, config->policies, config->policy_count, sizeof *config->policies, compare_name);
    return policy ? policy->path : NULL;
}
