/*
 * settings.h: what an administrator says about TLS, as texts, and its meaning for OpenSSL.
 *
 * Any thread.
 */
#ifndef TLS_SETTINGS_H
#define TLS_SETTINGS_H

#include "base/err.h"

#include <openssl/ssl.h>

/* Texts as PgBouncer's settings *_tls_* write them; NULL is as "". */
struct tls_settings {
    /* secure (1.2, 1.3; also "default" and ""), all or legacy (1.0 to 1.3), or a comma-separated list of tlsv1.0
     * (tlsv1), tlsv1.1, tlsv1.2, tlsv1.3; `!` before one takes it away. OpenSSL speaks 1.0 and 1.1 only when the
     * ciphers say @SECLEVEL=0. */
    const char *protocols;
    /* Up to TLS 1.2: OpenSSL's syntax, or default, secure, normal, fast, compat, legacy, all, insecure. */
    const char *ciphers;
    const char *ciphers13; /* TLS 1.3 suites in OpenSSL's syntax; "": OpenSSL's */
    const char *ecdhcurve; /* auto (also ""), none (no ECDHE up to 1.2), or groups as OpenSSL names them */
    const char *dheparams; /* auto (also ""), none, legacy (as auto) */
    const char *ca_file;   /* authorities whose certificates count, PEM; "": nobody's */
};

/* Applies all but ca_file. ERR_INPUT says which setting is wrong; the context is then good for nothing. */
struct err tls_settings_apply(const struct tls_settings *settings, SSL_CTX *ctx) MUST_CHECK;

/* Whether settings can be used, without opening files: for a configuration check. */
struct err tls_settings_check(const struct tls_settings *settings) MUST_CHECK;

/* Copies, with "" for NULL, and frees what was copied. */
struct tls_settings tls_settings_copy(const struct tls_settings *settings);
void tls_settings_release(struct tls_settings *settings);

#endif
