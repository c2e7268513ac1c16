/*
 * cmw_json.h: a conceptual message wrapper in JSON (RFC 9999), written anew in CBOR.
 *
 * Records [type, base64url, indicator], alone or in a collection by name, become what cmw.h and eat.h read, so that one
 * reader alone decides what is evidence. Never written. Pure; any thread.
 */
#ifndef ATTEST_CMW_JSON_H
#define ATTEST_CMW_JSON_H

#include "base/writer.h"

#define CMW_JSON_MAX       65535
#define CMW_JSON_PAIRS_MAX 16

/* Whether the first character that is no blank is that of an object or an array. */
bool cmw_json_is_likely(struct bytes bytes);

/* `out`: a writer that grows. Which members, types and indicators have to be there is not asked. ERR_INPUT unless it is
 * one JSON text without duplicate names: a record, or an object of records and texts; ERR_LIMIT for more than
 * CMW_JSON_MAX bytes or CMW_JSON_PAIRS_MAX members. */
struct err cmw_json_rewrite(struct bytes json, struct writer *out) MUST_CHECK;

#endif
