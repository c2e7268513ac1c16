/*
 * evidence_alone.h: a CMW by itself, that no certificate carries: as `vouch report` makes it, or cut out of one.
 *
 * Any thread.
 */
#ifndef ATTEST_EVIDENCE_ALONE_H
#define ATTEST_EVIDENCE_ALONE_H

#include "attest/evidence.h"

/* Views into `cbor`. Fills format, report, table, bind, nonce and time; the rest is empty. ERR_INPUT when it is
 * malformed, ERR_UNSUPPORTED when its bind record is of another profile or kind. */
struct err evidence_alone_parse(struct bytes cbor, struct evidence *out) MUST_CHECK;

#endif
