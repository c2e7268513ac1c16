/*
 * dial.h: a stream to a backend: connected, and inside TLS where server_tls_sslmode says so.
 *
 * Used for links and for cancel requests. The place's thread.
 */
#ifndef POOL_DIAL_H
#define POOL_DIAL_H

#include "base/connector.h"
#include "pool/place.h"
#include "tls/stream.h"

struct dial;

/* `done` is called once, never before the start function returns. The stream is the callee's, who must set its owner
 * in the call; NULL on failure. `peer` is the address reached. The dial frees itself after the call. */
typedef void dial_done(void *arg, struct stream *stream, const struct address *peer, struct err outcome);

/* `host` as in the configuration: a name, an address, or the directory of a Unix socket. */
struct dial *dial_start(struct place *place, const char *host, int port, dial_done *done, void *arg);
/* To the very address that a link has reached; `host` is for the certificate's name. */
struct dial *dial_start_at(struct place *place, const struct address *address, const char *host, dial_done *done,
                           void *arg);
/* `done` will not be called. */
void dial_cancel(struct dial *dial);

#endif
