/* Every demand that a policy can make, as a file makes it: met, not met and without a report, in every mode. */
#include "attest/judge.h"

#include "attest/policy_key.h"
#include "attest/policy_products.h"
#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US (INT64_C(1750000000) * US_PER_SECOND) /* 2025-06-15 15:06:40 */
#define AAAA   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"    /* 16 bytes */
#define BBBB   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BIT(n) (UINT64_C(1) << (n))

/* A Milan of version 5, which meets the demands below until a case spoils it. */
static struct snp_facts good_facts(void)
{
    struct snp_facts facts = {.report_is_read = true, .vek_is_read = true, .root = SNP_ROOT_AMD};
    struct snp_report *report = &facts.report;
    facts.product = SNP_PRODUCT_MILAN;
    facts.vek.kind = SNP_VEK_VLEK;
    facts.vek.has_csp_id = true;
    memcpy(facts.vek.csp_id, "cloud", 6);
    report->version = 5;
    report->policy = BIT(SNP_POLICY_RESERVED_ONE) | BIT(SNP_POLICY_SINGLE_SOCKET) | 0x0137;
    report->platform_info = BIT(SNP_PLATFORM_ECC) | BIT(SNP_PLATFORM_ALIAS_CHECK_COMPLETE);
    report->vmpl = 2;
    report->guest_svn = 3;
    report->key_info = 1;
    memset(report->family_id, 0xaa, sizeof report->family_id);
    memset(report->image_id, 0xaa, sizeof report->image_id);
    memset(report->measurement, 0xaa, sizeof report->measurement);
    memset(report->host_data, 0xaa, sizeof report->host_data);
    memset(report->report_id, 0xaa, sizeof report->report_id);
    memset(report->id_key_digest, 0xaa, sizeof report->id_key_digest);
    memset(report->author_key_digest, 0xaa, sizeof report->author_key_digest);
    memset(report->chip_id, 0xaa, sizeof report->chip_id);
    report->current = report->committed = (struct snp_firmware_version){1, 51, 3};
    report->current_tcb = (struct snp_tcb){{4, 0, 0, 0, 0, 0, 24, 200}};
    report->reported_tcb = report->committed_tcb = report->launch_tcb = report->current_tcb;
    report->launch_mit_vector = report->current_mit_vector = 0x5;
    return facts;
}

/* ---- what spoils it ---- */

static void old_firmware(struct snp_facts *facts)
{
    facts->report.committed.build = facts->report.current.build = 2;
}

/* A newer microcode does not make up for it. */
static void old_tcb(struct snp_facts *facts)
{
    struct snp_tcb old = {{3, 0, 0, 0, 0, 0, 24, 255}};
    facts->report.reported_tcb = facts->report.current_tcb = facts->report.committed_tcb = facts->report.launch_tcb =
        old;
}

static void zero_tcb(struct snp_facts *facts)
{
    facts->report.current_tcb = (struct snp_tcb){{0}};
}

static void genoa(struct snp_facts *facts)
{
    facts->product = SNP_PRODUCT_GENOA;
}

static void unknown_product(struct snp_facts *facts)
{
    facts->product = SNP_PRODUCT_UNKNOWN;
}

static void newer_firmware_not_committed(struct snp_facts *facts)
{
    facts->report.current.build = 4;
}

static void newer_tcb_not_committed(struct snp_facts *facts)
{
    facts->report.current_tcb.bytes[7] = 201;
}

static void version_four(struct snp_facts *facts)
{
    facts->report.version = 4;
}

static void fewer_mitigations(struct snp_facts *facts)
{
    facts->report.launch_mit_vector = facts->report.current_mit_vector = 0x4;
}

static void debug_allowed(struct snp_facts *facts)
{
    facts->report.policy |= BIT(SNP_POLICY_DEBUG);
}

static void smt_on(struct snp_facts *facts)
{
    facts->report.platform_info |= BIT(SNP_PLATFORM_SMT);
}

static void old_guest(struct snp_facts *facts)
{
    facts->report.guest_svn = 2;
}

static void two_sockets(struct snp_facts *facts)
{
    facts->report.policy &= ~BIT(SNP_POLICY_SINGLE_SOCKET);
}

