#include "config/entries.h"

#include "base/mem.h"
#include "config/config.h"
#include "config/ini.h"
#include "config/value.h"

#include <string.h>

#define KEY(id, field, kind, low, high, list, about)                                                                   \
    {.name = #id,                                                                                                      \
     .type = ENTRY_##kind,                                                                                             \
     .offset = offsetof(struct OBJECT, field),                                                                         \
     .min = (low),                                                                                                     \
     .max = (high),                                                                                                    \
     .words = (list),                                                                                                  \
     .doc = (about)},

#define KEY_STRING(name, doc)        KEY(name, name, STRING, 0, 0, NULL, doc)
#define KEY_SECRET(name, doc)        KEY(name, name, SECRET, 0, 0, NULL, doc)
#define KEY_INT(name, min, max, doc) KEY(name, name, INT, min, max, NULL, doc)
#define KEY_DURATION(name, doc)      KEY(name, name##_us, DURATION, 0, 0, NULL, doc)
#define KEY_ENUM(name, type, doc)    KEY(name, name, ENUM, 0, 0, type##_words, doc)
#define ENTRY_DATABASE_KEYS
#define OBJECT config_database
static const struct entry_key database_keys[] = {
#include "config/entries.def"
};
#undef OBJECT

#define KEY_STRING(name, doc)        KEY(name, name, STRING, 0, 0, NULL, doc)
#define KEY_INT(name, min, max, doc) KEY(name, name, INT, min, max, NULL, doc)
#define KEY_DURATION(name, doc)      KEY(name, name##_us, DURATION, 0, 0, NULL, doc)
#define KEY_ENUM(name, type, doc)    KEY(name, name, ENUM, 0, 0, type##_words, doc)
#define ENTRY_USER_KEYS
#define OBJECT config_user
static const struct entry_key user_keys[] = {
#include "config/entries.def"
};
#undef OBJECT

#define KEY_STRING(name, doc)        KEY(name, name, STRING, 0, 0, NULL, doc)
#define KEY_INT(name, min, max, doc) KEY(name, name, INT, min, max, NULL, doc)
#define ENTRY_PEER_KEYS
#define OBJECT config_peer
static const struct entry_key peer_keys[] = {
#include "config/entries.def"
};
#undef OBJECT

#define COUNT(array) (sizeof(array) / sizeof *(array))
const struct entry_kind entry_database = {"connection", database_keys, COUNT(database_keys)};
const struct entry_kind entry_user = {"user", user_keys, COUNT(user_keys)};
const struct entry_kind entry_peer = {"peer", peer_keys, COUNT(peer_keys)};

/* Fields are read and written by offset: a pointer, an int (enums too) or an int64_t. */
static void *field_of(const struct entry_key *key, void *object)
{
    return (char *)object + key->offset;
}

void entry_init(const struct entry_kind *kind, void *object)
{
    for (size_t i = 0; i < kind->key_count; i++) {
        const struct entry_key *key = &kind->keys[i];
        void *field = field_of(key, object);
        switch (key->type) {
        case ENTRY_STRING:
        case ENTRY_SECRET:
            *(char **)field = mem_string("");
            break;
        case ENTRY_INT:
        case ENTRY_ENUM:
            *(int *)field = CONFIG_UNSET;
            break;
        case ENTRY_DURATION:
            *(int64_t *)field = CONFIG_UNSET;
            break;
        }
    }
}

void entry_free(const struct entry_kind *kind, void *object)
{
    for (size_t i = 0; i < kind->key_count; i++) {
        if (kind->keys[i].type == ENTRY_STRING || kind->keys[i].type == ENTRY_SECRET)
            mem_free_secret_string(*(char **)field_of(&kind->keys[i], object));
    }
}

static struct err store_int(const struct entry_key *key, const char *text, int *field)
{
    int64_t number = CONFIG_UNSET;
    if (strcmp(text, "-1") != 0)
        TRY(value_int(text, key->min, key->max, &number));
    *field = (int)number;
    return OK;
}

static struct err store_enum(const struct entry_key *key, const char *text, int *field)
{
    int value = enum_value(key->words, text);
    if (value < 0)
        return err_make(ERR_INPUT, "no such choice");
    *field = value;
    return OK;
}

static struct err store_duration(const char *text, int64_t *field)
{
    if (strcmp(text, "-1") != 0)
        return value_duration(text, field);
    *field = CONFIG_UNSET;
    return OK;
}

static struct err store(const struct entry_key *key, const char *text, void *field)
{
    switch (key->type) {
    case ENTRY_STRING:
    case ENTRY_SECRET:
        mem_free_secret_string(*(char **)field);
        *(char **)field = mem_string(text);
        return OK;
    case ENTRY_INT:
        return store_int(key, text, field);
    case ENTRY_DURATION:
        return store_duration(text, field);
    case ENTRY_ENUM:
        return store_enum(key, text, field);
    }
    return err_make(ERR_INPUT, "not a key");
}

struct entry_reading {
    const struct entry_kind *kind;
    void *object;
};

static struct err take_pair(void *arg, const struct ini_line *line)
{
    struct entry_reading *reading = arg;
    const char *name = strcmp(line->key, "reserve_pool") == 0 ? "reserve_pool_size" : line->key;
    for (size_t i = 0; i < reading->kind->key_count; i++) {
        const struct entry_key *key = &reading->kind->keys[i];
        if (strcmp(key->name, name) == 0)
            return err_within(store(key, line->value, field_of(key, reading->object)), "invalid %s", line->key);
    }
    return err_make(ERR_INPUT, "unrecognized %s parameter: %s", reading->kind->what, line->key);
}

struct err entry_read(const struct entry_kind *kind, const char *text, void *object)
{
    struct entry_reading reading = {kind, object};
    return ini_read_pairs(text, take_pair, &reading);
}
