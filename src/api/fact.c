/* fact.c: what a verdict is about, as text by name. */
#include "api/handles.h"
#include "attest/judge.h"
#include "attest/printable.h"
#include "attest/verifier.h"
#include "base/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes the text; leaves "" where the evidence does not say. */
typedef void fact_teller(const struct verdict *verdict, char out[FACT_TEXT_SIZE]);

static void tell_word(const char *word, char out[FACT_TEXT_SIZE])
{
    size_t n = strnlen(word, FACT_TEXT_SIZE - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)tolower((unsigned char)word[i]);
    out[n] = '\0';
}

static void tell_policy(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    snprintf(out, FACT_TEXT_SIZE, "%s", verdict->policy);
}

static void tell_policy_version(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    snprintf(out, FACT_TEXT_SIZE, "%s", verdict->policy_version);
}

static void tell_format(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    if (verdict->format != EVIDENCE_NONE)
        tell_word(evidence_format_name(verdict->format), out);
}

static void tell_nonce(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    const struct check *check = checklist_find(&verdict->checks, JUDGE_CHECK_NONCE);
    if (!check || check->outcome == CHECK_SKIPPED)
        tell_word("not-asked", out);
    else
        tell_word(check->outcome == CHECK_PASS ? "answered" : "refused", out);
}

static void tell_time(int64_t at_s, char out[FACT_TEXT_SIZE])
{
    if (at_s > 0)
        snprintf(out, FACT_TEXT_SIZE, "%" PRId64, at_s);
}

/* Of a time that nothing vouches for there is nothing to tell. */
static void tell_issued_at(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    const struct check *check = checklist_find(&verdict->checks, VERIFY_CHECK_BINDING);
    if (check && check->outcome == CHECK_PASS)
        tell_time(verdict->issued_at_s, out);
}

static void tell_checked_at(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    tell_time(verdict->at_us / US_PER_SECOND, out);
}

static void tell_valid_until(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    tell_time(verdict->facts.valid_until_s, out);
}

static void tell_product(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    if (verdict->facts.product != SNP_PRODUCT_UNKNOWN)
        tell_word(snp_product_name(verdict->facts.product), out);
}

static void tell_csp_id(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    if (verdict->facts.vek_is_read && verdict->facts.vek.has_csp_id)
        snprintf(out, FACT_TEXT_SIZE, "%s", verdict->facts.vek.csp_id);
}

static void tell_root(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    switch (verdict->facts.root) {
    case SNP_ROOT_AMD:
        tell_word("amd", out);
        break;
    case SNP_ROOT_EXTRA:
        tell_word("policy", out);
        break;
    case SNP_ROOT_NONE:
        break;
    }
}

static void tell_simulated(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    if (verdict->facts.simulated || verdict->facts.root != SNP_ROOT_NONE)
        tell_word(verdict->facts.simulated ? "true" : "false", out);
}

static void tell_key_kind(const struct verdict *verdict, char out[FACT_TEXT_SIZE])
{
    if (verdict->facts.report_is_read)
        tell_word(snp_signing_key_name(snp_report_signing_key(&verdict->facts.report)), out);
}

enum fact_kind {
    FACT_TOLD,
    FACT_NUMBER,  /* u32, decimal */
    FACT_BITS,    /* u64, 0x and 16 digits */
    FACT_BYTES,   /* hexadecimal; zeros say something */
    FACT_ID,      /* the same; zeros say that there is none */
    FACT_PART,    /* of a TCB, decimal */
    FACT_VERSION, /* of the firmware: major.minor.build */
};

struct fact {
    const char *name;
    enum fact_kind kind;
    fact_teller *tell;     /* of FACT_TOLD */
    size_t offset;         /* in struct snp_report, of the others */
    size_t size;           /* of bytes; of a part, which */
    uint32_t from_version; /* of the report */
};

#define TOLD(name)                                                                                                     \
    {                                                                                                                  \
#name, FACT_TOLD, tell_##name, 0, 0, 0                                                                         \
    }
#define FIELD(name, field, kind, from)                                                                                 \
    {                                                                                                                  \
        name, kind, NULL, offsetof(struct snp_report, field), sizeof((struct snp_report *)0)->field, from              \
    }
#define PART(name, field, part)                                                                                        \
    {                                                                                                                  \
        name, FACT_PART, NULL, offsetof(struct snp_report, field), part, 0                                             \
    }
