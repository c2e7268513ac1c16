/*
 * azure_verify.h: whether runtime claims, attestation key and quote of an Azure virtual machine hold together, and bind
 * what they must: one check for each link from the signed report to the bound value.
 *
 * That the report itself holds is snp/verify.h. Pure; any thread.
 */
#ifndef ATTEST_AZURE_VERIFY_H
#define ATTEST_AZURE_VERIFY_H

#include "attest/evidence_azure.h"
#include "snp/checklist.h"

#define AZURE_CHECK_CLAIMS    "azure_claims"    /* REPORT_DATA is the hash of the runtime claims */
#define AZURE_CHECK_KEY       "azure_key"       /* they name one attestation key, of a kind that is believed */
#define AZURE_CHECK_QUOTE     "azure_quote"     /* the quote is signed by that key, and over the PCRs that came along */
#define AZURE_CHECK_USER_DATA "azure_user_data" /* the claims' user data are the bound value */

/* Appends the first two checks. `report` is NULL when it cannot be read. */
void azure_verify_claims(struct bytes claims, const struct snp_report *report, struct checklist *out);

/* What a quote says that holds: signed by a key that the signed report's claims name. Views of the record. */
struct azure_facts {
    bool quote_holds;
    struct tpm_quote quote;
    struct bytes pcrs;
};

/* Appends all four, and fills `facts`. `value` is what must be bound, computed from what the verifier saw itself; NULL
 * when that failed, which fails what depends on it. Returns whether the quote was asked over the value, for the check
 * that is about binding: ERR_DENIED also when any of the four failed, since the quote then says nothing. */
struct err azure_verify(const struct evidence_azure *azure, const struct snp_report *report, const uint8_t *value,
                        struct checklist *out, struct azure_facts *facts) MUST_CHECK;

/* The first of the four names that is not in the list; NULL when all are there. */
const char *azure_verify_missing(const struct checklist *list);

#endif
