#include "base/reader.h"

#include <string.h>

static uint64_t reader_integer(struct reader *r, size_t n)
{
    struct bytes b = reader_bytes(r, n);
    uint64_t value = 0;
    for (size_t i = 0; i < b.n; i++)
        value = value << 8 | b.p[i];
    return value;
}

static uint64_t reader_integer_le(struct reader *r, size_t n)
{
    struct bytes b = reader_bytes(r, n);
    uint64_t value = 0;
    for (size_t i = b.n; i > 0; i--)
        value = value << 8 | b.p[i - 1];
    return value;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_integer(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)reader_integer(r, 2);
}

uint32_t reader_u24(struct reader *r)
{
    return (uint32_t)reader_integer(r, 3);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)reader_integer(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return reader_integer(r, 8);
}

uint32_t reader_u32_le(struct reader *r)
{
    return (uint32_t)reader_integer_le(r, 4);
}

uint64_t reader_u64_le(struct reader *r)
{
    return reader_integer_le(r, 8);
}

struct bytes reader_bytes(struct reader *r, size_t n)
{
    if (r->bad || reader_left(r) < n) {
        r->bad = true;
        r->p = r->end;
        return BYTES_NONE;
    }
    struct bytes b = bytes_of(r->p, n);
    r->p += n;
    return b;
}

struct bytes reader_rest(struct reader *r)
{
    return reader_bytes(r, reader_left(r));
}

void reader_copy(struct reader *r, void *out, size_t n)
{
    struct bytes b = reader_bytes(r, n);
    if (b.n == n && n > 0)
        memcpy(out, b.p, n);
    else
        memset(out, 0, n);
}

void reader_skip(struct reader *r, size_t n)
{
    (void)reader_bytes(r, n);
}

const char *reader_cstring(struct reader *r)
{
    const uint8_t *zero = reader_left(r) ? memchr(r->p, 0, reader_left(r)) : NULL;
    if (r->bad || !zero) {
        r->bad = true;
        r->p = r->end;
        return "";
    }
    const char *text = (const char *)r->p;
    r->p = zero + 1;
    return text;
}

struct reader reader_sub(struct reader *r, size_t n)
{
    struct bytes b = reader_bytes(r, n);
    struct reader sub = reader_of(b);
    sub.bad = r->bad;
    return sub;
}

struct err reader_finish(const struct reader *r, const char *what)
{
    if (r->bad)
        return err_make(ERR_INPUT, "%s is truncated", what);
    if (reader_left(r) > 0)
        return err_make(ERR_INPUT, "%s has %zu trailing bytes", what, reader_left(r));
    return OK;
}
