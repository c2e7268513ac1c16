#include "attest/evidence.h"

#include "attest/cmw.h"
#include "attest/provider.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <string.h>

struct err evidence_find(const X509 *certificate, struct evidence *out)
{
    *out = (struct evidence){0};
    struct bytes extension;
    struct err found = certificate_extension(certificate, CMW_OID, &extension);
    if (found.code == ERR_NOT_FOUND)
        return err_make(ERR_NOT_FOUND, "the certificate carries no evidence");
    out->format = EVIDENCE_CMW;
    TRY(err_within(found, "evidence"));
    if (EVP_Digest(extension.p, extension.n, out->sha256, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash the evidence");
    struct cmw cmw;
    TRY(cmw_parse_extension(extension, &cmw));
    TRY(bind_parse(cmw.bind, &out->bind));
    if (out->bind.kind != BIND_KIND_LEAF)
        return err_make(ERR_INPUT, "the evidence is about no certificate (bind record of kind %u)", out->bind.kind);
    TRY(snp_certtable_parse(cmw.certs, &out->table));
    out->report = cmw.report;
    return OK;
}

struct err evidence_report_data(const struct evidence *evidence, const struct certificate *certificate,
                                const uint8_t issuer_spki_sha384[SHA384_SIZE], uint8_t out[SNP_REPORT_DATA_SIZE])
{
    return bind_report_data(&evidence->bind, &certificate->facts, issuer_spki_sha384, out);
}

/* A device that answers with the report of another request would make evidence that everybody refuses. */
static struct err evidence_check_report(const struct provider_report *made,
                                        const uint8_t report_data[SNP_REPORT_DATA_SIZE])
{
    struct snp_report report;
    TRY(snp_report_parse(BYTES(made->report), &report));
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

/* Has a CMW of the parts written by `write`: as a certificate's extension, or by itself. */
static struct err evidence_write(const struct bind *bind, const struct provider_report *made,
                                 void (*write)(const struct cmw *cmw, struct writer *w), struct writer *out)
{
    uint8_t room[BIND_MAX];
    struct writer table = writer_growing(CMW_MAX), record = writer_over(room, sizeof room);
    struct err outcome = evidence_write_table(made, &table);
    bind_write(bind, &record);
    if (!failed(outcome))
        outcome = writer_finish(&record, "the bind record");
    if (!failed(outcome)) {
        struct cmw cmw = {.report = BYTES(made->report), .certs = writer_bytes(&table), .bind = writer_bytes(&record)};
        write(&cmw, out);
        outcome = writer_finish(out, "the evidence");
    }
    writer_free(&table);
    return outcome;
}

static struct err evidence_add(struct leaf *leaf, const struct bind *bind, const struct provider_report *made)
{
    struct writer extension = writer_growing(CMW_MAX);
    struct err outcome = evidence_write(bind, made, cmw_write_extension, &extension);
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
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    TRY(bind_report_data(&bind, leaf_facts(leaf), leaf_issuer_spki_sha384(leaf), report_data));
    struct provider_report made;
    TRY(provider_report(provider, report_data, &made));
    struct err outcome = evidence_check_report(&made, report_data);
    if (!failed(outcome))
        outcome = evidence_add(leaf, &bind, &made);
    if (!failed(outcome) && report)
        memcpy(report, made.report, SNP_REPORT_SIZE);
    provider_report_release(&made);
    return outcome;
}

struct err evidence_make_report(struct provider *provider, struct bytes nonce, int64_t issued_at_s,
                                uint8_t report[SNP_REPORT_SIZE], struct writer *cmw)
{
    struct bind bind = {.kind = BIND_KIND_REPORT, .issued_at_s = issued_at_s, .nonce = nonce};
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    TRY(bind_report_data_alone(&bind, report_data));
    struct provider_report made;
    TRY(provider_report(provider, report_data, &made));
    struct err outcome = evidence_check_report(&made, report_data);
    if (!failed(outcome))
        outcome = evidence_write(&bind, &made, cmw_write, cmw);
    if (!failed(outcome))
        memcpy(report, made.report, SNP_REPORT_SIZE);
    provider_report_release(&made);
    return outcome;
}