static void cxl_allowed(struct snp_facts *facts)
{
    facts->report.policy |= BIT(SNP_POLICY_CXL);
}

static void old_abi(struct snp_facts *facts)
{
    facts->report.policy = (facts->report.policy & ~UINT64_C(0xffff)) | 0x00ff;
}

static void vmpl_one(struct snp_facts *facts)
{
    facts->report.vmpl = 1;
}

static void vmpl_three(struct snp_facts *facts)
{
    facts->report.vmpl = 3;
}

static void no_ecc(struct snp_facts *facts)
{
    facts->report.platform_info &= ~BIT(SNP_PLATFORM_ECC);
}

static void new_platform_bit(struct snp_facts *facts)
{
    facts->report.platform_info |= BIT(8);
}

static void other_data(struct snp_facts *facts)
{
    facts->report.host_data[31] ^= 1;
    facts->report.family_id[15] ^= 1;
    facts->report.image_id[15] ^= 1;
    facts->report.report_id[31] ^= 1;
    facts->report.id_key_digest[47] ^= 1;
    facts->report.author_key_digest[47] ^= 1;
    facts->report.measurement[47] ^= 1;
    facts->report.chip_id[63] ^= 1;
}

static void no_keys(struct snp_facts *facts)
{
    memset(facts->report.id_key_digest, 0, sizeof facts->report.id_key_digest);
    memset(facts->report.author_key_digest, 0, sizeof facts->report.author_key_digest);
}

static void no_author_key(struct snp_facts *facts)
{
    facts->report.key_info = 0;
}

static void denied_chip(struct snp_facts *facts)
{
    memset(facts->report.chip_id, 0xbb, sizeof facts->report.chip_id);
}

static void masked_chip(struct snp_facts *facts)
{
    memset(facts->report.chip_id, 0, sizeof facts->report.chip_id);
}

static void other_cloud(struct snp_facts *facts)
{
    memcpy(facts->vek.csp_id, "clouds", 7);
}

static void no_cloud(struct snp_facts *facts)
{
    facts->vek.has_csp_id = false;
}

static void a_vcek(struct snp_facts *facts)
{
    facts->vek.kind = SNP_VEK_VCEK;
}

static void no_certificate(struct snp_facts *facts)
{
    facts->vek_is_read = false;
}

/* ---- cases ---- */

struct demand_test {
    const char *check;
    const char *group;
    const char *line; /* of the group */
    void (*spoil)(struct snp_facts *facts);
    const char *found; /* what the check then says; a part of it */
};

#define DATA16 "[" BBBB ", " AAAA "]"
#define DATA32 "[" AAAA AAAA "]"
#define DATA48 "[" AAAA AAAA AAAA "]"

