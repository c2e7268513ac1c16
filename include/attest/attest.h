/*
 * attest.h: what of attestation belongs to the whole process: journal, nonces, what is known to be good, our evidence.
 *
 * Made by `app` before the workers start and freed after they have ended. What it points to says which threads may.
 */
#ifndef ATTEST_ATTEST_H
#define ATTEST_ATTEST_H

#include "attest/attester.h"
#include "attest/crls.h"
#include "attest/journal.h"
#include "attest/nonces.h"
#include "attest/verified.h"
#include "snp/chain.h"

struct attest {
    struct journal *journal;
    struct nonces *nonces;
    struct snp_chain_cache *chains;
    struct verified *verified;
    struct kds *kds;
    struct crls *crls;
    bool evidence_is_shown;    /* by the configuration in force, to clients; main */
    struct attester *attester; /* NULL: client_tls_cert_file shows an operator's certificate, or there is no TLS */
};

/* `set` is for KDS; read, not kept. */
struct err attest_new(const struct settings *set, struct attest **out) MUST_CHECK;
void attest_free(struct attest *attest); /* NULL does nothing */

#endif