#define TCB(name)                                                                                                      \
    FIELD(#name, name, FACT_BYTES, 0), PART(#name ".fmc", name, SNP_TCB_FMC),                                          \
        PART(#name ".bootloader", name, SNP_TCB_BOOTLOADER), PART(#name ".tee", name, SNP_TCB_TEE),                    \
        PART(#name ".snp", name, SNP_TCB_SNP), PART(#name ".microcode", name, SNP_TCB_MICROCODE)

static const struct fact facts[] = {
    TOLD(policy),
    TOLD(policy_version),
    TOLD(format),
    TOLD(nonce),
    TOLD(issued_at),
    TOLD(checked_at),
    TOLD(valid_until),
    TOLD(product),
    TOLD(key_kind),
    TOLD(csp_id),
    TOLD(root),
    TOLD(simulated),
    FIELD("report_version", version, FACT_NUMBER, 0),
    FIELD("guest_svn", guest_svn, FACT_NUMBER, 0),
    FIELD("guest_policy", policy, FACT_BITS, 0),
    FIELD("platform_info", platform_info, FACT_BITS, 0),
    FIELD("vmpl", vmpl, FACT_NUMBER, 0),
    FIELD("measurement", measurement, FACT_BYTES, 0),
    FIELD("report_data", report_data, FACT_BYTES, 0),
    FIELD("host_data", host_data, FACT_BYTES, 0),
    FIELD("family_id", family_id, FACT_BYTES, 0),
    FIELD("image_id", image_id, FACT_BYTES, 0),
    FIELD("report_id", report_id, FACT_BYTES, 0),
    FIELD("report_id_ma", report_id_ma, FACT_BYTES, 0),
    FIELD("id_key_digest", id_key_digest, FACT_ID, 0),
    FIELD("author_key_digest", author_key_digest, FACT_ID, 0),
    FIELD("chip_id", chip_id, FACT_ID, 0),
    TCB(reported_tcb),
    TCB(current_tcb),
    TCB(committed_tcb),
    TCB(launch_tcb),
    FIELD("current_version", current, FACT_VERSION, 0),
    FIELD("committed_version", committed, FACT_VERSION, 0),
    FIELD("launch_mit_vector", launch_mit_vector, FACT_BITS, 5),
    FIELD("current_mit_vector", current_mit_vector, FACT_BITS, 5),
};
_Static_assert(sizeof facts / sizeof facts[0] == FACTS, "a verdict has room for each");

static void fact_tell_part(const struct verdict *verdict, const struct fact *fact, const struct snp_tcb *tcb,
                           char out[FACT_TEXT_SIZE])
{
    enum snp_tcb_layout layout = snp_product_tcb_layout(verdict->facts.product);
    enum snp_tcb_component component = (enum snp_tcb_component)fact->size;
    if (snp_tcb_index(layout, component) >= 0)
        snprintf(out, FACT_TEXT_SIZE, "%u", snp_tcb_get(*tcb, layout, component));
}

static void fact_tell_field(const struct verdict *verdict, const struct fact *fact, char out[FACT_TEXT_SIZE])
{
    const void *field = (const char *)&verdict->facts.report + fact->offset;
    const struct snp_firmware_version *version = field;
    struct bytes bytes = bytes_of(field, fact->size);
    switch (fact->kind) {
    case FACT_NUMBER:
        snprintf(out, FACT_TEXT_SIZE, "%" PRIu32, *(const uint32_t *)field);
        break;
    case FACT_BITS:
        snprintf(out, FACT_TEXT_SIZE, "0x%016" PRIx64, *(const uint64_t *)field);
        break;
    case FACT_ID:
    case FACT_BYTES:
        if (fact->kind == FACT_BYTES || !bytes_are_zero(bytes))
            hex_encode(bytes, out);
        break;
    case FACT_PART:
        fact_tell_part(verdict, fact, field, out);
        break;
    case FACT_VERSION:
        snprintf(out, FACT_TEXT_SIZE, "%u.%u.%u", version->major, version->minor, version->build);
        break;
    case FACT_TOLD:
        break;
    }
}

void api_tell_facts(vouch_verdict *verdict)
{
    const struct verdict *of = &verdict->verdict;
    for (size_t i = 0; i < FACTS; i++) {
        char text[FACT_TEXT_SIZE] = "";
        if (facts[i].tell)
            facts[i].tell(of, text);
        else if (of->facts.report_is_read && of->facts.report.version >= facts[i].from_version)
            fact_tell_field(of, &facts[i], text);
        verdict->facts[i] = printable_text(text, sizeof text);
    }
}

void api_free_facts(vouch_verdict *verdict)
{
    for (size_t i = 0; i < FACTS; i++)
        free(verdict->facts[i]);
}

const char *vouch_fact_name(size_t index)
{
    return index < FACTS ? facts[index].name : "";
}

const char *vouch_verdict_fact(const vouch_verdict *verdict, const char *name)
{
    for (size_t i = 0; i < FACTS; i++)
        if (strcmp(facts[i].name, name) == 0)
            return verdict->facts[i];
    return "";
}
