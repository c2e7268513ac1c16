#include "base/writer.h"

#include "base/mem.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

struct writer writer_over(void *array, size_t size)
{
    return (struct writer){.start = array, .size = size};
}

struct writer writer_growing(size_t limit)
{
    return (struct writer){.limit = limit};
}

void writer_free(struct writer *w)
{
    if (w->limit > 0 && w->start)
        mem_free_secret(w->start, w->size);
    *w = (struct writer){.limit = w->limit};
}

static void writer_grow(struct writer *w, size_t need)
{
    size_t size = w->size ? w->size : 256;
    while (size < need)
        size *= 2;
    if (size > w->limit)
        size = w->limit;
    uint8_t *bigger = mem_alloc(size);
    if (w->used)
        memcpy(bigger, w->start, w->used);
    if (w->start)
        mem_free_secret(w->start, w->size);
    w->start = bigger;
    w->size = size;
}

uint8_t *writer_reserve(struct writer *w, size_t n)
{
    if (w->bad)
        return NULL;
    if (n > w->size - w->used) {
        if (w->limit == 0 || n > w->limit - w->used) {
            w->bad = true;
            return NULL;
        }
        writer_grow(w, w->used + n);
    }
    uint8_t *p = w->start + w->used;
    w->used += n;
    return p;
}

static void writer_integer(struct writer *w, uint64_t value, size_t n)
{
    uint8_t *p = writer_reserve(w, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (uint8_t)(value >> 8 * (n - 1 - i));
}

void writer_u8(struct writer *w, uint8_t value)
{
    writer_integer(w, value, 1);
}

void writer_u16(struct writer *w, uint16_t value)
{
    writer_integer(w, value, 2);
}

void writer_u24(struct writer *w, uint32_t value)
{
    if (value > 0xFFFFFF)
        w->bad = true;
    writer_integer(w, value, 3);
}

void writer_u32(struct writer *w, uint32_t value)
{
    writer_integer(w, value, 4);
}

void writer_u64(struct writer *w, uint64_t value)
{
    writer_integer(w, value, 8);
}

void writer_put(struct writer *w, struct bytes b)
{
    uint8_t *p = writer_reserve(w, b.n);
    if (p && b.n)
        memcpy(p, b.p, b.n);
}

void writer_cstring(struct writer *w, const char *text)
{
    writer_put(w, bytes_of(text, strlen(text) + 1));
}

static void writer_format_to_the_brim(uint8_t *out, size_t n, const char *format, va_list args)
{
    char *text = mem_alloc(n + 1);
    vsnprintf(text, n + 1, format, args);
    memcpy(out, text, n);
    mem_free_secret(text, n);
}

void writer_format(struct writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *p = n < 0 ? NULL : writer_reserve(w, (size_t)n);
    if (!p)
        w->bad = true;
    else if (w->used < w->size) /* room for the terminator that vsnprintf writes */
        vsnprintf((char *)p, (size_t)n + 1, format, again);
    else
        writer_format_to_the_brim(p, (size_t)n, format, again);
    va_end(again);
}

void writer_lp(struct writer *w, struct bytes b)
{
    if (b.n > UINT16_MAX)
        w->bad = true;
    writer_u16(w, (uint16_t)b.n);
    writer_put(w, b);
}

void writer_patch_u32(struct writer *w, size_t at, uint32_t value)
{
    if (w->bad)
        return;
    if (at > w->used || w->used - at < 4) {
        w->bad = true;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        w->start[at + i] = (uint8_t)(value >> 8 * (3 - i));
}

struct err writer_finish(const struct writer *w, const char *what)
{
    return w->bad ? err_make(ERR_LIMIT, "%s is too large", what) : OK;
}
