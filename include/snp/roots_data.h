/*
 * roots_data.h: AMD's certificates as the program carries them. Only roots.c reads them. Constants; any thread.
 */
#ifndef SNP_ROOTS_DATA_H
#define SNP_ROOTS_DATA_H

#include "snp/product.h"

enum amd_certificate_role { AMD_ARK, AMD_ASK, AMD_ASVK, AMD_ROLES };

struct amd_certificate {
    enum snp_product product;
    enum amd_certificate_role role;
    uint8_t spki_sha256[32];
    const char *pem;
};

extern const struct amd_certificate amd_certificates[];
extern const size_t amd_certificate_count;

#endif
