/*
 * settings.h: the settings of section [pgvouch], as a struct and as a table.
 *
 * Both are made from settings.def. Texts belong to the struct that holds them; durations are microseconds. A struct
 * settings is changed by one thread before it is published inside a snapshot (config/config.h), and never after.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/err.h"
#include "config/enums.h"

#include <stddef.h>
#include <stdint.h>

#define SETTING_GROUP(title, about)
#define SETTING_BOOL(name, init, flags, doc)              bool name;
#define SETTING_INT(name, init, min, max, flags, doc)     int name;
#define SETTING_OCTAL(name, init, min, max, flags, doc)   int name;
#define SETTING_SIZE(name, init, min, max, flags, doc)    int64_t name;
#define SETTING_BITS(name, init, flags, doc)              uint64_t name;
#define SETTING_DECIMAL(name, init, min, max, flags, doc) double name;
#define SETTING_DURATION(name, init, flags, doc)          int64_t name##_us;
#define SETTING_STRING(name, init, flags, doc)            const char *name;
#define SETTING_ENUM(name, type, init, flags, doc)        enum type name;
#define SETTING_ALIAS(name, of, doc)
struct settings {
#include "config/settings.def"
};

enum setting_type {
    SETTING_TYPE_BOOL,
    SETTING_TYPE_INT,
    SETTING_TYPE_OCTAL,
    SETTING_TYPE_SIZE,
    SETTING_TYPE_BITS,
    SETTING_TYPE_DECIMAL,
    SETTING_TYPE_DURATION,
    SETTING_TYPE_STRING,
    SETTING_TYPE_ENUM,
    SETTING_TYPE_GROUP, /* not a setting: a chapter of the manual, met only when the whole table is walked */
};

enum setting_flag {
    SETTING_RELOADABLE = 1,
    SETTING_SECRET = 2,
    SETTING_PATH = 4,
    SETTING_DIGESTED = 8, /* enters the digest of the effective security settings */
    SETTING_INERT = 16,   /* accepted, with a warning; does nothing in this version */
};

struct setting {
    const char *name; /* of a group: its title */
    enum setting_type type;
    unsigned flags;
    size_t offset;            /* in struct settings */
    const char *default_text; /* as in a file; of a group "" */
    int64_t min;
    int64_t max;
    const char *const *words; /* of an enum */
    const char *alias_of;     /* NULL, or the name of the setting that this is another name of */
    const char *doc;
};

/* The table in the order of settings.def, groups included. */
size_t setting_count(void);
const struct setting *setting_at(size_t index);

/* By name, aliases too; names are compared exactly. NULL when there is none (or it is a group). */
const struct setting *setting_find(const char *name);

/* The known name most like `name`, for "did you mean"; NULL when none is near. */
const char *setting_nearest(const char *name);

/* Every setting at its default. */
void settings_init(struct settings *settings);
void settings_copy(const struct settings *from, struct settings *to);
void settings_free(struct settings *settings);

/* Sets one from its text. ERR_INPUT when the text does not fit the type or the limits; `settings` is then unchanged.
 * The error says what is expected; it repeats the text unless the setting is secret. */
struct err setting_set(const struct setting *setting, const char *text, struct settings *settings) MUST_CHECK;

/* Copies the value of one setting. */
void setting_copy(const struct setting *setting, const struct settings *from, struct settings *to);
bool setting_equal(const struct setting *setting, const struct settings *a, const struct settings *b);

/* The value as it would stand in a file, on the heap: the caller frees it. Secrets too: see setting_shown. */
char *setting_text(const struct setting *setting, const struct settings *settings);
/* As setting_text, but a secret that is set is "******". For SHOW CONFIG and the log. */
char *setting_shown(const struct setting *setting, const struct settings *settings);

#endif
