#include "snp/verify.h"

#include "base/clock.h"
#include "snp/consistency.h"
#include "snp/revocation.h"
#include "snp/signature.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define NOT_MADE_REPORT "the report cannot be read"
#define NOT_MADE_VEK    "the certificate cannot be read"
#define NOT_MADE_CHAIN  "the chain did not verify"

/* What the checks look at. Everything is taken apart first and judged afterwards, so that no check depends on where
 * another stopped. */
struct verification {
    const struct snp_evidence *evidence;
    const struct snp_trust *trust;
    struct checklist *out;
    struct snp_facts *facts;

    struct err report_error;
    struct bytes vek_bytes; /* empty unless exactly one was given */
    struct err vek_error;
    EVP_PKEY *vek_key; /* owned by vek_certificate or chain */
    X509 *vek_certificate;
    enum snp_chain_state chain_state;
    struct err chain_error;
    struct snp_chain *chain;        /* NULL unless good */
    struct snp_carried_crl carried; /* read where there is a chain to judge by it */
};

void snp_evidence_take_table(struct snp_evidence *evidence, const struct snp_certtable *table)
{
    evidence->vek = BYTES_NONE;
    evidence->vcek = table->vcek;
    evidence->vlek = table->vlek;
    evidence->intermediate = table->intermediate;
    evidence->ark = table->ark;
    evidence->crl = table->crl;
}

static enum check_outcome pass_if(bool good)
{
    return good ? CHECK_PASS : CHECK_FAIL;
}

/* The one certificate of the evidence. */
static struct err verify_choose_vek(const struct snp_evidence *evidence, struct bytes *out)
{
    const struct bytes given[] = {evidence->vek, evidence->vcek, evidence->vlek};
    int count = 0;
    *out = BYTES_NONE;
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (given[i].n > 0) {
            *out = given[i];
            count++;
        }
    if (count == 1)
        return OK;
    *out = BYTES_NONE;
    return count == 0 ? err_make(ERR_INPUT, "there is neither a VCEK nor a VLEK")
                      : err_make(ERR_INPUT, "there is more than one of VCEK and VLEK");
}

/* Reads the certificate that a failed chain did not. */
static struct err verify_read_vek(struct verification *v)
{
    TRY(snp_certificate_parse(v->vek_bytes, &v->vek_certificate));
    TRY(snp_vek_read(v->vek_certificate, &v->facts->vek));
    v->vek_key = X509_get0_pubkey(v->vek_certificate);
    return OK;
}

static struct err verify_check_label(const struct verification *v)
{
    enum snp_vek_kind kind = v->facts->vek.kind;
    if (v->evidence->vcek.n > 0 && kind != SNP_VEK_VCEK)
        return err_make(ERR_INPUT, "what was given as VCEK is a %s", snp_vek_kind_name(kind));
    if (v->evidence->vlek.n > 0 && kind != SNP_VEK_VLEK)
        return err_make(ERR_INPUT, "what was given as VLEK is a %s", snp_vek_kind_name(kind));
    return OK;
}

static void verify_take_chain(struct verification *v)
{
    v->facts->vek = v->chain->vek;
    v->facts->root = v->chain->root;
    v->facts->simulated = snp_ark_is_simulated(v->chain->ark);
    memcpy(v->facts->ark_spki_sha256, v->chain->ark_spki_sha256, SNP_SPKI_SHA256_SIZE);
    v->facts->valid_until_s = v->chain->not_after_s;
    v->vek_key = v->chain->vek_key;
}

static void verify_take_apart(struct verification *v)
{
    v->report_error = snp_report_read(v->evidence->report, &v->facts->report);
    v->facts->report_is_read = !failed(v->report_error);
    v->chain_state = SNP_CHAIN_VEK_SIGNATURE;
    v->vek_error = verify_choose_vek(v->evidence, &v->vek_bytes);
    if (failed(v->vek_error)) {
        v->chain_error = v->vek_error;
        return;
    }
    struct snp_chain_input input = {v->vek_bytes, v->evidence->intermediate, v->evidence->ark};
    v->chain_state = snp_chain_verify(&input, v->trust->arks, v->trust->cache, &v->chain, &v->chain_error);
    if (v->chain)
        verify_take_chain(v);
    else
        v->vek_error = verify_read_vek(v);
    v->facts->vek_is_read = !failed(v->vek_error);
    if (v->facts->vek_is_read)
        v->vek_error = verify_check_label(v);
}