static const struct demand_test cases[] = {
    {"measurement", "measurements", "expected: " AAAA AAAA AAAA, other_data, "aaab"},
    {"measurement", "measurements", "sets: [{name: a, values: " DATA48 "}]", other_data, "aaab"},
    {"tcb_min_version", "tcb", "min_version: 1.51.3", old_firmware, "committed firmware 1.51.2"},
    {"tcb_min_current_version", "tcb", "min_current_version: 1.51.3", old_firmware, "current firmware 1.51.2"},
    {"tcb_min_build", "tcb", "min_build: 3", old_firmware, "2"},
    {"tcb_min_current_build", "tcb", "min_current_build: 3", old_firmware, "2"},
    {"tcb_min_platform_version", "tcb", "min_platform_version: 1", zero_tcb, "CURRENT_TCB 0"},
    {"tcb_min_reported", "tcb", "min_reported: {milan: {bootloader: 4, microcode: 200}}", old_tcb, "bootloader 3"},
    {"tcb_min_current", "tcb", "min_current: {milan: {bootloader: 4}}", old_tcb, "Milan: bootloader 3"},
    {"tcb_min_committed", "tcb", "min_committed: {milan: {bootloader: 4}, turin: {fmc: 1}}", old_tcb, "bootloader 3"},
    {"tcb_min_launch", "tcb", "min_launch: {milan: {bootloader: 4}}", old_tcb, "bootloader 3"},
    {"tcb_min_launch", "tcb", "min_launch: {milan: {bootloader: 4}}", genoa, "Genoa, for which the policy has no"},
    {"tcb_min_current", "tcb", "min_current: {milan: {}}", unknown_product, "unknown, for which the policy has no"},
    {"provisional_firmware", "tcb", "allow_provisional: false", newer_firmware_not_committed,
     "1.51.4, committed 1.51.3"},
    {"provisional_firmware", "tcb", "allow_provisional: false", newer_tcb_not_committed, "CURRENT_TCB is not"},
    {"launch_mitigations", "tcb", "launch_mitigations: 0x1", fewer_mitigations, "0x4"},
    {"launch_mitigations", "tcb", "launch_mitigations: 1", version_four, "version 4"},
    {"current_mitigations", "tcb", "current_mitigations: 5", fewer_mitigations, "0x4"},
    {"current_mitigations", "tcb", "current_mitigations: 5", version_four, "version 4"},
    {"debug", "guest", "debug_disabled: true", debug_allowed, "POLICY allows debugging"},
    {"smt", "guest", "smt_disabled: true", smt_on, "PLATFORM_INFO says SMT is on"},
    {"guest_svn", "guest", "min_guest_svn: 3", old_guest, "2"},
    {"policy_required", "guest", "policy_required: [single_socket, reserved_one]", two_sockets,
     "not set: single_socket"},
    {"policy_forbidden", "guest", "policy_forbidden: [migrate_ma, cxl]", cxl_allowed, "set: cxl"},
    {"policy_exact", "guest", "policy_exact: {mask: 0xff0000, value: 0x120000}", cxl_allowed, "0x320137"},
    {"min_abi", "guest", "min_abi: \"1.55\"", old_abi, "0.255"},
    {"min_vmpl", "guest", "min_vmpl: 2", vmpl_one, "1"},
    {"max_vmpl", "guest", "max_vmpl: 2", vmpl_three, "3"},
    {"platform_required", "platform", "required: [alias_check_complete, ecc]", no_ecc, "not set: ecc"},
    {"platform_forbidden", "platform", "forbidden: [smt, tio]", smt_on, "set: smt"},
    {"platform_unknown_bits", "platform", "unknown_bits: deny", new_platform_bit, "0x100"},
    {"host_data", "launch", "host_data: " DATA32, other_data, "aaab"},
    {"family_id", "launch", "family_id: " DATA16, other_data, "aaab"},
    {"image_id", "launch", "image_id: " DATA16, other_data, "aaab"},
    {"report_id", "launch", "report_id: " DATA32, other_data, "aaab"},
    {"id_key_digest", "launch", "id_key_digest: " DATA48, other_data, "aaab"},
    {"author_key_digest", "launch", "author_key_digest: " DATA48, other_data, "aaab"},
    {"id_key_required", "launch", "id_key_required: true", no_keys, "none"},
    {"author_key_required", "launch", "author_key_required: true", no_keys, "none"},
    {"author_key_required", "launch", "author_key_required: true", no_author_key, "none"},
    {"product_allowed", "chip", "products_allowed: [turin, milan]", genoa, "Genoa"},
    {"product_allowed", "chip", "products_allowed: [turin, milan]", unknown_product, "unknown"},
    {"product_denied", "chip", "products_denied: [genoa]", genoa, "Genoa"},
    {"product_denied", "chip", "products_denied: [genoa]", unknown_product, "unknown"},
    {"chip_id_allowed", "chip", "chip_ids_allowed: [" AAAA AAAA AAAA AAAA "]", other_data, "aaab"},
    {"chip_id_allowed", "chip", "chip_ids_allowed: [" AAAA AAAA AAAA AAAA "]", masked_chip, "does not name its chip"},
    {"chip_id_denied", "chip", "chip_ids_denied: [" BBBB BBBB BBBB BBBB "]", denied_chip, "bbbb"},
    {"chip_id_denied", "chip", "chip_ids_denied: [" BBBB BBBB BBBB BBBB "]", masked_chip, "does not name its chip"},
    {"csp_id_allowed", "chip", "csp_ids: [cloud, sky]", other_cloud, "\"clouds\""},
    {"csp_id_allowed", "chip", "csp_ids: [cloud]", no_cloud, "names no provider"},
    {"csp_id_allowed", "chip", "csp_ids: [cloud]", no_certificate, "names no provider"},
    {"key_kind_allowed", "chip", "key_kinds: [vlek]", a_vcek, "VCEK"},
    {"key_kind_allowed", "chip", "key_kinds: [vlek]", no_certificate, "unknown"},
};
#define CASES (sizeof cases / sizeof cases[0])

