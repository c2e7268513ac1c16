#include "gate/startup_parameters.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct taking {
    const struct rules *rules;
    bool (*is_tracked)(const char *name);
    struct identity *identity;
};

static void taking_keep(struct identity *identity, const char *name, const char *value)
{
    identity->parameters =
        mem_resize(identity->parameters, (identity->parameter_count + 1) * sizeof *identity->parameters);
    identity->parameters[identity->parameter_count++] =
        (struct identity_parameter){.name = mem_string(name), .value = mem_string(value)};
}

static struct err taking_decide(struct taking *taking, const char *name, const char *value, const char *where)
{
    if (taking->is_tracked(name))
        taking_keep(taking->identity, name, value);
    else if (!rules_ignores_parameter(taking->rules, name))
        return err_make(ERR_UNSUPPORTED, "unsupported startup parameter%s: %s", where, name);
    return OK;
}

/* The next word of `options`: words are separated by space, and a backslash takes the next character as it is
 * (PostgreSQL, "libpq connection options"). The caller frees it; NULL at the end. */
static char *taking_next_word(const char **cursor)
{
    const char *p = *cursor;
    while (isspace((unsigned char)*p))
        p++;
    if (!*p)
        return NULL;
    char *word = mem_alloc(strlen(p) + 1);
    char *end = word;
    while (*p && !isspace((unsigned char)*p)) {
        if (*p == '\\' && p[1])
            p++;
        *end++ = *p++;
    }
    *cursor = p;
    return word;
}

/* "name=value", where '-' in the name stands for '_' as on PostgreSQL's command line. */
static struct err taking_assignment(struct taking *taking, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return err_make(ERR_UNSUPPORTED, "unsupported startup parameter in options: %s", text);
    *equals = '\0';
    for (char *p = text; *p; p++)
        if (*p == '-')
            *p = '_';
    return taking_decide(taking, text, equals + 1, " in options");
}

static struct err taking_option(struct taking *taking, char *word, const char **cursor)
{
    if (strcmp(word, "-c") == 0) {
        char *assignment = taking_next_word(cursor);
        if (!assignment)
            return err_make(ERR_INPUT, "unsupported startup parameter in options: -c without a value");
        struct err e = taking_assignment(taking, assignment);
        free(assignment);
        return e;
    }
    if (strncmp(word, "-c", 2) == 0 || strncmp(word, "--", 2) == 0)
        return taking_assignment(taking, word + 2);
    return err_make(ERR_UNSUPPORTED, "unsupported startup parameter in options: %s", word);
}

static struct err taking_options(struct taking *taking, const char *options)
{
    if (rules_ignores_parameter(taking->rules, "options"))
        return OK;
    char *word;
    while ((word = taking_next_word(&options))) {
        struct err e = taking_option(taking, word, &options);
        free(word);
        TRY(e);
    }
    return OK;
}

struct err startup_parameters_take(const struct wire_startup *startup, const struct rules *rules,
                                   bool (*is_tracked)(const char *name), struct identity *identity)
{
    struct taking taking = {.rules = rules, .is_tracked = is_tracked, .identity = identity};
    for (size_t i = 0; i < startup->parameter_count; i++) {
        const struct wire_parameter *parameter = &startup->parameters[i];
        /* What login has already dealt with; a replication value that is let in says "off". */
        if (strcmp(parameter->name, "user") == 0 || strcmp(parameter->name, "database") == 0 ||
            strcmp(parameter->name, "replication") == 0)
            continue;
        if (strcmp(parameter->name, "options") == 0)
            TRY(taking_options(&taking, parameter->value));
        else
            TRY(taking_decide(&taking, parameter->name, parameter->value, ""));
    }
    return OK;
}
