#include "tls/pem.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_FILE_SIZE (1024 * 1024)

/* A file's content on the heap, to be freed with mem_free_secret (a key may be in it). */
static struct err pem_read_descriptor(int fd, const char *path, uint8_t **out, size_t *size)
{
    struct stat about;
    if (fstat(fd, &about) < 0)
        return err_system("cannot read \"%s\"", path);
    if (!S_ISREG(about.st_mode))
        return err_make(ERR_INPUT, "\"%s\" is not a file", path);
    if (about.st_size > PEM_FILE_SIZE)
        return err_make(ERR_LIMIT, "\"%s\" is larger than %d bytes", path, PEM_FILE_SIZE);
    size_t want = (size_t)about.st_size, have = 0;
    uint8_t *content = mem_alloc(want + 1);
    while (have < want) {
        ssize_t n = read(fd, content + have, want - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            struct err why = err_system("cannot read \"%s\"", path);
            mem_free_secret(content, want + 1);
            return why;
        }
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *out = content;
    *size = have;
    return OK;
}

static struct err pem_read_file(const char *path, uint8_t **out, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system("cannot open \"%s\"", path);
    struct err outcome = pem_read_descriptor(fd, path, out, size);
    close(fd);
    return outcome;
}

/* Certificates until the end of the text; other blocks (a key in the same file) are passed over. */
static struct err pem_parse_certificates(BIO *text, const char *path, STACK_OF(X509) * into)
{
    ERR_clear_error();
    X509 *x509;
    while ((x509 = PEM_read_bio_X509(text, NULL, NULL, NULL)))
        if (sk_X509_push(into, x509) <= 0) {
            X509_free(x509);
            return err_crypto("cannot keep the certificates of \"%s\"", path);
        }
    unsigned long last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        return err_crypto("a certificate in \"%s\" cannot be read", path);
    ERR_clear_error();
    if (sk_X509_num(into) == 0)
        return err_make(ERR_INPUT, "\"%s\" holds no certificate", path);
    return OK;
}

struct err pem_read_certificates(struct bytes content, const char *path, STACK_OF(X509) * *out)
{
    if (content.n > PEM_FILE_SIZE)
        return err_make(ERR_LIMIT, "\"%s\" is larger than %d bytes", path, PEM_FILE_SIZE);
    BIO *text = BIO_new_mem_buf(content.p, (int)content.n);
    STACK_OF(X509) *certificates = sk_X509_new_null();
    struct err outcome = text && certificates ? pem_parse_certificates(text, path, certificates)
                                              : err_crypto("cannot read \"%s\"", path);
    BIO_free(text);
    if (failed(outcome)) {
        certificate_list_free(certificates);
        return outcome;
    }
    *out = certificates;
    return OK;
}

struct err pem_load_certificates(const char *path, STACK_OF(X509) * *out)
{
    uint8_t *content = NULL;
    size_t size = 0;
    TRY(pem_read_file(path, &content, &size));
    struct err outcome = pem_read_certificates(bytes_of(content, size), path, out);
    mem_free_secret(content, size + 1);
    return outcome;
}

/* Called when a key stands under a pass phrase: notes it, instead of asking at a terminal. */
static int pem_note_pass_phrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)arg = true;
    return -1;
}

struct err pem_load_key(const char *path, EVP_PKEY **out)
{
    uint8_t *content = NULL;
    size_t size = 0;
    TRY(pem_read_file(path, &content, &size));
    bool under_pass_phrase = false;
    ERR_clear_error();
    BIO *text = BIO_new_mem_buf(content, (int)size);
    EVP_PKEY *key = text ? PEM_read_bio_PrivateKey(text, NULL, pem_note_pass_phrase, &under_pass_phrase) : NULL;
    BIO_free(text);
    mem_free_secret(content, size + 1);
    if (!key && under_pass_phrase) {
        ERR_clear_error();
        return err_make(ERR_UNSUPPORTED, "the key in \"%s\" has a pass phrase; store it without one", path);
    }
    if (!key)
        return err_crypto("\"%s\" holds no private key that can be read", path);
    *out = key;
    return OK;
}

static struct err pem_write_descriptor(int fd, const char *path, struct bytes content, unsigned mode)
{
    size_t done = 0;
    while (done < content.n) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n < 0 && errno != EINTR)
            return err_system("cannot write \"%s\"", path);
        if (n > 0)
            done += (size_t)n;
    }
    if (fchmod(fd, (mode_t)mode) < 0 || fsync(fd) < 0)
        return err_system("cannot write \"%s\"", path);
    return OK;
}

/* The new name is on the disk only when its directory is. A file system that cannot sync one loses nothing more. */
static void pem_sync_directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? mem_string_of(bytes_of(path, (size_t)(slash - path) + 1)) : mem_string(".");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(directory);
}

struct err pem_replace_file(const char *path, struct bytes content, unsigned mode)
{
    char *beside = mem_format("%s.XXXXXX", path);
    int fd = mkostemp(beside, O_CLOEXEC); /* 0600 from the start */
    if (fd < 0) {
        free(beside);
        return err_system("cannot make a file beside \"%s\"", path);
    }
    struct err outcome = pem_write_descriptor(fd, path, content, mode);
    close(fd);
    if (!failed(outcome) && rename(beside, path) < 0)
        outcome = err_system("cannot replace \"%s\"", path);
    if (failed(outcome))
        unlink(beside);
    else
        pem_sync_directory_of(path);
    free(beside);
    return outcome;
}

/* Takes the text over. */
static struct err pem_save_text(const char *path, BIO *text, bool written, unsigned mode)
{
    char *start = NULL;
    long size = text ? BIO_get_mem_data(text, &start) : 0;
    struct err outcome = written && size > 0 ? pem_replace_file(path, bytes_of(start, (size_t)size), mode)
                                             : err_crypto("cannot encode what belongs into \"%s\"", path);
    BIO_free(text);
    return outcome;
}

struct err pem_save_certificates(const char *path, X509 *first, STACK_OF(X509) * others)
{
    BIO *text = BIO_new(BIO_s_mem());
    bool written = text && PEM_write_bio_X509(text, first) == 1;
    for (int i = 0; written && i < sk_X509_num(others); i++)
        written = PEM_write_bio_X509(text, sk_X509_value(others, i)) == 1;
    return pem_save_text(path, text, written, 0644);
}

struct err pem_save_key(const char *path, EVP_PKEY *key)
{
    BIO *text = BIO_new(BIO_s_secmem()); /* wiped when freed */
    bool written = text && PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1;
    return pem_save_text(path, text, written, 0600);
}
