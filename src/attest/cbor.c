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

void cbor_write_tag(struct writer *w, uint64_t tag)
{
    cbor_write_head(w, CBOR_TAG, tag);
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

/* How strictly an item is taken: as the profile writes it, as others may write evidence, or as they write documents. */
enum cbor_manner { CBOR_OURS, CBOR_OTHERS, CBOR_DOCUMENT };

static const char *cbor_scan_item(struct reader *r, unsigned depth, enum cbor_manner manner);

/* One item, whose encoding is *out. */
static const char *cbor_scan_view(struct reader *r, unsigned depth, enum cbor_manner manner, struct bytes *out)
{
    const uint8_t *start = r->p;
    const char *wrong = cbor_scan_item(r, depth, manner);
    *out = bytes_of(start, (size_t)(r->p - start));
    return wrong;
}

static const char *cbor_scan_map(struct reader *r, uint64_t pairs, unsigned depth)
{
    struct bytes before = BYTES_NONE, key;
    for (uint64_t i = 0; i < pairs; i++) {
        const char *wrong = cbor_scan_view(r, depth, CBOR_OURS, &key);
        if (wrong)
            return wrong;
        if (i > 0 && !cbor_key_follows(before, key))
            return bytes_equal(before, key) ? "has a map key twice" : "has map keys out of order";
        before = key;
        wrong = cbor_scan_item(r, depth, CBOR_OURS);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static bool cbor_key_stands(const struct bytes *keys, uint64_t count, struct bytes key)
{
    for (uint64_t i = 0; i < count; i++)
        if (bytes_equal(keys[i], key))
            return true;
    return false;
}

/* Equal keys have equal encodings, since heads are of the shortest form everywhere. */
static const char *cbor_scan_unordered_map(struct reader *r, uint64_t pairs, unsigned depth, enum cbor_manner manner)
{
    struct bytes keys[CBOR_PAIRS_MAX];
    if (pairs > CBOR_PAIRS_MAX)
        return "has a map of too many pairs";
    for (uint64_t i = 0; i < pairs; i++) {
        const char *wrong = cbor_scan_view(r, depth, manner, &keys[i]);
        if (wrong)
            return wrong;
        if (cbor_key_stands(keys, i, keys[i]))
            return "has a map key twice";
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

static const char *cbor_scan_items(struct reader *r, const struct cbor_head *head, unsigned depth,
                                   enum cbor_manner manner)
{
    if (depth >= (manner == CBOR_DOCUMENT ? CBOR_DOCUMENT_DEPTH_MAX : CBOR_DEPTH_MAX))
        return "is nested too deeply";
    if (head->major == CBOR_TAG)
        return cbor_scan_item(r, depth + 1, manner);
    if (head->value > reader_left(r) / (head->major == CBOR_MAP ? 2 : 1))
        return "claims more items than the input can hold";
    if (head->major == CBOR_ARRAY)
        return cbor_scan_array(r, head->value, depth + 1, manner);
    return manner == CBOR_OURS ? cbor_scan_map(r, head->value, depth + 1)
                               : cbor_scan_unordered_map(r, head->value, depth + 1, manner);
}

/* `depth` is how many arrays and maps (and, of documents, tags) the item stands in. An item takes a byte at least, so
 * that counts are bounded by what is left. */
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
        return cbor_scan_items(r, &head, depth, manner);
    case CBOR_SIMPLE:
        if (manner != CBOR_OURS && head.value >= CBOR_FALSE && head.value <= CBOR_NULL)
            return NULL;
        break;
    case CBOR_TAG:
        if (manner == CBOR_DOCUMENT)
            return cbor_scan_items(r, &head, depth, manner);
        break;
    }
    return manner == CBOR_DOCUMENT ? "has a float or simple value" : "has a tag, float or simple value";
}

static struct err cbor_scan_whole(struct bytes cbor, enum cbor_manner manner, const char *what)
{
    struct reader r = reader_of(cbor);
    const char *wrong = cbor_scan_item(&r, 0, manner);
    if (wrong)
        return err_make(ERR_INPUT, "%s %s (byte %zu)", what, wrong, cbor.n - reader_left(&r));
    return reader_finish(&r, what);
}

struct err cbor_scan(struct bytes cbor, const char *what)
{
    return cbor_scan_whole(cbor, CBOR_OURS, what);
}

struct err cbor_scan_document(struct bytes cbor, const char *what)
{
    return cbor_scan_whole(cbor, CBOR_DOCUMENT, what);
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

enum cbor_kind cbor_next(const struct reader *r)
{
    return reader_left(r) > 0 && !r->bad ? (enum cbor_kind)(*r->p >> 5) : CBOR_IS_NONE;
}

int64_t cbor_read_int(struct reader *r)
{
    bool negative = cbor_next(r) == CBOR_IS_NEGATIVE;
    uint64_t value = cbor_read(r, negative ? CBOR_NEGATIVE : CBOR_UINT);
    if (value > INT64_MAX) {
        r->bad = true;
        return 0;
    }
    return negative ? -1 - (int64_t)value : (int64_t)value;
}

struct bytes cbor_read_item(struct reader *r)
{
    struct bytes item;
    if (cbor_scan_view(r, 0, CBOR_DOCUMENT, &item))
        r->bad = true;
    return r->bad ? BYTES_NONE : item;
}
