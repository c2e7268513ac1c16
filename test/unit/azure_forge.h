/*
 * azure_forge.h: for tests: runtime claims, quotes and records of an Azure virtual machine that is played here, every
 * part of which can be made wrong. Whatever cannot be made fails the test.
 */
#ifndef TEST_AZURE_FORGE_H
#define TEST_AZURE_FORGE_H

#include "attest/evidence_azure.h"

/* Filled by azure_forge_plan, changed by a test, and then made into a record. */
struct azure_plan {
    EVP_PKEY *key;            /* signs the quote */
    EVP_PKEY *key_in_claims;  /* the claims name it */
    const uint8_t *user_data; /* 64 bytes; NULL: the claims have none */
    struct bytes over;        /* extraData */
    uint32_t magic;
    uint16_t type, algorithm, hash, bank;
    bool spoils_signature;
    bool spoils_pcrs; /* one of the values that travel */
};

/* A right one over the value: borrowed, also the key. `over` is room for the hash. */
struct azure_plan azure_forge_plan(EVP_PKEY *key, const uint8_t *value, uint8_t over[EVIDENCE_AZURE_QUALIFY_SIZE]);

struct azure_forged {
    char claims[HCL_CLAIMS_MAX];
    uint8_t quote[TPM_QUOTE_MAX], signature[TPM_SIGNATURE_MAX], pcrs[TPM_PCRS * TPM_PCR_SIZE];
    struct evidence_azure record; /* views of these */
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
};
void azure_forge(const struct azure_plan *plan, struct azure_forged *out);

/* RSA of that many bits; EVP_PKEY_free. */
EVP_PKEY *azure_forge_key(unsigned bits);
/* A TPMT_SIGNATURE around one, with a length of its own for lies. */
void azure_forge_signature(uint16_t algorithm, uint16_t hash, struct bytes signature, struct writer *w);
/* An HCL report: header, report, claims, and zeros up to `size`. */
struct bytes azure_forge_hcl(struct bytes report, struct bytes claims, size_t size, uint8_t *room);

#endif
