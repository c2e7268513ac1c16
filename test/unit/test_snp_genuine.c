/* Genuine reports of AMD's processors, and what is left of them when anything is changed. */
#include "snp_forge.h"

#include "base/mem.h"
#include "snp/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SKIP_WITHOUT_VECTORS()                                                                                         \
    do {                                                                                                               \
        if (!vectors_directory()) {                                                                                    \
            print_message("genuine vectors are not here: set PGVOUCH_VECTORS\n");                                      \
            skip();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* A vector's files; owned. */
struct vector {
    struct bytes report, vcek, vlek, intermediate, ark;
};

static struct vector vector_open(const char *name)
{
    char *folder = mem_format("snp/%s", name);
    struct vector vector = {
        .report = vectors_read(folder, "report.bin"),
        .vcek = vectors_read(folder, "vcek.der"),
        .vlek = vectors_read(folder, "vlek.der"),
        .intermediate = vectors_read(folder, "ask.pem"),
        .ark = vectors_read(folder, "ark.pem"),
    };
    free(folder);
    assert_true(vector.report.n > 0);
    return vector;
}

static void vector_close(struct vector *vector)
{
    free((void *)vector->report.p);
    free((void *)vector->vcek.p);
    free((void *)vector->vlek.p);
    free((void *)vector->intermediate.p);
    free((void *)vector->ark.p);
}

static struct snp_evidence vector_evidence(const struct vector *vector, bool with_chain)
{
    struct snp_evidence evidence = {.report = vector->report, .vcek = vector->vcek, .vlek = vector->vlek};
    if (with_chain) {
        evidence.intermediate = vector->intermediate;
        evidence.ark = vector->ark;
    }
    return evidence;
}

static int64_t time_of(const char *text)
{
    struct tm parts = {0};
    assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts));
    return timegm(&parts);
}

/* The check that expect.tsv means; NULL for allow. */
static const char *expected_failure(const char *words)
{
    if (strcmp(words, "version") == 0)
        return SNP_CHECK_REPORT_VERSION;
    if (strcmp(words, "signature") == 0)
        return SNP_CHECK_REPORT_SIGNATURE;
    if (strcmp(words, "certificate expired") == 0)
        return SNP_CHECK_CHAIN_VALIDITY;
    assert_string_equal(words, "");
    return NULL;
}

static void check_vector(char *line)
{
    char *fields[7];
    for (size_t i = 0; i < 7; i++)
        fields[i] = strsep(&line, "\t");
    assert_non_null(fields[6]);
    assert_int_equal(strcmp(fields[5], "allow") == 0, fields[6][0] == '\0');
    const char *expected = expected_failure(fields[6]);
    struct vector vector = vector_open(fields[0]);
    struct snp_trust trust = {.now_s = time_of(fields[4])};
    for (int with_chain = 0; with_chain <= 1; with_chain++) {
        struct snp_evidence evidence = vector_evidence(&vector, with_chain);
        const char *found = forge_failure(&evidence, &trust);
        print_message("%s: %s\n", fields[0], found ? found : "allow");
        assert_string_equal(found ? found : "", expected ? expected : "");
    }
    vector_close(&vector);
}

static void test_every_genuine_report_gets_its_verdict_at_its_time(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct bytes table = vectors_read(".", "expect.tsv");
    char *text = mem_string_of(table), *rest = text, *line;
    strsep(&rest, "\n"); /* the heading */
    size_t count = 0;
    while ((line = strsep(&rest, "\n")))
        if (*line) {
            check_vector(line);
            count++;
        }
    assert_true(count >= 19);
    free(text);
    free((void *)table.p);
}

