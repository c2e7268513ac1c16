#include "attest/cbor.h"

#include <string.h>

/* RFC 8949 section 3.1. */
enum cbor_major {
    CBOR_UINT = 0,
    CBOR_NEGATIVE = 1,
    CBOR_BYTES = 2,
    CBOR_TEXT = 3,
    CBOR_ARRAY = 4,
    CBOR_MAP = 5,
    CBOR_TAG = 6,
    CBOR_SIMPLE = 7
};

/* RFC 8949 section 3.3. */
#define CBOR_FALSE 20
#define CBOR_NULL  22

static void cbor_write_head(struct writer *w, enum cbor_major major, uint64_t value)
{
    uint8_t type = (uint8_t)(major << 5);
    if (value < 24) {
        writer_u8(w, (uint8_t)(type | value));
    } else if (value <= UINT8_MAX) {
        writer_u8(w, type | 24);
        writer_u8(w, (uint8_t)value);
    } else if (value <= UINT16_MAX) {
        writer_u8(w, type | 25);
        writer_u16(w, (uint16_t)value);
    } else if (value <= UINT32_MAX) {
        writer_u8(w, type | 26);
        writer_u32(w, (uint32_t)value);
    } else {
        writer_u8(w, type | 27);
        writer_u64(w, value);
    }
}

void cbor_write_uint(struct writer *w, uint64_t value)
{
    cbor_write_head(w, CBOR_UINT, value);
}

void cbor_write_bytes(struct writer *w, struct bytes value)
{
    cbor_write_head(w, CBOR_BYTES, value.n);
    writer_put(w, value);
}

void cbor_write_text(struct writer *w, const char *text)
{
    struct bytes value = bytes_of_string(text);
    cbor_write_head(w, CBOR_TEXT, value.n);
    writer_put(w, value);
}

void cbor_write_array(struct writer *w, uint64_t count)
{
    cbor_write_head(w, CBOR_ARRAY, count);
}

void cbor_write_map(struct writer *w, uint64_t count)
{
    cbor_write_head(w, CBOR_MAP, count);
}

struct cbor_head {
    enum cbor_major major;
    uint64_t value;
};

/* Reads a head of definite length and shortest form; NULL, or what is wrong with it. */
static const char *cbor_read_head(struct reader *r, struct cbor_head *out)
{
    uint8_t first = reader_u8(r), low = first & 0x1f;
    uint64_t least = 0;
    out->major = (enum cbor_major)(first >> 5);
    switch (low) {
    case 24:
        out->value = reader_u8(r);
        least = 24;
        break;
    case 25:
        out->value = reader_u16(r);
        least = UINT64_C(1) << 8;
        break;
    case 26:
        out->value = reader_u32(r);
        least = UINT64_C(1) << 16;
        break;
    case 27:
        out->value = reader_u64(r);
        least = UINT64_C(1) << 32;
        break;
    default:
        out->value = low;
        break;
    }
    if (r->bad)
        return "is truncated";
    if (low > 27)
        return low == 31 ? "has an item of indefinite length" : "has a malformed item";
    return out->value < least ? "has a head that is not of the shortest form" : NULL;
}

/* Bytewise order of encoded keys (RFC 8949 section 4.2.1); no well-formed item is the beginning of another. */
static bool cbor_key_follows(struct bytes before, struct bytes key)
{
    size_t shorter = before.n < key.n ? before.n : key.n;
    return memcmp(before.p, key.p, shorter) < 0;
}

/* How strictly an item is taken: as the profile writes it, or as others may. */
enum cbor_manner { CBOR_OURS, CBOR_OTHERS };

static const char *cbor_scan_item(struct reader *r, unsigned depth, enum cbor_manner manner);

