/* The framer: however the stream is cut, the same messages come out, and not a byte more or less. The first byte says
 * how long the pieces are. */
#include "fuzz.h"

#include "pool/framer.h"

/* What was seen of a stream. */
struct tale {
    uint64_t heads, hash, passed;
    bool is_bad;
};

static uint32_t want(const void *context, uint8_t type, uint32_t body_size)
{
    uint32_t wanted = type % 8;
    (void)context;
    return wanted < body_size ? wanted : body_size;
}

static void tell(struct tale *tale, const struct frame *frame)
{
    tale->heads++;
    tale->hash = tale->hash * 31 + frame->type;
    tale->hash = tale->hash * 31 + frame->body_size;
    for (uint32_t i = 0; i < want(NULL, frame->type, frame->body_size); i++)
        tale->hash = tale->hash * 31 + frame->body.p[i];
}

static void take_piece(struct framer *framer, struct bytes input, struct tale *tale)
{
    struct frame frame;
    struct bytes piece;
    enum framer_step step;
    while (!tale->is_bad && (step = framer_next(framer, &input, want, NULL, &frame, &piece)) != FRAMER_MORE) {
        switch (step) {
        case FRAMER_HEAD:
            tell(tale, &frame);
            tale->passed += piece.n;
            break;
        case FRAMER_BODY:
            tale->passed += piece.n;
            break;
        case FRAMER_BAD:
            tale->is_bad = true;
            break;
        case FRAMER_MORE:
            break;
        }
    }
}

static struct tale follow(struct bytes stream, size_t step)
{
    struct framer framer = {0};
    struct tale tale = {0};
    for (size_t at = 0; at < stream.n && !tale.is_bad; at += step)
        take_piece(&framer, bytes_of(stream.p + at, stream.n - at < step ? stream.n - at : step), &tale);
    if (!tale.is_bad)
        MUST_HOLD(tale.passed + framer.kept_count == stream.n);
    framer_clear(&framer);
    return tale;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes stream = bytes_of(data + 1, size - 1);
    struct tale whole = follow(stream, stream.n), cut = follow(stream, data[0] % 16 + 1u);
    MUST_HOLD(whole.heads == cut.heads && whole.hash == cut.hash && whole.is_bad == cut.is_bad);
    return 0;
}
