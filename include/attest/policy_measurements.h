/*
 * policy_measurements.h: readers of the policy keys that say which measurements are allowed, and when. All fill a
 * struct policy_measurements; see policy_reader.
 */
#ifndef ATTEST_POLICY_MEASUREMENTS_H
#define ATTEST_POLICY_MEASUREMENTS_H

#include "attest/policy_key.h"

policy_reader read_expected;
policy_reader read_allow_list;
policy_reader read_sets; /* a list of {name, values, not_before, not_after} */

/* Adds one with what is said of it; its name is copied. ERR_LIMIT when there are too many. */
struct err policy_measurements_add(struct policy_measurements *measurements,
                                   const struct policy_measurement *allowed) MUST_CHECK;
void policy_measurements_free(struct policy_measurements *measurements);

#endif
