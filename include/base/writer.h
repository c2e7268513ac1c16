/*
 * writer.h: the one writer for bytes that we make.
 *
 * Two kinds: over a fixed array of the caller's (writer_over: running out sets `bad`), or growing on the heap
 * (writer_growing: up to `limit`, beyond which `bad` is set). Once bad, all writes are ignored; ask writer_finish().
 * Integers are big-endian. One thread at a time. A growing writer is freed with writer_free, which wipes it.
 */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include "base/bytes.h"

struct writer {
    uint8_t *start;
    size_t used;
    size_t size;
    size_t limit; /* of a growing writer; 0 for a fixed one */
    bool bad;
};

struct writer writer_over(void *array, size_t size);
struct writer writer_growing(size_t limit);
void writer_free(struct writer *w);

/* What has been written; valid until the next write. */
static inline struct bytes writer_bytes(const struct writer *w)
{
    return bytes_of(w->start, w->used);
}

/* Room for n more bytes to be filled by the caller at once; NULL when there is none. They count as written. */
uint8_t *writer_reserve(struct writer *w, size_t n);

void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u24(struct writer *w, uint32_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_put(struct writer *w, struct bytes b);
/* The text with its terminating zero. */
void writer_cstring(struct writer *w, const char *text);
/* Formatted text without a terminator. */
void writer_format(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* u16 length, then the bytes: `lp` of the attestation profile. More than 65535 bytes set `bad`. */
void writer_lp(struct writer *w, struct bytes b);
/* Overwrites four bytes at `at`, which must have been written, with a big-endian integer. */
void writer_patch_u32(struct writer *w, size_t at, uint32_t value);

/* ERR_LIMIT "<what> is too large" when something did not fit. */
struct err writer_finish(const struct writer *w, const char *what) MUST_CHECK;

#endif
