/*
 * framer.h: where messages begin in a stream of bytes, without keeping the bytes.
 *
 * A message is a type byte, a length that counts itself, and a body. The framer is given bytes as they come, in place,
 * and hands out each message's head when enough of it is there; bodies pass through in pieces. Only a head that is cut
 * in two is kept, on the heap, until its rest comes. Pure; one thread at a time; a zeroed framer stands at the start of
 * a message. Lengths are checked before they are believed.
 */
#ifndef POOL_FRAMER_H
#define POOL_FRAMER_H

#include "base/bytes.h"

#define FRAMER_HEADER 5 /* type and length */

/* `body_left`: of the message that is passing through. `kept`: the beginning of the next head. */
struct framer {
    uint32_t body_left;
    uint32_t kept_count;
    uint32_t kept_size;
    uint8_t *kept;
};

/* The head of a message: `body` are the first bytes of its body that are there, at least what was wanted. */
struct frame {
    uint8_t type;
    uint32_t body_size;
    struct bytes body;
};

/* How much of a body its handler wants to see at once, at most `body_size`. */
typedef uint32_t framer_want(const void *context, uint8_t type, uint32_t body_size);

enum framer_step {
    FRAMER_BODY, /* bytes of a body pass through: *piece */
    FRAMER_HEAD, /* a message begins: *frame; *piece is its head and what was wanted of the body */
    FRAMER_MORE, /* the bytes are used up */
    FRAMER_BAD,  /* a length below 4, or above `limit` for what must be seen whole */
};

/* Takes the next step through *input and moves it on. */
enum framer_step framer_next(struct framer *framer, struct bytes *input, framer_want *want, const void *context,
                             struct frame *frame, struct bytes *piece);

/* Whether the stream stands between two messages. */
static inline bool framer_at_boundary(const struct framer *framer)
{
    return framer->body_left == 0 && framer->kept_count == 0;
}

/* Frees what is kept; *piece of the last FRAMER_HEAD that came from there ends with it. */
void framer_clear(struct framer *framer);

#endif
