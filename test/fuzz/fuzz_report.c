/* The report: any 1184 bytes are read or refused, and what is read is written back as it was. */
#include "fuzz.h"

#include "snp/report.h"
#include "snp/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snp_report report, again;
    uint8_t written[SNP_REPORT_SIZE];
    char text[SNP_TCB_TEXT_SIZE];
    struct err parsed = snp_report_parse(bytes_of(data, size), &report);
    struct err read = snp_report_read(bytes_of(data, size), &again);
    MUST_HOLD(failed(parsed) || !failed(read));
    if (failed(parsed))
        return 0;
    (void)snp_signature_padding_is_zero(data);
    (void)snp_report_signing_key(&report);
    snp_tcb_text(report.reported_tcb, snp_product_tcb_layout(snp_report_product(&report)), text);
    snp_report_write(&report, written);
    MUST_HOLD(!failed(snp_report_parse(BYTES(written), &again)));
    MUST_HOLD(again.version == report.version && again.policy == report.policy);
    MUST_HOLD(bytes_equal(BYTES(again.report_data), BYTES(report.report_data)));
    MUST_HOLD(bytes_equal(BYTES(again.chip_id), BYTES(report.chip_id)));
    MUST_HOLD(snp_tcb_equal(again.launch_tcb, report.launch_tcb));
    return 0;
}
