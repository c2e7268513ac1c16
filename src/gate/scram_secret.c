/* scram_secret.c: stored secrets and keys derived from passwords. */
#include "base/mem.h"
#include "gate/scram.h"
#include "gate/scram_math.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

const char scram_mechanism[] = "SCRAM-SHA-256";
const char scram_mechanism_plus[] = "SCRAM-SHA-256-PLUS";

/* The text up to `stop`, which is skipped. */
static bool scram_take(const char **text, char stop, struct bytes *out)
{
    const char *end = stop ? strchr(*text, stop) : *text + strlen(*text);
    if (!end)
        return false;
    *out = bytes_of(*text, (size_t)(end - *text));
    *text = stop ? end + 1 : end;
    return true;
}

static bool scram_parse_iterations(struct bytes digits, uint32_t *out)
{
    uint32_t value = 0;
    if (digits.n == 0 || digits.n > 8)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
        value = 10 * value + (uint32_t)(digits.p[i] - '0');
    }
    *out = value;
    return value > 0 && value <= SCRAM_ITERATIONS_MAX;
}

struct err scram_secret_parse(const char *text, struct scram_secret *out)
{
    struct bytes mechanism;
    struct bytes iterations;
    struct bytes salt;
    struct bytes stored;
    struct bytes server;
    size_t n;
    bool good = scram_take(&text, '$', &mechanism) && scram_take(&text, ':', &iterations) &&
                scram_take(&text, '$', &salt) && scram_take(&text, ':', &stored) && scram_take(&text, '\0', &server) &&
                bytes_equal(mechanism, bytes_of_string(scram_mechanism)) &&
                scram_parse_iterations(iterations, &out->iterations);
    if (!good)
        return err_make(ERR_INPUT, "malformed SCRAM secret");
    TRY(scram_base64_decode(salt, out->salt, sizeof out->salt, &out->salt_size));
    TRY(scram_base64_decode(stored, out->stored_key, SCRAM_KEY_SIZE, &n));
    if (n != SCRAM_KEY_SIZE)
        return err_make(ERR_INPUT, "malformed SCRAM secret");
    TRY(scram_base64_decode(server, out->server_key, SCRAM_KEY_SIZE, &n));
    return n == SCRAM_KEY_SIZE ? OK : err_make(ERR_INPUT, "malformed SCRAM secret");
}

bool scram_is_secret(const char *text)
{
    struct scram_secret secret;
    bool good = !failed(scram_secret_parse(text, &secret));
    OPENSSL_cleanse(&secret, sizeof secret);
    return good;
}

struct err scram_derive(const char *password, struct bytes salt, uint32_t iterations, struct scram_keys *out)
{
    uint8_t salted[SCRAM_KEY_SIZE];
    char *prepared = NULL;
    const char *used = password;
    if (stringprep_profile(password, &prepared, "SASLprep", 0) == STRINGPREP_OK)
        used = prepared;
    int good = PKCS5_PBKDF2_HMAC(used, (int)strlen(used), salt.p, (int)salt.n, (int)iterations, EVP_sha256(),
                                 sizeof salted, salted);
    mem_free_secret_string(prepared);
    struct err e = good == 1 ? OK : err_crypto("PBKDF2 failed");
    if (!failed(e))
        e = scram_hmac(BYTES(salted), BYTES_LITERAL("Client Key"), out->client_key);
    if (!failed(e))
        e = scram_hmac(BYTES(salted), BYTES_LITERAL("Server Key"), out->server_key);
    OPENSSL_cleanse(salted, sizeof salted);
    return e;
}

struct err scram_secret_of(const struct scram_keys *keys, struct bytes salt, uint32_t iterations,
                           struct scram_secret *out)
{
    if (salt.n > sizeof out->salt)
        return err_make(ERR_LIMIT, "SCRAM salt is too long");
    out->iterations = iterations;
    out->salt_size = salt.n;
    memcpy(out->salt, salt.p, salt.n);
    memcpy(out->server_key, keys->server_key, SCRAM_KEY_SIZE);
    return scram_hash(keys->client_key, out->stored_key);
}

static uint8_t mock_key[SCRAM_KEY_SIZE];
static bool mock_key_good;
static pthread_once_t mock_once = PTHREAD_ONCE_INIT;

static void scram_make_mock_key(void)
{
    mock_key_good = RAND_bytes(mock_key, sizeof mock_key) == 1;
}

struct err scram_secret_mock(const char *user, uint32_t iterations, struct scram_secret *out)
{
    uint8_t salt[SCRAM_KEY_SIZE];
    pthread_once(&mock_once, scram_make_mock_key);
    if (!mock_key_good || RAND_bytes(out->stored_key, SCRAM_KEY_SIZE) != 1 ||
        RAND_bytes(out->server_key, SCRAM_KEY_SIZE) != 1)
        return err_crypto("cannot draw random bytes");
    TRY(scram_hmac(BYTES(mock_key), bytes_of_string(user), salt));
    out->iterations = iterations;
    out->salt_size = 16; /* as PostgreSQL's */
    memcpy(out->salt, salt, out->salt_size);
    return OK;
}
