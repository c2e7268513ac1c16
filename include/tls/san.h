/*
 * san.h: the subjectAltName of a leaf from a list as people write it. Pure; any thread.
 */
#ifndef TLS_SAN_H
#define TLS_SAN_H

#include "base/bytes.h"

#include <openssl/x509v3.h>

/* Reads "dns:NAME, ip:ADDRESS, NAME, ADDRESS": without a prefix the form tells. Entries may stand between blanks;
 * empty ones are passed over and repeated ones kept once. ERR_INPUT names the entry that is neither a host name
 * (wildcard "*." in front allowed) nor an address. *out: GENERAL_NAMES_free; empty for an empty list. */
struct err san_read(const char *list, GENERAL_NAMES **out) MUST_CHECK;

#endif
