/*
 * kds_folder.h: the directory in which what KDS said outlasts a restart.
 *
 * Files are written beside their place and renamed, so that nobody reads half of one; daemon and tool may share a
 * directory. Nothing in it is believed for being there. A folder "" holds nothing. Blocks for the disk; any thread.
 */
#ifndef ATTEST_KDS_FOLDER_H
#define ATTEST_KDS_FOLDER_H

#include "base/bytes.h"

/* *p (free) holds *n bytes that were stored at *stored_at_s (since 1970). ERR_NOT_FOUND when there is no such file;
 * ERR_LIMIT when it has more than `max` bytes, ERR_SYSTEM when it cannot be read. */
struct err kds_folder_load(const char *folder, const char *name, size_t max, uint8_t **p, size_t *n,
                           int64_t *stored_at_s) MUST_CHECK;
/* Mode 0600; the folder is made, 0700, when missing. ERR_SYSTEM when it cannot be, or when others may write there. */
struct err kds_folder_save(const char *folder, const char *name, struct bytes content) MUST_CHECK;
/* That there is none is no failure. */
void kds_folder_remove(const char *folder, const char *name);

#endif
