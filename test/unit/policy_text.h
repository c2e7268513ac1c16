/*
 * policy_text.h: for tests: policies written as text, which must be taken or refused with a reason.
 *
 * Stands behind cmocka.h, which wants headers before it.
 */
#ifndef TEST_POLICY_TEXT_H
#define TEST_POLICY_TEXT_H

#include "attest/policy.h"

#include <string.h>

#define VALID_001 "544553545f4d4541535552454d454e545f56414c49445f30303100000000000000000000000000000000000000000000"

/* As the product's description has it. */
static const char whole_schema[] = "version: \"1.0\"\n"
                                   "measurements:\n"
                                   "  expected: \"" VALID_001 "\"\n"
                                   "  allow_list: []\n"
                                   "  mode: \"strict\"            # strict | warn | disabled\n"
                                   "tcb:\n"
                                   "  min_version: \"1.51.0\"\n"
                                   "  min_platform_version: 1\n"
                                   "  mode: \"strict\"\n"
                                   "guest:\n"
                                   "  debug_disabled: true\n"
                                   "  smt_disabled: true\n"
                                   "  min_guest_svn: 1\n"
                                   "  mode: \"strict\"\n"
                                   "nonce:\n"
                                   "  max_age: \"5m\"\n"
                                   "  required: true\n"
                                   "  min_length: 16\n"
                                   "certificates:\n"
                                   "  verify_chain: true\n"
                                   "  verify_signature: true\n"
                                   "  trusted_arks: []\n"
                                   "  allow_cached: true\n"
                                   "  cache_duration: \"1h\"\n";

/* The caller's. */
static inline struct policy *accepted(const char *text)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of_string(text), &policy);
    if (failed(e))
        fail_msg("%s", e.why);
    assert_non_null(policy);
    return policy;
}

static inline void assert_refused(const char *text, const char *why)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of_string(text), &policy);
    assert_null(policy);
    assert_true(failed(e));
    assert_string_equal(e.why, why);
}

/* The reason holds `part`. */
static inline void assert_refused_with(const char *text, const char *part)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of_string(text), &policy);
    assert_null(policy);
    assert_true(failed(e));
    if (!strstr(e.why, part))
        fail_msg("\"%s\" does not say \"%s\"", e.why, part);
}

#endif
