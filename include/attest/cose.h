/*
 * cose.h: a signature over CBOR, COSE_Sign1 (RFC 9052 section 4.2), taken apart. Pure; any thread.
 */
#ifndef ATTEST_COSE_H
#define ATTEST_COSE_H

#include "base/bytes.h"

#define COSE_SIGN1_TAG 18

/* Header parameters (RFC 9052 section 3.1). */
enum cose_label { COSE_ALGORITHM = 1, COSE_CRITICAL = 2, COSE_CONTENT_TYPE = 3, COSE_KEY_ID = 4 };

/* Views. */
struct cose_sign1 {
    struct bytes header; /* the protected one: an encoded map, as it is signed; the other is not believed */
    int64_t algorithm;
    struct bytes key_id; /* a hint of the signer's; may be empty */
    struct bytes payload;
    struct bytes signature;
};

/* `array` is the item under the tag, which stands in a document that was scanned. ERR_INPUT when it is no COSE_Sign1
 * with an algorithm in its protected header; ERR_UNSUPPORTED for a payload that is elsewhere, and for parameters that
 * must be understood. */
struct err cose_sign1_parse(struct bytes array, struct cose_sign1 *out) MUST_CHECK;

/* The value of a parameter of the protected header, encoded; ERR_NOT_FOUND when it is not there. */
struct err cose_header_find(const struct cose_sign1 *sign1, int64_t label, struct bytes *item) MUST_CHECK;

#endif
