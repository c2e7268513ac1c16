#include "app/vouch_pin.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PIN_NAME "vouch policy init"
#define PIN_PCRS 10 /* the lowest: firmware, boot loader, kernel and its command line (TCG PC Client, 3.3.4) */

/* The root that came with the evidence; empty where none did. */
static struct bytes pin_ark(const struct vouch_case *c)
{
    return c->material.kind == MATERIAL_CERTIFICATE ? c->material.table.ark : c->snp.ark;
}

/* The hash of a simulated processor's root that came along. Any other root nobody vouches for is refused. */
static struct err pin_simulated_root(const struct vouch_case *c, uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE])
{
    X509 *ark = NULL;
    struct bytes bytes = pin_ark(c);
    if (bytes.n == 0)
        return err_make(ERR_NOT_FOUND, "no root came with the evidence");
    TRY(snp_certificate_parse(bytes, &ark));
    bool simulated = snp_ark_is_simulated(ark);
    snp_spki_sha256(ark, spki_sha256);
    X509_free(ark);
    return simulated ? OK : err_make(ERR_DENIED, "the root that came with it is not a simulated processor's");
}

static void pin_write_guest(const struct snp_report *report, FILE *out)
{
    bool debug = snp_policy_allows_debug(report->policy);
    bool smt = snp_policy_allows_smt(report->policy) || snp_platform_smt_is_on(report->platform_info);
    fputs("guest:\n", out);
    fprintf(out, "  debug_disabled: %s%s\n", debug ? "false" : "true",
            debug ? "  # its host may look into this guest: it protects nothing" : "");
    fprintf(out, "  smt_disabled: %s\n", smt ? "false" : "true");
    fprintf(out, "  min_guest_svn: %" PRIu32 "\n", report->guest_svn);
}

/* The format is demanded of evidence from files, too. Nothing for the default one, and for a report by itself. */
static void pin_write_format(const struct vouch_material *material, FILE *out)
{
    enum evidence_format format = material->evidence.format;
    if (material->claims.n > 0)
        format = EVIDENCE_AZURE;
    if (format != EVIDENCE_NONE && format != EVIDENCE_CMW)
        fprintf(out, "formats: [%s]\n", evidence_format_name(format));
}

/* What an Azure virtual machine started: its measurement is the paravisor's. Nothing for other evidence. */
static void pin_write_azure(const struct vouch_material *material, FILE *out)
{
    const struct evidence_azure *azure = &material->evidence.azure;
    struct tpm_quote quote;
    if (azure->quote.n == 0 || failed(tpm_quote_parse(azure->quote, &quote)))
        return;
    fputs("launch:\n  tpm_pcrs:\n", out);
    for (unsigned i = 0; i < PIN_PCRS; i++) {
        char hex[2 * TPM_PCR_SIZE + 1];
        struct bytes value = tpm_quote_pcr(&quote, azure->pcrs, i);
        hex_encode(value, hex);
        if (value.n > 0)
            fprintf(out, "    %u: \"%s\"\n", i, hex);
    }
}

/* `root` is NULL for AMD's. */
static char *pin_write(const struct vouch_material *material, const struct snp_report *report, const uint8_t *root)
{
    char measurement[2 * SNP_MEASUREMENT_SIZE + 1], hash[2 * SNP_SPKI_SHA256_SIZE + 1];
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return mem_string("");
    hex_encode(BYTES(report->measurement), measurement);
    fputs("# Made by vouch policy init: it pins what stood in one piece of evidence. Whether that is what should run,\n"
          "# you have to know from elsewhere.\n"
          "version: \"1.0\"\n",
          out);
    fprintf(out, "measurements:\n  expected: \"%s\"\n", measurement);
    fprintf(out, "tcb:\n  min_version: \"%u.%u.%u\"\n", report->committed.major, report->committed.minor,
            report->committed.build);
    pin_write_guest(report, out);
    pin_write_format(material, out);
    pin_write_azure(material, out);
    if (root) {
        hex_encode(bytes_of(root, SNP_SPKI_SHA256_SIZE), hash);
        fprintf(out,
                "certificates:\n  # A simulated processor: it protects nothing.\n  allow_simulated: true\n"
                "  trusted_arks: [\"%s\"]\n",
                hash);
    }
    if (fclose(out) != 0) {
        free(text);
        return mem_string("");
    }
    return text;
}

/* The text as any verifier would read it, held against the evidence. */
static struct err pin_try(const struct vouch_case *c, const char *text)
{
    struct policy *policy = NULL;
    struct verdict verdict;
    TRY(policy_parse(PIN_NAME, PIN_NAME, bytes_of_string(text), &policy));
    verdict_init(&verdict);
    vouch_case_judge(c, policy, &verdict);
    struct err outcome =
        verdict.kind == VERDICT_DENY ? err_make(ERR_DENIED, "the evidence does not hold: %s", verdict.reason) : OK;
    verdict_release(&verdict);
    policy_drop(policy);
    return outcome;
}

/* First without a policy, so that the report is read and the root known; then by the policy that was made. */
struct err vouch_pin(const struct vouch_case *c, char **text)
{
    struct verdict verdict;
    uint8_t root[SNP_SPKI_SHA256_SIZE];
    verdict_init(&verdict);
    vouch_case_judge(c, NULL, &verdict);
    bool by_amd = verdict.facts.root == SNP_ROOT_AMD;
    struct snp_report report = verdict.facts.report;
    struct err outcome =
        verdict.facts.report_is_read ? OK : err_make(ERR_DENIED, "the evidence does not hold: %s", verdict.reason);
    if (!failed(outcome) && !by_amd && failed(pin_simulated_root(c, root)))
        outcome = err_make(ERR_DENIED, "the evidence does not hold: %s", verdict.reason);
    verdict_release(&verdict);
    TRY(outcome);
    char *made = pin_write(&c->material, &report, by_amd ? NULL : root);
    outcome = pin_try(c, made);
    if (failed(outcome))
        free(made);
    else
        *text = made;
    return outcome;
}
