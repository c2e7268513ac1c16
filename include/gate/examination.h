/*
 * examination.h: a client's evidence, judged on the crew, written into the journal, before anything else is asked.
 */
#ifndef GATE_EXAMINATION_H
#define GATE_EXAMINATION_H

#include "gate/login.h"

/* Judges the evidence in the client's certificate (or that there is none) by a policy of the login's rules. Denied: the
 * client is refused with the reason. Else `passed` is called, and identity->attestation has the verdict's id,
 * identity->standing what it rests on. The gate's thread. */
void examination_start(struct login *login, struct policy *policy, void (*passed)(struct login *login));

#endif
