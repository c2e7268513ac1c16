#include "pool/framer.h"

#include "base/mem.h"
#include "base/reader.h"

#include <stdlib.h>
#include <string.h>

/* Nothing that must be seen whole is larger: ParameterStatus, and the first bytes of a few others. */
#define SEEN_MAX (64 * 1024)

static bool framer_parse_head(struct bytes head, struct frame *frame)
{
    struct reader reader = reader_of(head);
    frame->type = reader_u8(&reader);
    uint32_t length = reader_u32(&reader);
    frame->body_size = length - 4;
    return length >= 4 && length <= INT32_MAX;
}

static void framer_keep(struct framer *framer, struct bytes *input, size_t need)
{
    size_t n = need - framer->kept_count < input->n ? need - framer->kept_count : input->n;
    if (!framer->kept || framer->kept_size < need) {
        framer->kept = mem_resize(framer->kept, need);
        framer->kept_size = (uint32_t)need;
    }
    memcpy(framer->kept + framer->kept_count, input->p, n);
    framer->kept_count += (uint32_t)n;
    *input = bytes_of(input->p + n, input->n - n);
}

/* Bytes of the head that must be there before it is handed out: 5, or 5 and what is wanted of the body once the five
 * are known. 0: the head is malformed. */
static size_t framer_need(struct bytes seen, framer_want *want, const void *context, struct frame *frame)
{
    if (seen.n < FRAMER_HEADER)
        return FRAMER_HEADER;
    if (!framer_parse_head(bytes_of(seen.p, FRAMER_HEADER), frame))
        return 0;
    uint32_t wanted = want(context, frame->type, frame->body_size);
    return wanted > SEEN_MAX ? 0 : FRAMER_HEADER + (size_t)wanted;
}

static void framer_hand_out(struct framer *framer, struct bytes head, struct frame *frame, struct bytes *piece)
{
    frame->body = bytes_of(head.p + FRAMER_HEADER, head.n - FRAMER_HEADER);
    framer->body_left = frame->body_size - (uint32_t)frame->body.n;
    *piece = head;
}

static enum framer_step framer_next_kept(struct framer *framer, struct bytes *input, framer_want *want,
                                         const void *context, struct frame *frame, struct bytes *piece)
{
    for (;;) {
        size_t need = framer_need(bytes_of(framer->kept, framer->kept_count), want, context, frame);
        if (need == 0)
            return FRAMER_BAD;
        if (framer->kept_count >= FRAMER_HEADER && framer->kept_count == need)
            break;
        if (input->n == 0)
            return FRAMER_MORE;
        framer_keep(framer, input, need);
    }
    framer_hand_out(framer, bytes_of(framer->kept, framer->kept_count), frame, piece);
    framer->kept_count = 0; /* the memory stays for *piece until the next step */
    return FRAMER_HEAD;
}

enum framer_step framer_next(struct framer *framer, struct bytes *input, framer_want *want, const void *context,
                             struct frame *frame, struct bytes *piece)
{
    if (framer->kept_count > 0)
        return framer_next_kept(framer, input, want, context, frame, piece);
    if (framer->kept)
        framer_clear(framer);
    if (input->n == 0)
        return FRAMER_MORE;
    if (framer->body_left > 0) {
        size_t n = input->n < framer->body_left ? input->n : framer->body_left;
        *piece = bytes_of(input->p, n);
        *input = bytes_of(input->p + n, input->n - n);
        framer->body_left -= (uint32_t)n;
        return FRAMER_BODY;
    }
    size_t need = framer_need(*input, want, context, frame);
    if (need == 0)
        return FRAMER_BAD;
    if (input->n < need) {
        framer_keep(framer, input, need);
        return FRAMER_MORE;
    }
    struct bytes head = bytes_of(input->p, need);
    *input = bytes_of(input->p + need, input->n - need);
    framer_hand_out(framer, head, frame, piece);
    return FRAMER_HEAD;
}

void framer_clear(struct framer *framer)
{
    free(framer->kept);
    framer->kept = NULL;
    framer->kept_count = 0;
    framer->kept_size = 0;
}
