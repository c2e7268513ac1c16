/*
 * scram_math.h: the arithmetic of SCRAM-SHA-256 (RFC 5802 section 3): what is computed, apart from what is said.
 * Pure; any thread.
 */
#ifndef GATE_SCRAM_MATH_H
#define GATE_SCRAM_MATH_H

#include "base/bytes.h"

#include <openssl/evp.h>

#define SCRAM_KEY_SIZE 32

struct err scram_hmac(struct bytes key, struct bytes message, uint8_t out[SCRAM_KEY_SIZE]) MUST_CHECK;
struct err scram_hash(const uint8_t in[SCRAM_KEY_SIZE], uint8_t out[SCRAM_KEY_SIZE]) MUST_CHECK;
/* out may be one of the two. */
void scram_xor(const uint8_t a[SCRAM_KEY_SIZE], const uint8_t b[SCRAM_KEY_SIZE], uint8_t out[SCRAM_KEY_SIZE]);

/* Base64 without line breaks. `size` receives the decoded length, at most `max`. */
struct err scram_base64_decode(struct bytes text, uint8_t *out, size_t max, size_t *size) MUST_CHECK;
/* Appends; `out` of 4 * ((n + 2) / 3) + 1 characters. */
void scram_base64_encode(struct bytes b, char *out);
#define SCRAM_BASE64_SIZE(n) (4 * (((n) + 2) / 3) + 1)

#endif
