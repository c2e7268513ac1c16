/* vouch_decode_report.c: a report's fields by name. */
#include "app/vouch_decode.h"
#include "base/mem.h"
#include "snp/signature.h"

#include <inttypes.h>
#include <stdlib.h>

static json_t *report_word(uint64_t value)
{
    char text[20];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    return json_string(text);
}

/* Every bit that has a name, and what is left. */
static void report_put_bits(json_t *into, uint64_t value, const struct snp_bit *bits, uint64_t without_name)
{
    for (; bits->name; bits++) {
        json_object_set_new(into, bits->name, json_boolean(bit_is_set(value, bits->bit)));
        without_name &= ~(UINT64_C(1) << bits->bit);
    }
    if (value & without_name)
        json_object_set_new(into, "unknown_bits", report_word(value & without_name));
}

static json_t *report_policy(uint64_t policy)
{
    char abi[8];
    json_t *json = json_object();
    snprintf(abi, sizeof abi, "%u.%u", snp_policy_abi_major(policy), snp_policy_abi_minor(policy));
    json_object_set_new(json, "value", report_word(policy));
    json_object_set_new(json, "abi", json_string(abi));
    report_put_bits(json, policy, snp_policy_bits, ~UINT64_C(0xffff));
    return json;
}

static json_t *report_platform(uint64_t platform_info)
{
    json_t *json = json_object();
    json_object_set_new(json, "value", report_word(platform_info));
    report_put_bits(json, platform_info, snp_platform_bits, UINT64_MAX);
    return json;
}

static json_t *report_tcb(struct snp_tcb tcb, enum snp_tcb_layout layout)
{
    json_t *json = json_object();
    json_object_set_new(json, "bytes", vouch_decode_hex(BYTES(tcb.bytes)));
    for (int i = 0; i < SNP_TCB_COMPONENTS; i++) {
        enum snp_tcb_component component = (enum snp_tcb_component)i;
        if (snp_tcb_index(layout, component) >= 0)
            json_object_set_new(json, snp_tcb_component_name(component),
                                json_integer(snp_tcb_get(tcb, layout, component)));
    }
    return json;
}

static json_t *report_firmware(struct snp_firmware_version version)
{
    char text[16];
    snprintf(text, sizeof text, "%u.%u.%u", version.major, version.minor, version.build);
    return json_string(text);
}

static json_t *report_key(const struct snp_report *report)
{
    json_t *json = json_object();
    json_object_set_new(json, "signing_key", json_string(snp_signing_key_name(snp_report_signing_key(report))));
    json_object_set_new(json, "author_key", json_boolean(snp_report_has_author_key(report)));
    json_object_set_new(json, "mask_chip_key", json_boolean(snp_report_masks_chip_key(report)));
    return json;
}

static json_t *report_signature(struct bytes bytes, uint32_t algorithm)
{
    struct bytes r = bytes_of(bytes.p + SNP_SIGNATURE_OFFSET, SNP_SIGNATURE_COMPONENT_SIZE);
    json_t *json = json_object();
    json_object_set_new(json, "algorithm", json_integer(algorithm));
    json_object_set_new(json, "r", vouch_decode_hex(r));
    json_object_set_new(json, "s", vouch_decode_hex(bytes_of(r.p + r.n, r.n)));
    json_object_set_new(json, "unsigned_bytes_are_zero", json_boolean(snp_signature_padding_is_zero(bytes.p)));
    return json;
}

static void report_put_guest(json_t *json, const struct snp_report *report)
{
    const struct {
        const char *name;
        struct bytes value;
    } fields[] = {
        {"measurement", BYTES(report->measurement)},
        {"report_data", BYTES(report->report_data)},
        {"host_data", BYTES(report->host_data)},
        {"family_id", BYTES(report->family_id)},
        {"image_id", BYTES(report->image_id)},
        {"id_key_digest", BYTES(report->id_key_digest)},
        {"author_key_digest", BYTES(report->author_key_digest)},
        {"report_id", BYTES(report->report_id)},
        {"report_id_ma", BYTES(report->report_id_ma)},
        {"chip_id", BYTES(report->chip_id)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        json_object_set_new(json, fields[i].name, vouch_decode_hex(fields[i].value));
}

static void report_put_platform(json_t *json, const struct snp_report *report, enum snp_tcb_layout layout)
{
    json_object_set_new(json, "current_tcb", report_tcb(report->current_tcb, layout));
    json_object_set_new(json, "reported_tcb", report_tcb(report->reported_tcb, layout));
    json_object_set_new(json, "committed_tcb", report_tcb(report->committed_tcb, layout));
    json_object_set_new(json, "launch_tcb", report_tcb(report->launch_tcb, layout));
    json_object_set_new(json, "current_firmware", report_firmware(report->current));
    json_object_set_new(json, "committed_firmware", report_firmware(report->committed));
    if (report->version >= 5) {
        json_object_set_new(json, "launch_mit_vector", report_word(report->launch_mit_vector));
        json_object_set_new(json, "current_mit_vector", report_word(report->current_mit_vector));
    }
}

static json_t *report_product(const struct snp_report *report, enum snp_product by_certificate)
{
    if (report->version > 2)
        return json_string(snp_product_of_cpuid_name(report->cpuid_family, report->cpuid_model));
    return json_string(by_certificate == SNP_PRODUCT_UNKNOWN ? "the report does not say"
                                                             : snp_product_name(by_certificate));
}

json_t *vouch_decode_report(struct bytes bytes, enum snp_product product)
{
    struct snp_report report;
    json_t *json = json_object();
    struct err outcome = snp_report_read(bytes, &report);
    if (failed(outcome)) {
        json_object_set_new(json, "problem", json_string(outcome.why));
        return json;
    }
    enum snp_product own = snp_report_product(&report);
    enum snp_tcb_layout layout = snp_product_tcb_layout(own != SNP_PRODUCT_UNKNOWN ? own : product);
    json_object_set_new(json, "version", json_integer(report.version));
    if (!snp_report_version_is_known(report.version))
        json_object_set_new(json, "problem", json_string("the version is unknown: what follows may be wrong"));
    json_object_set_new(json, "product", report_product(&report, product));
    json_object_set_new(json, "guest_svn", json_integer(report.guest_svn));
    json_object_set_new(json, "vmpl", json_integer(report.vmpl));
    json_object_set_new(json, "policy", report_policy(report.policy));
    json_object_set_new(json, "platform_info", report_platform(report.platform_info));
    json_object_set_new(json, "key_info", report_key(&report));
    report_put_guest(json, &report);
    report_put_platform(json, &report, layout);
    json_object_set_new(json, "signature", report_signature(bytes, report.signature_algo));
    return json;
}
