#include "attest/staple.h"

#include "base/mem.h"

#include <stdlib.h>

/* Writes the table anew; an entry of the device's own that KDS does not replace (a list) stays. */
static struct err staple_write(struct provider_report *made, const struct snp_certtable *table)
{
    struct writer w = writer_growing(SNP_CERTTABLE_MAX);
    snp_certtable_write(table, &w);
    struct err outcome = writer_finish(&w, "the table of certificates");
    if (!failed(outcome)) {
        free(made->table);
        made->table = mem_copy(writer_bytes(&w));
        made->table_size = w.used;
    }
    writer_free(&w);
    return outcome;
}

static struct err staple_complete(struct kds *kds, struct provider_report *made)
{
    struct snp_certtable table;
    struct snp_report report;
    struct kds_proof proof;
    TRY(err_within(snp_certtable_parse(bytes_of(made->table, made->table_size), &table),
                   "the provider's table of certificates"));
    if (table.vcek.n + table.vlek.n > 0)
        return OK;
    TRY(snp_report_parse(BYTES(made->report), &report));
    if (!kds)
        return err_make(ERR_NOT_FOUND, "the device gives no certificate with its report");
    TRY(err_within(kds_certify(kds, &report, SNP_PRODUCT_UNKNOWN, true, &proof),
                   "the device gives no certificate with its report"));
    table.vcek = proof.table.vcek;
    if (table.intermediate.n == 0)
        table.intermediate = proof.table.intermediate;
    if (table.ark.n == 0)
        table.ark = proof.table.ark;
    struct err outcome = staple_write(made, &table);
    kds_proof_release(&proof);
    return outcome;
}

/* A report without its certificate is still a report: who shows it decides what to make of that. */
static struct err staple_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                                struct provider_report *out)
{
    struct staple *staple = (struct staple *)provider;
    TRY(provider_report(staple->device, report_data, out));
    staple->missing = staple_complete(staple->kds, out);
    return OK;
}

static void staple_interrupt(struct provider *provider)
{
    struct staple *staple = (struct staple *)provider;
    provider_interrupt(staple->device);
    if (staple->kds)
        kds_interrupt(staple->kds);
}

static void staple_free(struct provider *provider)
{
    (void)provider;
}

static const struct provider_kind staple_kind = {
    .name = "stapled", .report = staple_report, .interrupt = staple_interrupt, .free = staple_free};

void staple_init(struct staple *staple, struct provider *device, struct kds *kds)
{
    *staple = (struct staple){.provider = {.kind = &staple_kind}, .device = device, .kds = kds, .missing = OK};
}
