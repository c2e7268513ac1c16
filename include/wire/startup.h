/*
 * startup.h: what a client sends before it has a session: startup packets without a type byte, and the SASL messages of
 * login (PostgreSQL documentation, "Start-up", "SASL Authentication"). Pure; any thread; results are views of the
 * caller's bytes.
 */
#ifndef WIRE_STARTUP_H
#define WIRE_STARTUP_H

#include "base/reader.h"

#define WIRE_PROTOCOL_3_0   UINT32_C(196608)
#define WIRE_CANCEL_REQUEST UINT32_C(80877102)
#define WIRE_SSL_REQUEST    UINT32_C(80877103)
#define WIRE_GSSENC_REQUEST UINT32_C(80877104)
#define WIRE_ATTEST_REQUEST UINT32_C(80880685) /* 1234 << 16 | 9261; see doc/attestation.md */

#define WIRE_NEWEST_MINOR   2 /* of protocol 3 */

#define WIRE_STARTUP_MAX    10000 /* bytes, as PostgreSQL's MAX_STARTUP_PACKET_LENGTH */
#define WIRE_PARAMETERS_MAX 512   /* of one StartupMessage */
#define WIRE_CANCEL_KEY_MAX 260   /* process id and the longest secret of protocol 3.2 */

enum wire_startup_kind {
    WIRE_STARTUP_MESSAGE,
    WIRE_STARTUP_SSL,
    WIRE_STARTUP_GSSENC,
    WIRE_STARTUP_CANCEL,
    WIRE_STARTUP_ATTEST,
};

struct wire_parameter {
    const char *name;
    const char *value;
};

struct wire_startup {
    enum wire_startup_kind kind;
    uint16_t minor;                                        /* of WIRE_STARTUP_MESSAGE: protocol 3.minor */
    struct bytes cancel_key;                               /* of WIRE_STARTUP_CANCEL */
    struct wire_parameter parameters[WIRE_PARAMETERS_MAX]; /* a repeated name: only its last value */
    size_t parameter_count;
    const char *options[WIRE_PARAMETERS_MAX]; /* names that begin with "_pq_." */
    size_t option_count;
};

/* How long the packet that begins with these bytes is, itself included: 0 when fewer than four bytes are there.
 * ERR_INPUT when the length is below 8 or above WIRE_STARTUP_MAX; nothing more should then be read. */
struct err wire_startup_size(struct bytes bytes, size_t *size) MUST_CHECK;

/* Parses a whole packet. ERR_INPUT: malformed. ERR_UNSUPPORTED: a protocol that is not 3.x; `why` says which. */
struct err wire_startup_parse(struct bytes packet, struct wire_startup *out) MUST_CHECK;

/* The value of a parameter, or NULL. */
const char *wire_startup_value(const struct wire_startup *startup, const char *name);

/* The body of SASLInitialResponse. `data` has p NULL when the client sent none. */
struct err wire_sasl_initial_parse(struct bytes body, const char **mechanism, struct bytes *data) MUST_CHECK;

#endif
