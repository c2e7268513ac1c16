/*
 * evidence_alone.h: evidence of our own formats by itself, that no certificate carries: as `vouch report` makes it, or
 * cut out of one.
 *
 * Any thread.
 */
#ifndef ATTEST_EVIDENCE_ALONE_H
#define ATTEST_EVIDENCE_ALONE_H

#include "attest/evidence.h"

/* What the bytes begin like: EVIDENCE_CMW (a collection, also one from Azure) or EVIDENCE_EAT (a token under its tag,
 * or a CMW record), in CBOR or, but for the bare token, in JSON; EVIDENCE_NONE: neither. Nothing more of them is looked
 * at.
 */
enum evidence_format evidence_alone_format(struct bytes bytes);

/* Views into `bytes`, or what stands for JSON in *out, to be released in any case (evidence_release). Fills format,
 * report, table, bind, nonce, time and, of EVIDENCE_AZURE, what binds there; the rest is empty. What is bound to what
 * has not been looked at. ERR_INPUT when it is malformed, ERR_UNSUPPORTED when its bind record is of another profile or
 * kind. */
struct err evidence_alone_parse(struct bytes bytes, struct evidence *out) MUST_CHECK;

#endif
