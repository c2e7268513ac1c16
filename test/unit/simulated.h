/*
 * simulated.h: for tests: the simulated provider in a test's directory, and policies that trust its root.
 */
#ifndef TEST_SIMULATED_H
#define TEST_SIMULATED_H

#include "attest/policy.h"
#include "attest/provider.h"

/* The caller's. NULL when it cannot be opened. */
struct provider *simulated_provider(const char *directory);
/* A policy of the top-level lines `top` and `more`, and of `certificates`, lines indented by two. The caller's; fails
 * the test where it cannot be read. */
struct policy *simulated_policy(const char *directory, const char *top, const char *more, const char *certificates);

#endif
