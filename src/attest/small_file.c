#include "attest/small_file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err read_whole(int fd, const char *path, size_t max, uint8_t **p, size_t *n)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return err_system("cannot read \"%s\"", path);
    if (!S_ISREG(about.st_mode))
        return err_make(ERR_INPUT, "\"%s\" is not a file", path);
    if ((uint64_t)about.st_size > max)
        return err_make(ERR_LIMIT, "\"%s\" is larger than %zu bytes", path, max);
    size_t size = (size_t)about.st_size;
    uint8_t *content = mem_alloc(size + 1);
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, content + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            struct err e = err_system("cannot read \"%s\"", path);
            free(content);
            return e;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    *p = content;
    *n = used;
    return OK;
}

struct err small_file_read(const char *path, size_t max, uint8_t **p, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    if (fd < 0)
        return err_system("cannot open \"%s\"", path);
    struct err e = read_whole(fd, path, max, p, n);
    close(fd);
    return e;
}
