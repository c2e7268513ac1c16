#include "attest/kds_folder.h"

#include "attest/small_file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder_path(const char *folder, const char *name)
{
    return mem_format("%s/%s", folder, name);
}

struct err kds_folder_load(const char *folder, const char *name, size_t max, uint8_t **p, size_t *n,
                           int64_t *stored_at_s)
{
    struct stat about;
    if (!*folder)
        return err_make(ERR_NOT_FOUND, "nothing is kept on disk");
    char *path = folder_path(folder, name);
    struct err outcome;
    if (stat(path, &about) != 0)
        outcome = errno == ENOENT || errno == ENOTDIR ? err_make(ERR_NOT_FOUND, "there is no \"%s\"", path)
                                                      : err_system("cannot look at \"%s\"", path);
    else
        outcome = small_file_read(path, max, p, n);
    if (!failed(outcome))
        *stored_at_s = about.st_mtim.tv_sec;
    free(path);
    return outcome;
}

/* Parents, too: a user's first cache has none. */
static struct err folder_make(const char *folder)
{
    char *path = mem_string(folder);
    struct err outcome = OK;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            outcome = err_system("cannot make \"%s\"", path);
        *slash = '/';
    }
    if (!failed(outcome) && mkdir(path, 0700) != 0 && errno != EEXIST)
        outcome = err_system("cannot make \"%s\"", path);
    free(path);
    return outcome;
}

static struct err folder_check(const char *folder)
{
    struct stat about;
    if (stat(folder, &about) != 0)
        return err_system("cannot look at \"%s\"", folder);
    if (!S_ISDIR(about.st_mode))
        return err_make(ERR_SYSTEM, "\"%s\" is not a directory", folder);
    if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_make(ERR_SYSTEM, "others may write into \"%s\": nothing is kept there", folder);
    return OK;
}

static struct err folder_write(int fd, const char *path, struct bytes content)
{
    size_t done = 0;
    while (done < content.n) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n < 0 && errno != EINTR)
            return err_system("cannot write \"%s\"", path);
        if (n > 0)
            done += (size_t)n;
    }
    return fsync(fd) < 0 ? err_system("cannot write \"%s\"", path) : OK;
}

struct err kds_folder_save(const char *folder, const char *name, struct bytes content)
{
    if (!*folder)
        return OK;
    TRY(folder_make(folder));
    TRY(folder_check(folder));
    char *path = folder_path(folder, name), *beside = mem_format("%s/.new.XXXXXX", folder);
    int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    struct err outcome = fd < 0 ? err_system("cannot write into \"%s\"", folder) : folder_write(fd, path, content);
    if (fd >= 0)
        close(fd);
    if (!failed(outcome) && rename(beside, path) < 0)
        outcome = err_system("cannot replace \"%s\"", path);
    if (failed(outcome) && fd >= 0)
        unlink(beside);
    free(beside);
    free(path);
    return outcome;
}

void kds_folder_remove(const char *folder, const char *name)
{
    if (!*folder)
        return;
    char *path = folder_path(folder, name);
    unlink(path);
    free(path);
}
