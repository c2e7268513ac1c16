/*
 * greeting.h: what a console's session begins with: ParameterStatus as drivers need it, BackendKeyData, ReadyForQuery.
 * Any thread.
 */
#ifndef ADMIN_GREETING_H
#define ADMIN_GREETING_H

#include "base/writer.h"
#include "gate/identity.h"

/* `version` ends with the number: "PgVouch 0.1.0". */
void greeting_write(const struct identity *identity, const char *version, struct writer *w);

#endif
