/* manual.c: the program settings-manual: `settings-manual FORMAT` writes one of the documents to standard output. */
#include "app/manual.h"

#include <string.h>

static const struct {
    const char *name;
    void (*write)(FILE *out);
} formats[] = {{"markdown", manual_write_markdown}, {"man", manual_write_man}, {"example", manual_write_example}};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(argv[1], formats[i].name) != 0)
            continue;
        formats[i].write(stdout);
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 2;
    }
    fputs("usage: settings-manual markdown|man|example\n", stderr);
    return 2;
}
