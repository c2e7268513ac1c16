/* evidence_make.c: evidence made, by whom a provider serves. Apart from evidence.c so that who only verifies, as
 * libvouch does, needs no provider and none of the libraries that providers need. */
#include "attest/azure_verify.h"
#include "attest/cmw.h"
#include "attest/evidence.h"
#include "attest/provider.h"

#include <string.h>

static struct err evidence_check_azure(const struct provider_report *made, const struct snp_report *report,
                                       const uint8_t value[SNP_REPORT_DATA_SIZE])
{
    struct evidence_azure azure;
    struct azure_facts facts;
    struct checklist checks = CHECKLIST_EMPTY;
    TRY(evidence_azure_parse(bytes_of(made->azure, made->azure_size), &azure));
    struct err outcome = azure_verify(&azure, report, value, &checks, &facts);
    checklist_free(&checks);
    return err_within(outcome, "the provider gave a report that binds something else");
}

/* A device that answers with the report of another request would make evidence that everybody refuses. */
static struct err evidence_check_report(const struct provider_report *made,
                                        const uint8_t report_data[SNP_REPORT_DATA_SIZE])
{
    struct snp_report report;
    TRY(snp_report_parse(BYTES(made->report), &report));
    if (made->azure_size > 0)
        return evidence_check_azure(made, &report, report_data);
    if (!bytes_equal_secret(BYTES(report.report_data), bytes_of(report_data, SNP_REPORT_DATA_SIZE)))
        return err_make(ERR_INPUT, "the provider gave a report over other REPORT_DATA");
    return OK;
}

/* The provider's table written anew: devices pad theirs with pages of zeros. */
static struct err evidence_write_table(const struct provider_report *made, struct writer *w)
{
    struct snp_certtable table;
    TRY(err_within(snp_certtable_parse(bytes_of(made->table, made->table_size), &table),
                   "the provider's table of certificates"));
    if (table.vcek.n + table.vlek.n + table.intermediate.n + table.ark.n + table.crl.n > 0)
        snp_certtable_write(&table, w);
    return writer_finish(w, "the provider's table of certificates");
}

/* How evidence is written: in one of our formats, as a certificate's extension or by itself. */
typedef struct err evidence_writer(const struct cmw *cmw, const struct bind *bind, struct writer *w);

static struct err evidence_write_cmw(const struct cmw *cmw, const struct bind *bind, struct writer *w)
{
    (void)bind;
    cmw_write(cmw, w);
    return writer_finish(w, "the evidence");
}

static struct err evidence_write_cmw_extension(const struct cmw *cmw, const struct bind *bind, struct writer *w)
{
    (void)bind;
    cmw_write_extension(cmw, w);
    return writer_finish(w, "the evidence");
}

static struct err evidence_write(const struct bind *bind, const struct provider_report *made, evidence_writer *write,
                                 struct writer *out)
{
    uint8_t room[BIND_MAX];
    struct writer table = writer_growing(CMW_MAX), record = writer_over(room, sizeof room);
    struct err outcome = evidence_write_table(made, &table);
    bind_write(bind, &record);
    if (!failed(outcome))
        outcome = writer_finish(&record, "the bind record");
    if (!failed(outcome)) {
        struct cmw cmw = {.report = BYTES(made->report),
                          .certs = writer_bytes(&table),
                          .bind = writer_bytes(&record),
                          .azure = bytes_of(made->azure, made->azure_size)};
        outcome = write(&cmw, bind, out);
    }
    writer_free(&table);
    return outcome;
}

/* Has a report made over `report_data`, and writes it. `report` may be NULL. */
static struct err evidence_make(struct provider *provider, const struct bind *bind,
                                const uint8_t report_data[SNP_REPORT_DATA_SIZE], evidence_writer *write,
                                uint8_t *report, struct writer *out)
{
    struct provider_report made;
    TRY(provider_report(provider, report_data, &made));
    struct err outcome = evidence_check_report(&made, report_data);
    if (!failed(outcome) && made.azure_size > 0 && (write == eat_write || write == eat_write_extension))
        outcome = err_make(ERR_UNSUPPORTED, "an EAT has no room for what evidence from Azure needs: make a CMW");
    if (!failed(outcome))
        outcome = evidence_write(bind, &made, write, out);
    if (!failed(outcome) && report)
        memcpy(report, made.report, SNP_REPORT_SIZE);
    provider_report_release(&made);
    return outcome;
}

static struct err evidence_attach_as(struct leaf *leaf, struct provider *provider, const struct bind *bind,
                                     evidence_writer *write, uint8_t *report)
{
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    TRY(bind_report_data(bind, leaf_facts(leaf), leaf_issuer_spki_sha384(leaf), report_data));
    struct writer extension = writer_growing(EVIDENCE_OURS_MAX);
    struct err outcome = evidence_make(provider, bind, report_data, write, report, &extension);
    if (!failed(outcome))
        outcome = leaf_add_extension(leaf, CMW_OID, writer_bytes(&extension));
    writer_free(&extension);
    return outcome;
}

struct err evidence_attach(struct leaf *leaf, struct provider *provider, struct bytes config_digest, struct bytes nonce,
                           int64_t issued_at_s, uint8_t *report)
{
    struct bind bind = {
        .kind = BIND_KIND_LEAF, .config_digest = config_digest, .issued_at_s = issued_at_s, .nonce = nonce};
    return evidence_attach_as(leaf, provider, &bind, evidence_write_cmw_extension, report);
}

struct err evidence_attach_eat(struct leaf *leaf, struct provider *provider, struct bytes config_digest,
                               struct bytes nonce, int64_t issued_at_s, uint8_t *report)
{
    struct bind bind = {
        .kind = BIND_KIND_LEAF, .config_digest = config_digest, .issued_at_s = issued_at_s, .nonce = nonce};
    TRY(eat_check_nonce(nonce));
    return evidence_attach_as(leaf, provider, &bind, eat_write_extension, report);
}

struct err evidence_make_report(struct provider *provider, enum evidence_format format, struct bytes nonce,
                                int64_t issued_at_s, uint8_t report[SNP_REPORT_SIZE], struct writer *out)
{
    struct bind bind = {.kind = BIND_KIND_REPORT, .issued_at_s = issued_at_s, .nonce = nonce};
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    if (!evidence_format_is_ours(format))
        return err_make(ERR_UNSUPPORTED, "evidence of the format %s is only read", evidence_format_name(format));
    if (format == EVIDENCE_EAT)
        TRY(eat_check_nonce(nonce));
    TRY(bind_report_data_alone(&bind, report_data));
    return evidence_make(provider, &bind, report_data, format == EVIDENCE_EAT ? eat_write : evidence_write_cmw, report,
                         out);
}
