#include "base/err.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static struct err err_format(enum err_code code, const char *format, va_list args)
{
    struct err e = {.code = code};
    if (vsnprintf(e.why, sizeof e.why, format, args) < 0)
        e.why[0] = '\0';
    return e;
}

static void err_append(struct err *e, const char *text)
{
    size_t used = strlen(e->why);
    snprintf(e->why + used, sizeof e->why - used, ": %s", text);
}

struct err err_make(enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct err e = err_format(code, format, args);
    va_end(args);
    return e;
}

struct err err_system(const char *format, ...)
{
    int number = errno;
    char reason[128];
    va_list args;
    va_start(args, format);
    struct err e = err_format(ERR_SYSTEM, format, args);
    va_end(args);
    err_append(&e, strerror_r(number, reason, sizeof reason));
    return e;
}

struct err err_crypto(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct err e = err_format(ERR_CRYPTO, format, args);
    va_end(args);
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    if (reason)
        err_append(&e, reason);
    ERR_clear_error();
    return e;
}

struct err err_within(struct err cause, const char *format, ...)
{
    if (cause.code == ERR_NONE)
        return cause;
    va_list args;
    va_start(args, format);
    struct err e = err_format(cause.code, format, args);
    va_end(args);
    err_append(&e, cause.why);
    return e;
}
