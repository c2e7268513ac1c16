/*
 * report.h: the AMD SEV-SNP attestation report, as bytes and as facts.
 *
 * Layout: AMD publication 56860, table "ATTESTATION_REPORT Structure". All integers are little-endian on the wire.
 * Pure functions; any thread. What stands here is a claim until signature.h has verified the report.
 */
#ifndef SNP_REPORT_H
#define SNP_REPORT_H

#include "snp/tcb.h"

#define SNP_REPORT_SIZE                      1184
#define SNP_REPORT_SIGNED_SIZE               0x2A0 /* bytes 0..0x29F are signed */
#define SNP_REPORT_VERSION_MIN               2
#define SNP_REPORT_VERSION_MAX               5

#define SNP_REPORT_DATA_SIZE                 64
#define SNP_MEASUREMENT_SIZE                 48
#define SNP_CHIP_ID_SIZE                     64

#define SNP_SIGNATURE_ALGO_ECDSA_P384_SHA384 1

/* KEY_INFO bits 4:2. */
enum snp_signing_key { SNP_SIGNING_KEY_VCEK = 0, SNP_SIGNING_KEY_VLEK = 1, SNP_SIGNING_KEY_NONE = 7 };

struct snp_firmware_version {
    uint8_t major, minor, build;
};

struct snp_report {
    uint32_t version;
    uint32_t guest_svn;
    uint64_t policy;
    uint8_t family_id[16];
    uint8_t image_id[16];
    uint32_t vmpl;
    uint32_t signature_algo;
    struct snp_tcb current_tcb;
    uint64_t platform_info;
    uint32_t key_info;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    uint8_t measurement[SNP_MEASUREMENT_SIZE];
    uint8_t host_data[32];
    uint8_t id_key_digest[48];
    uint8_t author_key_digest[48];
    uint8_t report_id[32];
    uint8_t report_id_ma[32];
    struct snp_tcb reported_tcb;
    uint8_t cpuid_family; /* version 3 and later; zero before */
    uint8_t cpuid_model;
    uint8_t cpuid_stepping;
    uint8_t chip_id[SNP_CHIP_ID_SIZE];
    struct snp_tcb committed_tcb;
    struct snp_firmware_version current;
    struct snp_firmware_version committed;
    struct snp_tcb launch_tcb;
    uint64_t launch_mit_vector; /* version 5 and later; zero before */
    uint64_t current_mit_vector;
};

/* Reads a report of version 2 to 5. `bytes` stays the caller's; `out` holds copies.
 * ERR_INPUT (out untouched) when the length is not SNP_REPORT_SIZE, ERR_UNSUPPORTED when the version is another. */
struct err snp_report_parse(struct bytes bytes, struct snp_report *out) MUST_CHECK;

/* As snp_report_parse for any version: for showing what an unknown report seems to say. */
struct err snp_report_read(struct bytes bytes, struct snp_report *out) MUST_CHECK;

/* Writes the signed part and zeros where the signature goes: what a PSP signs. */
void snp_report_write(const struct snp_report *report, uint8_t out[SNP_REPORT_SIZE]);

bool snp_report_version_is_known(uint32_t version);

/* The bytes under the signature. `report` has SNP_REPORT_SIZE bytes. */
static inline struct bytes snp_report_signed_part(const uint8_t report[SNP_REPORT_SIZE])
{
    return bytes_of(report, SNP_REPORT_SIGNED_SIZE);
}

/* The product line by CPUID; UNKNOWN for version 2, which does not name it. */
enum snp_product snp_report_product(const struct snp_report *report);

enum snp_signing_key snp_report_signing_key(const struct snp_report *report);
/* "VCEK", "VLEK", "none", "reserved". */
const char *snp_signing_key_name(enum snp_signing_key key);
bool snp_report_has_author_key(const struct snp_report *report); /* KEY_INFO bit 0 */
bool snp_report_masks_chip_key(const struct snp_report *report); /* KEY_INFO bit 1 */

/* A bit with its name, for showing and for policies that speak of bits. Lists end with name NULL. */
struct snp_bit {
    unsigned bit;
    const char *name;
};

/* POLICY (guest policy). Names: smt, reserved_one, migrate_ma, debug, single_socket, cxl, aes_256_xts, rapl_dis,
 * ciphertext_hiding, page_swap_disable. */
extern const struct snp_bit snp_policy_bits[];
#define SNP_POLICY_SMT               16 /* SMT is allowed */
#define SNP_POLICY_RESERVED_ONE      17 /* always one */
#define SNP_POLICY_MIGRATE_MA        18 /* a migration agent is allowed */
#define SNP_POLICY_DEBUG             19 /* the host may read and change the guest */
#define SNP_POLICY_SINGLE_SOCKET     20 /* required */
#define SNP_POLICY_CXL               21 /* allowed */
#define SNP_POLICY_AES_256_XTS       22 /* required */
#define SNP_POLICY_RAPL_DIS          23 /* required */
#define SNP_POLICY_CIPHERTEXT_HIDING 24 /* required */
#define SNP_POLICY_PAGE_SWAP_DISABLE 25 /* required */
uint8_t snp_policy_abi_minor(uint64_t policy);
uint8_t snp_policy_abi_major(uint64_t policy);
bool snp_policy_allows_smt(uint64_t policy);
bool snp_policy_allows_debug(uint64_t policy);
bool snp_policy_allows_migration(uint64_t policy);
bool snp_policy_requires_single_socket(uint64_t policy);
/* Any other bit: bit_is_set(policy, SNP_POLICY_…). */
static inline bool bit_is_set(uint64_t word, unsigned bit)
{
    return bit < 64 && ((word >> bit) & 1) != 0;
}

/* PLATFORM_INFO. Names: smt, tsme, ecc, rapl_dis, ciphertext_hiding, alias_check_complete, iommu_write_safe, tio. */
extern const struct snp_bit snp_platform_bits[];
#define SNP_PLATFORM_SMT                  0
#define SNP_PLATFORM_TSME                 1
#define SNP_PLATFORM_ECC                  2
#define SNP_PLATFORM_RAPL_DIS             3
#define SNP_PLATFORM_CIPHERTEXT_HIDING    4
#define SNP_PLATFORM_ALIAS_CHECK_COMPLETE 5
#define SNP_PLATFORM_IOMMU_WRITE_SAFE     6
#define SNP_PLATFORM_TIO                  7
#define SNP_PLATFORM_KNOWN_BITS           UINT64_C(0xff)
bool snp_platform_smt_is_on(uint64_t platform_info);
bool snp_platform_alias_check_is_complete(uint64_t platform_info);
/* The bits this program has no name for. */
uint64_t snp_platform_unknown_bits(uint64_t platform_info);

#endif
