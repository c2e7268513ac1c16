/*
 * err.h: errors are values.
 *
 * A function that can fail returns `struct err`; code ERR_NONE means success. `why` is one sentence for a person: what
 * was wrong and, where it helps, what to do; it never holds a secret. All functions may be called from any thread.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_code {
    ERR_NONE = 0,
    ERR_INPUT,       /* malformed bytes, text or file */
    ERR_LIMIT,       /* well formed, but larger or more than is allowed */
    ERR_DENIED,      /* a check said no */
    ERR_NOT_FOUND,   /* the thing named does not exist */
    ERR_NOT_NOW,     /* not possible now */
    ERR_UNSUPPORTED, /* not possible in this build or on this machine */
    ERR_CRYPTO,      /* a cryptographic library call failed */
    ERR_SYSTEM,      /* a system call failed; `why` holds strerror */
    ERR_TIMEOUT,     /* the time allowed has passed */
    ERR_CLOSED,      /* the peer closed the connection */
    ERR_KEY_LOST,    /* the key to the processor is gone: no attestation until a reboot */
};

#define ERR_WHY_SIZE 320

struct err {
    enum err_code code;
    char why[ERR_WHY_SIZE];
};

#define OK ((struct err){.code = ERR_NONE})

/* Returns early with the error of `expr`, a `struct err`. */
#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        struct err try_err_ = (expr);                                                                                  \
        if (try_err_.code != ERR_NONE)                                                                                 \
            return try_err_;                                                                                           \
    } while (0)

#define MUST_CHECK __attribute__((warn_unused_result))

/* An error with a formatted sentence, cut to ERR_WHY_SIZE. */
struct err err_make(enum err_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ERR_SYSTEM with "<sentence>: <strerror(errno)>"; errno is read on entry. */
struct err err_system(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ERR_CRYPTO with "<sentence>: <oldest reason in OpenSSL's queue>"; empties the queue. */
struct err err_crypto(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `cause` with "<sentence>: " before its reason; the code stays. Success stays success. */
struct err err_within(struct err cause, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool failed(struct err e)
{
    return e.code != ERR_NONE;
}

#endif
