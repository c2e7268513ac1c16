/*
 * api_scene.h: for tests of libvouch: what is judged, made by the forge, and what came of it. Whatever cannot be made
 * fails the test.
 */
#ifndef TEST_API_SCENE_H
#define TEST_API_SCENE_H

#include "api/vouch.h"
#include "snp_forge.h"

extern char why[VOUCH_WHY_SIZE]; /* of the call before */

/* A policy that trusts the forge's root by its hash; `more` follows in the group certificates, or after it. */
vouch_policy *policy_of(const char *more);

void endorse(vouch_request *request, int endorsement, struct bytes der);
/* Everything that proves a report of the forge's. */
void endorse_all(vouch_request *request, const struct forge_evidence *made);

/* A request for a right report, under a policy that accepts it. */
vouch_request *right_request(void);

vouch_verdict *verdict_of(const vouch_request *request);
/* The first check that failed; "" when none did. Constant of the program. */
const char *failure_of(const vouch_request *request);

#endif
