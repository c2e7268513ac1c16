/*
 * manual.h: the manual of the configuration file, written from its tables: what is said once in config/settings.def and
 * config/entries.def stands alike in doc/configuration.md, doc/pgvouch.ini.5 and etc/pgvouch.ini.
 *
 * For the program settings-manual, which runs when the documents are renewed and when they are checked. One thread.
 */
#ifndef APP_MANUAL_H
#define APP_MANUAL_H

#include "config/entries.h"
#include "config/settings.h"

#include <stdio.h>

/* A paragraph; in prose, names that stand in the file are between backquotes. */
struct manual_paragraph {
    const char *language; /* of an example: "ini", "hba", …; NULL: prose */
    const char *text;
};

struct manual_chapter {
    const char *title;
    const struct manual_paragraph *paragraphs; /* ended by one without text */
};

/* What no table holds: before the settings, and after the sections. Ended by one without title. */
extern const struct manual_chapter manual_before[];
extern const struct manual_chapter manual_after[];

/* A section whose entries have keys of their own. */
struct manual_section {
    const char *title;
    const struct manual_paragraph *paragraphs;
    const struct entry_kind *kind; /* NULL: none */
};
extern const struct manual_section manual_sections[];

/* "choice: a, b, c", "duration", "number from 0 to 9", …; free(). */
char *manual_type(const struct setting *setting);
char *manual_key_type(const struct entry_key *key);
/* The sentences that the flags of a setting stand for; "" for none. A constant text. */
const char *manual_flags(const struct setting *setting);

void manual_write_markdown(FILE *out);
void manual_write_man(FILE *out);
void manual_write_example(FILE *out);

#endif
