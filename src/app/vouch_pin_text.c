#include "app/vouch_pin_text.h"

#include "attest/policy_key.h"
#include "attest/policy_place.h"
#include "attest/policy_products.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PIN_PCRS 10 /* the lowest: firmware, boot loader, kernel and its command line (TCG PC Client, 3.3.4) */

/* Bits that only make a guest weaker: one that does without is not refused. SEV-TIO is among them as CXL is: it is no
 * protection, but lets in devices that a guest without it keeps out of its memory. Every other bit that has a name is a
 * protection, but for the one that is always set. */
#define PIN_WEAK_POLICY                                                                                                \
    (UINT64_C(1) << SNP_POLICY_SMT | UINT64_C(1) << SNP_POLICY_MIGRATE_MA | UINT64_C(1) << SNP_POLICY_DEBUG |          \
     UINT64_C(1) << SNP_POLICY_CXL)
#define PIN_WEAK_PLATFORM   (UINT64_C(1) << SNP_PLATFORM_SMT | UINT64_C(1) << SNP_PLATFORM_TIO)
#define PIN_STRICT_POLICY   (~(PIN_WEAK_POLICY | UINT64_C(1) << SNP_POLICY_RESERVED_ONE))
#define PIN_POLICY_ABI_BITS UINT64_C(0xffff)

/* ---- values ---- */

static uint64_t pin_named_bits(const struct snp_bit *bits)
{
    uint64_t named = 0;
    for (; bits->name; bits++)
        named |= UINT64_C(1) << bits->bit;
    return named;
}

static void pin_names(const struct snp_bit *bits, uint64_t mask, FILE *out)
{
    const char *before = "";
    for (; bits->name; bits++)
        if (bit_is_set(mask, bits->bit)) {
            fprintf(out, "%s%s", before, bits->name);
            before = ", ";
        }
}

/* A list of the words whose bits are in `mask`; nothing when none is. */
static void pin_words(const char *key, const struct snp_bit *bits, uint64_t mask, FILE *out)
{
    if ((mask & pin_named_bits(bits)) == 0)
        return;
    fprintf(out, "  %s: [", key);
    pin_names(bits, mask, out);
    fputs("]\n", out);
}

/* A protection that was off is neither asked for nor refused: who gains one is not worse. */
static void pin_unused(const char *key, const struct snp_bit *bits, uint64_t mask, FILE *out)
{
    if ((mask & pin_named_bits(bits)) == 0)
        return;
    fprintf(out, "  # Protections that were off. Who has them is let in, too; to demand one, add it to `%s`:\n  # ",
            key);
    pin_names(bits, mask, out);
    fputc('\n', out);
}

static void pin_hex(const char *key, struct bytes value, FILE *out)
{
    char *hex = mem_alloc(2 * value.n + 1);
    hex_encode(value, hex);
    fprintf(out, "  %s: [\"%s\"]\n", key, hex);
    free(hex);
}

static void pin_firmware(const char *key, struct snp_firmware_version version, FILE *out)
{
    fprintf(out, "  %s: \"%u.%u.%u\"\n", key, version.major, version.minor, version.build);
}

/* In double quotes, where only these two characters mean something else. */
static void pin_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* ---- groups ---- */

static void pin_formats(const struct vouch_pin *pin, FILE *out)
{
    if (pin->format == EVIDENCE_NONE)
        fprintf(out,
                "\n# How the evidence is written was not seen: a report by itself is in no format. The default:\n"
                "#formats: [%s]\n",
                evidence_format_name(EVIDENCE_CMW));
    else
        fprintf(out, "\n# How the evidence is written.\nformats: [%s]\n", evidence_format_name(pin->format));
}

static void pin_measurements(const struct vouch_pin *pin, FILE *out)
{
    char hex[2 * SNP_MEASUREMENT_SIZE + 1];
    hex_encode(BYTES(pin->facts->report.measurement), hex);
    fputs(pin->format == EVIDENCE_AZURE ? "\n# What was launched: on Azure the paravisor, and not the image.\n"
                                        : "\n# What was launched: the image.\n",
          out);
    fprintf(out, "measurements:\n  expected: \"%s\"\n", hex);
}

