/*
 * contexts.h: TLS contexts as the configuration's client_tls_* and server_tls_* say. Main thread; reads files.
 */
#ifndef APP_CONTEXTS_H
#define APP_CONTEXTS_H

#include "gate/rules.h"
#include "tls/context.h"

/* *out is NULL where client_tls_sslmode = disable. `identity` is what is shown; NULL: what client_tls_cert_file and
 * client_tls_key_file hold. */
struct err contexts_for_clients(const struct rules *rules, struct tls_identity *identity,
                                struct tls_context **out) MUST_CHECK;
/* *out is NULL where server_tls_sslmode asks for no TLS. */
struct err contexts_for_servers(const struct config *config, struct tls_context **out) MUST_CHECK;

#endif
