#include "gate/text_file.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_FILE_MAX (16 * 1024 * 1024)

static struct err text_file_read(FILE *file, const char *path, char **text, size_t *size)
{
    struct stat about;
    if (fstat(fileno(file), &about) != 0)
        return err_system("cannot read \"%s\"", path);
    if (about.st_size > TEXT_FILE_MAX)
        return err_make(ERR_LIMIT, "\"%s\" is larger than %d bytes", path, TEXT_FILE_MAX);
    *text = mem_alloc((size_t)about.st_size + 1);
    *size = fread(*text, 1, (size_t)about.st_size, file);
    return ferror(file) ? err_system("cannot read \"%s\"", path) : OK;
}

struct err text_each_line(const char *path, struct bytes text, text_line *each, void *arg)
{
    char *copy = mem_string_of(text);
    struct err e = memchr(copy, 0, text.n) ? err_make(ERR_INPUT, "%s: there is a zero byte in the file", path) : OK;
    size_t line = 0;
    for (char *p = copy; !failed(e) && *p;) {
        size_t n = strcspn(p, "\n");
        bool last = p[n] == '\0';
        p[n] = '\0';
        if (n > 0 && p[n - 1] == '\r')
            p[n - 1] = '\0';
        e = each(arg, path, ++line, p);
        p += n + !last;
    }
    mem_free_secret(copy, text.n + 1);
    return e;
}

struct err text_file_each_line(const char *path, text_line *each, void *arg)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_system("cannot open \"%s\"", path);
    struct err e = text_file_read(file, path, &text, &size);
    fclose(file);
    if (!failed(e))
        e = text_each_line(path, bytes_of(text, size), each, arg);
    mem_free_secret(text, size);
    return e;
}
