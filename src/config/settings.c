#include "config/settings.h"

#include "base/distance.h"
#include "base/mem.h"
#include "config/value.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The flags as settings.def writes them. */
enum { R = SETTING_RELOADABLE, S = SETTING_SECRET, P = SETTING_PATH, D = SETTING_DIGESTED, N = SETTING_INERT };

#define ROW(id, field, kind, init, low, high, bits, list, other, about)                                                \
    {.name = #id,                                                                                                      \
     .type = SETTING_TYPE_##kind,                                                                                      \
     .flags = (bits),                                                                                                  \
     .offset = offsetof(struct settings, field),                                                                       \
     .default_text = (init),                                                                                           \
     .min = (low),                                                                                                     \
     .max = (high),                                                                                                    \
     .words = (list),                                                                                                  \
     .alias_of = (other),                                                                                              \
     .doc = (about)},
#define SETTING_GROUP(title, about)                     {.name = title, .type = SETTING_TYPE_GROUP, .default_text = "", .doc = about},
#define SETTING_BOOL(name, init, flags, doc)            ROW(name, name, BOOL, init, 0, 1, flags, NULL, NULL, doc)
#define SETTING_INT(name, init, min, max, flags, doc)   ROW(name, name, INT, init, min, max, flags, NULL, NULL, doc)
#define SETTING_OCTAL(name, init, min, max, flags, doc) ROW(name, name, OCTAL, init, min, max, flags, NULL, NULL, doc)
#define SETTING_SIZE(name, init, min, max, flags, doc)  ROW(name, name, SIZE, init, min, max, flags, NULL, NULL, doc)
#define SETTING_BITS(name, init, flags, doc)            ROW(name, name, BITS, init, 0, 0, flags, NULL, NULL, doc)
#define SETTING_DECIMAL(name, init, min, max, flags, doc)                                                              \
    ROW(name, name, DECIMAL, init, min, max, flags, NULL, NULL, doc)
#define SETTING_DURATION(name, init, flags, doc)   ROW(name, name##_us, DURATION, init, 0, 0, flags, NULL, NULL, doc)
#define SETTING_STRING(name, init, flags, doc)     ROW(name, name, STRING, init, 0, 0, flags, NULL, NULL, doc)
#define SETTING_ENUM(name, type, init, flags, doc) ROW(name, name, ENUM, init, 0, 0, flags, type##_words, NULL, doc)
#define SETTING_ALIAS(name, of, doc)               ROW(name, of, STRING, "", 0, 0, 0, NULL, #of, doc)

static const struct setting table[] = {
#include "config/settings.def"
};

/* The code below reads and writes enums as int. */
_Static_assert(sizeof(enum pool_mode) == sizeof(int) && sizeof(enum auth_type) == sizeof(int), "enums are ints");

size_t setting_count(void)
{
    return sizeof table / sizeof *table;
}

const struct setting *setting_at(size_t index)
{
    return &table[index];
}

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < setting_count(); i++) {
        if (table[i].type != SETTING_TYPE_GROUP && strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

const char *setting_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t least_distance = text_distance_limit(name);
    for (size_t i = 0; i < setting_count(); i++) {
        if (table[i].type == SETTING_TYPE_GROUP)
            continue;
        size_t distance = text_distance(name, table[i].name);
        if (distance < least_distance) {
            least_distance = distance;
            nearest = table[i].name;
        }
    }
    return nearest;
}

static void *field_of(const struct setting *setting, const struct settings *settings)
{
    return (char *)(uintptr_t)settings + setting->offset;
}

static void store_string(const struct setting *setting, const char *text, struct settings *settings)
{
    char **field = field_of(setting, settings);
    char *copy = mem_string(text);
    mem_free_secret_string(*field);
    *field = copy;
}

static struct err store_int(const struct setting *setting, const char *text, struct settings *settings)
{
    int64_t number = 0;
    TRY(value_int(text, setting->min, setting->max, &number));
    *(int *)field_of(setting, settings) = (int)number;
    return OK;
}

static struct err store_enum(const struct setting *setting, const char *text, struct settings *settings)
{
    int value = enum_value(setting->words, text);
    if (value >= 0) {
        *(int *)field_of(setting, settings) = value;
        return OK;
    }
    char words[160] = "";
    for (int i = 0; setting->words[i]; i++) {
        size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", i ? ", " : "", setting->words[i]);
    }
    return err_make(ERR_INPUT, "expected one of %s", words);
}

static struct err store(const struct setting *setting, const char *text, struct settings *settings)
{
    void *field = field_of(setting, settings);
    switch (setting->type) {
    case SETTING_TYPE_BOOL:
        return value_bool(text, field);
    case SETTING_TYPE_INT:
    case SETTING_TYPE_OCTAL:
        return store_int(setting, text, settings);
    case SETTING_TYPE_SIZE:
        return value_size(text, setting->min, setting->max, field);
    case SETTING_TYPE_BITS:
        return value_bits(text, field);
    case SETTING_TYPE_DECIMAL:
        return value_decimal(text, setting->min, setting->max, field);
    case SETTING_TYPE_DURATION:
        return value_duration(text, field);
    case SETTING_TYPE_STRING:
        store_string(setting, text, settings);
        return OK;
    case SETTING_TYPE_ENUM:
        return store_enum(setting, text, settings);
    case SETTING_TYPE_GROUP:
        break;
    }
    return err_make(ERR_INPUT, "not a setting");
}

struct err setting_set(const struct setting *setting, const char *text, struct settings *settings)
{
    struct err e = store(setting, text, settings);
    if (setting->flags & SETTING_SECRET)
        return err_within(e, "invalid value for parameter %s", setting->name);
    return err_within(e, "invalid value \"%.80s\" for parameter %s", text, setting->name);
}

void settings_init(struct settings *settings)
{
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; i < setting_count(); i++) {
        if (table[i].type == SETTING_TYPE_GROUP || table[i].alias_of)
            continue;
        struct err e = setting_set(&table[i], table[i].default_text, settings);
        if (failed(e))
            abort(); /* a mistake in settings.def, which the unit test meets first */
    }
}