static void test_report_in_a_device_table_verifies(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    static const char *const folders[] = {"other/veraison-milan", "other/veraison-genoa"};
    for (size_t i = 0; i < 2; i++) {
        struct bytes report = vectors_read(folders[i], "report.bin"), table = vectors_read(folders[i], "auxblob.bin");
        struct snp_certtable read;
        assert_false(failed(snp_certtable_parse(table, &read)));
        assert_true(read.vcek.n > 0 && read.intermediate.n > 0 && read.ark.n > 0);
        struct snp_evidence evidence = {.report = report};
        struct snp_trust trust = {.now_s = time_of("2026-01-01T00:00:00Z")};
        snp_evidence_take_table(&evidence, &read);
        assert_null(forge_failure(&evidence, &trust));
        free((void *)report.p);
        free((void *)table.p);
    }
}

static void test_report_with_the_certificate_of_another_chip_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("milan-v3-trustee-1"), other = vector_open("milan-v3-msteeav-1");
    struct snp_evidence evidence = {.report = vector.report, .vcek = other.vcek};
    struct snp_trust trust = {.now_s = time_of("2026-01-01T00:00:00Z")};
    assert_string_equal(forge_failure(&evidence, &trust), SNP_CHECK_REPORT_SIGNATURE);
    assert_true(forge_outcome_is(&evidence, &trust, SNP_CHECK_CHIP_ID, CHECK_FAIL));
    vector_close(&vector);
    vector_close(&other);
}

static bool flip_breaks_signature(size_t at)
{
    return at < 0x2A0 + 48 || (at >= 0x2A0 + 72 && at < 0x2A0 + 120);
}

/* Where a bit was flipped says which check must have noticed. Whatever else is said, the report is refused. */
static void check_flipped(const struct snp_evidence *evidence, const struct snp_trust *trust, size_t at)
{
    struct checklist list = CHECKLIST_EMPTY;
    struct snp_facts facts;
    snp_verify(evidence, trust, &list, &facts);
    const char *name = flip_breaks_signature(at) ? SNP_CHECK_REPORT_SIGNATURE : SNP_CHECK_UNSIGNED_BYTES;
    assert_true(checklist_has_failure(&list));
    assert_int_equal(checklist_find(&list, name)->outcome, CHECK_FAIL);
    checklist_free(&list);
}

/* Of every product, version and kind of key: a bit of every byte. */
static void test_report_of_every_kind_with_one_bit_flipped_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    static const struct {
        const char *name, *at;
    } vectors[] = {{"milan-v2-virtee-1", "2023-04-03T23:59:59Z"},       {"milan-v3-trustee-4", "2024-12-10T23:59:59Z"},
                   {"milan-v4-automatafork-1", "2025-03-21T23:59:59Z"}, {"genoa-v5-oak-1", "2025-08-07T23:59:59Z"},
                   {"sienabergamo-v5-lunal-1", "2026-02-17T23:59:59Z"}, {"turin-v5-msteeav-1", "2026-02-05T23:59:59Z"}};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct vector vector = vector_open(vectors[i].name);
        struct snp_chain_cache *cache = snp_chain_cache_new(4);
        struct snp_trust trust = {.now_s = time_of(vectors[i].at), .cache = cache};
        uint8_t bytes[SNP_REPORT_SIZE];
        memcpy(bytes, vector.report.p, sizeof(bytes));
        struct snp_evidence evidence = vector_evidence(&vector, true);
        evidence.report = BYTES(bytes);
        assert_null(forge_failure(&evidence, &trust));
        for (size_t at = 0; at < sizeof(bytes); at++) {
            bytes[at] ^= (uint8_t)(1U << at % 8);
            check_flipped(&evidence, &trust, at);
            bytes[at] ^= (uint8_t)(1U << at % 8);
        }
        assert_null(forge_failure(&evidence, &trust));
        snp_chain_cache_free(cache);
        vector_close(&vector);
    }
}

