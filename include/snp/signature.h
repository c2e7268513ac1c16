/*
 * signature.h: the report's signature: ECDSA on P-384 over SHA-384 of bytes 0..0x29F.
 *
 * R and S stand at 0x2A0 as 72 bytes each, little-endian (publication 56860, "Signature format"). Any thread.
 */
#ifndef SNP_SIGNATURE_H
#define SNP_SIGNATURE_H

#include "snp/report.h"

#include <openssl/evp.h>

#define SNP_SIGNATURE_OFFSET         0x2A0
#define SNP_SIGNATURE_COMPONENT_SIZE 72

/* Whether everything outside the signed part that is not R or S is zero: bytes 48..71 of both, and 0x330..0x49F. Such
 * bytes nobody signed, so they must say nothing. */
bool snp_signature_padding_is_zero(const uint8_t report[SNP_REPORT_SIZE]);

/* ERR_DENIED when `key` (P-384) did not sign these bytes. The padding is not looked at here. */
struct err snp_signature_verify(const uint8_t report[SNP_REPORT_SIZE], EVP_PKEY *key) MUST_CHECK;

/* Signs bytes 0..0x29F and writes R, S and zeros behind them. For the software PSP and for tests. */
struct err snp_signature_make(uint8_t report[SNP_REPORT_SIZE], EVP_PKEY *key) MUST_CHECK;

#endif
