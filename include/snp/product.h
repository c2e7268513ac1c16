/*
 * product.h: AMD's product lines, as far as attestation tells them apart.
 *
 * A line is what shares a root (ARK): Siena and Bergamo stand under Genoa's. Pure functions; any thread.
 */
#ifndef SNP_PRODUCT_H
#define SNP_PRODUCT_H

#include "base/bytes.h"

enum snp_product {
    SNP_PRODUCT_UNKNOWN = 0,
    SNP_PRODUCT_MILAN,
    SNP_PRODUCT_GENOA, /* also Siena and Bergamo */
    SNP_PRODUCT_TURIN,
    SNP_PRODUCT_COUNT
};

/* Where the components stand in the eight bytes of a TCB_VERSION (publication 56860). */
enum snp_tcb_layout {
    SNP_TCB_LAYOUT_UNKNOWN = 0,
    SNP_TCB_LAYOUT_MILAN, /* Milan, Genoa: 0 bootloader, 1 tee, 6 snp, 7 microcode */
    SNP_TCB_LAYOUT_TURIN  /* Turin: 0 fmc, 1 bootloader, 2 tee, 3 snp, 7 microcode */
};

/* "Milan", "Genoa", "Turin", "unknown". */
const char *snp_product_name(enum snp_product product);

/* As snp_product_name, of either case, for configuration: also "Siena" and "Bergamo". UNKNOWN when it is none. */
enum snp_product snp_product_of_word(const char *word);

/* CPUID family and model (extended values already added), as reports of version 3 and later carry them. */
enum snp_product snp_product_of_cpuid(uint8_t family, uint8_t model);

/* A representative family and model of a line, for making reports. */
void snp_product_cpuid(enum snp_product product, uint8_t *family, uint8_t *model, uint8_t *stepping);

/* Whether it is a part of Genoa's line that is not called Genoa. CPUID does not tell Siena from Bergamo: AMD gives both
 * the models A0h to AFh of family 19h. */
bool snp_product_is_siena_or_bergamo(uint8_t family, uint8_t model);

/* What such a part is called more exactly: "Milan", "Genoa", "Siena or Bergamo", "Turin", "unknown". */
const char *snp_product_of_cpuid_name(uint8_t family, uint8_t model);

/* The productName extension of a VEK: "Milan", "Milan-B0" (line, dash, stepping). Exact case. */
enum snp_product snp_product_of_extension(struct bytes text);

/* A common name with its prefix: ("ARK-Milan", "ARK-"), ("SEV-VLEK-Turin", "SEV-VLEK-"). Exact case. */
enum snp_product snp_product_of_common_name(const char *name, const char *prefix);

enum snp_tcb_layout snp_product_tcb_layout(enum snp_product product);

/* Significant bytes of CHIP_ID and HWID: 64, or 8 for Turin; 0 when unknown. */
size_t snp_product_chip_id_size(enum snp_product product);

#endif