/* The words for its product. A report of version 2 only says which line it is of. */
static uint64_t pin_products(const struct snp_facts *facts)
{
    uint64_t products = policy_products_of(facts), genoa = UINT64_C(1) << SNP_PRODUCT_GENOA;
    return products & genoa ? genoa : products;
}

static void pin_components(enum snp_tcb_layout layout, struct snp_tcb tcb, FILE *out)
{
    const char *before = "{";
    for (int i = 0; i < SNP_TCB_COMPONENTS; i++) {
        enum snp_tcb_component component = (enum snp_tcb_component)i;
        if (snp_tcb_index(layout, component) < 0)
            continue;
        fprintf(out, "%s%s: %u", before, snp_tcb_component_name(component), snp_tcb_get(tcb, layout, component));
        before = ", ";
    }
    fputs("}\n", out);
}

/* One line for each word that the report's processor answers to: where it may be either, it has to meet both. */
static void pin_tcb_minimum(const char *key, const struct snp_facts *facts, struct snp_tcb tcb, FILE *out)
{
    uint64_t words = pin_products(facts);
    fprintf(out, "  %s:\n", key);
    for (const struct snp_bit *word = policy_product_words; word->name; word++)
        if (bit_is_set(words, word->bit)) {
            fprintf(out, "    %s: ", word->name);
            pin_components(snp_product_tcb_layout(facts->product), tcb, out);
        }
}

static void pin_mitigations(const struct snp_report *report, FILE *out)
{
    if (report->launch_mit_vector | report->current_mit_vector)
        fputs("  # What the firmware says it has mitigated.\n", out);
    if (report->launch_mit_vector)
        fprintf(out, "  launch_mitigations: 0x%" PRIx64 "\n", report->launch_mit_vector);
    if (report->current_mit_vector)
        fprintf(out, "  current_mitigations: 0x%" PRIx64 "\n", report->current_mit_vector);
}

static bool pin_is_committed(const struct snp_report *report)
{
    return report->current.major == report->committed.major && report->current.minor == report->committed.minor &&
           report->current.build == report->committed.build &&
           snp_tcb_equal(report->current_tcb, report->committed_tcb);
}

static void pin_tcb(const struct vouch_pin *pin, FILE *out)
{
    const struct snp_report *report = &pin->facts->report;
    fputs("\n# The processor's firmware: none that is older. Newer will do.\ntcb:\n", out);
    pin_firmware("min_version", report->committed, out);
    pin_firmware("min_current_version", report->current, out);
    fputs("  # Builds by themselves. A newer version may count them anew, and would be refused.\n", out);
    fprintf(out, "  #min_build: %u\n  #min_current_build: %u\n", report->committed.build, report->current.build);
    fputs("  # CURRENT_TCB as one number: the minima of its components below say more.\n", out);
    fprintf(out, "  #min_platform_version: %" PRIu64 "\n", snp_tcb_integer(report->current_tcb));
    pin_tcb_minimum("min_reported", pin->facts, report->reported_tcb, out);
    pin_tcb_minimum("min_current", pin->facts, report->current_tcb, out);
    pin_tcb_minimum("min_committed", pin->facts, report->committed_tcb, out);
    pin_tcb_minimum("min_launch", pin->facts, report->launch_tcb, out);
    fputs(pin_is_committed(report)
              ? "  # What runs is what is committed. New firmware is refused until it is committed, too.\n"
                "  allow_provisional: false\n"
              : "  # What ran was not committed yet: it could be rolled back.\n"
                "  allow_provisional: true\n",
          out);
    pin_mitigations(report, out);
}

