#include "attest/base64url.h"

#include <string.h>

/* The value of a character of base64url (RFC 4648 section 5), or -1. */
static int base64url_value(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

struct err base64url_decode(const char *text, uint8_t *out, size_t max, size_t *size)
{
    size_t n = strlen(text), used = 0;
    uint32_t bits = 0;
    unsigned waiting = 0;
    if (n % 4 == 1 || n / 4 * 3 + n % 4 > max + 1)
        return err_make(ERR_INPUT, "base64url of %zu characters", n);
    for (size_t i = 0; i < n; i++) {
        int value = base64url_value(text[i]);
        if (value < 0)
            return err_make(ERR_INPUT, "malformed base64url");
        bits = bits << 6 | (uint32_t)value;
        waiting += 6;
        if (waiting >= 8 && used < max) {
            waiting -= 8;
            out[used++] = (uint8_t)(bits >> waiting);
            bits &= (UINT32_C(1) << waiting) - 1;
        }
    }
    if (waiting >= 6 || bits != 0)
        return err_make(ERR_INPUT, "malformed base64url");
    *size = used;
    return OK;
}
