#include "app/vouch_material.h"

#include "attest/corim.h"
#include "attest/evidence_alone.h"
#include "attest/small_file.h"
#include "tls/pem.h"

#include <stdlib.h>
#include <string.h>

#define PEM_MARK     "-----BEGIN "
#define DER_SEQUENCE 0x30

const char *material_kind_name(enum material_kind kind)
{
    switch (kind) {
    case MATERIAL_REPORT:
        return "attestation report";
    case MATERIAL_CERTIFICATE:
        return "certificate";
    case MATERIAL_CMW:
        return "CMW";
    case MATERIAL_HCL:
        return "HCL report";
    case MATERIAL_EAT:
        return "EAT";
    case MATERIAL_CORIM:
        return "CoRIM";
    case MATERIAL_TABLE:
        break;
    }
    return "table of certificates";
}

static void material_take_evidence(struct vouch_material *material)
{
    material->evidence_problem = evidence_find(material->leaf, NULL, &material->evidence);
    material->has_evidence = !failed(material->evidence_problem);
    if (material->has_evidence) {
        material->report = material->evidence.report;
        material->table = material->evidence.table;
    }
}

static struct err material_take_pem(const char *path, struct vouch_material *out)
{
    out->kind = MATERIAL_CERTIFICATE;
    TRY(pem_load_certificates(path, &out->others));
    out->leaf = sk_X509_shift(out->others);
    material_take_evidence(out);
    return OK;
}

static struct err material_take_der(struct bytes der, struct vouch_material *out)
{
    out->kind = MATERIAL_CERTIFICATE;
    TRY(certificate_parse(der, &out->leaf));
    material_take_evidence(out);
    return OK;
}

static struct err material_take_alone(struct bytes cbor, struct vouch_material *out)
{
    out->kind = evidence_alone_format(cbor) == EVIDENCE_EAT ? MATERIAL_EAT : MATERIAL_CMW;
    TRY(evidence_alone_parse(cbor, &out->evidence));
    out->report = out->evidence.report;
    out->table = out->evidence.table;
    out->has_evidence = true;
    return OK;
}

static struct err material_take_corim(struct bytes cbor, struct vouch_material *out)
{
    struct corim corim;
    out->kind = MATERIAL_CORIM;
    return corim_parse(cbor, &corim);
}

static void material_take_report(struct bytes bytes, struct vouch_material *out)
{
    out->kind = MATERIAL_REPORT;
    out->report = bytes;
}

static struct err material_take_hcl(struct bytes bytes, struct vouch_material *out)
{
    struct hcl_report hcl;
    out->kind = MATERIAL_HCL;
    TRY(hcl_report_parse(bytes, &hcl));
    out->report = hcl.report;
    out->claims = hcl.claims;
    return OK;
}

/* A table without an entry could be any file of zeros. */
static struct err material_take_table(struct bytes bytes, struct vouch_material *out)
{
    out->kind = MATERIAL_TABLE;
    TRY(snp_certtable_parse(bytes, &out->table));
    const struct snp_certtable *table = &out->table;
    if (table->vcek.n + table->vlek.n + table->intermediate.n + table->ark.n + table->crl.n == 0)
        return err_make(ERR_INPUT, "the table holds nothing under AMD's GUIDs");
    return OK;
}

/* Tables come first: the first byte of a GUID may look like anything. What then begins like a certificate, a CBOR map,
 * an array or a tag that we know is one, or malformed; a report begins with its version. */
static struct err material_recognise(const char *path, struct bytes bytes, struct vouch_material *out)
{
    if (bytes.n == 0)
        return err_make(ERR_INPUT, "the file is empty");
    if (!failed(material_take_table(bytes, out)))
        return OK;
    if (bytes.p[0] == DER_SEQUENCE)
        return material_take_der(bytes, out);
    if (evidence_alone_format(bytes) != EVIDENCE_NONE)
        return material_take_alone(bytes, out);
    if (hcl_report_is_one(bytes))
        return material_take_hcl(bytes, out);
    if (corim_is_likely(bytes))
        return material_take_corim(bytes, out);
    if (memmem(bytes.p, bytes.n, PEM_MARK, sizeof PEM_MARK - 1))
        return material_take_pem(path, out);
    if (bytes.n != SNP_REPORT_SIZE)
        return err_make(ERR_INPUT,
                        "%zu bytes that are no certificate (PEM or DER), CMW, EAT, CoRIM or table of certificates, nor "
                        "the %d of a report, nor an HCL report",
                        bytes.n, SNP_REPORT_SIZE);
    material_take_report(bytes, out);
    return OK;
}

struct err vouch_material_read(const char *path, struct vouch_material *out)
{
    *out = (struct vouch_material){0};
    TRY(small_file_read(path, MATERIAL_MAX, &out->content, &out->size));
    return err_within(material_recognise(path, bytes_of(out->content, out->size), out), "\"%.100s\"", path);
}

/* Malformed, a report is still what the caller took it for: only what is whole is something else. */
static bool material_take_other(const char *path, struct bytes bytes, struct vouch_material *out)
{
    struct vouch_material other = {0};
    bool is_other = !failed(material_recognise(path, bytes, &other));
    if (is_other) {
        other.content = out->content;
        other.size = out->size;
        *out = other;
        return true;
    }
    vouch_material_release(&other);
    return false;
}

struct err vouch_material_read_report(const char *path, struct vouch_material *out)
{
    *out = (struct vouch_material){0};
    TRY(small_file_read(path, MATERIAL_MAX, &out->content, &out->size));
    struct bytes bytes = bytes_of(out->content, out->size);
    if (out->size != SNP_REPORT_SIZE && evidence_alone_format(bytes) != EVIDENCE_NONE)
        return err_within(material_take_alone(bytes, out), "\"%.100s\"", path);
    if (out->size != SNP_REPORT_SIZE && hcl_report_is_one(bytes))
        return err_within(material_take_hcl(bytes, out), "\"%.100s\"", path);
    if (out->size == SNP_REPORT_SIZE || !material_take_other(path, bytes, out))
        material_take_report(bytes, out);
    return OK;
}

void vouch_material_of_server(struct vouch_server *server, struct vouch_material *out)
{
    *out = (struct vouch_material){.kind = MATERIAL_CERTIFICATE, .leaf = server->leaf, .others = server->others};
    server->leaf = NULL;
    server->others = NULL;
    material_take_evidence(out);
}

void vouch_material_release(struct vouch_material *material)
{
    X509_free(material->leaf);
    certificate_list_free(material->others);
    evidence_release(&material->evidence);
    free(material->content);
    *material = (struct vouch_material){0};
}
