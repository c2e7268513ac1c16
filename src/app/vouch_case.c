#include "app/vouch_case.h"

#include "app/vouch_command.h"
#include "app/vouch_subject.h"
#include "base/clock.h"

bool vouch_case_brings_vek(const struct vouch_case *c)
{
    const struct vouch_material *material = &c->material;
    return material->table.vcek.n + material->table.vlek.n + material->evidence.vek.n > 0;
}

/* `is_report`: of --report, which is no certificate. */
static struct err case_check_kind(enum material_kind kind, bool is_report)
{
    switch (kind) {
    case MATERIAL_TABLE:
        return err_make(ERR_INPUT,
                        "a table of certificates is no evidence: it proves a report, beside which --certs gives it");
    case MATERIAL_CORIM:
        return err_make(ERR_INPUT, "a CoRIM is no evidence: it says what evidence should show, to a policy that names "
                                   "it in measurements.corim");
    case MATERIAL_CERTIFICATE:
        if (is_report)
            return err_make(ERR_INPUT, "a certificate is no report: what evidence it carries is judged with vouch "
                                       "policy test POLICY FILE; that of a report's key is given with --vek beside "
                                       "the report");
        break;
    case MATERIAL_CMW:
    case MATERIAL_HCL:
    case MATERIAL_EAT:
    case MATERIAL_REPORT:
        break;
    }
    return OK;
}

/* A certificate without evidence is judged for that, whatever is given beside it. */
static struct err case_fit(const struct vouch_files *files, const struct policy *policy, struct vouch_case *c)
{
    const struct vouch_material *material = &c->material;
    bool is_certificate = material->kind == MATERIAL_CERTIFICATE;
    if (vouch_case_brings_vek(c) && vouch_files_are_given(files))
        return err_make(ERR_INPUT, "the %s brings its own certificates: give none beside it",
                        material_kind_name(material->kind));
    c->snp.report = material->report;
    c->vek_file = files->vek ? files->vek : (files->vcek ? files->vcek : files->vlek);
    if (!is_certificate)
        snp_evidence_take_table(&c->snp, &material->table);
    TRY(vouch_files_read(files, &c->contents, &c->snp));
    return vouch_files_check_ark(files, &c->snp, policy);
}

struct err vouch_case_open(const char *path, bool is_report, const struct vouch_files *files,
                           const struct policy *policy, struct vouch_case *out)
{
    *out = (struct vouch_case){.now_us = files->has_at ? files->at_us : clock_wall_us()};
    TRY(is_report ? vouch_material_read_report(path, &out->material) : vouch_material_read(path, &out->material));
    TRY(err_within(case_check_kind(out->material.kind, is_report), "\"%.100s\"", path));
    TRY(case_fit(files, policy, out));
    return vouch_files_read_crl(files, &out->contents, &out->crl);
}

struct err vouch_case_supply(struct vouch_case *c, const char *command, struct kds *kds, const struct policy *policy)
{
    bool is_certificate = c->material.kind == MATERIAL_CERTIFICATE;
    struct vouch_evidence_parts parts = {
        .report = c->snp.report,
        .has_certificate = vouch_case_brings_vek(c) || c->snp.vek.n + c->snp.vcek.n + c->snp.vlek.n > 0,
        .crl_is_named = c->crl.n > 0,
    };
    struct err outcome = vouch_kds_supply(kds, command, &parts, policy);
    if (failed(outcome) && !is_certificate)
        return err_within(outcome, "the report's certificate is missing: give --vek, --vcek, --vlek or --certs FILE");
    if (failed(outcome))
        vouch_fail(command, err_within(outcome, VOUCH_LACKS_CERTIFICATE), false);
    c->kds = kds;
    c->crls = crl_set_make(kds);
    return OK;
}

struct err vouch_case_open_subject(const char *subject, bool direct_tls, int64_t timeout_us,
                                   const struct vouch_files *files, struct vouch_case *out)
{
    *out = (struct vouch_case){.now_us = files->has_at ? files->at_us : clock_wall_us()};
    TRY(vouch_subject_read(subject, direct_tls, timeout_us, &out->material));
    TRY(err_within(case_check_kind(out->material.kind, false), "\"%.100s\"", subject));
    TRY(case_fit(files, NULL, out));
    return vouch_files_read_crl(files, &out->contents, &out->crl);
}

void vouch_case_close(struct vouch_case *c)
{
    crl_set_drop(c->crls);
    vouch_contents_release(&c->contents);
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
            .kds = c->kds,
            .crls = c->crls,
            .crl = c->crl,
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
        .kds = c->kds,
        .crls = c->crls,
        .crl = c->crl,
        .now_us = c->now_us,
    };
    verify_report_alone(&request, verdict);
}
