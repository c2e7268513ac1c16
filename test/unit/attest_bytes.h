/*
 * attest_bytes.h: for tests: bytes written in hexadecimal, and changed copies of them.
 */
#ifndef TEST_ATTEST_BYTES_H
#define TEST_ATTEST_BYTES_H

#include "base/bytes.h"

#include <string.h>

#define SAMPLE_MAX 4096

/* Bytes that a test changes. */
struct sample {
    uint8_t byte[SAMPLE_MAX];
    size_t n;
};

static inline struct sample sample_of_hex(const char *hex)
{
    struct sample sample = {.n = strlen(hex) / 2};
    assert_true(sample.n <= SAMPLE_MAX);
    assert_false(failed(hex_decode(hex, sample.byte, sample.n)));
    return sample;
}

static inline struct bytes sample_bytes(const struct sample *sample)
{
    return bytes_of(sample->byte, sample->n);
}

/* The sample with its first occurrence of `from` replaced by `to`, both in hexadecimal. */
static inline struct sample sample_replace(struct sample sample, const char *from_hex, const char *to_hex)
{
    struct sample from = sample_of_hex(from_hex), to = sample_of_hex(to_hex), out = sample;
    uint8_t *at = memmem(sample.byte, sample.n, from.byte, from.n);
    assert_non_null(at);
    size_t before = (size_t)(at - sample.byte), after = sample.n - before - from.n;
    memcpy(out.byte + before, to.byte, to.n);
    memcpy(out.byte + before + to.n, at + from.n, after);
    out.n = before + to.n + after;
    return out;
}

#endif
