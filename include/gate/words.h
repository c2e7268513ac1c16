/*
 * words.h: the words of a line in the HBA dialect: separated by spaces or commas, in double quotes where needed, up to
 * a
 * '#'. Pure; any thread.
 */
#ifndef GATE_WORDS_H
#define GATE_WORDS_H

#include "base/err.h"

#include <stddef.h>

/* `quoted`: it stood in quotes, and means only itself. `joined`: a comma stood before it, so it belongs to the same
 * field as the word before. */
struct word {
    char *text;
    bool quoted;
    bool joined;
};

struct words {
    struct word *word;
    size_t count;
};

/* ERR_INPUT for a quote that is not closed. Freed with words_free. */
struct err words_split(const char *line, struct words *out) MUST_CHECK;
void words_free(struct words *words);

#endif