static struct policy *parse(const char *text)
{
    struct policy *policy = NULL;
    struct err e = policy_parse("p", "p.yaml", bytes_of_string(text), &policy);
    if (failed(e))
        fail_msg("%s: %s", text, e.why);
    return policy;
}

static struct policy *policy_of(const struct demand_test *test, const char *mode)
{
    char *text = mem_format("%s:\n  %s\n  mode: %s\n", test->group, test->line, mode);
    struct policy *policy = parse(text);
    free(text);
    return policy;
}

static void assert_judged(const struct policy *policy, const struct snp_facts *facts, const struct demand_test *test,
                          enum check_outcome outcome, const char *found)
{
    struct checklist checks = CHECKLIST_EMPTY;
    judge_report(policy, facts, NOW_US, &checks);
    const struct check *check = checklist_find(&checks, test->check);
    assert_non_null(check);
    if (check->outcome != outcome || !strstr(check->found, found))
        fail_msg("%s, %s: %s, found %s; not %s, found %s", test->check, test->line, check_outcome_name(check->outcome),
                 check->found, check_outcome_name(outcome), found);
    if (outcome != CHECK_SKIPPED)
        assert_true(check->expected[0] != '\0');
    for (size_t i = 0; i < checks.count && outcome == CHECK_PASS; i++)
        if (checks.checks[i].outcome != CHECK_PASS && checks.checks[i].outcome != CHECK_SKIPPED)
            fail_msg("%s: %s", test->line, checks.checks[i].name);
    checklist_free(&checks);
}

static void test_every_demand_is_met_or_not_in_every_mode(void **state)
{
    static const struct {
        const char *word;
        enum check_outcome met, unmet;
    } modes[] = {{"strict", CHECK_PASS, CHECK_FAIL},
                 {"warn", CHECK_PASS, CHECK_WARN},
                 {"disabled", CHECK_SKIPPED, CHECK_SKIPPED}};
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        for (size_t j = 0; j < sizeof modes / sizeof modes[0]; j++) {
            bool skipped = modes[j].met == CHECK_SKIPPED;
            struct policy *policy = policy_of(&cases[i], modes[j].word);
            struct snp_facts facts = good_facts();
            assert_judged(policy, &facts, &cases[i], modes[j].met, skipped ? "mode is disabled" : "");
            cases[i].spoil(&facts);
            assert_judged(policy, &facts, &cases[i], modes[j].unmet, skipped ? "mode is disabled" : cases[i].found);
            facts = good_facts();
            facts.report_is_read = false;
            assert_judged(policy, &facts, &cases[i], modes[j].unmet,
                          skipped ? "mode is disabled" : "the report could not be read");
            policy_drop(policy);
        }
    }
}

static void test_no_demand_is_made_of_whom_nobody_asks(void **state)
{
    (void)state;
    struct policy *policy = parse("guest: {debug_disabled: false, smt_disabled: false}\n");
    struct snp_facts facts = good_facts();
    for (size_t i = 0; i < CASES; i++)
        assert_judged(policy, &facts, &cases[i], CHECK_SKIPPED, "the policy asks nothing");
    policy_drop(policy);
}

static void test_every_demand_of_the_table_is_tested_here(void **state)
{
    (void)state;
    for (size_t i = 0; i < policy_key_count; i++) {
        const char *check = policy_keys[i].check;
        bool tested = !check || strcmp(check, JUDGE_CHECK_EVIDENCE_AGE) == 0 ||
                      strcmp(check, JUDGE_CHECK_PCRS) == 0; /* not of a report */
        for (size_t j = 0; j < CASES && !tested; j++)
            tested = strcmp(cases[j].check, check) == 0;
        if (!tested)
            fail_msg("%s", check);
    }
}