static const char *cbor_scan_map(struct reader *r, uint64_t pairs, unsigned depth, enum cbor_manner manner)
{
    struct bytes before = BYTES_NONE;
    for (uint64_t i = 0; i < pairs; i++) {
        const uint8_t *start = r->p;
        const char *wrong = cbor_scan_item(r, depth, manner);
        if (wrong)
            return wrong;
        struct bytes key = bytes_of(start, (size_t)(r->p - start));
        if (manner == CBOR_OURS && i > 0 && !cbor_key_follows(before, key))
            return bytes_equal(before, key) ? "has a map key twice" : "has map keys out of order";
        before = key;
        wrong = cbor_scan_item(r, depth, manner);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static const char *cbor_scan_array(struct reader *r, uint64_t count, unsigned depth, enum cbor_manner manner)
{
    for (uint64_t i = 0; i < count; i++) {
        const char *wrong = cbor_scan_item(r, depth, manner);
        if (wrong)
            return wrong;
    }
    return NULL;
}

/* `depth` is how many arrays and maps the item stands in. An item takes a byte at least, so that counts are bounded by
 * what is left. */
static const char *cbor_scan_item(struct reader *r, unsigned depth, enum cbor_manner manner)
{
    struct cbor_head head;
    const char *wrong = cbor_read_head(r, &head);
    if (wrong)
        return wrong;
    switch (head.major) {
    case CBOR_UINT:
    case CBOR_NEGATIVE:
        return NULL;
    case CBOR_BYTES:
    case CBOR_TEXT:
        if (head.value > reader_left(r))
            return "has a string longer than the input";
        reader_skip(r, (size_t)head.value);
        return NULL;
    case CBOR_ARRAY:
    case CBOR_MAP:
        if (depth >= CBOR_DEPTH_MAX)
            return "is nested too deeply";
        if (head.value > reader_left(r) / (head.major == CBOR_MAP ? 2 : 1))
            return "claims more items than the input can hold";
        return head.major == CBOR_MAP ? cbor_scan_map(r, head.value, depth + 1, manner)
                                      : cbor_scan_array(r, head.value, depth + 1, manner);
    case CBOR_SIMPLE:
        if (manner == CBOR_OTHERS && head.value >= CBOR_FALSE && head.value <= CBOR_NULL)
            return NULL;
        return "has a tag, float or simple value";
    case CBOR_TAG:
        return "has a tag, float or simple value";
    }
    return "has a malformed item";
}

struct err cbor_scan(struct bytes cbor, const char *what)
{
    struct reader r = reader_of(cbor);
    const char *wrong = cbor_scan_item(&r, 0, CBOR_OURS);
    if (wrong)
        return err_make(ERR_INPUT, "%s %s (byte %zu)", what, wrong, cbor.n - reader_left(&r));
    return reader_finish(&r, what);
}

/* The value of the next head if it is of `major`. */
static uint64_t cbor_read(struct reader *r, enum cbor_major major)
{
    struct cbor_head head;
    if (cbor_read_head(r, &head) || head.major != major) {
        r->bad = true;
        return 0;
    }
    return head.value;
}

uint64_t cbor_read_uint(struct reader *r)
{
    return cbor_read(r, CBOR_UINT);
}

/* A length beyond the input becomes one that reader_bytes refuses, on machines whose size_t is narrow, too. */
static struct bytes cbor_read_string(struct reader *r, enum cbor_major major)
{
    uint64_t size = cbor_read(r, major);
    return reader_bytes(r, size > SIZE_MAX ? SIZE_MAX : (size_t)size);
}

struct bytes cbor_read_bytes(struct reader *r)
{
    return cbor_read_string(r, CBOR_BYTES);
}

void cbor_read_text(struct reader *r, const char *expected)
{
    if (!bytes_equal(cbor_read_string(r, CBOR_TEXT), bytes_of_string(expected)))
        r->bad = true;
}

struct bytes cbor_read_name(struct reader *r)
{
    return cbor_read_string(r, CBOR_TEXT);
}

uint64_t cbor_read_array(struct reader *r)
{
    return cbor_read(r, CBOR_ARRAY);
}

uint64_t cbor_read_map(struct reader *r)
{
    return cbor_read(r, CBOR_MAP);
}

uint64_t cbor_read_tag(struct reader *r)
{
    return cbor_read(r, CBOR_TAG);
}

bool cbor_skip_null(struct reader *r)
{
    struct reader ahead = *r;
    struct cbor_head head;
    if (cbor_read_head(&ahead, &head) || head.major != CBOR_SIMPLE || head.value != CBOR_NULL)
        return false;
    *r = ahead;
    return true;
}

void cbor_skip(struct reader *r)
{
    if (cbor_scan_item(r, 0, CBOR_OTHERS))
        r->bad = true;
}
