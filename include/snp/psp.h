/*
 * psp.h: a PSP in software, for where there is no SEV-SNP: it protects nothing.
 *
 * Its own ARK -> ASK -> VCEK of the real shapes (RSA-4096 with PSS, P-384, AMD's extensions) live in a directory of the
 * caller's; reports have AMD's layout byte for byte. Only who names its ARK as trusted believes it. With
 * psp_store.h the only file of this layer that does I/O; opening blocks (keys are made once, seconds), signing takes
 * about a millisecond.
 */
#ifndef SNP_PSP_H
#define SNP_PSP_H

#include "snp/report.h"

struct psp;

/* What the imagined machine and guest are. psp_identity_default fills all of it. */
struct psp_identity {
    enum snp_product product;
    uint32_t report_version; /* 2..5 */
    uint32_t guest_svn;
    uint64_t policy;
    uint64_t platform_info;
    uint8_t family_id[16];
    uint8_t image_id[16];
    uint8_t measurement[SNP_MEASUREMENT_SIZE];
    uint8_t host_data[32];
    uint8_t id_key_digest[48];
    uint8_t author_key_digest[48];
    uint8_t report_id[32];
    struct snp_tcb current_tcb;
    struct snp_tcb reported_tcb; /* the VCEK is made for this one */
    struct snp_tcb committed_tcb;
    struct snp_tcb launch_tcb;
    struct snp_firmware_version current;
    struct snp_firmware_version committed;
    uint64_t launch_mit_vector; /* version 5 */
    uint64_t current_mit_vector;
    bool chip_id_given; /* otherwise one that belongs to the installation, which psp_identity_of tells */
    uint8_t chip_id[SNP_CHIP_ID_SIZE];
};

/* A well-kept machine of the product: report version 3, SMT and debug off, firmware 1.55.29, fitting TCB, the
 * measurement 54 45 53 54 ("TEST_MEASUREMENT_VALID_001", then zeros). */
void psp_identity_default(enum snp_product product, struct psp_identity *out);

/* Sets all four TCBs. */
void psp_identity_set_tcb(struct psp_identity *identity, struct snp_tcb tcb);

/* Opens, or makes, the PSP that lives in `directory` (made 0700 when missing; keys are 0600). One directory may serve
 * several products and processes. ERR_INPUT for an identity that cannot be; ERR_SYSTEM when the directory is no good.
 * *out belongs to the caller and may be used by any thread. */
struct err psp_open(const char *directory, const struct psp_identity *identity, struct psp **out) MUST_CHECK;
void psp_free(struct psp *psp);

/* Fills `out` with a signed report. vmpl 0..3. */
struct err psp_report(const struct psp *psp, const uint8_t report_data[SNP_REPORT_DATA_SIZE], uint32_t vmpl,
                      uint8_t out[SNP_REPORT_SIZE]) MUST_CHECK;

/* Signs report bytes of the caller's making. */
struct err psp_seal(const struct psp *psp, uint8_t report[SNP_REPORT_SIZE]) MUST_CHECK;

/* DER; borrowed from the psp. */
struct bytes psp_vcek(const struct psp *psp);
struct bytes psp_ask(const struct psp *psp);
struct bytes psp_ark(const struct psp *psp);
const struct psp_identity *psp_identity_of(const struct psp *psp);

/* The file in which psp_open leaves the ARK's certificate (PEM), to be named in a policy's trusted_arks; free(). */
char *psp_ark_path(const char *directory, enum snp_product product);

#endif