/* ---- what has more sides ---- */

static void assert_one(const char *text, const struct snp_facts *facts, const char *check, enum check_outcome outcome)
{
    struct checklist checks = CHECKLIST_EMPTY;
    struct policy *policy = parse(text);
    judge_report(policy, facts, NOW_US, &checks);
    assert_string_equal(check_outcome_name(checklist_find(&checks, check)->outcome), check_outcome_name(outcome));
    checklist_free(&checks);
    policy_drop(policy);
}

/* What CPUID tells of Genoa's line, and what a report of version 2 does not. */
static struct snp_facts genoa_of(uint32_t version, uint8_t model)
{
    struct snp_facts facts = good_facts();
    facts.product = SNP_PRODUCT_GENOA;
    facts.report.version = version;
    facts.report.cpuid_family = version > 2 ? 0x19 : 0;
    facts.report.cpuid_model = version > 2 ? model : 0;
    facts.report.current_tcb.bytes[7] = 27;
    return facts;
}

static void test_siena_and_bergamo_are_told_from_genoa_and_not_from_each_other(void **state)
{
#define MINIMA(genoa, siena, bergamo) "tcb: {min_current: {" genoa siena bergamo "milan: {}}}\n"
#define G(n)                          "genoa: {microcode: " #n "}, "
#define S(n)                          "siena: {microcode: " #n "}, "
#define B(n)                          "bergamo: {microcode: " #n "}, "
    static const struct {
        const char *check, *text;
        enum check_outcome genoa, dense, untold; /* models 11h and A0h, and a report of version 2 */
    } cases_of_line[] = {
        {"product_allowed", "chip: {products_allowed: [genoa]}\n", CHECK_PASS, CHECK_PASS, CHECK_PASS},
        {"product_allowed", "chip: {products_allowed: [siena, bergamo]}\n", CHECK_FAIL, CHECK_PASS, CHECK_FAIL},
        {"product_allowed", "chip: {products_allowed: [milan, turin]}\n", CHECK_FAIL, CHECK_FAIL, CHECK_FAIL},
        {"product_denied", "chip: {products_denied: [genoa]}\n", CHECK_FAIL, CHECK_FAIL, CHECK_FAIL},
        {"product_denied", "chip: {products_denied: [siena, bergamo]}\n", CHECK_PASS, CHECK_FAIL, CHECK_FAIL},
        {"product_denied", "chip: {products_denied: [siena]}\n", CHECK_PASS, CHECK_FAIL, CHECK_FAIL},
        {"product_denied", "chip: {products_denied: [bergamo]}\n", CHECK_PASS, CHECK_FAIL, CHECK_FAIL},
        {"product_denied", "chip: {products_denied: [milan, turin]}\n", CHECK_PASS, CHECK_PASS, CHECK_PASS},
        {"tcb_min_current", MINIMA(G(27), "", ""), CHECK_PASS, CHECK_PASS, CHECK_PASS},
        {"tcb_min_current", MINIMA(G(28), "", ""), CHECK_FAIL, CHECK_FAIL, CHECK_FAIL},
        {"tcb_min_current", MINIMA("", S(27), B(27)), CHECK_FAIL, CHECK_PASS, CHECK_FAIL},
        {"tcb_min_current", MINIMA("", S(27), B(28)), CHECK_FAIL, CHECK_FAIL, CHECK_FAIL},
        {"tcb_min_current", MINIMA(G(84), S(27), B(27)), CHECK_FAIL, CHECK_PASS, CHECK_FAIL},
        {"tcb_min_current", MINIMA(G(27), S(28), B(28)), CHECK_PASS, CHECK_FAIL, CHECK_FAIL},
        {"tcb_min_current", MINIMA(G(84), S(27), ""), CHECK_FAIL, CHECK_FAIL, CHECK_FAIL},
        {"tcb_min_current", MINIMA(G(27), S(26), ""), CHECK_PASS, CHECK_PASS, CHECK_PASS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases_of_line / sizeof cases_of_line[0]; i++) {
        const struct snp_facts genoa_facts = genoa_of(5, 0x11), dense = genoa_of(3, 0xa0), untold = genoa_of(2, 0);
        assert_one(cases_of_line[i].text, &genoa_facts, cases_of_line[i].check, cases_of_line[i].genoa);
        assert_one(cases_of_line[i].text, &dense, cases_of_line[i].check, cases_of_line[i].dense);
        assert_one(cases_of_line[i].text, &untold, cases_of_line[i].check, cases_of_line[i].untold);
    }
    assert_string_equal(policy_products_text(&(struct snp_facts){0}), "unknown");
    const struct snp_facts untold = genoa_of(2, 0), dense = genoa_of(4, 0xaf);
    assert_string_equal(policy_products_text(&untold), "Genoa, Siena or Bergamo");
    assert_string_equal(policy_products_text(&dense), "Siena or Bergamo");
#undef MINIMA
#undef G
#undef S
#undef B
}

/* Nobody is spared a list for the words that a policy has for its products. */
static void test_a_word_for_a_product_stands_for_its_line(void **state)
{
    (void)state;
    struct policy *policy = parse("chip: {products_allowed: [siena, bergamo]}\n");
    assert_true(policy_products_has_line(policy->chip.products_allowed, SNP_PRODUCT_GENOA));
    assert_false(policy_products_has_line(policy->chip.products_allowed, SNP_PRODUCT_MILAN));
    assert_true(policy_products_has_line(0, SNP_PRODUCT_TURIN));
    policy_drop(policy);
}

static void test_unknown_platform_bits_are_allowed_warned_of_or_denied(void **state)
{
    (void)state;
    struct snp_facts facts = good_facts();
    facts.report.platform_info |= BIT(63);
    assert_one("version: a\n", &facts, JUDGE_CHECK_PLATFORM_UNKNOWN, CHECK_SKIPPED);
    assert_one("platform: {unknown_bits: allow}\n", &facts, JUDGE_CHECK_PLATFORM_UNKNOWN, CHECK_SKIPPED);
    assert_one("platform: {unknown_bits: warn}\n", &facts, JUDGE_CHECK_PLATFORM_UNKNOWN, CHECK_WARN);
    assert_one("platform: {unknown_bits: deny}\n", &facts, JUDGE_CHECK_PLATFORM_UNKNOWN, CHECK_FAIL);
    facts.report.platform_info = SNP_PLATFORM_KNOWN_BITS;
    assert_one("platform: {unknown_bits: deny}\n", &facts, JUDGE_CHECK_PLATFORM_UNKNOWN, CHECK_PASS);
}

/* The whole of both words, bit by bit. */
static void test_each_bit_can_be_required_and_forbidden_by_name(void **state)
{
    (void)state;
    for (int platform = 0; platform < 2; platform++) {
        for (const struct snp_bit *bit = platform ? snp_platform_bits : snp_policy_bits; bit->name; bit++) {
            const char *prefix = platform ? "guest: {debug_disabled: false, smt_disabled: false}\nplatform: {"
                                          : "guest: {debug_disabled: false, smt_disabled: false, policy_";
            char *required = mem_format("%srequired: [%s]}\n", prefix, bit->name);
            char *forbidden = mem_format("%sforbidden: [%s]}\n", prefix, bit->name);
            struct snp_facts with = {.report_is_read = true};
            struct snp_facts without = {.report_is_read = true};
            with.report.policy = with.report.platform_info = BIT(bit->bit);
            without.report.policy = without.report.platform_info = ~BIT(bit->bit);
            const char *of_required = platform ? JUDGE_CHECK_PLATFORM_REQUIRED : JUDGE_CHECK_POLICY_REQUIRED;
            const char *of_forbidden = platform ? JUDGE_CHECK_PLATFORM_FORBIDDEN : JUDGE_CHECK_POLICY_FORBIDDEN;
            assert_one(required, &with, of_required, CHECK_PASS);
            assert_one(required, &without, of_required, CHECK_FAIL);
            if (platform || bit->bit != SNP_POLICY_RESERVED_ONE) { /* which is set in every POLICY */
                assert_one(forbidden, &with, of_forbidden, CHECK_FAIL);
                assert_one(forbidden, &without, of_forbidden, CHECK_PASS);
            }
            free(required);
            free(forbidden);
        }
    }
}

static void test_a_set_of_measurements_holds_from_its_beginning_to_its_end(void **state)
{
    static const struct {
        const char *times;
        enum check_outcome outcome;
        const char *found;
    } sets[] = {
        {"not_before: 2025-06-15T15:06:40Z", CHECK_PASS, ""},
        {"not_before: 2025-06-15T15:06:41Z", CHECK_FAIL, " (rel 7, not before 2025-06-15 15:06:41"},
        {"not_after: \"2025-06-15T15:06:40Z\"", CHECK_PASS, ""},
        {"not_after: 2025-06-15T15:06:39Z", CHECK_FAIL, " (rel 7, retired since 2025-06-15 15:06:39"},
        {"not_after: 2025-06-15", CHECK_FAIL, "retired since 2025-06-15 00:00:00"},
        {"not_before: 2025-06-15, not_after: 2025-06-16", CHECK_PASS, ""},
    };
    (void)state;
    struct snp_facts facts = good_facts();
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        char *line = mem_format("sets: [{name: rel 7, %s, values: " DATA48 "}]", sets[i].times);
        const struct demand_test test = {JUDGE_CHECK_MEASUREMENT, "measurements", line, NULL, NULL};
        struct policy *policy = policy_of(&test, "strict");
        assert_judged(policy, &facts, &test, sets[i].outcome, sets[i].found);
        policy_drop(policy);
        free(line);
    }
}

