#include "wire/error.h"

struct err wire_error_parse(struct bytes body, struct wire_error *out)
{
    struct reader reader = reader_of(body);
    const char *localised = "";
    *out = (struct wire_error){"", "", "", "", ""};
    for (uint8_t field = reader_u8(&reader); field != 0; field = reader_u8(&reader)) {
        const char *text = reader_cstring(&reader);
        switch (field) {
        case 'S':
            localised = text;
            break;
        case 'V':
            out->severity = text;
            break;
        case 'C':
            out->sqlstate = text;
            break;
        case 'M':
            out->message = text;
            break;
        case 'D':
            out->detail = text;
            break;
        case 'H':
            out->hint = text;
            break;
        default: /* fields to come are ignored, as the protocol asks */
            break;
        }
    }
    if (!out->severity[0])
        out->severity = localised;
    return reader_finish(&reader, "ErrorResponse");
}
