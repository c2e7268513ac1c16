/*
 * vouch_nonce.h: fetching a server's nonce for evidence that is made before the handshake.
 *
 * One thread; blocks, never longer than the time allowed (name resolution has the resolver's own limits).
 */
#ifndef APP_VOUCH_NONCE_H
#define APP_VOUCH_NONCE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define VOUCH_NONCE_MAX 64

struct vouch_nonce {
    uint8_t bytes[VOUCH_NONCE_MAX];
    size_t size;
    double expires_in_s; /* 0 when it is not known */
};

/* Hexadecimal, 1 to VOUCH_NONCE_MAX bytes. */
struct err vouch_nonce_read(const char *hex, struct vouch_nonce *out) MUST_CHECK;

/* GET `url` (http only), which answers {"nonce": hex, "expires_in": seconds}. No redirect is followed. */
struct err vouch_nonce_fetch(const char *url, int64_t timeout_us, struct vouch_nonce *out) MUST_CHECK;

#endif