void setting_copy(const struct setting *setting, const struct settings *from, struct settings *to)
{
    const void *source = field_of(setting, from);
    void *target = field_of(setting, to);
    switch (setting->type) {
    case SETTING_TYPE_BOOL:
        *(bool *)target = *(const bool *)source;
        break;
    case SETTING_TYPE_INT:
    case SETTING_TYPE_OCTAL:
    case SETTING_TYPE_ENUM:
        *(int *)target = *(const int *)source;
        break;
    case SETTING_TYPE_SIZE:
    case SETTING_TYPE_BITS:
    case SETTING_TYPE_DECIMAL:
    case SETTING_TYPE_DURATION:
        memcpy(target, source, 8);
        break;
    case SETTING_TYPE_STRING:
        store_string(setting, *(const char *const *)source, to);
        break;
    case SETTING_TYPE_GROUP:
        break;
    }
}

bool setting_equal(const struct setting *setting, const struct settings *a, const struct settings *b)
{
    char *left = setting_text(setting, a);
    char *right = setting_text(setting, b);
    bool equal = strcmp(left, right) == 0;
    mem_free_secret_string(left);
    mem_free_secret_string(right);
    return equal;
}

void settings_copy(const struct settings *from, struct settings *to)
{
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < setting_count(); i++)
        if (!table[i].alias_of)
            setting_copy(&table[i], from, to);
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < setting_count(); i++) {
        if (table[i].type != SETTING_TYPE_STRING || table[i].alias_of)
            continue;
        mem_free_secret_string(*(char **)field_of(&table[i], settings));
    }
    memset(settings, 0, sizeof *settings);
}

char *setting_text(const struct setting *setting, const struct settings *settings)
{
    const void *field = field_of(setting, settings);
    switch (setting->type) {
    case SETTING_TYPE_BOOL:
        return mem_string(*(const bool *)field ? "1" : "0");
    case SETTING_TYPE_INT:
        return mem_format("%d", *(const int *)field);
    case SETTING_TYPE_OCTAL:
        return mem_format("%04o", (unsigned)*(const int *)field);
    case SETTING_TYPE_SIZE:
        return mem_format("%" PRId64, *(const int64_t *)field);
    case SETTING_TYPE_BITS:
        return mem_format("0x%" PRIx64, *(const uint64_t *)field);
    case SETTING_TYPE_DECIMAL:
        return mem_format("%.10g", *(const double *)field);
    case SETTING_TYPE_DURATION:
        return value_duration_text(*(const int64_t *)field);
    case SETTING_TYPE_STRING:
        return mem_string(*(const char *const *)field);
    case SETTING_TYPE_ENUM:
        return mem_string(setting->words[*(const int *)field]);
    case SETTING_TYPE_GROUP:
        break;
    }
    return mem_string("");
}

char *setting_shown(const struct setting *setting, const struct settings *settings)
{
    char *text = setting_text(setting, settings);
    if (!(setting->flags & SETTING_SECRET) || !*text)
        return text;
    mem_free_secret_string(text);
    return mem_string("******");
}
