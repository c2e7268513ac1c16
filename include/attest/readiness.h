/*
 * readiness.h: whether a server with this evidence should be sent new clients. Pure; any thread.
 */
#ifndef ATTEST_READINESS_H
#define ATTEST_READINESS_H

#include "attest/attester.h"

/* ERR_KEY_LOST: no further evidence can be made until a reboot, though the certificate in force may serve on.
 * ERR_TIMEOUT: the certificate has run out. `now_us` is since 1970. */
struct err readiness_of(const struct attester_state *state, int64_t now_us) MUST_CHECK;

/* The same in one word, for machines: "key_lost", "certificate_expired". */
const char *readiness_reason(const struct err *why);

#endif
