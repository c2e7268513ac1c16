#include "admin/statements.h"

#include "admin/show.h"
#include "base/mem.h"
#include "base/reader.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Object ids of PostgreSQL's types (pg_type). */
enum {
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_UNKNOWN = 705,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
};

void statements_init(struct statements *statements)
{
    *statements = (struct statements){.count = 0};
    TAILQ_INIT(&statements->statements);
    TAILQ_INIT(&statements->portals);
}

static void statement_drop(struct statements *statements, struct statement *statement)
{
    TAILQ_REMOVE(&statements->statements, statement, entry);
    statements->count--;
    command_release(&statement->command);
    free(statement->name);
    free(statement->types);
    free(statement);
}

static void portal_drop(struct statements *statements, struct portal *portal)
{
    TAILQ_REMOVE(&statements->portals, portal, entry);
    statements->portal_count--;
    command_release(&portal->command);
    table_free(portal->table);
    free(portal->name);
    free(portal->formats);
    free(portal);
}

void statements_end_portals(struct statements *statements)
{
    struct portal *portal;
    while ((portal = TAILQ_FIRST(&statements->portals)))
        portal_drop(statements, portal);
}

void statements_clear(struct statements *statements)
{
    struct statement *statement;
    statements_end_portals(statements);
    while ((statement = TAILQ_FIRST(&statements->statements)))
        statement_drop(statements, statement);
}

struct statement *statements_find(struct statements *statements, const char *name)
{
    struct statement *statement;
    TAILQ_FOREACH (statement, &statements->statements, entry)
        if (strcmp(statement->name, name) == 0)
            return statement;
    return NULL;
}

struct portal *statements_find_portal(struct statements *statements, const char *name)
{
    struct portal *portal;
    TAILQ_FOREACH (portal, &statements->portals, entry)
        if (strcmp(portal->name, name) == 0)
            return portal;
    return NULL;
}

/* ---- Parse ---- */

/* An unnamed object gives way to the next; a named one must be closed first. */
static struct err make_room(bool taken, const char *what, const char *name, size_t count)
{
    if (taken && name[0])
        return err_make(ERR_NOT_NOW, "%s \"%.80s\" already exists", what, name);
    if (!taken && count >= STATEMENTS_MAX)
        return err_make(ERR_LIMIT, "too many %ss", what);
    return OK;
}

static struct err read_command(const char *text, struct command *out)
{
    struct command more;
    TRY(command_parse(&text, out));
    struct err e = command_parse(&text, &more);
    if (!failed(e) && more.kind != COMMAND_EMPTY)
        e = err_make(ERR_INPUT, "cannot insert multiple commands into a prepared statement");
    if (!failed(e))
        command_release(&more);
    if (failed(e))
        command_release(out);
    return e;
}

struct err statements_parse(struct statements *statements, struct bytes body)
{
    struct reader reader = reader_of(body);
    struct command command;
    const char *name = reader_cstring(&reader);
    const char *text = reader_cstring(&reader);
    size_t type_count = reader_u16(&reader);
    struct reader types = reader_sub(&reader, 4 * type_count);
    TRY(reader_finish(&reader, "Parse message"));
    struct statement *before = statements_find(statements, name);
    TRY(make_room(before, "prepared statement", name, statements->count));
    TRY(read_command(text, &command));
    if (before)
        statement_drop(statements, before);
    struct statement *statement = NEW(struct statement);
    statement->name = mem_string(name);
    statement->command = command;
    statement->type_count = command.parameter > type_count ? command.parameter : type_count;
    statement->types = NEW_ARRAY(uint32_t, statement->type_count + 1);
    for (size_t i = 0; i < type_count; i++)
        statement->types[i] = reader_u32(&types);
    TAILQ_INSERT_HEAD(&statements->statements, statement, entry);
    statements->count++;
    return OK;
}

/* ---- Bind ---- */

/* A binary integer as text. False when the size is wrong. */
static bool read_integer(struct bytes value, size_t size, char **out)
{
    struct reader reader = reader_of(value);
    if (value.n != size)
        return false;
    int64_t number = size == 2   ? (int16_t)reader_u16(&reader)
                     : size == 4 ? (int32_t)reader_u32(&reader)
                                 : (int64_t)reader_u64(&reader);
    *out = mem_format("%" PRId64, number);
    return true;
}

/* A parameter's value as text, on the heap. */
static struct err read_parameter(struct bytes value, uint32_t type, uint16_t format, char **out)
{
    bool good = true;
    if (format > 1)
        return err_make(ERR_INPUT, "unsupported format code: %d", format);
    if (format == 1 && type == TYPE_INT2) {
        good = read_integer(value, 2, out);
    } else if (format == 1 && type == TYPE_INT4) {
        good = read_integer(value, 4, out);
    } else if (format == 1 && type == TYPE_INT8) {
        good = read_integer(value, 8, out);
    } else if (format == 0 || type == 0 || type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR ||
               type == TYPE_NAME || type == TYPE_UNKNOWN) {
        good = !memchr(value.p, 0, value.n);
        *out = good ? mem_string_of(value) : NULL;
    } else {
        return err_make(ERR_UNSUPPORTED, "binary parameters of type %u are not supported", (unsigned)type);
    }
    return good ? OK : err_make(ERR_INPUT, "incorrect binary data format in a parameter");
}

/* What a Bind message says. */
struct binding {
    const char *portal;
    struct statement *statement;
    uint16_t *parameter_formats;
    size_t parameter_format_count;
    char *value; /* of the one parameter that the command uses; NULL: none, or NULL */
    uint16_t *formats;
    size_t format_count;
};

