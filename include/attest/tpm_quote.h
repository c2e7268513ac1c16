/*
 * tpm_quote.h: a quote of a TPM 2.0, and whether a key made it.
 *
 * TCG, "Trusted Platform Module Library, Part 2: Structures": TPMS_ATTEST (10.12.8) of type quote, TPMT_SIGNATURE
 * (11.3.4); big-endian. Pure; any thread.
 */
#ifndef ATTEST_TPM_QUOTE_H
#define ATTEST_TPM_QUOTE_H

#include "base/reader.h"

#include <openssl/evp.h>

#define TPM_PCRS          24
#define TPM_PCR_SIZE      32 /* of the SHA-256 bank */
#define TPM_QUOTE_MAX     512
#define TPM_SIGNATURE_MAX 600
#define TPM_ALG_RSASSA    0x0014
#define TPM_ALG_SHA256    0x000b

/* Views of the bytes that were read. */
struct tpm_quote {
    struct bytes extra_data; /* what the asker gave */
    uint32_t pcrs;           /* bit n: PCR n of the SHA-256 bank is in the digest */
    struct bytes pcr_digest; /* SHA-256 over the values of those, the lowest first */
    uint64_t clock_ms;
    uint32_t reset_count;
    uint64_t firmware_version;
};

/* ERR_INPUT: truncated, trailing bytes, or no structure of a TPM's own making; ERR_UNSUPPORTED: it attests something
 * else, or PCRs of another bank than SHA-256, or of several. */
struct err tpm_quote_parse(struct bytes attest, struct tpm_quote *out) MUST_CHECK;

/* `signature` is a TPMT_SIGNATURE of RSASSA (PKCS#1 v1.5) with SHA-256: ERR_UNSUPPORTED for any other. ERR_DENIED: the
 * key did not sign these bytes. */
struct err tpm_quote_verify(EVP_PKEY *key, struct bytes attest, struct bytes signature) MUST_CHECK;

/* ERR_DENIED unless `values` are those of the quoted PCRs, one after another, the lowest first. */
struct err tpm_quote_check_pcrs(const struct tpm_quote *quote, struct bytes values) MUST_CHECK;

/* The value of PCR n among such values; empty when it was not quoted. */
struct bytes tpm_quote_pcr(const struct tpm_quote *quote, struct bytes values, unsigned n);

#endif
