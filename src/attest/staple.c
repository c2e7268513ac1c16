#include "attest/staple.h"

#include "base/log.h"
#include "base/mem.h"
#include "snp/consistency.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- whether what the device gives will do ---- */

static struct err staple_read_vek(const struct snp_certtable *table, struct snp_vek *out)
{
    X509 *certificate = NULL;
    enum snp_vek_kind label = table->vcek.n > 0 ? SNP_VEK_VCEK : SNP_VEK_VLEK;
    if (table->vcek.n > 0 && table->vlek.n > 0)
        return err_make(ERR_INPUT, "the table has both a VCEK and a VLEK");
    TRY(snp_certificate_parse(label == SNP_VEK_VCEK ? table->vcek : table->vlek, &certificate));
    struct err outcome = snp_vek_read(certificate, out);
    X509_free(certificate);
    TRY(outcome);
    if (out->kind != label)
        return err_make(ERR_INPUT, "what stands in the table as %s is a %s", snp_vek_kind_name(label),
                        snp_vek_kind_name(out->kind));
    return snp_vek_complete(out);
}

/* Of the checks of certificate against report those that count here: others are about the report alone, and of a chip
 * that is not named nobody can say that it is another. */
static bool staple_check_counts(const struct check *check, const struct snp_report *report)
{
    static const char *const counting[] = {SNP_CHECK_KEY_KIND, SNP_CHECK_PRODUCT, SNP_CHECK_CSP_ID, SNP_CHECK_TCB};
    if (strcmp(check->name, SNP_CHECK_CHIP_ID) == 0)
        return !bytes_are_zero(BYTES(report->chip_id));
    for (size_t i = 0; i < sizeof counting / sizeof counting[0]; i++)
        if (strcmp(check->name, counting[i]) == 0)
            return true;
    return false;
}

/* Why no verifier takes the table's certificate for that of the report's key: hosts hand out old ones after their
 * firmware or their chip was changed. OK: it fits, or the report is of a product of which that cannot be told. */
static struct err staple_check_fit(const struct snp_certtable *table, const struct snp_report *report)
{
    struct snp_facts facts = {.report_is_read = true, .report = *report, .vek_is_read = true};
    struct checklist checks = CHECKLIST_EMPTY;
    struct err outcome = OK;
    TRY(staple_read_vek(table, &facts.vek));
    if (report->version > 2 && snp_report_product(report) == SNP_PRODUCT_UNKNOWN)
        return OK;
    snp_consistency_check(&facts, true, &checks);
    for (size_t i = 0; i < checks.count && !failed(outcome); i++) {
        const struct check *check = &checks.checks[i];
        if (check->outcome != CHECK_FAIL || !staple_check_counts(check, report))
            continue;
        outcome = strcmp(check->name, SNP_CHECK_CHIP_ID) == 0
                      ? err_make(ERR_DENIED, "%s: it is of another chip", check->name)
                      : err_make(ERR_DENIED, "%s: %s, the report has %s", check->name, check->expected, check->found);
    }
    checklist_free(&checks);
    return outcome;
}

/* OK: the table has the certificate. Otherwise why it has not; of one that does not parse nothing is left. */
static struct err staple_judge(struct provider_report *made, const struct snp_report *report,
                               struct snp_certtable *table)
{
    struct err outcome = snp_certtable_parse(bytes_of(made->table, made->table_size), table);
    if (failed(outcome)) {
        made->table_size = 0;
        return err_within(outcome, "the device's table of certificates is left out");
    }
    if (table->vcek.n + table->vlek.n == 0)
        return err_make(ERR_NOT_FOUND, "the device gives no certificate with its report");
    return err_within(staple_check_fit(table, report), "the device's certificate does not fit its report");
}

/* ---- what KDS has ---- */

/* Its authorities verify its VCEK; those of a table that does not fit may be of another product. */
static struct err staple_replace(const struct snp_certtable *proof, struct snp_certtable *table,
                                 struct provider_report *made)
{
    table->vcek = proof->vcek;
    table->vlek = BYTES_NONE;
    if (proof->intermediate.n > 0)
        table->intermediate = proof->intermediate;
    if (proof->ark.n > 0)
        table->ark = proof->ark;
    return staple_write(made, table);
}

static struct err staple_complete(struct kds *kds, struct provider_report *made)
{
    struct snp_certtable table;
    struct snp_report report;
    struct kds_proof proof;
    TRY(snp_report_parse(BYTES(made->report), &report));
    struct err lack = staple_judge(made, &report, &table);
    if (!failed(lack) || !kds)
        return lack;
    struct err none = kds_certify(kds, &report, SNP_PRODUCT_UNKNOWN, true, &proof);
    if (failed(none) && table.vcek.n + table.vlek.n > 0)
        return err_make(none.code, "%s; it goes with it all the same, since KDS gives none: %s", lack.why, none.why);
    TRY(err_within(none, "%s", lack.why));
    struct err outcome = staple_replace(&proof.table, &table, made);
    kds_proof_release(&proof);
    if (!failed(outcome) && lack.code != ERR_NOT_FOUND)
        log_warning("attestation: %s; the one that AMD's KDS has goes with the report", lack.why);
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