static void test_report_with_one_bit_flipped_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("milan-v3-trustee-1");
    struct snp_chain_cache *cache = snp_chain_cache_new(4);
    struct snp_trust trust = {.now_s = time_of("2026-01-01T00:00:00Z"), .cache = cache};
    uint8_t bytes[SNP_REPORT_SIZE];
    memcpy(bytes, vector.report.p, sizeof(bytes));
    struct snp_evidence evidence = {.report = BYTES(bytes), .vcek = vector.vcek};
    assert_null(forge_failure(&evidence, &trust));
    for (size_t at = 0; at < sizeof(bytes); at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1U << bit);
            /* Outside what is signed one bit a byte goes the long way, the others where the check is made. */
            if (flip_breaks_signature(at) || bit == at % 8)
                check_flipped(&evidence, &trust, at);
            else
                assert_false(snp_signature_padding_is_zero(bytes));
            bytes[at] ^= (uint8_t)(1U << bit);
        }
    assert_null(forge_failure(&evidence, &trust));
    assert_int_equal(snp_chain_cache_count(cache), 1);
    snp_chain_cache_free(cache);
    vector_close(&vector);
}

/* Flips a bit of every byte, or of every third, of `der`, a place of the caller's that the evidence looks at: the chain
 * must never hold. */
static void check_certificate_flipped(const struct snp_evidence *evidence, const struct snp_trust *trust, uint8_t *der,
                                      size_t size, size_t step)
{
    assert_null(forge_failure(evidence, trust));
    for (size_t at = 0; at < size; at += step) {
        der[at] ^= (uint8_t)(1U << at % 8);
        bool refused = forge_outcome_is(evidence, trust, SNP_CHECK_CHAIN, CHECK_FAIL);
        if (!refused)
            print_message("byte %zu\n", at);
        assert_true(refused);
        der[at] ^= (uint8_t)(1U << at % 8);
    }
    assert_null(forge_failure(evidence, trust));
}

static void test_vcek_with_one_bit_flipped_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("turin-v5-oak-1");
    struct snp_trust trust = {.now_s = time_of("2026-01-01T00:00:00Z")};
    uint8_t *bytes = mem_copy(vector.vcek);
    struct snp_evidence evidence = {.report = vector.report, .vcek = bytes_of(bytes, vector.vcek.n)};
    check_certificate_flipped(&evidence, &trust, bytes, vector.vcek.n, 1);
    free(bytes);
    vector_close(&vector);
}

static void test_vlek_with_one_bit_flipped_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("milan-v3-trustee-4");
    struct snp_trust trust = {.now_s = time_of("2024-12-10T23:59:59Z")};
    uint8_t *bytes = mem_copy(vector.vlek);
    struct snp_evidence evidence = {.report = vector.report, .vlek = bytes_of(bytes, vector.vlek.n)};
    check_certificate_flipped(&evidence, &trust, bytes, vector.vlek.n, 3);
    free(bytes);
    vector_close(&vector);
}

static void check_intermediate_flipped(const char *name, const char *at, enum snp_product product,
                                       enum snp_vek_kind kind)
{
    struct vector vector = vector_open(name);
    struct snp_trust trust = {.now_s = time_of(at)};
    struct bytes der = snp_amd_intermediate_der(product, kind);
    uint8_t *bytes = mem_copy(der);
    struct snp_evidence evidence = vector_evidence(&vector, false);
    evidence.intermediate = bytes_of(bytes, der.n);
    check_certificate_flipped(&evidence, &trust, bytes, der.n, 3);
    free(bytes);
    vector_close(&vector);
}

static void test_ask_with_one_bit_flipped_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    check_intermediate_flipped("turin-v5-oak-1", "2026-01-01T00:00:00Z", SNP_PRODUCT_TURIN, SNP_VEK_VCEK);
}

static void test_asvk_with_one_bit_flipped_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    check_intermediate_flipped("milan-v3-trustee-4", "2024-12-10T23:59:59Z", SNP_PRODUCT_MILAN, SNP_VEK_VLEK);
}