static void test_a_measurement_of_two_sets_is_allowed_when_either_holds(void **state)
{
    (void)state;
    struct snp_facts facts = good_facts();
    assert_one("measurements:\n  sets:\n  - {name: a, not_after: 2020-01-01, values: " DATA48 "}\n"
               "  - {name: b, values: " DATA48 "}\n",
               &facts, JUDGE_CHECK_MEASUREMENT, CHECK_PASS);
}

static void test_a_chip_of_turin_is_named_by_eight_bytes(void **state)
{
    (void)state;
    struct snp_facts facts = good_facts();
    memset(facts.report.chip_id + 8, 0, sizeof facts.report.chip_id - 8);
    assert_one("chip: {chip_ids_allowed: [aaaaaaaaaaaaaaaa]}\n", &facts, JUDGE_CHECK_CHIP_ALLOWED, CHECK_PASS);
    assert_one("chip: {chip_ids_denied: [aaaaaaaaaaaaaaaa]}\n", &facts, JUDGE_CHECK_CHIP_DENIED, CHECK_FAIL);
    facts.report.chip_id[63] = 1;
    assert_one("chip: {chip_ids_allowed: [aaaaaaaaaaaaaaaa]}\n", &facts, JUDGE_CHECK_CHIP_ALLOWED, CHECK_FAIL);
}

