/*
 * error.h: the fields of ErrorResponse and NoticeResponse (PostgreSQL documentation, "Error and Notice Message
 * Fields"). Pure; any thread; texts are views of the caller's bytes.
 */
#ifndef WIRE_ERROR_H
#define WIRE_ERROR_H

#include "base/reader.h"

/* Absent fields are "". `severity` is never localised when the server sends V, which old servers do not. */
struct wire_error {
    const char *severity;
    const char *sqlstate;
    const char *message;
    const char *detail;
    const char *hint;
};

struct err wire_error_parse(struct bytes body, struct wire_error *out) MUST_CHECK;

#endif
