#include "snp/report.h"

#include "base/reader.h"

#include <string.h>

/* Where the fields stand (publication 56860, table "ATTESTATION_REPORT Structure"). */
enum report_offset {
    AT_VERSION = 0x000,
    AT_GUEST_SVN = 0x004,
    AT_POLICY = 0x008,
    AT_FAMILY_ID = 0x010,
    AT_IMAGE_ID = 0x020,
    AT_VMPL = 0x030,
    AT_SIGNATURE_ALGO = 0x034,
    AT_CURRENT_TCB = 0x038,
    AT_PLATFORM_INFO = 0x040,
    AT_KEY_INFO = 0x048,
    AT_REPORT_DATA = 0x050,
    AT_MEASUREMENT = 0x090,
    AT_HOST_DATA = 0x0C0,
    AT_ID_KEY_DIGEST = 0x0E0,
    AT_AUTHOR_KEY_DIGEST = 0x110,
    AT_REPORT_ID = 0x140,
    AT_REPORT_ID_MA = 0x160,
    AT_REPORTED_TCB = 0x180,
    AT_CPUID = 0x188, /* family, model, stepping */
    AT_CHIP_ID = 0x1A0,
    AT_COMMITTED_TCB = 0x1E0,
    AT_CURRENT = 0x1E8, /* build, minor, major */
    AT_COMMITTED = 0x1EC,
    AT_LAUNCH_TCB = 0x1F0,
    AT_LAUNCH_MIT_VECTOR = 0x1F8,
    AT_CURRENT_MIT_VECTOR = 0x200,
};

#define VERSION_WITH_CPUID       3
#define VERSION_WITH_MIT_VECTORS 5

const struct snp_bit snp_policy_bits[] = {
    {SNP_POLICY_SMT, "smt"},
    {SNP_POLICY_RESERVED_ONE, "reserved_one"},
    {SNP_POLICY_MIGRATE_MA, "migrate_ma"},
    {SNP_POLICY_DEBUG, "debug"},
    {SNP_POLICY_SINGLE_SOCKET, "single_socket"},
    {SNP_POLICY_CXL, "cxl"},
    {SNP_POLICY_AES_256_XTS, "aes_256_xts"},
    {SNP_POLICY_RAPL_DIS, "rapl_dis"},
    {SNP_POLICY_CIPHERTEXT_HIDING, "ciphertext_hiding"},
    {SNP_POLICY_PAGE_SWAP_DISABLE, "page_swap_disable"},
    {0, NULL},
};

const struct snp_bit snp_platform_bits[] = {
    {SNP_PLATFORM_SMT, "smt"},
    {SNP_PLATFORM_TSME, "tsme"},
    {SNP_PLATFORM_ECC, "ecc"},
    {SNP_PLATFORM_RAPL_DIS, "rapl_dis"},
    {SNP_PLATFORM_CIPHERTEXT_HIDING, "ciphertext_hiding"},
    {SNP_PLATFORM_ALIAS_CHECK_COMPLETE, "alias_check_complete"},
    {SNP_PLATFORM_IOMMU_WRITE_SAFE, "iommu_write_safe"},
    {SNP_PLATFORM_TIO, "tio"},
    {0, NULL},
};

/* `bytes` is known to have SNP_REPORT_SIZE bytes, and every offset above lies within. */
static struct reader report_at(struct bytes bytes, enum report_offset offset)
{
    return reader_of(bytes_of(bytes.p + offset, bytes.n - offset));
}

static uint32_t report_u32(struct bytes bytes, enum report_offset offset)
{
    struct reader r = report_at(bytes, offset);
    return reader_u32_le(&r);
}

static uint64_t report_u64(struct bytes bytes, enum report_offset offset)
{
    struct reader r = report_at(bytes, offset);
    return reader_u64_le(&r);
}

static void report_copy(struct bytes bytes, enum report_offset offset, void *out, size_t n)
{
    struct reader r = report_at(bytes, offset);
    reader_copy(&r, out, n);
}

static struct snp_tcb report_tcb(struct bytes bytes, enum report_offset offset)
{
    struct snp_tcb tcb = {{0}};
    report_copy(bytes, offset, tcb.bytes, sizeof(tcb.bytes));
    return tcb;
}

static struct snp_firmware_version report_firmware(struct bytes bytes, enum report_offset offset)
{
    struct reader r = report_at(bytes, offset);
    struct snp_firmware_version version = {0};
    version.build = reader_u8(&r);
    version.minor = reader_u8(&r);
    version.major = reader_u8(&r);
    return version;
}

