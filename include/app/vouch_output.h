/*
 * vouch_output.h: a verdict for people, on a terminal or in a file.
 */
#ifndef APP_VOUCH_OUTPUT_H
#define APP_VOUCH_OUTPUT_H

#include "app/vouch_dial.h"
#include "attest/verdict.h"

#include <stdio.h>

/* Prints text that may come from a peer: control characters, which could play with the terminal, as \xNN. */
void vouch_print_escaped(FILE *out, const char *text);

/* Whether colour is wanted on this stream: a terminal that knows it, and no NO_COLOR in the environment. */
bool vouch_wants_colour(FILE *out);

/* Writes a file in place, not by renaming: it may be a pipe or a device. */
struct err vouch_save(const char *path, struct bytes content) MUST_CHECK;

/* Every check on a line of its own, then the verdict, its reason, and what the verdict does not say. */
struct vouch_output {
    const char *host;
    int port;
    const struct vouch_server *server; /* NULL: evidence from a file */
    const char *file;                  /* with it; else NULL */
    const struct verdict *verdict;
    bool identity_was_checked;
    bool json; /* verdict_json instead, and nothing else */
    bool colour;
};
void vouch_output_print(const struct vouch_output *output, FILE *out);

/* A checklist alone, one check on a line. */
void vouch_output_checks(const struct checklist *checks, bool colour, FILE *out);

#endif