static uint16_t *read_formats(struct reader *reader, size_t *count)
{
    *count = reader_u16(reader);
    struct reader codes = reader_sub(reader, 2 * *count);
    if (codes.bad)
        *count = 0;
    uint16_t *formats = NEW_ARRAY(uint16_t, *count + 1);
    for (size_t i = 0; i < *count; i++)
        formats[i] = reader_u16(&codes);
    return formats;
}

static struct err read_parameters(struct reader *reader, struct binding *binding)
{
    const struct statement *statement = binding->statement;
    size_t count = reader_u16(reader);
    if (count != statement->type_count)
        return err_make(ERR_INPUT, "bind message supplies %zu parameters, but prepared statement requires %zu", count,
                        statement->type_count);
    if (binding->parameter_format_count > 1 && binding->parameter_format_count != count)
        return err_make(ERR_INPUT, "bind message has %zu parameter formats but %zu parameters",
                        binding->parameter_format_count, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t size = reader_u32(reader);
        uint16_t format = 0;
        if (binding->parameter_format_count > 0)
            format = binding->parameter_formats[binding->parameter_format_count == 1 ? 0 : i];
        if (size == UINT32_MAX)
            continue;
        struct bytes value = reader_bytes(reader, size);
        if (!reader->bad && i + 1 == statement->command.parameter)
            TRY(read_parameter(value, statement->types[i], format, &binding->value));
    }
    return OK;
}

static size_t column_count_of(const struct command *command)
{
    return command->kind == COMMAND_SHOW ? show_table_of(command->show)->column_count : 0;
}

static struct err check_formats(const struct binding *binding)
{
    size_t columns = column_count_of(&binding->statement->command);
    if (binding->format_count > 1 && binding->format_count != columns)
        return err_make(ERR_INPUT, "bind message has %zu result formats but query has %zu columns",
                        binding->format_count, columns);
    for (size_t i = 0; i < binding->format_count; i++)
        if (binding->formats[i] > 1)
            return err_make(ERR_INPUT, "unsupported format code: %d", binding->formats[i]);
    return OK;
}

static struct err read_binding(struct statements *statements, struct reader *reader, struct binding *binding)
{
    binding->portal = reader_cstring(reader);
    const char *name = reader_cstring(reader);
    binding->statement = statements_find(statements, name);
    if (!binding->statement)
        return err_make(ERR_NOT_FOUND, "prepared statement \"%.80s\" does not exist", name);
    binding->parameter_formats = read_formats(reader, &binding->parameter_format_count);
    TRY(read_parameters(reader, binding));
    binding->formats = read_formats(reader, &binding->format_count);
    TRY(reader_finish(reader, "Bind message"));
    return check_formats(binding);
}

static struct err take_binding(struct statements *statements, struct binding *binding)
{
    struct command command;
    struct portal *before = statements_find_portal(statements, binding->portal);
    TRY(make_room(before, "portal", binding->portal, statements->portal_count));
    TRY(command_bind(&binding->statement->command, binding->value, &command));
    if (before)
        portal_drop(statements, before);
    struct portal *portal = NEW(struct portal);
    portal->name = mem_string(binding->portal);
    portal->command = command;
    portal->formats = binding->formats;
    portal->format_count = binding->format_count;
    binding->formats = NULL;
    TAILQ_INSERT_HEAD(&statements->portals, portal, entry);
    statements->portal_count++;
    return OK;
}

struct err statements_bind(struct statements *statements, struct bytes body)
{
    struct reader reader = reader_of(body);
    struct binding binding = {0};
    struct err e = read_binding(statements, &reader, &binding);
    if (!failed(e))
        e = take_binding(statements, &binding);
    free(binding.parameter_formats);
    free(binding.formats);
    mem_free_secret_string(binding.value);
    return e;
}

/* ---- Close, Describe ---- */

struct err statements_close(struct statements *statements, struct bytes body)
{
    struct reader reader = reader_of(body);
    uint8_t what = reader_u8(&reader);
    const char *name = reader_cstring(&reader);
    TRY(reader_finish(&reader, "Close message"));
    struct statement *statement = what == 'S' ? statements_find(statements, name) : NULL;
    struct portal *portal = what == 'P' ? statements_find_portal(statements, name) : NULL;
    if (what != 'S' && what != 'P')
        return err_make(ERR_INPUT, "invalid CLOSE message subtype %d", what);
    if (statement)
        statement_drop(statements, statement);
    if (portal)
        portal_drop(statements, portal);
    return OK;
}

void statement_write_parameters(const struct statement *statement, struct writer *w)
{
    size_t at = wire_begin(w, WIRE_PARAMETER_DESCRIPTION);
    writer_u16(w, (uint16_t)statement->type_count);
    for (size_t i = 0; i < statement->type_count; i++)
        writer_u32(w, statement->types[i] ? statement->types[i] : TYPE_TEXT);
    wire_end(w, at);
}

void command_write_description(const struct command *command, struct formats formats, struct writer *w)
{
    const struct show_table *table = command->kind == COMMAND_SHOW ? show_table_of(command->show) : NULL;
    if (table && table->columns)
        table_write_description(table->columns, table->column_count, formats, w);
    else
        wire_put_empty(w, WIRE_NO_DATA);
}

struct formats portal_formats(const struct portal *portal)
{
    return (struct formats){portal->formats, portal->format_count};
}
