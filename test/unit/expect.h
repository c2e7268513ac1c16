/*
 * expect.h: for tests: what a struct err must say, and files in a directory of their own.
 *
 * Stands behind cmocka.h, which wants headers before it.
 */
#ifndef TEST_EXPECT_H
#define TEST_EXPECT_H

#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Shows the reason when there is one. */
#define expect_ok(expr)                                                                                                \
    do {                                                                                                               \
        struct err expect_err_ = (expr);                                                                               \
        assert_string_equal(expect_err_.why, "");                                                                      \
        assert_int_equal(expect_err_.code, ERR_NONE);                                                                  \
    } while (0)

/* Fails with this code, and the reason holds `part`. */
#define expect_err(expr, expected, part)                                                                               \
    do {                                                                                                               \
        struct err expect_err_ = (expr);                                                                               \
        if (expect_err_.code != (expected) || !strstr(expect_err_.why, (part)))                                        \
            fail_msg("code %d, \"%s\"; expected %d, \"%s\"", (int)expect_err_.code, expect_err_.why, (int)(expected),  \
                     (part));                                                                                          \
    } while (0)

/* A new directory below TMPDIR. */
static inline char *scratch_make(void)
{
    const char *parent = getenv("TMPDIR");
    char *directory = mem_format("%s/pgvouch-test-XXXXXX", parent && *parent ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    return directory;
}

/* The path of a file there; with text, the file is written. The caller frees the path. */
static inline char *scratch_file(const char *directory, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", directory, name);
    if (text) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
        assert_int_equal(fclose(file), 0);
    }
    return path;
}

/* What a file holds, at most 1 MiB; the caller frees it. */
static inline char *scratch_read(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = mem_alloc(1024 * 1024);
    (void)!fread(text, 1, 1024 * 1024 - 1, file);
    fclose(file);
    return text;
}

/* Removes the directory with its files, and frees its name. */
static inline void scratch_remove(char *directory)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        char *path = mem_format("%s/%s", directory, entry->d_name);
        (void)unlink(path);
        free(path);
    }
    if (entries)
        closedir(entries);
    assert_int_equal(rmdir(directory), 0);
    free(directory);
}

#endif
