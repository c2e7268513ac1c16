#include "attest/attest.h"

#include "base/mem.h"

#include <stdlib.h>

#define ATTEST_CHAINS   256
#define ATTEST_VERIFIED 4096
#define ATTEST_NONCES   65536 /* bound to a key at one time */

static struct err attest_open_kds(const struct settings *set, struct kds **out)
{
    struct kds_options *options = NULL;
    TRY(kds_options_read(set, NULL, &options));
    return kds_new(options, out);
}

struct err attest_new(const struct settings *set, struct attest **out)
{
    struct nonces *nonces = NULL;
    struct kds *kds = NULL;
    TRY(attest_open_kds(set, &kds));
    struct err outcome = nonces_new(ATTEST_NONCES, &nonces);
    if (failed(outcome)) {
        kds_free(kds);
        return outcome;
    }
    struct attest *attest = NEW(struct attest);
    attest->kds = kds;
    attest->crls = crls_new(kds);
    attest->journal = journal_new(JOURNAL_SIZE);
    attest->nonces = nonces;
    attest->chains = snp_chain_cache_new(ATTEST_CHAINS);
    attest->verified = verified_new(ATTEST_VERIFIED);
    *out = attest;
    return OK;
}

void attest_free(struct attest *attest)
{
    if (!attest)
        return;
    attester_stop(attest->attester);
    kds_free(attest->kds);
    crls_free(attest->crls);
    verified_free(attest->verified);
    snp_chain_cache_free(attest->chains);
    nonces_free(attest->nonces);
    journal_free(attest->journal);
    free(attest);
}
