/* Evidence in every format: what our own encoding lets through is what we would write. */
#include "fuzz.h"

#include "attest/cbor.h"
#include "attest/cmw.h"
#include "attest/evidence_foreign.h"

static void take_bind(struct bytes cbor)
{
    struct bind bind;
    uint8_t room[BIND_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (failed(bind_parse(cbor, &bind)))
        return;
    bind_write(&bind, &w);
    MUST_HOLD(!w.bad && bytes_equal(writer_bytes(&w), cbor));
}

static void take_cmw(struct bytes cbor)
{
    struct cmw cmw, again;
    if (failed(cmw_parse(cbor, &cmw)))
        return;
    struct writer w = writer_growing(CMW_MAX + 16); /* indicators that were left out */
    cmw_write(&cmw, &w);
    MUST_HOLD(w.bad || !failed(cmw_parse(writer_bytes(&w), &again)) || w.used > CMW_MAX);
    writer_free(&w);
    take_bind(cmw.bind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size), report;
    struct cmw cmw;
    struct evidence_dice dice;
    struct evidence_go_eat eat;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    if (!failed(cbor_scan(input, "the input"))) {
        struct reader r = reader_of(input);
        cbor_skip(&r); /* what our own writes is not refused of others */
        MUST_HOLD(!r.bad && reader_left(&r) == 0);
    }
    take_bind(input);
    take_cmw(input);
    if (!failed(cmw_parse_extension(input, &cmw)))
        take_bind(cmw.bind);
    if (!failed(evidence_dice_parse(input, &dice)))
        (void)!failed(evidence_dice_report_data(&dice, input, report_data));
    if (!failed(evidence_go_eat_parse(input, &eat)))
        MUST_HOLD(failed(evidence_go_eat_report_data(&eat, report_data)) == (eat.nonce.n == 0));
    if (!failed(evidence_raw_parse(input, &report)))
        MUST_HOLD(report.n == SNP_REPORT_SIZE);
    return 0;
}
