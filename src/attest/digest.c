#include "attest/digest.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct err digest_put(EVP_MD_CTX *hash, struct bytes b)
{
    return EVP_DigestUpdate(hash, b.p, b.n) == 1 ? OK : err_crypto("cannot make the configuration's digest");
}

/* lp(b) of the attestation profile. */
static struct err digest_put_lp(EVP_MD_CTX *hash, struct bytes b)
{
    if (b.n > UINT16_MAX)
        return err_make(ERR_LIMIT, "a setting of %zu bytes is too long for the configuration's digest", b.n);
    uint8_t length[2] = {(uint8_t)(b.n >> 8), (uint8_t)b.n};
    TRY(digest_put(hash, BYTES(length)));
    return digest_put(hash, b);
}

static struct err digest_read_into(EVP_MD_CTX *hash, int fd, const char *path)
{
    uint8_t block[8192];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system("cannot read \"%s\"", path);
        TRY(digest_put(hash, bytes_of(block, (size_t)n)));
    }
    return OK;
}

static struct err digest_of_file(const char *path, uint8_t out[SHA384_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system("cannot open \"%s\"", path);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    struct err outcome = hash && EVP_DigestInit_ex(hash, EVP_sha384(), NULL) == 1
                             ? digest_read_into(hash, fd, path)
                             : err_crypto("cannot hash \"%s\"", path);
    if (!failed(outcome) && EVP_DigestFinal_ex(hash, out, NULL) != 1)
        outcome = err_crypto("cannot hash \"%s\"", path);
    EVP_MD_CTX_free(hash);
    close(fd);
    return outcome;
}

/* lp(SHA-384 of the file), or lp("") when none is named. */
static struct err digest_put_file(EVP_MD_CTX *hash, const char *path)
{
    uint8_t content[SHA384_SIZE];
    if (!*path)
        return digest_put_lp(hash, BYTES_NONE);
    TRY(digest_of_file(path, content));
    return digest_put_lp(hash, BYTES(content));
}

static struct err digest_put_setting(EVP_MD_CTX *hash, const struct setting *setting, const struct settings *set)
{
    TRY(digest_put_lp(hash, bytes_of_string(setting->name)));
    char *text = setting_text(setting, set);
    struct err outcome =
        setting->flags & SETTING_PATH ? digest_put_file(hash, text) : digest_put_lp(hash, bytes_of_string(text));
    mem_free_secret_string(text);
    return outcome;
}

static struct err digest_put_config(EVP_MD_CTX *hash, const struct config *config)
{
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type != SETTING_TYPE_GROUP && !setting->alias_of && setting->flags & SETTING_DIGESTED)
            TRY(digest_put_setting(hash, setting, &config->set));
    }
    for (size_t i = 0; i < config->policy_count; i++) {
        TRY(digest_put_lp(hash, BYTES_LITERAL("policy")));
        TRY(digest_put_lp(hash, bytes_of_string(config->policies[i].name)));
        TRY(digest_put_file(hash, config->policies[i].path));
    }
    return OK;
}

struct err digest_of_config(const struct config *config, uint8_t out[SHA384_SIZE])
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    struct err outcome = hash && EVP_DigestInit_ex(hash, EVP_sha384(), NULL) == 1
                             ? digest_put_config(hash, config)
                             : err_crypto("cannot make the configuration's digest");
    if (!failed(outcome) && EVP_DigestFinal_ex(hash, out, NULL) != 1)
        outcome = err_crypto("cannot make the configuration's digest");
    EVP_MD_CTX_free(hash);
    return outcome;
}
