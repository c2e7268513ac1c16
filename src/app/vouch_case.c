#include "app/vouch_case.h"

#include "app/vouch_subject.h"
#include "attest/small_file.h"
#include "base/clock.h"
#include "snp/crl.h"

#include <stdlib.h>

static struct err case_read(const char *flag, const char *path, uint8_t **content, struct bytes *out)
{
    size_t size = 0;
    if (!path)
        return OK;
    TRY(err_within(small_file_read(path, MATERIAL_MAX, content, &size), "%s", flag));
    if (size == 0)
        return err_make(ERR_INPUT, "%s: \"%.100s\" is empty", flag, path);
    *out = bytes_of(*content, size);
    return OK;
}

/* A slip in a file is told from a list that says no. */
static struct err case_check_crl(struct bytes bytes)
{
    struct snp_crl *crl = NULL;
    if (bytes.n == 0)
        return OK;
    TRY(err_within(snp_crl_parse(bytes, &crl), "--crl"));
    snp_crl_free(crl);
    return OK;
}

static struct err case_read_files(const struct vouch_files *files, struct vouch_case *c)
{
    struct snp_evidence *snp = &c->snp;
    TRY(case_read("--vek", files->vek, &c->content[0], &snp->vek));
    TRY(case_read("--vcek", files->vcek, &c->content[1], &snp->vcek));
    TRY(case_read("--vlek", files->vlek, &c->content[2], &snp->vlek));
    TRY(case_read("--ask", files->ask, &c->content[3], &snp->intermediate));
    TRY(case_read("--ark", files->ark, &c->content[4], &snp->ark));
    TRY(case_read("--crl", files->crl, &c->content[5], &snp->crl));
    c->vek_file = files->vek ? files->vek : (files->vcek ? files->vcek : files->vlek);
    c->crl_mode = files->crl ? SNP_CRL_REQUIRED : SNP_CRL_IF_AVAILABLE;
    return case_check_crl(snp->crl);
}

bool vouch_case_brings_vek(const struct vouch_case *c)
{
    const struct vouch_material *material = &c->material;
    return material->table.vcek.n + material->table.vlek.n + material->evidence.vek.n > 0;
}

static struct err case_fit(const struct vouch_files *files, struct vouch_case *c)
{
    switch (c->material.kind) {
    case MATERIAL_CERTIFICATE:
        if (vouch_files_are_given(files) && (!c->material.has_evidence || vouch_case_brings_vek(c)))
            return err_make(ERR_INPUT, "a certificate with evidence brings its own certificates: give no files beside "
                                       "it");
        return case_read_files(files, c);
    case MATERIAL_TABLE:
        return err_make(ERR_INPUT, "a table of certificates is no evidence: it proves a report");
    case MATERIAL_CORIM:
        return err_make(ERR_INPUT, "a CoRIM is no evidence: it says what evidence should show");
    case MATERIAL_CMW:
    case MATERIAL_HCL:
    case MATERIAL_EAT:
    case MATERIAL_REPORT:
        break;
    }
    bool brings = vouch_case_brings_vek(c);
    bool given = files->vek || files->vcek || files->vlek;
    if (brings && vouch_files_are_given(files))
        return err_make(ERR_INPUT, "the %s brings its own certificates: give no files beside it",
                        material_kind_name(c->material.kind));
    if (!brings && !given && !files->may_lack)
        return err_make(ERR_INPUT, "the report's certificate is missing: --vek, --vcek or --vlek FILE");
    if (brings)
        snp_evidence_take_table(&c->snp, &c->material.table);
    c->snp.report = c->material.report;
    return brings ? OK : case_read_files(files, c);
}

struct err vouch_case_open(const char *path, bool is_report, const struct vouch_files *files, struct vouch_case *out)
{
    *out = (struct vouch_case){.now_us = files->has_at ? files->at_us : clock_wall_us()};
    TRY(is_report ? vouch_material_read_report(path, &out->material) : vouch_material_read(path, &out->material));
    return case_fit(files, out);
}

struct err vouch_case_open_subject(const char *subject, bool direct_tls, int64_t timeout_us,
                                   const struct vouch_files *files, struct vouch_case *out)
{
    *out = (struct vouch_case){.now_us = files->has_at ? files->at_us : clock_wall_us()};
    TRY(vouch_subject_read(subject, direct_tls, timeout_us, &out->material));
    return case_fit(files, out);
}

void vouch_case_close(struct vouch_case *c)
{
    for (size_t i = 0; i < VOUCH_CASE_FILES; i++)
        free(c->content[i]);
    vouch_material_release(&c->material);
    *c = (struct vouch_case){0};
}

struct err vouch_case_ask(struct vouch_case *c, const struct vouch_asking *asking)
{
    if (asking->report_data && c->material.kind == MATERIAL_CERTIFICATE)
        return err_make(ERR_INPUT, "what REPORT_DATA has to be follows from the certificate: --report-data is of a "
                                   "report, CMW or EAT");
    return vouch_asked_read(asking, &c->asked);
}

void vouch_case_judge(const struct vouch_case *c, const struct policy *policy, struct verdict *verdict)
{
    struct bytes nonce = bytes_of(c->asked.nonce.bytes, c->asked.nonce.size);
    if (c->material.kind == MATERIAL_CERTIFICATE) {
        struct verify_request request = {
            .role = VERIFY_FILE,
            .certificate = c->material.leaf,
            .others = c->material.others,
            .policy = policy,
            .lent = &c->snp,
            .expected_nonce = nonce,
            .now_us = c->now_us,
        };
        verify_certificate(&request, verdict);
        return;
    }
    struct verify_report_request request = {
        .evidence = &c->snp,
        .bind = c->material.has_evidence ? &c->material.evidence.bind : NULL,
        .azure = c->material.evidence.azure.claims.n > 0 ? &c->material.evidence.azure : NULL,
        .claims = c->material.claims,
        .format = c->material.evidence.format,
        .policy = policy,
        .expected_nonce = nonce,
        .expected_data = c->asked.has_report_data ? BYTES(c->asked.report_data) : BYTES_NONE,
        .crl_mode = c->crl_mode,
        .kds = c->kds,
        .crls = c->crls,
        .now_us = c->now_us,
    };
    verify_report_alone(&request, verdict);
}
