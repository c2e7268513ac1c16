/*
 * hcl.h: the report that Azure's paravisor (HCL, host compatibility layer) keeps in the virtual TPM for its guest.
 *
 * A header, the SEV-SNP report, and runtime data: claims in JSON, of which REPORT_DATA holds the hash, with a header of
 * their own. Layout: Microsoft, "Confidential VM Guest Attestation Design Detail"; little-endian. Only the SEV-SNP
 * report is signed, and through it the claims are; the headers only say where to find them. Pure; any thread.
 */
#ifndef ATTEST_HCL_H
#define ATTEST_HCL_H

#include "base/reader.h"
#include "snp/report.h"

#include <openssl/evp.h>

#define HCL_REPORT_MAX      8192 /* bytes of the NV index; 2048 to 2900 have been seen */
#define HCL_CLAIMS_MAX      4096
#define HCL_CLAIMS_SHA256   32
#define HCL_USER_DATA_SIZE  64
#define HCL_KEY_BITS_MIN    2048
#define HCL_KEY_BITS_MAX    4096
#define HCL_NV_REPORT       0x01400001U /* NV index that holds the report */
#define HCL_NV_USER_DATA    0x01400002U /* and the one whose 64 bytes enter the next report's claims */
#define HCL_ATTESTATION_KEY 0x81000003U /* persistent handle of the virtual TPM's attestation key */

/* Views of the bytes that were read. */
struct hcl_report {
    struct bytes report; /* SNP_REPORT_SIZE */
    struct bytes claims; /* JSON, as it is hashed */
};

/* Whether these bytes begin as such a report does. */
bool hcl_report_is_one(struct bytes bytes);
/* What follows the report in the index is padding, and not looked at. ERR_INPUT: truncated, or sizes that contradict
 * each other; ERR_UNSUPPORTED: another version, the report of another technology, or another hash than SHA-256. */
struct err hcl_report_parse(struct bytes bytes, struct hcl_report *out) MUST_CHECK;

/* What of the claims is believed once the report vouches for their hash. */
struct hcl_claims {
    uint8_t modulus[HCL_KEY_BITS_MAX / 8]; /* of the attestation key (kid HCLAkPub), big-endian */
    size_t modulus_size;
    bool has_user_data; /* older paravisors bind none */
    uint8_t user_data[HCL_USER_DATA_SIZE];
};

/* ERR_INPUT: no JSON object without duplicates, not exactly one attestation key, or user data that are not 64 bytes;
 * ERR_UNSUPPORTED: the key is not RSA of 2048 to 4096 bits with exponent 65537. */
struct err hcl_claims_parse(struct bytes json, struct hcl_claims *out) MUST_CHECK;
/* The attestation key; the caller's (EVP_PKEY_free). */
struct err hcl_claims_key(const struct hcl_claims *claims, EVP_PKEY **out) MUST_CHECK;

/* ERR_DENIED unless REPORT_DATA is SHA-256 of the claims and then zeros. Constant time. */
struct err hcl_claims_check(struct bytes claims, const uint8_t report_data[SNP_REPORT_DATA_SIZE]) MUST_CHECK;

#endif
