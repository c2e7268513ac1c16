#include "attest/evidence.h"

#include "attest/azure_verify.h"
#include "attest/cmw.h"
#include "attest/provider.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <string.h>

/* The one extension that carries evidence, of whatever format. */
static struct err evidence_locate(const X509 *certificate, struct evidence *out, struct bytes *extension)
{
    struct err outcome = err_make(ERR_NOT_FOUND, "the certificate carries no evidence");
    for (int i = EVIDENCE_NONE + 1; i < EVIDENCE_FORMATS; i++) {
        enum evidence_format format = (enum evidence_format)i;
        struct bytes content = BYTES_NONE;
        if (format == EVIDENCE_EAT || format == EVIDENCE_AZURE) /* in the extension of EVIDENCE_CMW */
            continue;
        struct err found = certificate_extension(certificate, evidence_format_oid(format), &content);
        if (found.code == ERR_NOT_FOUND)
            continue;
        if (format == EVIDENCE_CMW && !failed(found) && eat_is_in(content))
            format = EVIDENCE_EAT;
        if (out->format != EVIDENCE_NONE)
            return err_make(ERR_INPUT, "the certificate carries evidence of two formats, %s and %s",
                            evidence_format_name(out->format), evidence_format_name(format));
        out->format = format;
        outcome = err_within(found, "evidence");
        *extension = content;
    }
    if (out->format == EVIDENCE_CMW && !failed(outcome) && cmw_extension_is_azure(*extension))
        out->format = EVIDENCE_AZURE;
    return outcome;
}

static struct err evidence_take_ours(const struct cmw *cmw, const struct bind *bind, struct evidence *out)
{
    if ((cmw->azure.n > 0) != (out->format == EVIDENCE_AZURE))
        return err_make(ERR_INPUT, "the evidence is not of the format %s", evidence_format_name(out->format));
    if (bind->kind != BIND_KIND_LEAF)
        return err_make(ERR_INPUT, "the evidence is about no certificate (bind record of kind %u)", bind->kind);
    TRY(snp_certtable_parse(cmw->certs, &out->table));
    out->bind = *bind;
    out->report = cmw->report;
    out->nonce = bind->nonce;
    out->issued_at_s = bind->issued_at_s;
    return OK;
}

static struct err evidence_read_cmw(struct bytes extension, struct evidence *out)
{
    struct cmw cmw;
    struct bind bind;
    TRY(cmw_parse_extension(extension, &cmw));
    TRY(bind_parse(cmw.bind, &bind));
    if (out->format == EVIDENCE_AZURE)
        TRY(evidence_azure_parse(cmw.azure, &out->azure));
    return evidence_take_ours(&cmw, &bind, out);
}

static struct err evidence_read_eat(struct bytes extension, struct evidence *out)
{
    struct eat eat;
    TRY(eat_parse_extension(extension, &eat));
    return evidence_take_ours(&eat.cmw, &eat.bind, out);
}

static struct err evidence_read_dice(struct bytes extension, struct evidence *out)
{
    TRY(evidence_dice_parse(extension, &out->dice));
    out->report = out->dice.report;
    out->nonce = out->dice.nonce;
    return OK;
}

static struct err evidence_read_go_eat(struct bytes extension, struct evidence *out)
{
    TRY(evidence_go_eat_parse(extension, &out->eat));
    out->report = out->eat.report;
    out->nonce = out->eat.nonce;
    out->vek = out->eat.vek;
    out->table.intermediate = out->eat.intermediate;
    out->table.ark = out->eat.ark;
    return OK;
}

static struct err evidence_read(struct bytes extension, struct evidence *out)
{
    if (extension.n > EVIDENCE_FOREIGN_MAX && !evidence_format_is_ours(out->format))
        return err_make(ERR_INPUT, "the evidence has %zu bytes, more than %d", extension.n, EVIDENCE_FOREIGN_MAX);
    switch (out->format) {
    case EVIDENCE_CMW:
    case EVIDENCE_AZURE:
        return evidence_read_cmw(extension, out);
    case EVIDENCE_EAT:
        return evidence_read_eat(extension, out);
    case EVIDENCE_GO_EAT:
        return evidence_read_go_eat(extension, out);
    case EVIDENCE_DICE:
        return evidence_read_dice(extension, out);
    case EVIDENCE_RAW:
        return evidence_raw_parse(extension, &out->report);
    case EVIDENCE_NONE:
    case EVIDENCE_FORMATS:
        break;
    }
    return err_make(ERR_UNSUPPORTED, "the evidence is of no known format");
}

struct err evidence_find(const X509 *certificate, const bool accepted[EVIDENCE_FORMATS], struct evidence *out)
{
    *out = (struct evidence){0};
    struct bytes extension = BYTES_NONE;
    TRY(evidence_locate(certificate, out, &extension));
    if (EVP_Digest(extension.p, extension.n, out->sha256, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash the evidence");
    if (accepted && !accepted[out->format])
        return err_make(ERR_DENIED, "evidence of the format %s is not accepted", evidence_format_name(out->format));
    return evidence_read(extension, out);
}

struct err evidence_report_data(const struct evidence *evidence, const struct certificate *certificate,
                                const uint8_t *issuer_spki_sha384, uint8_t out[SNP_REPORT_DATA_SIZE])
{
    switch (evidence->format) {
    case EVIDENCE_CMW:
    case EVIDENCE_AZURE:
    case EVIDENCE_EAT:
        if (!issuer_spki_sha384)
            return err_make(ERR_NOT_FOUND, "the issuer's key is not known");
        return bind_report_data(&evidence->bind, &certificate->facts, issuer_spki_sha384, out);
    case EVIDENCE_GO_EAT:
        return evidence_go_eat_report_data(&evidence->eat, out);
    case EVIDENCE_DICE:
        return evidence_dice_report_data(&evidence->dice, certificate->facts.spki, out);
    case EVIDENCE_RAW:
        return evidence_raw_report_data(certificate->facts.spki, out);
    case EVIDENCE_NONE:
    case EVIDENCE_FORMATS:
        break;
    }
    return err_make(ERR_UNSUPPORTED, "the evidence is of no known format");
}

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