static void pin_guest(const struct vouch_pin *pin, FILE *out)
{
    const struct snp_report *report = &pin->facts->report;
    uint64_t named = pin_named_bits(snp_policy_bits), unnamed = ~named & ~PIN_POLICY_ABI_BITS;
    bool debug = snp_policy_allows_debug(report->policy);
    bool smt = snp_policy_allows_smt(report->policy) || snp_platform_smt_is_on(report->platform_info);
    fputs("\n# What the guest was launched with (POLICY), its version, and the level that asked for the report.\n"
          "guest:\n",
          out);
    fprintf(out, "  debug_disabled: %s%s\n", debug ? "false" : "true",
            debug ? "  # its host may look into this guest: it protects nothing" : "");
    fprintf(out, "  smt_disabled: %s\n", smt ? "false" : "true");
    fprintf(out, "  min_guest_svn: %" PRIu32 "\n", report->guest_svn);
    pin_words("policy_required", snp_policy_bits, report->policy & ~PIN_WEAK_POLICY, out);
    pin_unused("policy_required", snp_policy_bits, ~report->policy & PIN_STRICT_POLICY, out);
    pin_words("policy_forbidden", snp_policy_bits, ~report->policy & PIN_WEAK_POLICY, out);
    fputs("  # Bits that have no name yet.\n", out);
    fprintf(out, "  policy_exact: {mask: 0x%" PRIx64 ", value: 0x%" PRIx64 "}\n", unnamed, report->policy & unnamed);
    fprintf(out, "  min_abi: \"%u.%u\"\n", snp_policy_abi_major(report->policy), snp_policy_abi_minor(report->policy));
    fprintf(out, "  min_vmpl: %" PRIu32 "\n  max_vmpl: %" PRIu32 "\n", report->vmpl, report->vmpl);
}

static void pin_platform(const struct vouch_pin *pin, FILE *out)
{
    uint64_t info = pin->facts->report.platform_info;
    fputs("\n# The machine (PLATFORM_INFO).\nplatform:\n", out);
    pin_words("required", snp_platform_bits, info & ~PIN_WEAK_PLATFORM, out);
    pin_unused("required", snp_platform_bits, ~info & ~PIN_WEAK_PLATFORM, out);
    pin_words("forbidden", snp_platform_bits, ~info & PIN_WEAK_PLATFORM, out);
    fputs("  # Bits that have no name yet. New firmware may set one: when it does, look what it means.\n", out);
    fputs(snp_platform_unknown_bits(info) ? "  # Some were set.\n  unknown_bits: allow\n" : "  unknown_bits: deny\n",
          out);
}

/* A key whose digest is there has signed the launch. */
static void pin_key(const char *name, struct bytes digest, bool is_there, FILE *out)
{
    char key[32];
    if (!bytes_are_zero(digest)) {
        snprintf(key, sizeof key, "%s_digest", name);
        pin_hex(key, digest, out);
    }
    fprintf(out, "  %s_required: %s\n", name, is_there ? "true" : "false");
}

static void pin_pcrs(const struct vouch_pin *pin, FILE *out)
{
    struct tpm_quote quote;
    if (pin->format != EVIDENCE_AZURE || pin->azure->quote.n == 0 || failed(tpm_quote_parse(pin->azure->quote, &quote)))
        return;
    fputs("  # What the virtual TPM measured: firmware, boot loader and kernel.\n  tpm_pcrs:\n", out);
    for (unsigned i = 0; i < PIN_PCRS; i++) {
        char hex[2 * TPM_PCR_SIZE + 1];
        struct bytes value = tpm_quote_pcr(&quote, pin->azure->pcrs, i);
        hex_encode(value, hex);
        if (value.n > 0)
            fprintf(out, "    %u: \"%s\"\n", i, hex);
    }
}

static void pin_launch(const struct vouch_pin *pin, FILE *out)
{
    const struct snp_report *report = &pin->facts->report;
    bool has_id_key = !bytes_are_zero(BYTES(report->id_key_digest));
    bool has_author_key = !bytes_are_zero(BYTES(report->author_key_digest)) && snp_report_has_author_key(report);
    fputs("\n# What was given to the guest when it was launched.\nlaunch:\n", out);
    pin_hex("host_data", BYTES(report->host_data), out);
    pin_hex("family_id", BYTES(report->family_id), out);
    pin_hex("image_id", BYTES(report->image_id), out);
    fputs("  # REPORT_ID is another one at every start of the guest. To let in this one start alone:\n", out);
    pin_hex("#report_id", BYTES(report->report_id), out);
    fputs(has_id_key ? "  # Whose keys signed the launch.\n" : "  # No ID key signed the launch.\n", out);
    pin_key("id_key", BYTES(report->id_key_digest), has_id_key, out);
    pin_key("author_key", BYTES(report->author_key_digest), has_author_key, out);
    pin_pcrs(pin, out);
}

