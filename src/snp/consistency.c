#include "snp/consistency.h"

#include <string.h>

#define EXPECTED_PRODUCT "one that report, certificate and issuer agree on"
#define EXPECTED_AT_MOST "at most the current TCB"

static const char *const checks[] = {
    SNP_CHECK_KEY_KIND, SNP_CHECK_PRODUCT,      SNP_CHECK_CHIP_ID,       SNP_CHECK_CSP_ID,
    SNP_CHECK_TCB,      SNP_CHECK_REPORTED_TCB, SNP_CHECK_COMMITTED_TCB, SNP_CHECK_COMMITTED_VERSION,
};

static enum check_outcome pass_if(bool good)
{
    return good ? CHECK_PASS : CHECK_FAIL;
}

static void check_key_kind(const struct snp_facts *facts, struct checklist *out)
{
    enum snp_signing_key signed_with = snp_report_signing_key(&facts->report);
    bool agrees = (signed_with == SNP_SIGNING_KEY_VCEK && facts->vek.kind == SNP_VEK_VCEK) ||
                  (signed_with == SNP_SIGNING_KEY_VLEK && facts->vek.kind == SNP_VEK_VLEK);
    checklist_add(out, SNP_CHECK_KEY_KIND, pass_if(agrees), snp_vek_kind_name(facts->vek.kind),
                  snp_signing_key_name(signed_with));
}

/* A report of version 2 does not name its product: the certificate then does. */
static void check_product(struct snp_facts *facts, struct checklist *out)
{
    const struct snp_report *report = &facts->report;
    enum snp_product by_certificate = facts->vek.product, by_issuer = facts->vek.issuer_product;
    bool is_named = report->version > 2;
    bool agrees = by_certificate != SNP_PRODUCT_UNKNOWN && by_certificate == by_issuer &&
                  (!is_named || snp_report_product(report) == by_certificate);
    facts->product = agrees ? by_certificate : SNP_PRODUCT_UNKNOWN;
    checklist_addf(out, SNP_CHECK_PRODUCT, pass_if(agrees), EXPECTED_PRODUCT, "report %s, certificate %s, issuer %s",
                   is_named ? snp_product_of_cpuid_name(report->cpuid_family, report->cpuid_model) : "does not say",
                   facts->vek.product_name[0] != '\0' ? facts->vek.product_name : "does not say",
                   facts->vek.issuer_name);
}

static void add_chip_id(enum check_outcome outcome, struct bytes expected, struct bytes found, struct checklist *out)
{
    char expected_text[2 * SNP_CHIP_ID_SIZE + 1], found_text[2 * SNP_CHIP_ID_SIZE + 1];
    hex_encode(expected, expected_text);
    hex_encode(found, found_text);
    checklist_add(out, SNP_CHECK_CHIP_ID, outcome, expected_text, found_text);
}

static void check_vcek_chip_id(const struct snp_facts *facts, bool allow_masked, struct checklist *out)
{
    struct bytes chip_id = BYTES(facts->report.chip_id);
    size_t size = snp_product_chip_id_size(facts->product);
    if (size == 0 || facts->vek.hwid_size != size) {
        checklist_add(out, SNP_CHECK_CHIP_ID, CHECK_FAIL, "the certificate's HWID",
                      size == 0 ? "the product is not known" : "the certificate has no HWID of the product's size");
        return;
    }
    if (bytes_are_zero(chip_id)) { /* the host set MASK_CHIP_ID; KEY_INFO says only whether a VCEK signs at all */
        checklist_add(out, SNP_CHECK_CHIP_ID, pass_if(allow_masked), "the certificate's HWID",
                      allow_masked ? "masked, as policy allows" : "masked");
        return;
    }
    uint8_t padded[SNP_CHIP_ID_SIZE] = {0};
    memcpy(padded, facts->vek.hwid, size);
    add_chip_id(pass_if(bytes_equal(chip_id, BYTES(padded))), BYTES(padded), chip_id, out);
}

static void check_chip_id(const struct snp_facts *facts, bool allow_masked, struct checklist *out)
{
    struct bytes chip_id = BYTES(facts->report.chip_id);
    static const uint8_t zeros[SNP_CHIP_ID_SIZE];
    switch (facts->vek.kind) {
    case SNP_VEK_VCEK:
        check_vcek_chip_id(facts, allow_masked, out);
        return;
    case SNP_VEK_VLEK: /* a VLEK is no chip's: the report then names none */
        add_chip_id(pass_if(bytes_are_zero(chip_id) && facts->vek.hwid_size == 0), BYTES(zeros), chip_id, out);
        return;
    case SNP_VEK_UNKNOWN:
        break;
    }
    checklist_add(out, SNP_CHECK_CHIP_ID, CHECK_FAIL, "", "the certificate is of no known kind");
}

