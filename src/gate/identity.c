#include "gate/identity.h"

#include "gate/standing.h"

#include <stdlib.h>

void identity_free(struct identity *identity)
{
    if (!identity)
        return;
    for (size_t i = 0; i < identity->parameter_count; i++) {
        free(identity->parameters[i].name);
        free(identity->parameters[i].value);
    }
    free(identity->parameters);
    free(identity->database);
    free(identity->user);
    free(identity->address_text);
    free(identity->attestation);
    standing_free(identity->standing);
    credentials_drop(identity->backend_credentials);
    free(identity);
}
