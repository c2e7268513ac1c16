/*
 * cbor.h: as much of CBOR (RFC 8949) as the profile speaks: integers, byte and text strings, arrays and maps, in
 * deterministic encoding (section 4.2.1).
 *
 * Bytes from a peer are first scanned whole; the cursor functions then read what has been scanned. Nothing is
 * allocated, whatever a length claims. Pure; any thread.
 */
#ifndef ATTEST_CBOR_H
#define ATTEST_CBOR_H

#include "base/reader.h"
#include "base/writer.h"

#define CBOR_DEPTH_MAX          8   /* arrays and maps within one another */
#define CBOR_DOCUMENT_DEPTH_MAX 16  /* arrays, maps and tags within one another, in documents of others */
#define CBOR_PAIRS_MAX          128 /* of a map whose keys may stand in any order */

void cbor_write_uint(struct writer *w, uint64_t value);
void cbor_write_bytes(struct writer *w, struct bytes value);
void cbor_write_text(struct writer *w, const char *text);
/* The head; the item that is tagged is written after it. */
void cbor_write_tag(struct writer *w, uint64_t tag);
/* The head; the `count` items (or pairs, keys in bytewise order of their encoding) are written after it. */
void cbor_write_array(struct writer *w, uint64_t count);
void cbor_write_map(struct writer *w, uint64_t count);

/* ERR_INPUT unless `cbor` is exactly one item in deterministic encoding: heads of the shortest form, definite lengths
 * that lie within the input, map keys in order and none twice, no deeper than CBOR_DEPTH_MAX, no trailing bytes. Tags,
 * floats and simple values are refused: nothing of the profile uses them. `what` names the bytes in the error. That
 * text strings are UTF-8 is not checked: they are only ever compared with texts of the program. */
struct err cbor_scan(struct bytes cbor, const char *what) MUST_CHECK;

/* The same of a document that others write: tags, false, true and null are let through, map keys may stand in any
 * order, but none twice, with up to CBOR_PAIRS_MAX of them in a map; no deeper than CBOR_DOCUMENT_DEPTH_MAX. Heads must
 * be of the shortest form and lengths definite; floats are refused. */
struct err cbor_scan_document(struct bytes cbor, const char *what) MUST_CHECK;

/* The next item, which must be of that type: `bad` is set otherwise, and what is returned is zero or empty. For bytes
 * that cbor_scan has let through. */
uint64_t cbor_read_uint(struct reader *r);
struct bytes cbor_read_bytes(struct reader *r);
/* The next item must be this very text. */
void cbor_read_text(struct reader *r, const char *expected);
/* The number of items or pairs, which follow. */
uint64_t cbor_read_array(struct reader *r);
uint64_t cbor_read_map(struct reader *r);

/* For what others write, which need not be deterministic and is read as it comes. Heads must be of the shortest form
 * and lengths definite all the same. */
struct bytes cbor_read_name(struct reader *r); /* a text string */
uint64_t cbor_read_tag(struct reader *r);      /* the item that is tagged follows */
/* Whether the next item is null; it is then consumed. */
bool cbor_skip_null(struct reader *r);
/* Passes over one item, whatever it is: map keys may stand in any order, up to CBOR_PAIRS_MAX and none twice; false,
 * true and null are let through; no deeper than CBOR_DEPTH_MAX. `bad` is set otherwise. */
void cbor_skip(struct reader *r);

/* Of a document that has been scanned. */
enum cbor_kind {
    CBOR_IS_UINT,
    CBOR_IS_NEGATIVE,
    CBOR_IS_BYTES,
    CBOR_IS_TEXT,
    CBOR_IS_ARRAY,
    CBOR_IS_MAP,
    CBOR_IS_TAG,
    CBOR_IS_SIMPLE,
    CBOR_IS_NONE
};
/* What the next item is, which stays; CBOR_IS_NONE at the end. */
enum cbor_kind cbor_next(const struct reader *r);
/* An integer of either sign; one that an int64_t cannot hold is `bad`. */
int64_t cbor_read_int(struct reader *r);
/* The encoding of the next item, whatever it is, as a view; as cbor_scan_document lets it through. */
struct bytes cbor_read_item(struct reader *r);

#endif
