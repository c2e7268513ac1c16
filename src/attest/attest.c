#include "attest/attest.h"

#include "base/mem.h"

#include <stdlib.h>

#define ATTEST_CHAINS   256
#define ATTEST_VERIFIED 4096
#define ATTEST_NONCES   65536 /* bound to a key at one time */

struct err attest_new(struct attest **out)
{
    struct nonces *nonces = NULL;
    TRY(nonces_new(ATTEST_NONCES, &nonces));
    struct attest *attest = NEW(struct attest);
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
    verified_free(attest->verified);
    snp_chain_cache_free(attest->chains);
    nonces_free(attest->nonces);
    journal_free(attest->journal);
    free(attest);
}
