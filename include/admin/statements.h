/*
 * statements.h: prepared statements and portals of one console's session, by name ("" is the unnamed one). One thread.
 */
#ifndef ADMIN_STATEMENTS_H
#define ADMIN_STATEMENTS_H

#include "admin/command.h"
#include "admin/table.h"

#include <sys/queue.h>

#define STATEMENTS_MAX 1000 /* of each kind in a session */

/* `types`: what Parse said of the parameters, 0 where it said nothing. */
struct statement {
    TAILQ_ENTRY(statement) entry;
    char *name;
    struct command command;
    uint32_t *types;
    size_t type_count;
};

/* A statement with its parameter, and how far it has been run. */
struct portal {
    TAILQ_ENTRY(portal) entry;
    char *name;
    struct command command;
    uint16_t *formats;
    size_t format_count;
    struct table *table; /* NULL: not run yet, or it has no rows */
    struct table_cursor cursor;
    bool ran;
};

struct statements {
    TAILQ_HEAD(, statement) statements;
    TAILQ_HEAD(, portal) portals;
    size_t count, portal_count;
};

void statements_init(struct statements *statements);
void statements_clear(struct statements *statements);

/* Body of Parse. ERR_INPUT: malformed, or not a command; ERR_LIMIT; ERR_NOT_NOW: the name is taken. */
struct err statements_parse(struct statements *statements, struct bytes body) MUST_CHECK;
/* Body of Bind. ERR_NOT_FOUND: no such statement; ERR_UNSUPPORTED: a binary parameter of a type not known here. */
struct err statements_bind(struct statements *statements, struct bytes body) MUST_CHECK;
/* NULL when there is none of that name. */
struct statement *statements_find(struct statements *statements, const char *name);
struct portal *statements_find_portal(struct statements *statements, const char *name);
/* Body of Close: what is not there is closed, too. */
struct err statements_close(struct statements *statements, struct bytes body) MUST_CHECK;
/* Portals end with their transaction, which here is the series up to Sync. */
void statements_end_portals(struct statements *statements);

/* RowDescription or NoData of a command; ParameterDescription of a statement. */
void statement_write_parameters(const struct statement *statement, struct writer *w);
void command_write_description(const struct command *command, struct formats formats, struct writer *w);
struct formats portal_formats(const struct portal *portal);

#endif
