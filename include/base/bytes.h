/*
 * bytes.h: a view of bytes that somebody else owns, and hexadecimal.
 *
 * Pure functions; any thread. A view never owns memory and never outlives what it looks at.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *p;
    size_t n;
};

#define BYTES(array)        ((struct bytes){(const uint8_t *)(array), sizeof(array)})
#define BYTES_LITERAL(text) ((struct bytes){(const uint8_t *)("" text), sizeof(text) - 1})
#define BYTES_NONE          ((struct bytes){NULL, 0})

static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){p, n};
}

/* The characters of a C string without its terminator. */
struct bytes bytes_of_string(const char *text);

/* Equal length and content. Not for secrets. */
bool bytes_equal(struct bytes a, struct bytes b);

/* As bytes_equal, in time that depends on the lengths alone. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

/* Whether every byte is zero (true for none). */
bool bytes_are_zero(struct bytes b);

/* Lower-case hexadecimal with a terminator. `out` holds 2 * b.n + 1 characters. */
void hex_encode(struct bytes b, char *out);

/* Reads exactly 2 * n hexadecimal digits of either case into out[n]. ERR_INPUT when the length or a digit is wrong. */
struct err hex_decode(const char *text, uint8_t *out, size_t n) MUST_CHECK;

#endif