static void report_read_guest(struct bytes bytes, struct snp_report *out)
{
    out->guest_svn = report_u32(bytes, AT_GUEST_SVN);
    out->policy = report_u64(bytes, AT_POLICY);
    report_copy(bytes, AT_FAMILY_ID, out->family_id, sizeof(out->family_id));
    report_copy(bytes, AT_IMAGE_ID, out->image_id, sizeof(out->image_id));
    out->vmpl = report_u32(bytes, AT_VMPL);
    report_copy(bytes, AT_REPORT_DATA, out->report_data, sizeof(out->report_data));
    report_copy(bytes, AT_MEASUREMENT, out->measurement, sizeof(out->measurement));
    report_copy(bytes, AT_HOST_DATA, out->host_data, sizeof(out->host_data));
    report_copy(bytes, AT_ID_KEY_DIGEST, out->id_key_digest, sizeof(out->id_key_digest));
    report_copy(bytes, AT_AUTHOR_KEY_DIGEST, out->author_key_digest, sizeof(out->author_key_digest));
    report_copy(bytes, AT_REPORT_ID, out->report_id, sizeof(out->report_id));
    report_copy(bytes, AT_REPORT_ID_MA, out->report_id_ma, sizeof(out->report_id_ma));
}

static void report_read_platform(struct bytes bytes, struct snp_report *out)
{
    out->signature_algo = report_u32(bytes, AT_SIGNATURE_ALGO);
    out->platform_info = report_u64(bytes, AT_PLATFORM_INFO);
    out->key_info = report_u32(bytes, AT_KEY_INFO);
    report_copy(bytes, AT_CHIP_ID, out->chip_id, sizeof(out->chip_id));
    out->current_tcb = report_tcb(bytes, AT_CURRENT_TCB);
    out->reported_tcb = report_tcb(bytes, AT_REPORTED_TCB);
    out->committed_tcb = report_tcb(bytes, AT_COMMITTED_TCB);
    out->launch_tcb = report_tcb(bytes, AT_LAUNCH_TCB);
    out->current = report_firmware(bytes, AT_CURRENT);
    out->committed = report_firmware(bytes, AT_COMMITTED);
    if (out->version >= VERSION_WITH_CPUID) {
        struct reader r = report_at(bytes, AT_CPUID);
        out->cpuid_family = reader_u8(&r);
        out->cpuid_model = reader_u8(&r);
        out->cpuid_stepping = reader_u8(&r);
    }
    if (out->version >= VERSION_WITH_MIT_VECTORS) {
        out->launch_mit_vector = report_u64(bytes, AT_LAUNCH_MIT_VECTOR);
        out->current_mit_vector = report_u64(bytes, AT_CURRENT_MIT_VECTOR);
    }
}

struct err snp_report_read(struct bytes bytes, struct snp_report *out)
{
    if (bytes.n != SNP_REPORT_SIZE)
        return err_make(ERR_INPUT, "the report has %zu bytes, not %d", bytes.n, SNP_REPORT_SIZE);
    struct snp_report report = {.version = report_u32(bytes, AT_VERSION)};
    report_read_guest(bytes, &report);
    report_read_platform(bytes, &report);
    *out = report;
    return OK;
}

struct err snp_report_parse(struct bytes bytes, struct snp_report *out)
{
    struct snp_report report = {0};
    TRY(snp_report_read(bytes, &report));
    if (!snp_report_version_is_known(report.version))
        return err_make(ERR_UNSUPPORTED, "the report is of version %u; known are %d to %d", report.version,
                        SNP_REPORT_VERSION_MIN, SNP_REPORT_VERSION_MAX);
    *out = report;
    return OK;
}

bool snp_report_version_is_known(uint32_t version)
{
    return version >= SNP_REPORT_VERSION_MIN && version <= SNP_REPORT_VERSION_MAX;
}

static void report_put(uint8_t *out, enum report_offset offset, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[offset + i] = (uint8_t)(value >> (8 * i));
}

static void report_put_firmware(uint8_t *out, enum report_offset offset, struct snp_firmware_version version)
{
    out[offset] = version.build;
    out[offset + 1] = version.minor;
    out[offset + 2] = version.major;
}

static void report_write_guest(const struct snp_report *report, uint8_t *out)
{
    report_put(out, AT_GUEST_SVN, report->guest_svn, 4);
    report_put(out, AT_POLICY, report->policy, 8);
    memcpy(out + AT_FAMILY_ID, report->family_id, sizeof(report->family_id));
    memcpy(out + AT_IMAGE_ID, report->image_id, sizeof(report->image_id));
    report_put(out, AT_VMPL, report->vmpl, 4);
    memcpy(out + AT_REPORT_DATA, report->report_data, sizeof(report->report_data));
    memcpy(out + AT_MEASUREMENT, report->measurement, sizeof(report->measurement));
    memcpy(out + AT_HOST_DATA, report->host_data, sizeof(report->host_data));
    memcpy(out + AT_ID_KEY_DIGEST, report->id_key_digest, sizeof(report->id_key_digest));
    memcpy(out + AT_AUTHOR_KEY_DIGEST, report->author_key_digest, sizeof(report->author_key_digest));
    memcpy(out + AT_REPORT_ID, report->report_id, sizeof(report->report_id));
    memcpy(out + AT_REPORT_ID_MA, report->report_id_ma, sizeof(report->report_id_ma));
}

