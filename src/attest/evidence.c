#include "attest/evidence.h"

#include "attest/cmw.h"
#include "attest/cmw_json.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define DER_HEADER_MAX 4

/* Of a CMW in JSON, the extension as it would be in CBOR; of any other, itself. */
static struct err evidence_rewrite(struct evidence *out, struct bytes *extension)
{
    struct bytes json = BYTES_NONE;
    if (!cmw_unwrap_json(*extension, &json))
        return OK;
    struct writer cbor = writer_growing(EVIDENCE_OURS_MAX), w = writer_growing(EVIDENCE_OURS_MAX + DER_HEADER_MAX);
    struct err outcome = cmw_json_rewrite(json, &cbor);
    if (!failed(outcome)) {
        cmw_wrap(writer_bytes(&cbor), &w);
        outcome = writer_finish(&w, "the CMW");
    }
    if (!failed(outcome)) {
        out->rewritten = mem_copy(writer_bytes(&w));
        *extension = bytes_of(out->rewritten, w.used);
    }
    writer_free(&cbor);
    writer_free(&w);
    return outcome;
}

static bool cmw_is_accepted(const bool accepted[EVIDENCE_FORMATS])
{
    return !accepted || accepted[EVIDENCE_CMW] || accepted[EVIDENCE_EAT] || accepted[EVIDENCE_AZURE];
}

/* The one extension that carries evidence, of whatever format, and what there is to read of it. No JSON is read where
 * nothing in it is accepted. */
static struct err evidence_locate(const X509 *certificate, const bool accepted[EVIDENCE_FORMATS], struct evidence *out,
                                  struct bytes *extension, struct bytes *readable)
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
        *readable = content;
        if (format == EVIDENCE_CMW && !failed(found) && cmw_is_accepted(accepted))
            found = evidence_rewrite(out, readable);
        if (format == EVIDENCE_CMW && !failed(found) && eat_is_in(*readable))
            format = EVIDENCE_EAT;
        if (out->format != EVIDENCE_NONE)
            return err_make(ERR_INPUT, "the certificate carries evidence of two formats, %s and %s",
                            evidence_format_name(out->format), evidence_format_name(format));
        out->format = format;
        outcome = err_within(found, "evidence");
        *extension = content;
    }
    if (out->format == EVIDENCE_CMW && !failed(outcome) && cmw_extension_is_azure(*readable))
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
    struct bytes extension = BYTES_NONE, readable = BYTES_NONE;
    TRY(evidence_locate(certificate, accepted, out, &extension, &readable));
    if (EVP_Digest(extension.p, extension.n, out->sha256, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash the evidence");
    if (accepted && !accepted[out->format])
        return err_make(ERR_DENIED, "evidence of the format %s is not accepted", evidence_format_name(out->format));
    return evidence_read(readable, out);
}

void evidence_release(struct evidence *evidence)
{
    free(evidence->rewritten);
    *evidence = (struct evidence){0};
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
        return evidence_raw_report_data(certificate->facts.spki, evidence->nonce, out);
    case EVIDENCE_NONE:
    case EVIDENCE_FORMATS:
        break;
    }
    return err_make(ERR_UNSUPPORTED, "the evidence is of no known format");
}