static void verify_report_form(struct verification *v)
{
    const struct snp_report *report = &v->facts->report;
    bool read = v->facts->report_is_read;
    checklist_addf(v->out, SNP_CHECK_REPORT_LENGTH, pass_if(read), "1184 bytes", "%zu bytes", v->evidence->report.n);
    if (!read) {
        checklist_add(v->out, SNP_CHECK_REPORT_VERSION, CHECK_FAIL, "2 to 5", NOT_MADE_REPORT);
        checklist_add(v->out, SNP_CHECK_SIGNATURE_ALGORITHM, CHECK_FAIL, "1 (ECDSA P-384 with SHA-384)",
                      NOT_MADE_REPORT);
        checklist_add(v->out, SNP_CHECK_UNSIGNED_BYTES, CHECK_FAIL, "zero", NOT_MADE_REPORT);
        return;
    }
    bool zero = snp_signature_padding_is_zero(v->evidence->report.p);
    checklist_addf(v->out, SNP_CHECK_REPORT_VERSION, pass_if(snp_report_version_is_known(report->version)), "2 to 5",
                   "%u", report->version);
    checklist_addf(v->out, SNP_CHECK_SIGNATURE_ALGORITHM,
                   pass_if(report->signature_algo == SNP_SIGNATURE_ALGO_ECDSA_P384_SHA384),
                   "1 (ECDSA P-384 with SHA-384)", "%u", report->signature_algo);
    checklist_add(v->out, SNP_CHECK_UNSIGNED_BYTES, pass_if(zero), "zero", zero ? "zero" : "not zero");
}

static void verify_certificate(struct verification *v)
{
    const char *expected = "one VCEK or VLEK, well formed";
    if (failed(v->vek_error))
        checklist_add(v->out, SNP_CHECK_VEK_CERTIFICATE, CHECK_FAIL, expected, v->vek_error.why);
    else
        checklist_addf(v->out, SNP_CHECK_VEK_CERTIFICATE, CHECK_PASS, expected, "%s by %s",
                       snp_vek_kind_name(v->facts->vek.kind), v->facts->vek.issuer_name);
    struct err complete = v->facts->vek_is_read ? snp_vek_complete(&v->facts->vek) : err_make(ERR_DENIED, NOT_MADE_VEK);
    checklist_add(v->out, SNP_CHECK_VEK_EXTENSIONS, pass_if(!failed(complete)), "all that its kind calls for",
                  failed(complete) ? complete.why : "all");
}

static void verify_validity(struct verification *v)
{
    char now[CLOCK_TEXT_SIZE], from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
    if (!v->chain) {
        checklist_add(v->out, SNP_CHECK_CHAIN_VALIDITY, CHECK_FAIL, "all certificates valid", NOT_MADE_CHAIN);
        return;
    }
    bool has_begun = v->trust->now_s >= v->chain->not_before_s, has_ended = v->trust->now_s > v->chain->not_after_s;
    clock_text(v->trust->now_s * US_PER_SECOND, now);
    clock_text(v->chain->not_before_s * US_PER_SECOND, from);
    clock_text(v->chain->not_after_s * US_PER_SECOND, until);
    char expected[2 * CLOCK_TEXT_SIZE + 16];
    snprintf(expected, sizeof(expected), "%s to %s", from, until);
    checklist_addf(v->out, SNP_CHECK_CHAIN_VALIDITY, pass_if(has_begun && !has_ended), expected, "%s at %s",
                   !has_begun ? "not yet valid" : (has_ended ? "expired" : "valid"), now);
}

