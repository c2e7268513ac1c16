#include "attest/hcl.h"

#include <string.h>

#define HCL_SIGNATURE       0x414c4348U /* "HCLA" */
#define HCL_VERSION_MAX     2
#define HCL_HEADER_SIZE     32
#define HCL_DATA_SIZE       20 /* of the runtime data's header */
#define HCL_EXTENSION_SIZE  4  /* a bitmap that version 2 may put behind it */
#define HCL_REPORT_TYPE_SNP 2
#define HCL_HASH_SHA256     1

bool hcl_report_is_one(struct bytes bytes)
{
    struct reader r = reader_of(bytes);
    return reader_u32_le(&r) == HCL_SIGNATURE;
}

/* The header of the whole: signature, version, size, kind of request, status and 12 reserved bytes. */
static struct err hcl_read_header(struct reader *r, uint32_t *size)
{
    uint32_t signature = reader_u32_le(r), version = reader_u32_le(r);
    *size = reader_u32_le(r);
    reader_skip(r, HCL_HEADER_SIZE - 3 * sizeof(uint32_t));
    if (r->bad)
        return err_make(ERR_INPUT, "the HCL report's header is truncated");
    if (signature != HCL_SIGNATURE)
        return err_make(ERR_INPUT, "the HCL report does not begin with HCLA");
    if (version < 1 || version > HCL_VERSION_MAX)
        return err_make(ERR_UNSUPPORTED, "the HCL report is of version %u, not 1 or 2", version);
    return OK;
}

struct hcl_data_header {
    uint32_t size; /* with this header */
    uint32_t version;
    uint32_t report_type;
    uint32_t hash_type;
    uint32_t claims_size;
};

static struct err hcl_check_data_header(const struct hcl_data_header *header)
{
    if (header->version < 1 || header->version > HCL_VERSION_MAX)
        return err_make(ERR_UNSUPPORTED, "the runtime data are of version %u, not 1 or 2", header->version);
    if (header->report_type != HCL_REPORT_TYPE_SNP)
        return err_make(ERR_UNSUPPORTED, "the HCL report is of type %u, which is not SEV-SNP", header->report_type);
    if (header->hash_type != HCL_HASH_SHA256)
        return err_make(ERR_UNSUPPORTED, "the runtime claims are hashed by algorithm %u, not by SHA-256",
                        header->hash_type);
    if (header->claims_size == 0 || header->claims_size > HCL_CLAIMS_MAX)
        return err_make(ERR_INPUT, "the runtime claims have %u bytes, not 1 to %d", header->claims_size,
                        HCL_CLAIMS_MAX);
    return OK;
}

/* Sizes are bounded before they are added up. */
static struct err hcl_read_data(struct reader *r, uint32_t whole_size, struct hcl_report *into)
{
    struct hcl_data_header header;
    header.size = reader_u32_le(r);
    header.version = reader_u32_le(r);
    header.report_type = reader_u32_le(r);
    header.hash_type = reader_u32_le(r);
    header.claims_size = reader_u32_le(r);
    if (r->bad)
        return err_make(ERR_INPUT, "the HCL report's runtime data are truncated");
    TRY(hcl_check_data_header(&header));
    uint32_t plain = HCL_DATA_SIZE + header.claims_size;
    bool extended = header.version > 1 && header.size == plain + HCL_EXTENSION_SIZE;
    if ((header.size != plain && !extended) || whole_size != HCL_HEADER_SIZE + SNP_REPORT_SIZE + header.size)
        return err_make(ERR_INPUT, "the sizes in the HCL report contradict each other: %u, %u and %u", whole_size,
                        header.size, header.claims_size);
    if (extended)
        reader_skip(r, HCL_EXTENSION_SIZE);
    into->claims = reader_bytes(r, header.claims_size);
    return r->bad ? err_make(ERR_INPUT, "the HCL report's runtime claims are truncated") : OK;
}

struct err hcl_report_parse(struct bytes bytes, struct hcl_report *out)
{
    uint32_t size;
    struct hcl_report report = {0};
    struct reader r = reader_of(bytes);
    TRY(hcl_read_header(&r, &size));
    report.report = reader_bytes(&r, SNP_REPORT_SIZE);
    if (r.bad)
        return err_make(ERR_INPUT, "the SEV-SNP report in the HCL report is truncated");
    TRY(hcl_read_data(&r, size, &report));
    *out = report;
    return OK;
}

struct err hcl_claims_check(struct bytes claims, const uint8_t report_data[SNP_REPORT_DATA_SIZE])
{
    uint8_t due[SNP_REPORT_DATA_SIZE] = {0};
    if (EVP_Digest(claims.p, claims.n, due, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash the runtime claims");
    if (!bytes_equal_secret(BYTES(due), bytes_of(report_data, SNP_REPORT_DATA_SIZE)))
        return err_make(ERR_DENIED, "the report is about other runtime claims");
    return OK;
}
