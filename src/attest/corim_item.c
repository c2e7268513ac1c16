#include "attest/corim_item.h"

#include "attest/cbor.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CORIM_UUID_SIZE 16

struct err corim_malformed(const char *what)
{
    return err_make(ERR_INPUT, "the CoRIM's %s is malformed", what);
}

int64_t corim_read_label(struct reader *r)
{
    if (cbor_next(r) == CBOR_IS_UINT)
        return cbor_read_int(r);
    cbor_read_item(r);
    return -1;
}

uint64_t corim_read_tag(struct reader *r)
{
    return cbor_next(r) == CBOR_IS_TAG ? cbor_read_tag(r) : 0;
}

struct err corim_read_list(struct reader *r, const char *what, struct corim_list *out)
{
    struct bytes array = cbor_read_item(r);
    out->r = reader_of(array);
    out->left = cbor_read_array(&out->r);
    return r->bad || out->r.bad ? corim_malformed(what) : OK;
}

bool corim_list_goes_on(struct corim_list *list)
{
    if (list->left == 0)
        return false;
    list->left--;
    return true;
}

struct err corim_read_name(struct reader *r, const char *what, char out[CORIM_NAME_SIZE])
{
    if (cbor_next(r) == CBOR_IS_TAG && cbor_read_tag(r) != CORIM_TAG_UUID)
        return corim_malformed(what);
    if (cbor_next(r) == CBOR_IS_BYTES) {
        struct bytes uuid = cbor_read_bytes(r);
        char hex[2 * CORIM_UUID_SIZE + 1];
        if (r->bad || uuid.n != CORIM_UUID_SIZE)
            return corim_malformed(what);
        hex_encode(uuid, hex);
        snprintf(out, CORIM_NAME_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
        return OK;
    }
    struct bytes text = cbor_read_name(r);
    bool fits = !r->bad && text.n > 0 && text.n < CORIM_NAME_SIZE;
    for (size_t i = 0; fits && i < text.n; i++)
        fits = isprint(text.p[i]) != 0;
    if (!fits)
        return err_make(ERR_INPUT, "the CoRIM's %s is neither a UUID nor a text of up to %d printable characters", what,
                        CORIM_NAME_SIZE - 1);
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return OK;
}

static struct err corim_read_time(struct reader *r, const char *what, int64_t *out)
{
    if (corim_read_tag(r) != CORIM_TAG_TIME)
        r->bad = true;
    *out = cbor_read_int(r);
    return r->bad ? err_make(ERR_INPUT, "the CoRIM's %s has a time that is not a whole number under tag 1", what) : OK;
}

struct err corim_read_period(struct reader *r, const char *what, struct corim_period *out)
{
    uint64_t count = cbor_read_map(r);
    bool has_end = false;
    *out = CORIM_ALWAYS;
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        int64_t label = corim_read_label(r);
        if (label == 0)
            TRY(corim_read_time(r, what, &out->not_before_s));
        else if (label == 1)
            TRY(corim_read_time(r, what, &out->not_after_s));
        else
            cbor_read_item(r);
        has_end = has_end || label == 1;
    }
    if (r->bad || !has_end)
        return corim_malformed(what);
    if (out->not_before_s > out->not_after_s)
        return err_make(ERR_INPUT, "the CoRIM's %s ends before it begins", what);
    return OK;
}
