/*
 * command.h: the console's grammar: one statement from its text.
 *
 * PgBouncer's commands (its usage page is the specification), what is ours, and the statements that drivers send
 * without being asked (BEGIN, SET application_name, …), which a console lets pass. Keywords in any case; operands are
 * words, "identifiers", 'texts' or parameters ($1); comments are skipped. Pure; any thread.
 */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include "base/err.h"

enum command_kind {
    COMMAND_EMPTY, /* nothing but blanks and comments */
    COMMAND_SHOW,
    COMMAND_SET,     /* one of our settings, or a name that nobody knows */
    COMMAND_BEGIN,   /* of a transaction: there is none, but a driver is told what it wants to hear */
    COMMAND_END,     /* of a transaction */
    COMMAND_NOTHING, /* a driver's SET, RESET, DISCARD, SAVEPOINT, …: has no effect */
    COMMAND_RELOAD,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_KILL,
    COMMAND_KILL_CLIENT,
    COMMAND_RECONNECT,
    COMMAND_WAIT_CLOSE,
    COMMAND_DISABLE,
    COMMAND_ENABLE,
    COMMAND_SHUTDOWN,
};

enum show_kind {
    SHOW_HELP,
    SHOW_VERSION,
    SHOW_CONFIG,
    SHOW_DATABASES,
    SHOW_POOLS,
    SHOW_CLIENTS,
    SHOW_SERVERS,
    SHOW_SOCKETS,
    SHOW_ACTIVE_SOCKETS,
    SHOW_USERS,
    SHOW_PEERS,
    SHOW_LISTS,
    SHOW_STATS,
    SHOW_STATS_TOTALS,
    SHOW_STATS_AVERAGES,
    SHOW_TOTALS,
    SHOW_MEM,
    SHOW_STATE,
    SHOW_ATTESTATIONS,
    SHOW_ATTESTATION,
    SHOW_EVIDENCE,
    SHOW_POLICIES,
    SHOW_KDS,
    SHOW_KINDS
};

enum shutdown_mode { SHUTDOWN_NOW, SHUTDOWN_WAIT_FOR_SERVERS, SHUTDOWN_WAIT_FOR_CLIENTS };

struct command {
    enum command_kind kind;
    enum show_kind show;         /* of COMMAND_SHOW */
    enum shutdown_mode shutdown; /* of COMMAND_SHUTDOWN */
    const char *tag;             /* for CommandComplete: a constant */
    char *name;                  /* of COMMAND_SET: the setting; else NULL */
    char *operand;               /* a database, an id, a setting's value; NULL: none, or the parameter */
    unsigned parameter;          /* the operand is $parameter; 0: it is not a parameter */
};

#define COMMAND_PARAMETERS_MAX 99 /* the highest n of $n */

/* Reads the statement at *text and moves *text behind it and its semicolon. ERR_INPUT, with the text for the client:
 * nothing is to be released then, and *text stands where it stood. Else the caller releases *out. */
struct err command_parse(const char **text, struct command *out) MUST_CHECK;
void command_release(struct command *command);

/* A copy with $n replaced by `value` (NULL: as if it were not there); ERR_INPUT where something is needed. */
struct err command_bind(const struct command *command, const char *value, struct command *out) MUST_CHECK;

/* Whether stats_users may not run it. */
bool command_needs_admin(const struct command *command);

/* "pools": as it stands behind SHOW. */
const char *show_kind_name(enum show_kind kind);

#endif
