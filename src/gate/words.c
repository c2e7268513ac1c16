#include "gate/words.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void words_add(struct words *words, const char *start, size_t n, bool quoted, bool joined)
{
    words->word = mem_resize(words->word, (words->count + 1) * sizeof *words->word);
    words->word[words->count++] =
        (struct word){.text = mem_string_of(bytes_of(start, n)), .quoted = quoted, .joined = joined};
}

struct err words_split(const char *line, struct words *out)
{
    bool joined = false;
    *out = (struct words){0};
    for (const char *p = line; *p && *p != '#';) {
        if (isspace((unsigned char)*p) || *p == ',') {
            joined = *p == ',' || joined;
            p++;
            continue;
        }
        bool quoted = *p == '"';
        const char *start = p + quoted;
        size_t n = quoted ? strcspn(start, "\"") : strcspn(start, " \t\r\n\f\v,#\"");
        if (quoted && start[n] != '"') {
            words_free(out);
            return err_make(ERR_INPUT, "a double quote is not closed");
        }
        words_add(out, start, n, quoted, joined);
        joined = false;
        p = start + n + quoted;
    }
    return OK;
}

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->word[i].text);
    free(words->word);
    *words = (struct words){0};
}
