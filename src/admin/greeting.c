#include "admin/greeting.h"

#include "base/mem.h"
#include "pool/clientele.h"
#include "wire/message.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What drivers look at before they go on. The version begins with digits, because they read it as a number. */
static void greeting_write_parameters(const struct identity *identity, const char *version, struct writer *w)
{
    static const char *const fixed[][2] = {
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"DateStyle", "ISO, MDY"},
        {"IntervalStyle", "postgres"},
        {"TimeZone", "UTC"},
        {"integer_datetimes", "on"},
        {"standard_conforming_strings", "on"},
        {"default_transaction_read_only", "off"},
        {"in_hot_standby", "off"},
        {"is_superuser", "off"},
    };
    const char *number = strrchr(version, ' ');
    char *text = mem_format("%s/pgvouch", number ? number + 1 : version);
    wire_put_parameter_status(w, "server_version", text);
    free(text);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        wire_put_parameter_status(w, fixed[i][0], fixed[i][1]);
    wire_put_parameter_status(w, "session_authorization", identity->user);
    for (size_t i = 0; i < identity->parameter_count; i++)
        if (strcasecmp(identity->parameters[i].name, "application_name") == 0)
            wire_put_parameter_status(w, "application_name", identity->parameters[i].value);
}

/* A cancel key is due; a console's command cannot be cancelled, so it opens nothing. */
static void greeting_write_key(const struct identity *identity, struct writer *w)
{
    uint8_t secret[CANCEL_SECRET_MAX] = {0};
    size_t size = clientele_secret_size(identity->protocol_minor);
    if (RAND_bytes(secret, (int)size) != 1)
        memset(secret, 0, sizeof secret);
    wire_put_backend_key_data(w, (uint32_t)(identity->id & INT32_MAX), bytes_of(secret, size));
}

void greeting_write(const struct identity *identity, const char *version, struct writer *w)
{
    greeting_write_parameters(identity, version, w);
    greeting_write_key(identity, w);
    wire_put_ready_for_query(w, 'I');
}
