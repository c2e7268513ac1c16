/* Tokens: what is let through is what we would write, and says what its report and bind record say. */
#include "fuzz.h"

#include "attest/eat.h"

#include <string.h>

static void take_token(const struct eat *eat)
{
    struct writer w = writer_growing(EAT_MAX + 16); /* indicators that were left out */
    struct eat again;
    MUST_HOLD(eat->issued_at_s == eat->bind.issued_at_s);
    MUST_HOLD(bytes_equal(eat->nonce, eat->bind.nonce));
    MUST_HOLD(!failed(eat_write(&eat->cmw, &eat->bind, &w)));
    MUST_HOLD(w.used > EAT_MAX || !failed(eat_parse(writer_bytes(&w), &again)));
    writer_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct eat eat;
    if (!failed(eat_parse(input, &eat)))
        take_token(&eat);
    if (!failed(eat_parse_extension(input, &eat))) {
        MUST_HOLD(eat_is_in(input));
        take_token(&eat);
    }
    return 0;
}
