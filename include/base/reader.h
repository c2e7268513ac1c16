/*
 * reader.h: the one bounded reader for all bytes from peers.
 *
 * Reading past the end sets `bad` and yields zeros or empty views; a parser asks once, at its end, reader_finish(),
 * which also refuses trailing bytes. Integers are big-endian unless the name says _le. Pure; any thread; the reader
 * owns nothing and the views it hands out live as long as the bytes it reads.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/bytes.h"

struct reader {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

/* No bytes at all may be a NULL, to which C17 (6.5.6) lets not even zero be added. */
static inline struct reader reader_of(struct bytes b)
{
    return (struct reader){b.p, b.n > 0 ? b.p + b.n : b.p, false};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u24(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
uint32_t reader_u32_le(struct reader *r);
uint64_t reader_u64_le(struct reader *r);

/* The next n bytes as a view; empty and `bad` when fewer are left. */
struct bytes reader_bytes(struct reader *r, size_t n);

/* Everything that is left. */
struct bytes reader_rest(struct reader *r);

/* Copies the next n bytes to out; zeros and `bad` when fewer are left. */
void reader_copy(struct reader *r, void *out, size_t n);

void reader_skip(struct reader *r, size_t n);

/* Text up to a zero byte, which is consumed; "" and `bad` when there is none. */
const char *reader_cstring(struct reader *r);

/* A reader over the next n bytes, which are consumed here; an empty bad one when fewer are left. */
struct reader reader_sub(struct reader *r, size_t n);

/* ERR_INPUT "<what> is truncated" when a read went past the end, "<what> has N trailing bytes" when any are left. */
struct err reader_finish(const struct reader *r, const char *what) MUST_CHECK;

#endif
