#include "base/mem.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *mem_or_abort(void *p)
{
    static const char message[] = "out of memory\n";
    if (!p) {
        ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
        (void)ignored;
        abort();
    }
    return p;
}

void *mem_alloc(size_t n)
{
    return mem_or_abort(calloc(1, n ? n : 1));
}

void *mem_alloc_array(size_t size, size_t n)
{
    return mem_or_abort(calloc(n ? n : 1, size));
}

void *mem_resize(void *p, size_t n)
{
    return mem_or_abort(realloc(p, n ? n : 1));
}

char *mem_string(const char *text)
{
    return text ? mem_or_abort(strdup(text)) : NULL;
}

char *mem_string_of(struct bytes b)
{
    char *text = mem_alloc(b.n + 1);
    if (b.n)
        memcpy(text, b.p, b.n);
    return text;
}

char *mem_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return mem_or_abort(n < 0 ? NULL : text);
}

void *mem_copy(struct bytes b)
{
    void *copy = mem_alloc(b.n);
    if (b.n)
        memcpy(copy, b.p, b.n);
    return copy;
}

void mem_free_secret(void *p, size_t n)
{
    if (p)
        OPENSSL_cleanse(p, n);
    free(p);
}

void mem_free_secret_string(char *text)
{
    if (text)
        mem_free_secret(text, strlen(text));
}
