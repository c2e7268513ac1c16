/*
 * evidence_azure.h: what evidence from an Azure virtual machine holds beside the report: the record "azure" of a CMW.
 *
 * There the guest does not own REPORT_DATA: it is the hash of the paravisor's runtime claims, which name the virtual
 * TPM's attestation key, and a quote by that key is over what is to be bound. Pure; any thread.
 */
#ifndef ATTEST_EVIDENCE_AZURE_H
#define ATTEST_EVIDENCE_AZURE_H

#include "attest/hcl.h"
#include "attest/tpm_quote.h"
#include "base/writer.h"

#define EVIDENCE_AZURE_MAX          (HCL_CLAIMS_MAX + TPM_QUOTE_MAX + TPM_SIGNATURE_MAX + TPM_PCRS * TPM_PCR_SIZE + 64)
#define EVIDENCE_AZURE_QUALIFY_SIZE 32 /* of what a quote is asked over */

/* Views live as long as the bytes they were read from. */
struct evidence_azure {
    struct bytes claims;    /* runtime claims, JSON */
    struct bytes quote;     /* TPMS_ATTEST */
    struct bytes signature; /* TPMT_SIGNATURE */
    struct bytes pcrs;      /* values of the quoted PCRs, the lowest first; may be empty */
};

/* CBOR in deterministic encoding (RFC 8949 section 4.2). */
void evidence_azure_write(const struct evidence_azure *azure, struct writer *w);
/* ERR_INPUT for anything but what evidence_azure_write writes; ERR_UNSUPPORTED for another profile. What is in the
 * members is not looked at. */
struct err evidence_azure_parse(struct bytes cbor, struct evidence_azure *out) MUST_CHECK;

/* What the quote is asked over: SHA-256 of what another report would have as REPORT_DATA. */
struct err evidence_azure_qualify(const uint8_t value[SNP_REPORT_DATA_SIZE],
                                  uint8_t out[EVIDENCE_AZURE_QUALIFY_SIZE]) MUST_CHECK;

#endif
