/*
 * printable.h: text from peers, made fit for messages and JSON. Pure; any thread.
 */
#ifndef ATTEST_PRINTABLE_H
#define ATTEST_PRINTABLE_H

#include <stddef.h>

/* A copy on the heap of at most `limit` bytes, cut between characters: control characters and what is not UTF-8 (RFC
 * 3629) become '?'. NULL is "". */
char *printable_text(const char *text, size_t limit);

#endif
