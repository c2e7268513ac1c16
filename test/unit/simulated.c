#include "simulated.h"

#include "base/mem.h"
#include "snp/psp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct provider *simulated_provider(const char *directory)
{
    struct settings set;
    struct provider *provider = NULL;
    settings_init(&set);
    bool opened = !failed(setting_set(setting_find("attest_provider"), "simulated", &set)) &&
                  !failed(setting_set(setting_find("attest_state_dir"), directory, &set)) &&
                  !failed(provider_open(&set, &provider));
    settings_free(&set);
    return opened ? provider : NULL;
}

struct policy *simulated_policy(const char *directory, const char *top, const char *more, const char *certificates)
{
    struct policy *policy = NULL;
    char *ark = psp_ark_path(directory, SNP_PRODUCT_MILAN);
    char *text = mem_format("%s%scertificates:\n  allow_simulated: true\n  trusted_arks: [\"%s\"]\n%s", top, more, ark,
                            certificates);
    struct err outcome = policy_parse("p", "p.yaml", bytes_of_string(text), &policy);
    free(text);
    free(ark);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    return policy;
}
