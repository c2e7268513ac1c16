#include "wire/startup.h"

#include <string.h>

#define STARTUP_MIN 8 /* length and code */

struct err wire_startup_size(struct bytes bytes, size_t *size)
{
    struct reader reader = reader_of(bytes);
    *size = 0;
    if (bytes.n < 4)
        return OK;
    uint32_t length = reader_u32(&reader);
    if (length < STARTUP_MIN || length > WIRE_STARTUP_MAX)
        return err_make(ERR_INPUT, "invalid length of startup packet");
    *size = length;
    return OK;
}

static void wire_startup_put(struct wire_startup *out, const char *name, const char *value)
{
    for (size_t i = 0; i < out->parameter_count; i++) {
        if (strcmp(out->parameters[i].name, name) == 0) {
            out->parameters[i].value = value;
            return;
        }
    }
    out->parameters[out->parameter_count++] = (struct wire_parameter){name, value};
}

static struct err wire_startup_parse_parameters(struct reader *reader, struct wire_startup *out)
{
    for (size_t pairs = 0;; pairs++) {
        const char *name = reader_cstring(reader);
        if (reader->bad)
            return err_make(ERR_INPUT, "invalid startup packet layout: expected terminator as last byte");
        if (name[0] == '\0')
            return reader_finish(reader, "startup packet");
        if (pairs == WIRE_PARAMETERS_MAX)
            return err_make(ERR_LIMIT, "startup packet has more than %d parameters", WIRE_PARAMETERS_MAX);
        const char *value = reader_cstring(reader);
        if (reader->bad)
            return err_make(ERR_INPUT, "invalid startup packet layout: a parameter has no value");
        if (strncmp(name, "_pq_.", 5) == 0)
            out->options[out->option_count++] = name;
        else
            wire_startup_put(out, name, value);
    }
}

static struct err wire_startup_parse_cancel(struct reader *reader, struct wire_startup *out)
{
    out->kind = WIRE_STARTUP_CANCEL;
    out->cancel_key = reader_rest(reader);
    if (out->cancel_key.n < 8 || out->cancel_key.n > WIRE_CANCEL_KEY_MAX)
        return err_make(ERR_INPUT, "invalid length of CancelRequest");
    return OK;
}

struct err wire_startup_parse(struct bytes packet, struct wire_startup *out)
{
    struct reader reader = reader_of(packet);
    out->kind = WIRE_STARTUP_MESSAGE;
    out->minor = 0;
    out->parameter_count = 0;
    out->option_count = 0;
    out->cancel_key = BYTES_NONE;
    uint32_t length = reader_u32(&reader);
    uint32_t code = reader_u32(&reader);
    if (reader.bad || length != packet.n)
        return err_make(ERR_INPUT, "invalid length of startup packet");
    switch (code) {
    case WIRE_CANCEL_REQUEST:
        return wire_startup_parse_cancel(&reader, out);
    case WIRE_SSL_REQUEST:
        out->kind = WIRE_STARTUP_SSL;
        return reader_finish(&reader, "SSLRequest");
    case WIRE_GSSENC_REQUEST:
        out->kind = WIRE_STARTUP_GSSENC;
        return reader_finish(&reader, "GSSENCRequest");
    case WIRE_ATTEST_REQUEST:
        out->kind = WIRE_STARTUP_ATTEST;
        return OK;
    default:
        break;
    }
    if (code >> 16 != 3)
        return err_make(ERR_UNSUPPORTED, "unsupported frontend protocol %u.%u: server supports 3.0 to 3.2", code >> 16,
                        code & 0xFFFF);
    out->minor = (uint16_t)(code & 0xFFFF);
    return wire_startup_parse_parameters(&reader, out);
}

const char *wire_startup_value(const struct wire_startup *startup, const char *name)
{
    for (size_t i = 0; i < startup->parameter_count; i++)
        if (strcmp(startup->parameters[i].name, name) == 0)
            return startup->parameters[i].value;
    return NULL;
}

struct err wire_sasl_initial_parse(struct bytes body, const char **mechanism, struct bytes *data)
{
    struct reader reader = reader_of(body);
    *mechanism = reader_cstring(&reader);
    uint32_t length = reader_u32(&reader);
    *data = BYTES_NONE;
    if (length != UINT32_MAX) /* -1: no initial response */
        *data = reader_bytes(&reader, length);
    return reader_finish(&reader, "SASLInitialResponse");
}
