#include "snp/psp_store.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME ".psp-lock"

struct psp_store {
    char *path;
    int directory;
    int lock;
};

static struct err store_check_directory(const struct psp_store *store)
{
    struct stat about;
    if (fstat(store->directory, &about) < 0)
        return err_system("cannot look at \"%s\"", store->path);
    if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_make(ERR_SYSTEM, "others may write into \"%s\"; keys cannot be kept there", store->path);
    return OK;
}

static struct err store_lock(struct psp_store *store)
{
    store->lock = openat(store->directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0)
        return err_system("cannot open \"%s/%s\"", store->path, LOCK_NAME);
    while (flock(store->lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_system("cannot lock \"%s\"", store->path);
    return OK;
}

static struct err store_begin(struct psp_store *store)
{
    if (mkdir(store->path, 0700) < 0 && errno != EEXIST)
        return err_system("cannot make \"%s\"", store->path);
    store->directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return err_system("cannot open \"%s\"", store->path);
    TRY(store_check_directory(store));
    return store_lock(store);
}

struct err psp_store_open(const char *directory, struct psp_store **out)
{
    struct psp_store *store = NEW(struct psp_store);
    store->path = mem_string(directory);
    store->directory = -1;
    store->lock = -1;
    struct err outcome = store_begin(store);
    if (failed(outcome)) {
        psp_store_close(store);
        return outcome;
    }
    *out = store;
    return OK;
}

void psp_store_close(struct psp_store *store)
{
    if (!store)
        return;
    if (store->lock >= 0)
        close(store->lock); /* gives the lock back */
    if (store->directory >= 0)
        close(store->directory);
    free(store->path);
    free(store);
}

static struct err store_check_file(const struct psp_store *store, const char *name, bool is_private, int fd,
                                   size_t *size)
{
    struct stat about;
    if (fstat(fd, &about) < 0)
        return err_system("cannot look at \"%s/%s\"", store->path, name);
    if (!S_ISREG(about.st_mode) || about.st_size > PSP_STORE_FILE_MAX)
        return err_make(ERR_SYSTEM, "\"%s/%s\" is not what the software PSP left there", store->path, name);
    if (is_private && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return err_make(ERR_SYSTEM, "others may read or write \"%s/%s\"", store->path, name);
    *size = (size_t)about.st_size;
    return OK;
}

static struct err store_read(const struct psp_store *store, const char *name, int fd, uint8_t *content, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, content + have, size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system("cannot read \"%s/%s\"", store->path, name);
        if (n == 0)
            return err_make(ERR_SYSTEM, "\"%s/%s\" shrank while it was read", store->path, name);
        have += (size_t)n;
    }
    return OK;
}

static struct err store_load_open_file(const struct psp_store *store, const char *name, bool is_private, int fd,
                                       uint8_t **out, size_t *size)
{
    TRY(store_check_file(store, name, is_private, fd, size));
    uint8_t *content = mem_alloc(*size + 1);
    struct err outcome = store_read(store, name, fd, content, *size);
    if (failed(outcome)) {
        mem_free_secret(content, *size + 1);
        return outcome;
    }
    *out = content;
    return OK;
}

struct err psp_store_load(struct psp_store *store, const char *name, bool is_private, uint8_t **out, size_t *size)
{
    int fd = openat(store->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return err_make(ERR_NOT_FOUND, "there is no \"%s/%s\"", store->path, name);
    if (fd < 0)
        return err_system("cannot open \"%s/%s\"", store->path, name);
    struct err outcome = store_load_open_file(store, name, is_private, fd, out, size);
    close(fd);
    return outcome;
}

static struct err store_write(const struct psp_store *store, const char *name, int fd, struct bytes content,
                              mode_t mode)
{
    size_t done = 0;
    while (done < content.n) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n < 0 && errno != EINTR)
            return err_system("cannot write \"%s/%s\"", store->path, name);
        if (n > 0)
            done += (size_t)n;
    }
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return err_system("cannot write \"%s/%s\"", store->path, name);
    return OK;
}

struct err psp_store_save(struct psp_store *store, const char *name, bool is_private, struct bytes content)
{
    /* Whoever holds the lock is the only writer: one name serves, and what a dead writer left is written over. */
    char *beside = mem_format("%s.new", name);
    int fd = openat(store->directory, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct err outcome = fd < 0 ? err_system("cannot make \"%s/%s\"", store->path, beside)
                                : store_write(store, name, fd, content, is_private ? 0600 : 0644);
    if (fd >= 0)
        close(fd);
    if (!failed(outcome) && renameat(store->directory, beside, store->directory, name) < 0)
        outcome = err_system("cannot replace \"%s/%s\"", store->path, name);
    if (!failed(outcome))
        fsync(store->directory); /* a file system that cannot loses nothing more */
    else if (fd >= 0)
        unlinkat(store->directory, beside, 0);
    free(beside);
    return outcome;
}

/* Instead of asking at a terminal. */
static int store_refuse_pass_phrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

struct err psp_store_load_pair(struct psp_store *store, const char *name, EVP_PKEY **key, X509 **certificate)
{
    uint8_t *content = NULL;
    size_t size = 0;
    TRY(psp_store_load(store, name, true, &content, &size));
    BIO *text = BIO_new_mem_buf(content, (int)size);
    EVP_PKEY *read_key = text ? PEM_read_bio_PrivateKey(text, NULL, store_refuse_pass_phrase, NULL) : NULL;
    X509 *read_certificate = read_key ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
    BIO_free(text);
    mem_free_secret(content, size + 1);
    if (!read_certificate || X509_check_private_key(read_certificate, read_key) != 1) {
        X509_free(read_certificate);
        EVP_PKEY_free(read_key);
        ERR_clear_error();
        return err_make(ERR_SYSTEM, "\"%s/%s\" does not hold a key with its certificate; remove it", store->path, name);
    }
    *key = read_key;
    *certificate = read_certificate;
    return OK;
}

static struct err store_save_text(struct psp_store *store, const char *name, bool is_private, BIO *text)
{
    char *start = NULL;
    long size = BIO_get_mem_data(text, &start);
    return psp_store_save(store, name, is_private, bytes_of(start, size > 0 ? (size_t)size : 0));
}

struct err psp_store_save_pair(struct psp_store *store, const char *name, EVP_PKEY *key, X509 *certificate)
{
    BIO *text = BIO_new(BIO_s_secmem()); /* wiped when freed */
    bool written = text && PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                   PEM_write_bio_X509(text, certificate) == 1;
    struct err outcome =
        written ? store_save_text(store, name, true, text) : err_crypto("cannot encode \"%s/%s\"", store->path, name);
    BIO_free(text);
    return outcome;
}

static bool store_has(struct psp_store *store, const char *name, struct bytes content)
{
    uint8_t *there = NULL;
    size_t size = 0;
    if (failed(psp_store_load(store, name, false, &there, &size)))
        return false;
    bool same = bytes_equal(bytes_of(there, size), content);
    free(there);
    return same;
}

struct err psp_store_publish(struct psp_store *store, const char *name, X509 *certificate)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *start = NULL;
    long size = text && PEM_write_bio_X509(text, certificate) == 1 ? BIO_get_mem_data(text, &start) : 0;
    struct bytes content = bytes_of(start, size > 0 ? (size_t)size : 0);
    struct err outcome = OK;
    if (content.n == 0)
        outcome = err_crypto("cannot encode \"%s/%s\"", store->path, name);
    else if (!store_has(store, name, content))
        outcome = psp_store_save(store, name, false, content);
    BIO_free(text);
    return outcome;
}
