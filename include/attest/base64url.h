/*
 * base64url.h: bytes in JSON (RFC 4648 section 5, without padding as RFC 7515 section 2 has it). Pure; any thread.
 */
#ifndef ATTEST_BASE64URL_H
#define ATTEST_BASE64URL_H

#include "base/bytes.h"

/* Up to `max` bytes; *size is how many. ERR_INPUT for other characters, for padding, for bits that mean nothing, and
 * for more than `max`. */
struct err base64url_decode(const char *text, uint8_t *out, size_t max, size_t *size) MUST_CHECK;

#endif
