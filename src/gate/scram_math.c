#include "gate/scram_math.h"

#include "base/mem.h"

#include <openssl/hmac.h>
#include <string.h>

struct err scram_hmac(struct bytes key, struct bytes message, uint8_t out[SCRAM_KEY_SIZE])
{
    unsigned size = 0;
    if (!HMAC(EVP_sha256(), key.p, (int)key.n, message.p, message.n, out, &size) || size != SCRAM_KEY_SIZE)
        return err_crypto("HMAC-SHA-256 failed");
    return OK;
}

struct err scram_hash(const uint8_t in[SCRAM_KEY_SIZE], uint8_t out[SCRAM_KEY_SIZE])
{
    if (EVP_Digest(in, SCRAM_KEY_SIZE, out, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("SHA-256 failed");
    return OK;
}

void scram_xor(const uint8_t a[SCRAM_KEY_SIZE], const uint8_t b[SCRAM_KEY_SIZE], uint8_t out[SCRAM_KEY_SIZE])
{
    for (size_t i = 0; i < SCRAM_KEY_SIZE; i++)
        out[i] = a[i] ^ b[i];
}

static size_t scram_base64_padding(struct bytes text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=')
        padding++;
    return padding;
}

struct err scram_base64_decode(struct bytes text, uint8_t *out, size_t max, size_t *size)
{
    if (text.n == 0 || text.n % 4 != 0 || text.n / 4 * 3 > max + 2)
        return err_make(ERR_INPUT, "malformed base64");
    uint8_t *decoded = mem_alloc(text.n / 4 * 3);
    int n = EVP_DecodeBlock(decoded, text.p, (int)text.n);
    size_t padding = scram_base64_padding(text);
    /* EVP_DecodeBlock skips white space at both ends: what comes out must be as long as what went in says. And it takes
     * a '=' for a zero anywhere. */
    bool good =
        n >= 0 && (size_t)n == text.n / 4 * 3 && (size_t)n - padding <= max && !memchr(text.p, '=', text.n - padding);
    if (good) {
        *size = (size_t)n - padding;
        memcpy(out, decoded, *size);
    }
    mem_free_secret(decoded, text.n / 4 * 3);
    return good ? OK : err_make(ERR_INPUT, "malformed base64");
}

void scram_base64_encode(struct bytes b, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, b.p, (int)b.n);
}
