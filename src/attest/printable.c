#include "attest/printable.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* The bytes of the well-formed character at p (RFC 3629 section 4), or 0. */
static size_t character_size(const uint8_t *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : size;
}

/* C0, DEL and, as U+0080..U+009F, C1. */
static bool is_control(const uint8_t *p)
{
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

char *printable_text(const char *text, size_t limit)
{
    const uint8_t *p = (const uint8_t *)(text ? text : "");
    size_t most = strlen((const char *)p); /* a byte never becomes more */
    char *out = mem_alloc((most < limit ? most : limit) + 1);
    size_t used = 0;
    while (*p) {
        size_t size = character_size(p);
        bool replaced = size == 0 || is_control(p);
        size_t room = replaced ? 1 : size;
        if (used + room > limit)
            break;
        if (replaced)
            out[used] = '?';
        else
            memcpy(out + used, p, size);
        used += room;
        p += size > 0 ? size : 1;
    }
    return out;
}
