/*
 * ini.h: PgBouncer's dialect of ini files.
 *
 * Lines are `[section]`, `key = value`, `%include file`, blank, or comments beginning with ; or #. A value is the rest
 * of its line without blanks at its ends: ; and # mean nothing in it. A key is made of letters, digits and _ . - or is
 * *; anything else stands in double quotes, a double quote in it twice. A section may come several times. A section
 * opened by an included file stays open after it. Any thread; the texts handed to the visitor live for that call.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include "base/bytes.h"

struct ini_line {
    const char *section; /* never NULL */
    const char *key;     /* NULL when the line opens the section */
    const char *value;
};

/* Refuses a section or key by returning an error, which stops the reading. */
typedef struct err ini_visit(void *arg, const struct ini_line *line);

/* Reads a file and what it includes (to a depth of 10; relative names are relative to the working directory). Errors
 * begin with "FILE:LINE: ", also those of the visitor; or name the file that cannot be read. */
struct err ini_read(const char *path, ini_visit *visit, void *arg) MUST_CHECK;

/* The same over text; `name` stands for the file in errors. */
struct err ini_read_text(const char *name, struct bytes text, ini_visit *visit, void *arg) MUST_CHECK;

/* A connection string: key=value pairs separated by blanks, blanks allowed around =, a value in single quotes may hold
 * blanks, and a quote twice. Calls visit for each pair in order, with section "". */
struct err ini_read_pairs(const char *text, ini_visit *visit, void *arg) MUST_CHECK;

#endif
