#include "app/vouch_pin.h"

#include "app/vouch_pin_text.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

#define PIN_NAME "vouch policy init"
#define PIN_VMPL_MAX                                                                                                   \
    3 /* publication 56860: a guest's levels are 0 to 3; of a report that its host asked for, all ones */

/* The root that came with the evidence; empty where none did. */
static struct bytes pin_ark(const struct vouch_case *c)
{
    return c->snp.ark.n > 0 ? c->snp.ark : c->material.table.ark;
}

/* The hash of a simulated processor's root that came along. Any other root nobody vouches for but AMD's. */
static struct err pin_find_simulated_root(const struct vouch_case *c, bool *found,
                                          uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE])
{
    X509 *ark = NULL;
    struct bytes bytes = pin_ark(c);
    *found = false;
    if (bytes.n == 0)
        return OK;
    TRY(snp_certificate_parse(bytes, &ark));
    *found = snp_ark_is_simulated(ark);
    snp_spki_sha256(ark, spki_sha256);
    X509_free(ark);
    return OK;
}

/* Asks nothing that evidence could be refused for, but proof. */
static char *pin_lenient(const uint8_t *simulated_root)
{
    char hash[2 * SNP_SPKI_SHA256_SIZE + 1] = "";
    if (simulated_root)
        hex_encode(bytes_of(simulated_root, SNP_SPKI_SHA256_SIZE), hash);
    return mem_format("formats: [cmw, eat, azure, go-eat, dice, raw]\n"
                      "guest: {mode: disabled}\n"
                      "certificates: {allow_masked_chip_id: true, allow_simulated: %s, trusted_arks: [%s%s%s]}\n",
                      simulated_root ? "true" : "false", simulated_root ? "\"" : "", hash, simulated_root ? "\"" : "");
}

/* The text as any verifier would read it, held against the evidence. */
static struct err pin_try(const struct vouch_case *c, const char *text, struct verdict *verdict)
{
    struct policy *policy = NULL;
    TRY(policy_parse(PIN_NAME, PIN_NAME, bytes_of_string(text), &policy));
    vouch_case_judge(c, policy, verdict);
    policy_drop(policy);
    return verdict->kind == VERDICT_DENY ? err_make(ERR_DENIED, "the evidence does not hold: %s", verdict->reason) : OK;
}

/* Without a policy of the user's: what the evidence says, once it is proved. */
static struct err pin_judge(const struct vouch_case *c, const uint8_t *simulated_root, struct verdict *verdict)
{
    char *text = pin_lenient(simulated_root);
    struct err outcome = pin_try(c, text, verdict);
    free(text);
    TRY(outcome);
    uint32_t vmpl = verdict->facts.report.vmpl;
    if (vmpl > PIN_VMPL_MAX)
        return err_make(ERR_DENIED, "no guest asked for this report: its VMPL is %" PRIu32, vmpl);
    return OK;
}

/* A report by itself says nothing of what it will be wrapped in. */
static enum evidence_format pin_format(const struct vouch_case *c, const struct verdict *verdict)
{
    return c->material.kind == MATERIAL_REPORT ? EVIDENCE_NONE : verdict->format;
}

/* The file of the certificate that the evidence lacks, as a policy in any folder names it, on the heap; NULL where it
 * brings its own. A report by itself says nothing of how evidence comes. */
static char *pin_vek(const struct vouch_case *c)
{
    enum material_kind kind = c->material.kind;
    bool is_evidence = kind != MATERIAL_REPORT && kind != MATERIAL_HCL;
    return is_evidence && c->vek_file && !vouch_case_brings_vek(c) ? realpath(c->vek_file, NULL) : NULL;
}

/* By the policy that was made the evidence must hold, or it is none. */
static struct err pin_make(const struct vouch_case *c, const struct vouch_pin *pin, char **text)
{
    struct verdict again;
    char *made = vouch_pin_text(pin);
    verdict_init(&again);
    struct err outcome = pin_try(c, made, &again);
    verdict_release(&again);
    if (failed(outcome))
        free(made);
    else
        *text = made;
    return outcome;
}

struct err vouch_pin(const struct vouch_case *c, char **text)
{
    struct verdict verdict;
    uint8_t root[SNP_SPKI_SHA256_SIZE];
    bool simulated = false;
    TRY(pin_find_simulated_root(c, &simulated, root));
    verdict_init(&verdict);
    struct err outcome = pin_judge(c, simulated ? root : NULL, &verdict);
    if (!failed(outcome)) {
        char *vek = pin_vek(c);
        struct vouch_pin pin = {
            .facts = &verdict.facts,
            .format = pin_format(c, &verdict),
            .azure = &c->material.evidence.azure,
            .simulated_root = verdict.facts.root == SNP_ROOT_AMD ? NULL : root,
            .vek = vek,
        };
        outcome = pin_make(c, &pin, text);
        free(vek);
    }
    verdict_release(&verdict);
    return outcome;
}
