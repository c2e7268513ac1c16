/*
 * policy_read.h: the keys of a policy file, each with its type, read from the file's tree. Any thread.
 */
#ifndef ATTEST_POLICY_READ_H
#define ATTEST_POLICY_READ_H

#include "attest/policy.h"
#include "attest/tree.h"

/* Lays the file's keys over a policy that has every default. Files of trusted_arks are read, relative to the folder of
 * `policy->path`. Errors begin with "PATH:LINE: KEY". */
struct err policy_read(const struct tree *root, struct policy *policy) MUST_CHECK;

#endif
