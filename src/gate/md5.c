#include "gate/md5.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define MD5_DIGEST_SIZE 16

/* "md5" and the digits of md5(first, second). */
static struct err md5_of(struct bytes first, struct bytes second, char out[MD5_SECRET_SIZE])
{
    uint8_t digest[MD5_DIGEST_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(context, first.p, first.n) == 1 &&
                EVP_DigestUpdate(context, second.p, second.n) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        return err_crypto("MD5 is not available in this OpenSSL");
    out[0] = 'm', out[1] = 'd', out[2] = '5';
    hex_encode(BYTES(digest), out + 3);
    OPENSSL_cleanse(digest, sizeof digest);
    return OK;
}

struct err md5_secret(const char *password, const char *user, char out[MD5_SECRET_SIZE])
{
    return md5_of(bytes_of_string(password), bytes_of_string(user), out);
}

struct err md5_answer(const char *secret, const uint8_t salt[4], char out[MD5_SECRET_SIZE])
{
    return md5_of(bytes_of(secret + 3, MD5_SECRET_SIZE - 4), bytes_of(salt, 4), out);
}

bool md5_is_secret(const char *text)
{
    return strncmp(text, "md5", 3) == 0 && strlen(text) == MD5_SECRET_SIZE - 1 &&
           strspn(text + 3, "0123456789abcdef") == MD5_SECRET_SIZE - 4;
}
