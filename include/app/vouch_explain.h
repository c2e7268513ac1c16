/*
 * vouch_explain.h: what a policy demands, in plain words. Main.
 */
#ifndef APP_VOUCH_EXPLAIN_H
#define APP_VOUCH_EXPLAIN_H

#include "attest/policy.h"

#include <stdio.h>

/* A line for each demand, in the order of the file, and a warning for everything that is left open. */
void vouch_explain(const struct policy *policy, FILE *out);

#endif