static void test_turins_components_stand_where_turin_has_them(void **state)
{
    (void)state;
    struct snp_facts facts = good_facts();
    facts.product = SNP_PRODUCT_TURIN;
    facts.report.reported_tcb = (struct snp_tcb){{1, 2, 3, 4, 0, 0, 0, 5}};
    assert_one("tcb: {min_reported: {turin: {fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 5}}}\n", &facts,
               JUDGE_CHECK_MIN_REPORTED, CHECK_PASS);
    static const char *const components[] = {"fmc: 2", "bootloader: 3", "tee: 4", "snp: 5", "microcode: 6"};
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++) {
        char *text = mem_format("tcb: {min_reported: {turin: {%s}}}\n", components[i]);
        assert_one(text, &facts, JUDGE_CHECK_MIN_REPORTED, CHECK_FAIL);
        free(text);
    }
}

/* ---- age ---- */

static void assert_age(const char *text, int64_t issued_at_s, enum check_outcome outcome, const char *found)
{
    struct checklist checks = CHECKLIST_EMPTY;
    struct policy *policy = parse(text);
    judge_age(policy, issued_at_s, NOW_US, &checks);
    assert_int_equal(checks.count, 1);
    assert_string_equal(checks.checks[0].name, JUDGE_CHECK_EVIDENCE_AGE);
    assert_string_equal(check_outcome_name(checks.checks[0].outcome), check_outcome_name(outcome));
    assert_string_equal(checks.checks[0].found, found);
    checklist_free(&checks);
    policy_drop(policy);
}