static void report_write_platform(const struct snp_report *report, uint8_t *out)
{
    report_put(out, AT_SIGNATURE_ALGO, report->signature_algo, 4);
    report_put(out, AT_PLATFORM_INFO, report->platform_info, 8);
    report_put(out, AT_KEY_INFO, report->key_info, 4);
    memcpy(out + AT_CHIP_ID, report->chip_id, sizeof(report->chip_id));
    memcpy(out + AT_CURRENT_TCB, report->current_tcb.bytes, sizeof(report->current_tcb.bytes));
    memcpy(out + AT_REPORTED_TCB, report->reported_tcb.bytes, sizeof(report->reported_tcb.bytes));
    memcpy(out + AT_COMMITTED_TCB, report->committed_tcb.bytes, sizeof(report->committed_tcb.bytes));
    memcpy(out + AT_LAUNCH_TCB, report->launch_tcb.bytes, sizeof(report->launch_tcb.bytes));
    report_put_firmware(out, AT_CURRENT, report->current);
    report_put_firmware(out, AT_COMMITTED, report->committed);
    if (report->version >= VERSION_WITH_CPUID) {
        out[AT_CPUID] = report->cpuid_family;
        out[AT_CPUID + 1] = report->cpuid_model;
        out[AT_CPUID + 2] = report->cpuid_stepping;
    }
    if (report->version >= VERSION_WITH_MIT_VECTORS) {
        report_put(out, AT_LAUNCH_MIT_VECTOR, report->launch_mit_vector, 8);
        report_put(out, AT_CURRENT_MIT_VECTOR, report->current_mit_vector, 8);
    }
}

void snp_report_write(const struct snp_report *report, uint8_t out[SNP_REPORT_SIZE])
{
    memset(out, 0, SNP_REPORT_SIZE);
    report_put(out, AT_VERSION, report->version, 4);
    report_write_guest(report, out);
    report_write_platform(report, out);
}

enum snp_product snp_report_product(const struct snp_report *report)
{
    if (report->version < VERSION_WITH_CPUID)
        return SNP_PRODUCT_UNKNOWN;
    return snp_product_of_cpuid(report->cpuid_family, report->cpuid_model);
}

enum snp_signing_key snp_report_signing_key(const struct snp_report *report)
{
    return (enum snp_signing_key)((report->key_info >> 2) & 7);
}

const char *snp_signing_key_name(enum snp_signing_key key)
{
    switch (key) {
    case SNP_SIGNING_KEY_VCEK:
        return "VCEK";
    case SNP_SIGNING_KEY_VLEK:
        return "VLEK";
    case SNP_SIGNING_KEY_NONE:
        return "none";
    }
    return "reserved";
}

bool snp_report_has_author_key(const struct snp_report *report)
{
    return bit_is_set(report->key_info, 0);
}

bool snp_report_masks_chip_key(const struct snp_report *report)
{
    return bit_is_set(report->key_info, 1);
}

uint8_t snp_policy_abi_minor(uint64_t policy)
{
    return (uint8_t)policy;
}

uint8_t snp_policy_abi_major(uint64_t policy)
{
    return (uint8_t)(policy >> 8);
}

bool snp_policy_allows_smt(uint64_t policy)
{
    return bit_is_set(policy, SNP_POLICY_SMT);
}

bool snp_policy_allows_debug(uint64_t policy)
{
    return bit_is_set(policy, SNP_POLICY_DEBUG);
}

bool snp_policy_allows_migration(uint64_t policy)
{
    return bit_is_set(policy, SNP_POLICY_MIGRATE_MA);
}

bool snp_policy_requires_single_socket(uint64_t policy)
{
    return bit_is_set(policy, SNP_POLICY_SINGLE_SOCKET);
}

bool snp_platform_smt_is_on(uint64_t platform_info)
{
    return bit_is_set(platform_info, SNP_PLATFORM_SMT);
}

bool snp_platform_alias_check_is_complete(uint64_t platform_info)
{
    return bit_is_set(platform_info, SNP_PLATFORM_ALIAS_CHECK_COMPLETE);
}

uint64_t snp_platform_unknown_bits(uint64_t platform_info)
{
    return platform_info & ~SNP_PLATFORM_KNOWN_BITS;
}
