/* What a client sends before it is anybody: startup packets, and the first SASL message. */
#include "fuzz.h"

#include "wire/startup.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire_startup startup;
    struct bytes input = bytes_of(data, size), value;
    const char *mechanism = NULL;
    size_t length = 0;
    if (!failed(wire_sasl_initial_parse(input, &mechanism, &value)))
        MUST_HOLD(strlen(mechanism) < size);
    if (failed(wire_startup_size(input, &length)) || length == 0 || length > size)
        return 0;
    if (failed(wire_startup_parse(bytes_of(data, length), &startup)) || startup.kind != WIRE_STARTUP_MESSAGE)
        return 0;
    MUST_HOLD(startup.parameter_count <= WIRE_PARAMETERS_MAX && startup.option_count <= WIRE_PARAMETERS_MAX);
    for (size_t i = 0; i < startup.parameter_count; i++)
        MUST_HOLD(wire_startup_value(&startup, startup.parameters[i].name) == startup.parameters[i].value);
    return 0;
}