static void verify_chain(struct verification *v)
{
    /* A chain that holds up to a root nobody trusts fails for its root. */
    bool holds = v->chain_state == SNP_CHAIN_GOOD || v->chain_state == SNP_CHAIN_ROOT_NOT_PINNED;
    const char *state = snp_chain_state_name(v->chain_state);
    if (holds)
        checklist_add(v->out, SNP_CHECK_CHAIN, CHECK_PASS, "signatures and names hold", "hold");
    else
        checklist_addf(v->out, SNP_CHECK_CHAIN, CHECK_FAIL, "signatures and names hold", "%s: %s", state,
                       v->chain_error.why);
    const char *expected = "AMD's, or one of trusted_arks";
    if (v->chain)
        checklist_add(v->out, SNP_CHECK_CHAIN_ROOT, pass_if(v->chain->root != SNP_ROOT_NONE), expected,
                      snp_root_kind_name(v->chain->root));
    else if (holds)
        checklist_addf(v->out, SNP_CHECK_CHAIN_ROOT, CHECK_FAIL, expected, "%s: %s", state, v->chain_error.why);
    else
        checklist_add(v->out, SNP_CHECK_CHAIN_ROOT, CHECK_FAIL, expected, NOT_MADE_CHAIN);
    verify_validity(v);
}

static void verify_revocation(struct verification *v)
{
    struct snp_revocation result = {.outcome = CHECK_FAIL, .found = NOT_MADE_CHAIN};
    if (v->chain)
        v->carried = snp_carried_crl_read(v->evidence->crl);
    if (v->trust->crl_mode == SNP_CRL_OFF && v->trust->crl.n == 0)
        result = (struct snp_revocation){.outcome = CHECK_SKIPPED, .found = "policy looks at no lists"};
    else if (v->chain)
        snp_revocation_judge(v->chain, &v->carried, v->trust, &result);
    checklist_add(v->out, SNP_CHECK_CHAIN_REVOCATION, result.outcome, "not revoked", result.found);
    v->facts->crl_was_used = result.crl_was_used;
    if (result.crl_was_used && result.good_until_s < v->facts->valid_until_s)
        v->facts->valid_until_s = result.good_until_s;
}

static void verify_signature(struct verification *v)
{
    struct err outcome = err_make(ERR_DENIED, NOT_MADE_REPORT);
    if (v->facts->report_is_read)
        outcome =
            v->vek_key ? snp_signature_verify(v->evidence->report.p, v->vek_key) : err_make(ERR_DENIED, NOT_MADE_VEK);
    v->facts->signature_holds =
        !failed(outcome) && v->facts->report.signature_algo == SNP_SIGNATURE_ALGO_ECDSA_P384_SHA384;
    checklist_add(v->out, SNP_CHECK_REPORT_SIGNATURE, pass_if(!failed(outcome)), "by the key of the certificate",
                  failed(outcome) ? outcome.why : "holds");
}

void snp_verify_keep(const struct snp_evidence *evidence, const struct snp_trust *trust, struct checklist *out,
                     struct snp_facts *facts, struct snp_lineage **lineage)
{
    *facts = (struct snp_facts){0};
    struct verification v = {.evidence = evidence, .trust = trust, .out = out, .facts = facts};
    verify_take_apart(&v);
    verify_report_form(&v);
    verify_certificate(&v);
    verify_chain(&v);
    verify_revocation(&v);
    verify_signature(&v);
    snp_consistency_check(facts, trust->allow_masked_chip_id, out);
    *lineage = v.chain ? snp_lineage_new(v.chain, &v.carried) : NULL;
    snp_carried_crl_free(&v.carried);
    snp_chain_release(v.chain);
    X509_free(v.vek_certificate);
    ERR_clear_error();
}

void snp_verify(const struct snp_evidence *evidence, const struct snp_trust *trust, struct checklist *out,
                struct snp_facts *facts)
{
    struct snp_lineage *lineage = NULL;
    snp_verify_keep(evidence, trust, out, facts, &lineage);
    snp_lineage_drop(lineage);
}
