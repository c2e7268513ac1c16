#include "wire/message.h"

#include "wire/startup.h"

size_t wire_begin(struct writer *w, uint8_t type)
{
    if (type)
        writer_u8(w, type);
    size_t at = w->used;
    writer_u32(w, 0);
    return at;
}

void wire_end(struct writer *w, size_t length_at)
{
    writer_patch_u32(w, length_at, (uint32_t)(w->used - length_at));
}

static void wire_put_body(struct writer *w, uint8_t type, struct bytes body)
{
    size_t at = wire_begin(w, type);
    writer_put(w, body);
    wire_end(w, at);
}

static void wire_put_authentication(struct writer *w, enum wire_authentication kind, struct bytes data)
{
    size_t at = wire_begin(w, WIRE_AUTHENTICATION);
    writer_u32(w, kind);
    writer_put(w, data);
    wire_end(w, at);
}

void wire_put_authentication_ok(struct writer *w)
{
    wire_put_authentication(w, WIRE_AUTHENTICATION_OK, BYTES_NONE);
}

void wire_put_authentication_cleartext(struct writer *w)
{
    wire_put_authentication(w, WIRE_AUTHENTICATION_CLEARTEXT, BYTES_NONE);
}

void wire_put_authentication_md5(struct writer *w, const uint8_t salt[4])
{
    wire_put_authentication(w, WIRE_AUTHENTICATION_MD5, bytes_of(salt, 4));
}

void wire_put_authentication_sasl(struct writer *w, const char *const *mechanisms)
{
    size_t at = wire_begin(w, WIRE_AUTHENTICATION);
    writer_u32(w, WIRE_AUTHENTICATION_SASL);
    for (; *mechanisms; mechanisms++)
        writer_cstring(w, *mechanisms);
    writer_u8(w, 0);
    wire_end(w, at);
}

void wire_put_authentication_sasl_continue(struct writer *w, struct bytes data)
{
    wire_put_authentication(w, WIRE_AUTHENTICATION_SASL_CONTINUE, data);
}

void wire_put_authentication_sasl_final(struct writer *w, struct bytes data)
{
    wire_put_authentication(w, WIRE_AUTHENTICATION_SASL_FINAL, data);
}

void wire_put_backend_key_data(struct writer *w, uint32_t pid, struct bytes secret)
{
    size_t at = wire_begin(w, WIRE_BACKEND_KEY_DATA);
    writer_u32(w, pid);
    writer_put(w, secret);
    wire_end(w, at);
}

void wire_put_parameter_status(struct writer *w, const char *name, const char *value)
{
    size_t at = wire_begin(w, WIRE_PARAMETER_STATUS);
    writer_cstring(w, name);
    writer_cstring(w, value);
    wire_end(w, at);
}

void wire_put_ready_for_query(struct writer *w, uint8_t transaction_status)
{
    wire_put_body(w, WIRE_READY_FOR_QUERY, bytes_of(&transaction_status, 1));
}

static void wire_put_field(struct writer *w, uint8_t field, const char *text)
{
    if (!text)
        return;
    writer_u8(w, field);
    writer_cstring(w, text);
}

void wire_put_error(struct writer *w, const char *severity, const char *sqlstate, const char *message,
                    const char *detail, const char *hint)
{
    size_t at = wire_begin(w, WIRE_ERROR_RESPONSE);
    wire_put_field(w, 'S', severity);
    wire_put_field(w, 'V', severity);
    wire_put_field(w, 'C', sqlstate);
    wire_put_field(w, 'M', message);
    wire_put_field(w, 'D', detail);
    wire_put_field(w, 'H', hint);
    writer_u8(w, 0);
    wire_end(w, at);
}

void wire_put_notice(struct writer *w, const char *severity, const char *sqlstate, const char *message)
{
    size_t at = wire_begin(w, WIRE_NOTICE_RESPONSE);
    wire_put_field(w, 'S', severity);
    wire_put_field(w, 'V', severity);
    wire_put_field(w, 'C', sqlstate);
    wire_put_field(w, 'M', message);
    writer_u8(w, 0);
    wire_end(w, at);
}

void wire_put_negotiate_protocol_version(struct writer *w, uint32_t newest_minor, const char *const *unsupported,
                                         size_t count)
{
    size_t at = wire_begin(w, WIRE_NEGOTIATE_PROTOCOL_VERSION);
    writer_u32(w, WIRE_PROTOCOL_3_0 | newest_minor);
    writer_u32(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        writer_cstring(w, unsupported[i]);
    wire_end(w, at);
}

void wire_put_command_complete(struct writer *w, const char *tag)
{
    wire_put_body(w, WIRE_COMMAND_COMPLETE, bytes_of(tag, bytes_of_string(tag).n + 1));
}

void wire_put_empty(struct writer *w, uint8_t type)
{
    wire_put_body(w, type, BYTES_NONE);
}

void wire_put_startup(struct writer *w, const char *const *parameters)
{
    size_t at = wire_begin(w, 0);
    writer_u32(w, WIRE_PROTOCOL_3_0);
    for (; *parameters; parameters++)
        writer_cstring(w, *parameters);
    writer_u8(w, 0);
    wire_end(w, at);
}

void wire_put_ssl_request(struct writer *w)
{
    writer_u32(w, 8);
    writer_u32(w, WIRE_SSL_REQUEST);
}

void wire_put_cancel_request(struct writer *w, struct bytes key)
{
    size_t at = wire_begin(w, 0);
    writer_u32(w, WIRE_CANCEL_REQUEST);
    writer_put(w, key);
    wire_end(w, at);
}

void wire_put_password(struct writer *w, const char *password)
{
    wire_put_body(w, WIRE_PASSWORD, bytes_of(password, bytes_of_string(password).n + 1));
}

void wire_put_sasl_initial_response(struct writer *w, const char *mechanism, struct bytes data)
{
    size_t at = wire_begin(w, WIRE_PASSWORD);
    writer_cstring(w, mechanism);
    writer_u32(w, (uint32_t)data.n);
    writer_put(w, data);
    wire_end(w, at);
}

void wire_put_sasl_response(struct writer *w, struct bytes data)
{
    wire_put_body(w, WIRE_PASSWORD, data);
}

void wire_put_query(struct writer *w, const char *sql)
{
    wire_put_body(w, WIRE_QUERY, bytes_of(sql, bytes_of_string(sql).n + 1));
}

void wire_put_terminate(struct writer *w)
{
    wire_put_empty(w, WIRE_TERMINATE);
}
