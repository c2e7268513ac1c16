/*
 * table.h: a result set: columns, and rows that grow cell by cell; as RowDescription and DataRow.
 *
 * Three types are enough for a console; each has its text form and PostgreSQL's binary form, so that drivers which ask
 * for binary results can read it too. One thread at a time.
 */
#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include "base/writer.h"

enum column_type { COLUMN_TEXT, COLUMN_INT, COLUMN_BIGINT };

struct column {
    const char *name;
    enum column_type type;
};

struct table;

/* `columns` are the caller's, and must outlive the table. */
struct table *table_new(const struct column *columns, size_t column_count);
void table_free(struct table *table); /* NULL does nothing */

/* The next cell of the current row; a row is complete when every column has one. NULL texts are SQL's NULL. */
void table_text(struct table *table, const char *text);
void table_textf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_int(struct table *table, int64_t value);
void table_null(struct table *table);
/* 1 or 0. */
void table_bool(struct table *table, bool value);

/* Moves all rows of `from`, which has the same columns and is freed, to the end of `table`. */
void table_join(struct table *table, struct table *from);

size_t table_row_count(const struct table *table);

/* How the cells of each column are sent: formats[i], or formats[0] for all when there is one, or as text when there is
 * none (Bind's rule). 0: text, 1: binary. */
struct formats {
    const uint16_t *format;
    size_t count;
};
#define FORMATS_TEXT ((struct formats){NULL, 0})

void table_write_description(const struct column *columns, size_t column_count, struct formats formats,
                             struct writer *w);

/* Where reading stands in a table: zero-initialised it is the first row. */
struct table_cursor {
    size_t row;
    size_t at;
};
/* Writes up to `limit` DataRows (0: all) and moves the cursor on. Returns how many. */
size_t table_write_rows(const struct table *table, struct table_cursor *cursor, size_t limit, struct formats formats,
                        struct writer *w);

#endif
