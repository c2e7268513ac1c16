/* small_file.h: whole files of a bounded size. Blocks for the disk; any thread. */
#ifndef ATTEST_SMALL_FILE_H
#define ATTEST_SMALL_FILE_H

#include "base/bytes.h"

/* *p (free) holds the n bytes and a zero byte behind them. ERR_SYSTEM when it cannot be read, ERR_INPUT when it is not
 * a regular file, ERR_LIMIT when it has more than `max` bytes. */
struct err small_file_read(const char *path, size_t max, uint8_t **p, size_t *n) MUST_CHECK;

#endif