static void pin_csp(const struct snp_vek *vek, FILE *out)
{
    const struct tree name = {.kind = TREE_TEXT, .text = (char *)vek->csp_id};
    if (!vek->has_csp_id)
        return;
    if (!policy_is_word(&name)) {
        fputs("  # The name of its provider cannot be written here.\n", out);
        return;
    }
    fputs("  csp_ids: [", out);
    pin_quoted(vek->csp_id, out);
    fputs("]\n", out);
}

static void pin_chip(const struct vouch_pin *pin, FILE *out)
{
    const struct snp_report *report = &pin->facts->report;
    const struct snp_vek *vek = &pin->facts->vek;
    fputs("\n# The processor, and the key that signs for it.\nchip:\n", out);
    pin_words("products_allowed", policy_product_words, pin_products(pin->facts), out);
    if (policy_products_of(pin->facts) == UINT64_C(1) << SNP_PRODUCT_GENOA)
        pin_words("products_denied", policy_product_words,
                  UINT64_C(1) << POLICY_PRODUCT_SIENA | UINT64_C(1) << POLICY_PRODUCT_BERGAMO, out);
    pin_words("key_kinds", policy_key_kind_words, UINT64_C(1) << vek->kind, out);
    pin_csp(vek, out);
    if (bytes_are_zero(BYTES(report->chip_id)))
        return;
    fputs("  # Any chip of the kind will do: a guest may be moved to another, or started there. To hold it to this "
          "one:\n",
          out);
    pin_hex("#chip_ids_allowed", BYTES(report->chip_id), out);
}

/* Of these formats no nonce can be had (attest/evidence_foreign.h). */
static void pin_nonce(const struct vouch_pin *pin, FILE *out)
{
    if (pin->format == EVIDENCE_RAW)
        fputs("\n# This format carries none.\nnonce:\n  required: false\n", out);
}

static bool pin_is_masked(const struct vouch_pin *pin)
{
    return pin->facts->vek.kind == SNP_VEK_VCEK && bytes_are_zero(BYTES(pin->facts->report.chip_id));
}

static void pin_certificates(const struct vouch_pin *pin, FILE *out)
{
    char hash[2 * SNP_SPKI_SHA256_SIZE + 1];
    if (!pin->simulated_root && !pin->vek && !pin_is_masked(pin))
        return;
    fputs("\ncertificates:\n", out);
    if (pin->simulated_root) {
        hex_encode(bytes_of(pin->simulated_root, SNP_SPKI_SHA256_SIZE), hash);
        fputs("  # A simulated processor: it protects nothing.\n  allow_simulated: true\n", out);
        fprintf(out, "  trusted_arks: [\"%s\"]\n", hash);
    }
    if (pin->vek) {
        fputs("  # The evidence comes without the certificate of the key that signed it.\n  veks: [", out);
        pin_quoted(pin->vek, out);
        fputs("]\n", out);
    }
    if (pin_is_masked(pin))
        fputs("  # The report does not say which chip it is of (MASK_CHIP_ID).\n  allow_masked_chip_id: true\n", out);
}

char *vouch_pin_text(const struct vouch_pin *pin)
{
    static void (*const groups[])(const struct vouch_pin *pin, FILE *out) = {
        pin_formats, pin_measurements, pin_tcb,   pin_guest,        pin_platform,
        pin_launch,  pin_chip,         pin_nonce, pin_certificates,
    };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return mem_string("");
    fputs("# Made by vouch policy init: it pins what stood in one piece of evidence. Whether that is what should run,\n"
          "# you have to know from elsewhere. What is asked in a line that begins with # and a key holds, too: take "
          "the #\n"
          "# away where that is meant.\n"
          "version: \"1.0\"\n",
          out);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        groups[i](pin, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return mem_string("");
}
