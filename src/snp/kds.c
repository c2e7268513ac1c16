#include "snp/kds.h"

#include "base/writer.h"
#include "snp/crl.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *snp_kds_kind_name(enum snp_kds_kind kind)
{
    switch (kind) {
    case SNP_KDS_VCEK:
        return "vcek";
    case SNP_KDS_CHAIN:
        return "chain";
    case SNP_KDS_CRL:
        return "crl";
    }
    return "unknown";
}

struct snp_kds_item snp_kds_vcek(enum snp_product product, const uint8_t hwid[SNP_CHIP_ID_SIZE], struct snp_tcb tcb)
{
    struct snp_kds_item item = {.kind = SNP_KDS_VCEK, .product = product, .vek = SNP_VEK_VCEK, .tcb = tcb};
    memcpy(item.hwid, hwid, snp_product_chip_id_size(product));
    return item;
}

struct snp_kds_item snp_kds_chain(enum snp_product product, enum snp_vek_kind vek)
{
    return (struct snp_kds_item){.kind = SNP_KDS_CHAIN, .product = product, .vek = vek};
}

struct snp_kds_item snp_kds_crl(enum snp_product product, enum snp_vek_kind vek)
{
    return (struct snp_kds_item){.kind = SNP_KDS_CRL, .product = product, .vek = vek};
}

static const char *kds_family(const struct snp_kds_item *item)
{
    return item->vek == SNP_VEK_VLEK ? "vlek" : "vcek";
}

static void kds_hwid_text(const struct snp_kds_item *item, char out[2 * SNP_CHIP_ID_SIZE + 1])
{
    hex_encode(bytes_of(item->hwid, snp_product_chip_id_size(item->product)), out);
}

/* Publication 57230, table of URL parameters: decimal numbers of at least two digits; fmcSPL for Turin alone. */
static void kds_write_spls(const struct snp_kds_item *item, struct writer *w)
{
    static const struct {
        enum snp_tcb_component component;
        const char *name;
    } parameters[] = {{SNP_TCB_FMC, "fmcSPL"},
                      {SNP_TCB_BOOTLOADER, "blSPL"},
                      {SNP_TCB_TEE, "teeSPL"},
                      {SNP_TCB_SNP, "snpSPL"},
                      {SNP_TCB_MICROCODE, "ucodeSPL"}};
    enum snp_tcb_layout layout = snp_product_tcb_layout(item->product);
    char mark = '?';
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (snp_tcb_index(layout, parameters[i].component) < 0)
            continue;
        writer_format(w, "%c%s=%02u", mark, parameters[i].name,
                      snp_tcb_get(item->tcb, layout, parameters[i].component));
        mark = '&';
    }
}

void snp_kds_path(const struct snp_kds_item *item, char out[SNP_KDS_PATH_SIZE])
{
    char hwid[2 * SNP_CHIP_ID_SIZE + 1];
    struct writer w = writer_over(out, SNP_KDS_PATH_SIZE - 1);
    writer_format(&w, "/%s/v1/%s/", kds_family(item), snp_product_name(item->product));
    switch (item->kind) {
    case SNP_KDS_VCEK:
        kds_hwid_text(item, hwid);
        writer_format(&w, "%s", hwid);
        kds_write_spls(item, &w);
        break;
    case SNP_KDS_CHAIN:
        writer_format(&w, "cert_chain");
        break;
    case SNP_KDS_CRL:
        writer_format(&w, "crl");
        break;
    }
    out[w.used] = '\0';
}

static void kds_product_word(enum snp_product product, char out[16])
{
    snprintf(out, 16, "%s", snp_product_name(product));
    out[0] = (char)tolower((unsigned char)out[0]);
}

void snp_kds_name(const struct snp_kds_item *item, char out[SNP_KDS_NAME_SIZE])
{
    char hwid[2 * SNP_CHIP_ID_SIZE + 1], tcb[2 * sizeof item->tcb.bytes + 1], product[16];
    kds_product_word(item->product, product);
    switch (item->kind) {
    case SNP_KDS_VCEK:
        kds_hwid_text(item, hwid);
        hex_encode(BYTES(item->tcb.bytes), tcb);
        snprintf(out, SNP_KDS_NAME_SIZE, "vcek-%s-%s-%s.der", product, hwid, tcb);
        break;
    case SNP_KDS_CHAIN:
        snprintf(out, SNP_KDS_NAME_SIZE, "chain-%s-%s.pem", kds_family(item), product);
        break;
    case SNP_KDS_CRL:
        snprintf(out, SNP_KDS_NAME_SIZE, "crl-%s-%s.der", kds_family(item), product);
        break;
    }
}

size_t snp_kds_size_max(enum snp_kds_kind kind)
{
    switch (kind) {
    case SNP_KDS_VCEK:
        return SNP_CERTIFICATE_MAX;
    case SNP_KDS_CHAIN:
        return 2 * SNP_CERTIFICATE_MAX;
    case SNP_KDS_CRL:
        return SNP_CRL_MAX;
    }
    return 0;
}

static struct err kds_check_key(const struct snp_report *report)
{
    switch (snp_report_signing_key(report)) {
    case SNP_SIGNING_KEY_VCEK:
        return OK;
    case SNP_SIGNING_KEY_VLEK:
        return err_make(ERR_UNSUPPORTED, "a VLEK signed the report, and AMD's KDS hands out no VLEK: its certificate "
                                         "must come with the report, from the cloud provider");
    case SNP_SIGNING_KEY_NONE:
        break;
    }
    return err_make(ERR_INPUT, "no key that KDS knows of signed the report");
}

struct err snp_kds_of_report(const struct snp_report *report, enum snp_product product,
                             struct snp_kds_item out[SNP_KDS_CANDIDATES], size_t *count)
{
    enum snp_product named = snp_report_product(report);
    *count = 0;
    TRY(kds_check_key(report));
    if (bytes_are_zero(BYTES(report->chip_id)))
        return err_make(ERR_INPUT, "the report does not name its chip (CHIP_ID is masked), and KDS asks for that");
    if (named != SNP_PRODUCT_UNKNOWN && product != SNP_PRODUCT_UNKNOWN && named != product)
        return err_make(ERR_INPUT, "the report is one of %s, not of %s", snp_product_name(named),
                        snp_product_name(product));
    if (named == SNP_PRODUCT_UNKNOWN)
        named = product;
    if (named != SNP_PRODUCT_UNKNOWN) {
        out[(*count)++] = snp_kds_vcek(named, report->chip_id, report->reported_tcb);
    } else if (report->version == 2) {
        out[(*count)++] = snp_kds_vcek(SNP_PRODUCT_MILAN, report->chip_id, report->reported_tcb);
        out[(*count)++] = snp_kds_vcek(SNP_PRODUCT_GENOA, report->chip_id, report->reported_tcb);
    } else {
        return err_make(ERR_INPUT, "the report is one of a product that is not known: CPUID family %u, model %u",
                        report->cpuid_family, report->cpuid_model);
    }
    return OK;
}
