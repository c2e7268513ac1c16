/*
 * message.h: the messages of the PostgreSQL frontend/backend protocol (PostgreSQL documentation, "Message Formats"):
 * their type bytes, and builders that append one whole message to a writer. Pure; any thread.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "base/writer.h"

#define WIRE_HEADER_SIZE                5 /* type and a length that counts itself */

/* From the frontend. */
#define WIRE_BIND                       'B'
#define WIRE_CLOSE                      'C'
#define WIRE_DESCRIBE                   'D'
#define WIRE_EXECUTE                    'E'
#define WIRE_FUNCTION_CALL              'F'
#define WIRE_FLUSH                      'H'
#define WIRE_PARSE                      'P'
#define WIRE_PASSWORD                   'p' /* PasswordMessage, SASLInitialResponse, SASLResponse */
#define WIRE_QUERY                      'Q'
#define WIRE_SYNC                       'S'
#define WIRE_TERMINATE                  'X'
#define WIRE_COPY_FAIL                  'f'

/* From both. */
#define WIRE_COPY_DATA                  'd'
#define WIRE_COPY_DONE                  'c'

/* From the backend. */
#define WIRE_AUTHENTICATION             'R'
#define WIRE_BACKEND_KEY_DATA           'K'
#define WIRE_BIND_COMPLETE              '2'
#define WIRE_CLOSE_COMPLETE             '3'
#define WIRE_COMMAND_COMPLETE           'C'
#define WIRE_COPY_IN_RESPONSE           'G'
#define WIRE_COPY_OUT_RESPONSE          'H'
#define WIRE_COPY_BOTH_RESPONSE         'W'
#define WIRE_DATA_ROW                   'D'
#define WIRE_EMPTY_QUERY_RESPONSE       'I'
#define WIRE_ERROR_RESPONSE             'E'
#define WIRE_NEGOTIATE_PROTOCOL_VERSION 'v'
#define WIRE_NO_DATA                    'n'
#define WIRE_NOTICE_RESPONSE            'N'
#define WIRE_NOTIFICATION_RESPONSE      'A'
#define WIRE_PARAMETER_DESCRIPTION      't'
#define WIRE_PARAMETER_STATUS           'S'
#define WIRE_PARSE_COMPLETE             '1'
#define WIRE_PORTAL_SUSPENDED           's'
#define WIRE_READY_FOR_QUERY            'Z'
#define WIRE_ROW_DESCRIPTION            'T'

/* The int32 in an Authentication message. */
enum wire_authentication {
    WIRE_AUTHENTICATION_OK = 0,
    WIRE_AUTHENTICATION_CLEARTEXT = 3,
    WIRE_AUTHENTICATION_MD5 = 5,
    WIRE_AUTHENTICATION_SASL = 10,
    WIRE_AUTHENTICATION_SASL_CONTINUE = 11,
    WIRE_AUTHENTICATION_SASL_FINAL = 12,
};

/* Opens a message of a type (0: none, as in a startup packet); returns where its length stands, for wire_end. */
size_t wire_begin(struct writer *w, uint8_t type);
void wire_end(struct writer *w, size_t length_at);

/* ---- what a backend says ---- */
void wire_put_authentication_ok(struct writer *w);
void wire_put_authentication_cleartext(struct writer *w);
void wire_put_authentication_md5(struct writer *w, const uint8_t salt[4]);
/* `mechanisms` ends with NULL. */
void wire_put_authentication_sasl(struct writer *w, const char *const *mechanisms);
void wire_put_authentication_sasl_continue(struct writer *w, struct bytes data);
void wire_put_authentication_sasl_final(struct writer *w, struct bytes data);
void wire_put_backend_key_data(struct writer *w, uint32_t pid, struct bytes secret);
void wire_put_parameter_status(struct writer *w, const char *name, const char *value);
void wire_put_ready_for_query(struct writer *w, uint8_t transaction_status);
/* ErrorResponse; `detail` and `hint` may be NULL. */
void wire_put_error(struct writer *w, const char *severity, const char *sqlstate, const char *message,
                    const char *detail, const char *hint);
void wire_put_notice(struct writer *w, const char *severity, const char *sqlstate, const char *message);
/* `unsupported` holds `count` names of protocol options that were not recognised. */
void wire_put_negotiate_protocol_version(struct writer *w, uint32_t newest_minor, const char *const *unsupported,
                                         size_t count);
void wire_put_command_complete(struct writer *w, const char *tag);
/* A message without a body: ParseComplete, BindComplete, CloseComplete, NoData, EmptyQueryResponse, PortalSuspended. */
void wire_put_empty(struct writer *w, uint8_t type);

/* ---- what a frontend says ---- */
/* StartupMessage of protocol 3.0: `parameters` are names and values in turn, ended by NULL. */
void wire_put_startup(struct writer *w, const char *const *parameters);
void wire_put_ssl_request(struct writer *w);
void wire_put_cancel_request(struct writer *w, struct bytes key); /* process id and secret, as BackendKeyData gave */
void wire_put_password(struct writer *w, const char *password);
void wire_put_sasl_initial_response(struct writer *w, const char *mechanism, struct bytes data);
void wire_put_sasl_response(struct writer *w, struct bytes data);
void wire_put_query(struct writer *w, const char *sql);
void wire_put_terminate(struct writer *w);

#endif