static void check_csp_id(const struct snp_facts *facts, struct checklist *out)
{
    const struct snp_vek *vek = &facts->vek;
    bool due = vek->kind == SNP_VEK_VLEK;
    bool good = vek->kind != SNP_VEK_UNKNOWN && vek->has_csp_id == due;
    checklist_add(out, SNP_CHECK_CSP_ID, pass_if(good), due ? "one" : "none", vek->has_csp_id ? vek->csp_id : "none");
}

static bool components_agree(struct snp_tcb a, struct snp_tcb b, enum snp_tcb_layout layout)
{
    for (int i = 0; i < SNP_TCB_COMPONENTS; i++)
        if (snp_tcb_get(a, layout, (enum snp_tcb_component)i) != snp_tcb_get(b, layout, (enum snp_tcb_component)i))
            return false;
    return true;
}

static void check_certificate_tcb(const struct snp_facts *facts, struct checklist *out)
{
    enum snp_tcb_layout layout = snp_vek_tcb_layout(&facts->vek);
    char expected[SNP_TCB_TEXT_SIZE], found[SNP_TCB_TEXT_SIZE];
    snp_tcb_text(snp_vek_tcb(&facts->vek), layout, expected);
    snp_tcb_text(facts->report.reported_tcb, layout, found);
    if (layout == SNP_TCB_LAYOUT_UNKNOWN || layout != snp_product_tcb_layout(facts->product)) {
        checklist_add(out, SNP_CHECK_TCB, CHECK_FAIL, expected, "the certificate's layout is not the product's");
        return;
    }
    bool agrees = components_agree(snp_vek_tcb(&facts->vek), facts->report.reported_tcb, layout);
    checklist_add(out, SNP_CHECK_TCB, pass_if(agrees), expected, found);
}

static void check_at_most_current(const struct snp_facts *facts, const char *name, struct snp_tcb tcb,
                                  struct checklist *out)
{
    enum snp_tcb_layout layout = snp_product_tcb_layout(facts->product);
    char found[SNP_TCB_TEXT_SIZE], current[SNP_TCB_TEXT_SIZE];
    snp_tcb_text(tcb, layout, found);
    snp_tcb_text(facts->report.current_tcb, layout, current);
    checklist_addf(out, name, pass_if(snp_tcb_at_most(tcb, facts->report.current_tcb)), EXPECTED_AT_MOST,
                   "%s; current is %s", found, current);
}

static uint32_t firmware_order(struct snp_firmware_version version)
{
    return (uint32_t)version.major << 16 | (uint32_t)version.minor << 8 | version.build;
}

static void check_committed_version(const struct snp_facts *facts, struct checklist *out)
{
    struct snp_firmware_version committed = facts->report.committed, current = facts->report.current;
    checklist_addf(out, SNP_CHECK_COMMITTED_VERSION, pass_if(firmware_order(committed) <= firmware_order(current)),
                   "at most the current firmware", "%u.%u.%u; current is %u.%u.%u", committed.major, committed.minor,
                   committed.build, current.major, current.minor, current.build);
}

/* What concerns the report alone needs no certificate, but its layout is only known with one. */
void snp_consistency_check(struct snp_facts *facts, bool allow_masked_chip_id, struct checklist *out)
{
    if (!facts->report_is_read || !facts->vek_is_read) {
        for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
            checklist_add(out, checks[i], CHECK_FAIL, "",
                          facts->report_is_read ? "the certificate cannot be read" : "the report cannot be read");
        return;
    }
    check_key_kind(facts, out);
    check_product(facts, out);
    check_chip_id(facts, allow_masked_chip_id, out);
    check_csp_id(facts, out);
    check_certificate_tcb(facts, out);
    check_at_most_current(facts, SNP_CHECK_REPORTED_TCB, facts->report.reported_tcb, out);
    check_at_most_current(facts, SNP_CHECK_COMMITTED_TCB, facts->report.committed_tcb, out);
    check_committed_version(facts, out);
}