static void test_ark_of_the_peer_changes_nothing(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("genoa-v5-oak-1");
    struct snp_chain_cache *cache = snp_chain_cache_new(4);
    struct snp_trust trust = {.now_s = time_of("2026-01-01T00:00:00Z"), .cache = cache};
    struct snp_evidence evidence = vector_evidence(&vector, true);
    struct bytes ours = forge_der(forge.ark);
    const struct bytes arks[] = {BYTES_NONE, vector.ark, ours, BYTES_LITERAL("not a certificate"), vector.vcek};
    for (size_t i = 0; i < sizeof(arks) / sizeof(arks[0]); i++) {
        evidence.ark = arks[i];
        assert_null(forge_failure(&evidence, &trust));
    }
    assert_int_equal(snp_chain_cache_count(cache), 1); /* nor does it fill the cache */
    OPENSSL_free((void *)ours.p);
    snp_chain_cache_free(cache);
    vector_close(&vector);
}

static void test_facts_of_a_genuine_report_are_told(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("milan-v3-trustee-4");
    struct snp_trust trust = {.now_s = time_of("2025-01-01T00:00:00Z")};
    struct snp_evidence evidence = vector_evidence(&vector, false);
    struct checklist list = CHECKLIST_EMPTY;
    struct snp_facts facts;
    snp_verify(&evidence, &trust, &list, &facts);
    assert_true(facts.report_is_read && facts.vek_is_read && !facts.crl_was_used);
    assert_int_equal(facts.product, SNP_PRODUCT_MILAN);
    assert_int_equal(facts.root, SNP_ROOT_AMD);
    assert_true(snp_amd_ark_is_pinned(facts.ark_spki_sha256));
    assert_int_equal(facts.vek.kind, SNP_VEK_VLEK);
    assert_string_equal(facts.vek.csp_id, "CN=cc-us-east-2.amazonaws.com");
    assert_int_equal(facts.vek.spl[8], 0xd9);
    assert_int_equal(facts.valid_until_s, time_of("2025-12-10T22:14:21Z"));
    checklist_free(&list);
    vector_close(&vector);
}

static void test_genuine_report_without_the_fitting_intermediate_is_refused(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct vector vector = vector_open("milan-v3-trustee-1");
    struct snp_trust trust = {.now_s = time_of("2026-01-01T00:00:00Z")};
    struct snp_evidence evidence = vector_evidence(&vector, false);
    evidence.intermediate = snp_amd_intermediate_der(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    assert_null(forge_failure(&evidence, &trust));
    evidence.intermediate = snp_amd_intermediate_der(SNP_PRODUCT_MILAN, SNP_VEK_VLEK);
    assert_string_equal(forge_failure(&evidence, &trust), SNP_CHECK_CHAIN);
    evidence.intermediate = snp_amd_intermediate_der(SNP_PRODUCT_GENOA, SNP_VEK_VCEK);
    assert_string_equal(forge_failure(&evidence, &trust), SNP_CHECK_CHAIN);
    evidence.intermediate = snp_amd_ark_der(SNP_PRODUCT_MILAN);
    assert_string_equal(forge_failure(&evidence, &trust), SNP_CHECK_CHAIN);
    vector_close(&vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_genuine_report_gets_its_verdict_at_its_time),
        cmocka_unit_test(test_report_in_a_device_table_verifies),
        cmocka_unit_test(test_report_with_the_certificate_of_another_chip_is_refused),
        cmocka_unit_test(test_report_with_one_bit_flipped_is_refused),
        cmocka_unit_test(test_report_of_every_kind_with_one_bit_flipped_is_refused),
        cmocka_unit_test(test_vcek_with_one_bit_flipped_is_refused),
        cmocka_unit_test(test_vlek_with_one_bit_flipped_is_refused),
        cmocka_unit_test(test_ask_with_one_bit_flipped_is_refused),
        cmocka_unit_test(test_asvk_with_one_bit_flipped_is_refused),
        cmocka_unit_test(test_ark_of_the_peer_changes_nothing),
        cmocka_unit_test(test_facts_of_a_genuine_report_are_told),
        cmocka_unit_test(test_genuine_report_without_the_fitting_intermediate_is_refused),
    };
    return cmocka_run_group_tests_name("snp_genuine", tests, forge_begin, forge_end);
}
