/*
 * text_file.h: small text files, line by line: auth_file, HBA and ident files. Main thread; blocking.
 */
#ifndef GATE_TEXT_FILE_H
#define GATE_TEXT_FILE_H

#include "base/bytes.h"

/* What is done with a line: `text` has no line end and belongs to the caller of the file. An error ends the walk. */
typedef struct err text_line(void *arg, const char *path, size_t line, const char *text);

/* ERR_SYSTEM when the file cannot be read, ERR_LIMIT above 16 MiB; or what `each` says. The contents are wiped. */
struct err text_file_each_line(const char *path, text_line *each, void *arg) MUST_CHECK;
/* The same for text in memory, which must not hold zero bytes. */
struct err text_each_line(const char *path, struct bytes text, text_line *each, void *arg) MUST_CHECK;

#endif