static void test_evidence_is_young_enough_or_not_in_every_mode(void **state)
{
    (void)state;
    int64_t now_s = NOW_US / US_PER_SECOND;
    assert_age("evidence: {max_age: 1m}\n", now_s - 60, CHECK_PASS, "60 s");
    assert_age("evidence: {max_age: 1m}\n", now_s - 61, CHECK_FAIL, "61 s");
    assert_age("evidence: {max_age: 1m, mode: warn}\n", now_s - 61, CHECK_WARN, "61 s");
    assert_age("evidence: {max_age: 1m, mode: disabled}\n", now_s - 61, CHECK_SKIPPED, "evidence.mode is disabled");
    assert_age("evidence: {max_age: 1m}\n", now_s + 300, CHECK_PASS, "-300 s");
    assert_age("evidence: {max_age: 1m}\n", now_s + 301, CHECK_FAIL, "-301 s");
    assert_age("version: a\n", 1, CHECK_SKIPPED, "the policy asks nothing");
    assert_age("evidence: {max_age: 1m}\n", 0, CHECK_FAIL, "the evidence does not say when it was made");
}

/* ---- explaining ---- */

static void tell(void *arg, const struct policy_key *key, enum policy_mode mode, const char *expected)
{
    char **told = arg;
    char *longer = mem_format("%s%s (%s) %s: %s\n", *told, policy_group_name(key->group), policy_mode_name(mode),
                              key->what, expected);
    free(*told);
    *told = longer;
}

static void test_a_policy_is_explained_demand_by_demand(void **state)
{
    (void)state;
    char *told = mem_string("");
    struct policy *policy = parse("tcb: {min_version: 1.55.0, mode: warn, min_current: {genoa: {snp: 7}}}\n"
                                  "guest: {smt_disabled: false, policy_forbidden: [cxl, debug]}\n"
                                  "chip: {products_denied: [milan], mode: disabled}\n"
                                  "evidence: {max_age: 1h}\n");
    judge_explain(policy, tell, &told);
    assert_string_equal(told, "tcb (warn) committed firmware: at least 1.55.0\n"
                              "tcb (warn) CURRENT_TCB: at least Genoa: bootloader 0, tee 0, snp 7, microcode 0\n"
                              "guest (strict) debugging: a guest that may not be debugged\n"
                              "guest (strict) bits of POLICY: not set: debug, cxl\n"
                              "chip (disabled) product: none of: milan\n"
                              "evidence (strict) age of the evidence by its own clock: at most 3600 s\n");
    free(told);
    policy_drop(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_demand_is_met_or_not_in_every_mode),
        cmocka_unit_test(test_no_demand_is_made_of_whom_nobody_asks),
        cmocka_unit_test(test_every_demand_of_the_table_is_tested_here),
        cmocka_unit_test(test_siena_and_bergamo_are_told_from_genoa_and_not_from_each_other),
        cmocka_unit_test(test_a_word_for_a_product_stands_for_its_line),
        cmocka_unit_test(test_unknown_platform_bits_are_allowed_warned_of_or_denied),
        cmocka_unit_test(test_each_bit_can_be_required_and_forbidden_by_name),
        cmocka_unit_test(test_a_set_of_measurements_holds_from_its_beginning_to_its_end),
        cmocka_unit_test(test_a_measurement_of_two_sets_is_allowed_when_either_holds),
        cmocka_unit_test(test_a_chip_of_turin_is_named_by_eight_bytes),
        cmocka_unit_test(test_turins_components_stand_where_turin_has_them),
        cmocka_unit_test(test_evidence_is_young_enough_or_not_in_every_mode),
        cmocka_unit_test(test_a_policy_is_explained_demand_by_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
