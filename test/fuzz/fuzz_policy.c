/* Policies: any text is a policy or an error that says where. */
#include "fuzz.h"

#include "attest/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *policy = NULL;
    struct err outcome = policy_parse("fuzzed", "/nowhere/p.yaml", bytes_of(data, size), &policy);
    MUST_HOLD(failed(outcome) == (policy == NULL));
    MUST_HOLD(!failed(outcome) || outcome.why[0] != '\0');
    policy_drop(policy);
    return 0;
}
