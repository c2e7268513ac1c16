/*
 * show.h: the tables that SHOW answers with.
 *
 * Each table is described by a struct show_table in the file of its topic. Some need every worker to say what it has:
 * then show_collect runs on each worker's thread, and show_finish when all have, on the thread that asked.
 */
#ifndef ADMIN_SHOW_H
#define ADMIN_SHOW_H

#include "admin/consoles.h"
#include "admin/table.h"

/* A SHOW that is being answered. */
struct showing {
    const struct show_table *table;
    struct consoles *consoles;
    struct fleet *fleet;
    struct worker *home;   /* the worker that asked */
    struct config *config; /* counted */
    char *operand;         /* NULL where there is none */
    struct census *census; /* where the table wants one */
    struct table **parts;  /* rows of each worker, where the table collects them */
};

struct show_table {
    const struct column *columns; /* NULL: no rows, but a notice */
    size_t column_count;
    bool wants_census;
    /* The rows of one worker, on its thread; NULL: none. They come first. */
    void (*collect)(struct showing *showing, struct worker *worker, struct table *part);
    /* Further rows, on the thread that asked; NULL: none. */
    struct err (*fill)(struct showing *showing, struct table *out);
};
#define SHOW_COLUMNS(array) .columns = (array), .column_count = sizeof(array) / sizeof *(array)

const struct show_table *show_table_of(enum show_kind kind);

/* `operand` is copied. The thread of `home`. */
struct showing *show_begin(struct consoles *consoles, struct fleet *fleet, struct worker *home, enum show_kind kind,
                           const char *operand);
bool show_needs_visit(const struct showing *showing);
void show_collect(struct showing *showing, struct worker *worker);
/* *out is the caller's; NULL for a table without columns. ERR_NOT_FOUND: what the operand names is not there. */
struct err show_finish(struct showing *showing, struct table **out) MUST_CHECK;
void show_free(struct showing *showing);

/* What SHOW HELP says. */
const char *show_help_text(void);

#define SHOW_TIME_SIZE 32
/* "2026-01-31 23:59:59 UTC"; "" for 0. */
const char *show_time(int64_t wall_us, char out[SHOW_TIME_SIZE]);

/* The topics' tables. */
extern const struct show_table show_help, show_version, show_config, show_state, show_mem, show_peers;
extern const struct show_table show_databases, show_pools, show_users, show_lists;
extern const struct show_table show_clients, show_servers, show_sockets, show_active_sockets;
extern const struct show_table show_stats, show_stats_totals, show_stats_averages, show_totals;
extern const struct show_table show_attestations, show_attestation, show_evidence, show_policies, show_kds;

#endif
