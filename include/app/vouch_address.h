/*
 * vouch_address.h: where a server is, as people write it. Pure; any thread.
 */
#ifndef APP_VOUCH_ADDRESS_H
#define APP_VOUCH_ADDRESS_H

#include "base/err.h"

#define VOUCH_DEFAULT_PORT 5432

/* Reads "HOST", "HOST:PORT" and "[IPV6]" with or without ":PORT"; without a port it is VOUCH_DEFAULT_PORT. *host is on
 * the heap, without brackets, and untouched or NULL on failure. ERR_INPUT when it is none of these, ERR_UNSUPPORTED for
 * the path of a Unix socket: there is no TLS on it, and so nothing to verify. */
struct err vouch_address_read(const char *text, char **host, int *port) MUST_CHECK;

#endif
