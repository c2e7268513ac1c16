#include "mint.h"

#include "attest/evidence.h"
#include "base/clock.h"
#include "config/settings.h"
#include "tls/leaf.h"

#include <err.h>
#include <stdlib.h>

#define BACKDATE_S 60
#define LIFETIME_S 1800

void mint_check(struct err outcome)
{
    if (failed(outcome))
        errx(1, "%s", outcome.why);
}

struct provider *mint_open(const char *directory)
{
    struct settings set;
    struct provider *provider = NULL;
    settings_init(&set);
    mint_check(setting_set(setting_find("attest_provider"), "simulated", &set));
    mint_check(setting_set(setting_find("attest_state_dir"), directory, &set));
    mint_check(provider_open(&set, &provider));
    settings_free(&set);
    return provider;
}

struct tls_identity *mint_identity(struct provider *provider, const uint8_t nonce[MINT_NONCE_SIZE])
{
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct leaf_spec spec = {.common_name = "bench",
                             .not_before_s = now_s - BACKDATE_S,
                             .not_after_s = now_s + LIFETIME_S,
                             .for_client = true};
    struct leaf *leaf = NULL;
    struct tls_identity *identity = NULL;
    mint_check(leaf_draft(&spec, NULL, &leaf));
    mint_check(evidence_attach(leaf, provider, BYTES_NONE, bytes_of(nonce, MINT_NONCE_SIZE), now_s, NULL));
    mint_check(leaf_sign(leaf, &identity));
    leaf_free(leaf);
    return identity;
}
