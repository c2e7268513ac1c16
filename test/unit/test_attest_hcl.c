/* HCL reports, claims, quotes and records of Azure: genuine ones, and whatever is malformed. */
#include "attest/azure_verify.h"
#include "attest/verifier.h"
#include "azure_forge.h"
#include "base/clock.h"
#include "base/mem.h"
#include "snp_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include <cmocka.h>

#define GENUINE_OLD   "other/azure-hcl/azcvm-hcl-report"
#define GENUINE       "other/azure-hcl/trustee-evidence-v1"
#define GENUINE_AT_US (INT64_C(1767225600) * US_PER_SECOND) /* 2026-01-01 */
#define AT_HEADER     1216                                  /* of the runtime data */
#define AT_CLAIMS     1236

#define SKIP_WITHOUT_VECTORS()                                                                                         \
    do {                                                                                                               \
        if (!vectors_directory()) {                                                                                    \
            print_message("genuine vectors are not here: set PGVOUCH_VECTORS\n");                                      \
            skip();                                                                                                    \
        }                                                                                                              \
    } while (0)

static EVP_PKEY *attestation_key, *other_key;

static int begin(void **state)
{
    (void)state;
    attestation_key = azure_forge_key(2048);
    other_key = azure_forge_key(2048);
    return 0;
}

static int end(void **state)
{
    (void)state;
    EVP_PKEY_free(attestation_key);
    EVP_PKEY_free(other_key);
    return 0;
}

/* ---- genuine HCL reports ---- */

static void check_genuine(const char *folder, bool has_user_data, size_t size)
{
    struct hcl_report hcl;
    struct hcl_claims claims;
    struct snp_report report;
    struct bytes bytes = vectors_read(folder, "hcl-report.bin");
    struct bytes report_bytes = vectors_read(folder, "report.bin"), json = vectors_read(folder, "runtime-claims.json");
    assert_int_equal(bytes.n, size);
    assert_true(hcl_report_is_one(bytes));
    assert_false(failed(hcl_report_parse(bytes, &hcl)));
    assert_true(bytes_equal(hcl.report, report_bytes));
    assert_true(bytes_equal(hcl.claims, json));
    assert_false(failed(snp_report_parse(hcl.report, &report)));
    assert_false(failed(hcl_claims_check(hcl.claims, report.report_data)));
    assert_false(failed(hcl_claims_parse(hcl.claims, &claims)));
    assert_int_equal(claims.modulus_size, 256);
    assert_int_equal(claims.has_user_data, has_user_data);
    assert_true(bytes_are_zero(BYTES(claims.user_data)));
    free((void *)bytes.p);
    free((void *)report_bytes.p);
    free((void *)json.p);
}

static void test_genuine_reports_are_taken_apart(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    check_genuine(GENUINE_OLD, false, 2048);
    check_genuine(GENUINE, true, 2600);
}

/* A genuine HCL report, and the quote that travelled with it. */
struct genuine {
    struct bytes hcl_bytes, vcek, quote, raw_signature, pem;
    struct hcl_report hcl;
    uint8_t signature_room[TPM_SIGNATURE_MAX];
    struct bytes signature;
};

static void genuine_open(struct genuine *genuine)
{
    genuine->hcl_bytes = vectors_read(GENUINE, "hcl-report.bin");
    genuine->vcek = vectors_read(GENUINE, "vcek.der");
    genuine->quote = vectors_read(GENUINE, "tpm-quote.msg");
    genuine->raw_signature = vectors_read(GENUINE, "tpm-quote.sig");
    genuine->pem = vectors_read(GENUINE, "hcl-ak-pub.pem");
    assert_false(failed(hcl_report_parse(genuine->hcl_bytes, &genuine->hcl)));
    struct writer w = writer_over(genuine->signature_room, sizeof genuine->signature_room);
    azure_forge_signature(TPM_ALG_RSASSA, TPM_ALG_SHA256, genuine->raw_signature, &w);
    genuine->signature = writer_bytes(&w);
}

static void genuine_close(struct genuine *genuine)
{
    free((void *)genuine->hcl_bytes.p);
    free((void *)genuine->vcek.p);
    free((void *)genuine->quote.p);
    free((void *)genuine->raw_signature.p);
    free((void *)genuine->pem.p);
}

static void test_genuine_quote_is_by_the_key_that_the_claims_name(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct genuine genuine;
    struct hcl_claims claims;
    struct tpm_quote quote;
    EVP_PKEY *key = NULL;
    genuine_open(&genuine);
    assert_false(failed(hcl_claims_parse(genuine.hcl.claims, &claims)));
    assert_false(failed(hcl_claims_key(&claims, &key)));
    BIO *pem = BIO_new_mem_buf(genuine.pem.p, (int)genuine.pem.n);
    EVP_PKEY *known = PEM_read_bio_PUBKEY(pem, NULL, NULL, NULL);
    BIO_free(pem);
    assert_int_equal(EVP_PKEY_eq(key, known), 1);
    assert_false(failed(tpm_quote_verify(key, genuine.quote, genuine.signature)));
    assert_false(failed(tpm_quote_parse(genuine.quote, &quote)));
    assert_true(bytes_equal(quote.extra_data, BYTES_LITERAL("challenge")));
    assert_int_equal(quote.pcrs, 0xffffff);
    assert_int_equal(tpm_quote_check_pcrs(&quote, BYTES_NONE).code, ERR_DENIED);
    assert_int_equal(tpm_quote_verify(other_key, genuine.quote, genuine.signature).code, ERR_DENIED);
    EVP_PKEY_free(known);
    EVP_PKEY_free(key);
    genuine_close(&genuine);
}

static uint8_t pcr_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* "e15c…" in JSON; one of the vector's has lost its first digit's zero. */
static size_t read_pcrs(const char *json, uint8_t *out)
{
    size_t count = 0;
    for (const char *at = strchr(json, '"'); at; at = strchr(at, '"')) {
        size_t digits = strspn(++at, "0123456789abcdef");
        uint8_t *pcr = out + count++ * TPM_PCR_SIZE;
        memset(pcr, 0, TPM_PCR_SIZE);
        for (size_t i = 0; i < digits; i++) {
            size_t nibble = 2 * TPM_PCR_SIZE - digits + i;
            pcr[nibble / 2] |= (uint8_t)(pcr_digit(at[i]) << (nibble % 2 ? 0 : 4));
        }
        at += digits + 1;
    }
    return count;
}

static void test_genuine_pcrs_are_those_of_the_quote(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct genuine genuine;
    struct tpm_quote quote;
    uint8_t values[TPM_PCRS * TPM_PCR_SIZE];
    struct bytes json = vectors_read(GENUINE, "pcrs.json");
    genuine_open(&genuine);
    assert_int_equal(read_pcrs((const char *)json.p, values), TPM_PCRS);
    assert_false(failed(tpm_quote_parse(genuine.quote, &quote)));
    assert_false(failed(tpm_quote_check_pcrs(&quote, BYTES(values))));
    assert_true(
        bytes_equal(tpm_quote_pcr(&quote, BYTES(values), 4), bytes_of(values + 4 * TPM_PCR_SIZE, TPM_PCR_SIZE)));
    assert_int_equal(tpm_quote_pcr(&quote, BYTES(values), TPM_PCRS).n, 0);
    values[17] ^= 1;
    assert_int_equal(tpm_quote_check_pcrs(&quote, BYTES(values)).code, ERR_DENIED);
    free((void *)json.p);
    genuine_close(&genuine);
}

static void judge_alone(struct bytes report, struct bytes vcek, struct bytes claims, struct verdict *verdict)
{
    struct snp_evidence snp = {.report = report, .vcek = vcek};
    struct verify_report_request request = {.evidence = &snp, .claims = claims, .now_us = GENUINE_AT_US};
    verdict_init(verdict);
    verify_report_alone(&request, verdict);
}

static void expect_alone(struct bytes report, struct bytes vcek, struct bytes claims, const char *failure)
{
    struct verdict verdict;
    judge_alone(report, vcek, claims, &verdict);
    const struct check *check = checklist_first(&verdict.checks, CHECK_FAIL);
    assert_string_equal(check ? check->name : "", failure);
    assert_int_equal(verdict.kind, *failure ? VERDICT_DENY : VERDICT_ALLOW);
    assert_int_equal(verdict.format, EVIDENCE_AZURE);
    verdict_release(&verdict);
}

/* From AMD's root to the claims. */
static void test_genuine_report_vouches_for_its_claims(void **state)
{
    (void)state;
    SKIP_WITHOUT_VECTORS();
    struct genuine genuine;
    uint8_t changed[HCL_CLAIMS_MAX];
    genuine_open(&genuine);
    struct bytes claims = genuine.hcl.claims, old = vectors_read(GENUINE_OLD, "hcl-report.bin");
    struct bytes old_vcek = vectors_read(GENUINE_OLD, "vcek.der");
    struct hcl_report old_hcl;
    expect_alone(genuine.hcl.report, genuine.vcek, claims, "");
    for (size_t i = 0; i < claims.n; i += 37) {
        memcpy(changed, claims.p, claims.n);
        changed[i] ^= 0x01;
        expect_alone(genuine.hcl.report, genuine.vcek, bytes_of(changed, claims.n), AZURE_CHECK_CLAIMS);
    }
    assert_false(failed(hcl_report_parse(old, &old_hcl)));
    expect_alone(genuine.hcl.report, genuine.vcek, old_hcl.claims, AZURE_CHECK_CLAIMS);
    expect_alone(old_hcl.report, old_vcek, old_hcl.claims, SNP_CHECK_REPORT_SIGNATURE); /* of another chip */
    free((void *)old.p);
    free((void *)old_vcek.p);
    genuine_close(&genuine);
}

/* ---- HCL reports that are wrong ---- */

#define FORGED_SIZE 2048

struct forged_hcl {
    uint8_t report[SNP_REPORT_SIZE], room[FORGED_SIZE];
    struct bytes bytes;
};

static void forge_plain_hcl(struct forged_hcl *out)
{
    memset(out->report, 0xaa, sizeof out->report);
    out->bytes = azure_forge_hcl(BYTES(out->report), BYTES_LITERAL("{\"claims\":1}"), FORGED_SIZE, out->room);
}

static void put_u32(struct forged_hcl *hcl, size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        hcl->room[at + i] = (uint8_t)(value >> 8 * i);
}

static void expect_hcl_error(const struct forged_hcl *hcl, enum err_code code, const char *why)
{
    struct hcl_report parsed = {0};
    struct err outcome = hcl_report_parse(hcl->bytes, &parsed);
    if (outcome.code != code || !strstr(outcome.why, why))
        fail_msg("%d \"%s\"", outcome.code, outcome.why);
    assert_null(parsed.report.p);
}

static void test_truncated_hcl_reports_are_refused(void **state)
{
    (void)state;
    struct forged_hcl hcl;
    struct hcl_report parsed;
    forge_plain_hcl(&hcl);
    size_t whole = AT_CLAIMS + 12;
    for (size_t n = 0; n < whole; n++)
        assert_int_equal(hcl_report_parse(bytes_of(hcl.room, n), &parsed).code, ERR_INPUT);
    assert_false(failed(hcl_report_parse(bytes_of(hcl.room, whole), &parsed)));
    assert_true(bytes_equal(parsed.claims, BYTES_LITERAL("{\"claims\":1}")));
    assert_true(bytes_equal(parsed.report, BYTES(hcl.report)));
}

static void expect_changed(size_t at, uint32_t value, enum err_code code, const char *why)
{
    struct forged_hcl hcl;
    forge_plain_hcl(&hcl);
    put_u32(&hcl, at, value);
    expect_hcl_error(&hcl, code, why);
}

static void test_hcl_headers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_changed(0, 0x414c4347, ERR_INPUT, "does not begin with HCLA");
    expect_changed(4, 0, ERR_UNSUPPORTED, "version 0");
    expect_changed(4, 3, ERR_UNSUPPORTED, "version 3");
    expect_changed(AT_HEADER + 4, 3, ERR_UNSUPPORTED, "version 3");
    expect_changed(AT_HEADER + 8, 4, ERR_UNSUPPORTED, "type 4, which is not SEV-SNP"); /* TDX */
    expect_changed(AT_HEADER + 12, 2, ERR_UNSUPPORTED, "not by SHA-256");
}

static void test_hcl_sizes_that_lie_are_refused(void **state)
{
    (void)state;
    expect_changed(8, UINT32_MAX, ERR_INPUT, "contradict");
    expect_changed(8, 0, ERR_INPUT, "contradict");
    expect_changed(AT_HEADER, UINT32_MAX, ERR_INPUT, "contradict");
    expect_changed(AT_HEADER, 20 + 12 + 4, ERR_INPUT, "contradict"); /* version 1 has no extension */
    expect_changed(AT_HEADER + 16, UINT32_MAX, ERR_INPUT, "4294967295 bytes");
    expect_changed(AT_HEADER + 16, UINT32_MAX - 19, ERR_INPUT, "bytes, not 1 to");
    expect_changed(AT_HEADER + 16, 0, ERR_INPUT, "0 bytes");
    expect_changed(AT_HEADER + 16, 13, ERR_INPUT, "contradict");
}

static void test_claims_may_stand_behind_an_extension_from_version_2_on(void **state)
{
    (void)state;
    struct forged_hcl hcl;
    struct hcl_report parsed;
    forge_plain_hcl(&hcl);
    put_u32(&hcl, 4, 2);
    put_u32(&hcl, AT_HEADER + 4, 2);
    assert_false(failed(hcl_report_parse(hcl.bytes, &parsed)));
    put_u32(&hcl, 8, AT_CLAIMS + 12 + 4);
    put_u32(&hcl, AT_HEADER, 20 + 12 + 4);
    assert_false(failed(hcl_report_parse(hcl.bytes, &parsed)));
    assert_ptr_equal(parsed.claims.p, hcl.room + AT_CLAIMS + 4);
    assert_int_equal(parsed.claims.n, 12);
}

/* ---- claims ---- */

#define KEY_OF(n)     "{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" n "\"}"
#define CLAIMS_OF(it) "{\"keys\":[" it "]}"

static void expect_claims(const char *json, enum err_code code, const char *why)
{
    struct hcl_claims claims;
    struct err outcome = hcl_claims_parse(bytes_of_string(json), &claims);
    if (outcome.code != code || !strstr(outcome.why, why))
        fail_msg("%s: %d \"%s\"", json, outcome.code, outcome.why);
}

static void test_claims_without_one_good_key_are_refused(void **state)
{
    (void)state;
    expect_claims("", ERR_INPUT, "no JSON");
    expect_claims("[]", ERR_INPUT, "no JSON object");
    expect_claims("{\"keys\":[],\"keys\":[]}", ERR_INPUT, "duplicates");
    expect_claims("{} {}", ERR_INPUT, "no JSON object");
    expect_claims("{}", ERR_INPUT, "no list");
    expect_claims("{\"keys\":{}}", ERR_INPUT, "no list");
    expect_claims(CLAIMS_OF("1,2,3,4,5,6,7,8,9"), ERR_INPUT, "up to 8");
    expect_claims(CLAIMS_OF("{\"kid\":\"HCLEkPub\"}, 1"), ERR_INPUT, "no key HCLAkPub");
    expect_claims(CLAIMS_OF(KEY_OF("AQ") "," KEY_OF("AQ")), ERR_INPUT, "two keys");
    expect_claims(CLAIMS_OF("{\"kid\":\"HCLAkPub\",\"kty\":\"EC\"}"), ERR_UNSUPPORTED, "not RSA");
    expect_claims(CLAIMS_OF("{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"\"}"), ERR_UNSUPPORTED,
                  "65537");
    expect_claims(CLAIMS_OF(KEY_OF("")), ERR_UNSUPPORTED, "bits");
    expect_claims(CLAIMS_OF(KEY_OF("_w")), ERR_UNSUPPORTED, "bits");
    expect_claims(CLAIMS_OF(KEY_OF("_")), ERR_INPUT, "base64url");
    expect_claims(CLAIMS_OF(KEY_OF("_x")), ERR_INPUT, "base64url"); /* bits that mean nothing */
    expect_claims(CLAIMS_OF(KEY_OF("_w==")), ERR_INPUT, "base64url");
    expect_claims(CLAIMS_OF(KEY_OF("/w")), ERR_INPUT, "base64url");
}

static void test_keys_of_other_sizes_are_refused(void **state)
{
    (void)state;
    static const uint8_t value[SNP_REPORT_DATA_SIZE] = {1};
    static const unsigned sizes[] = {1024, 2040, 3072};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t over[EVIDENCE_AZURE_QUALIFY_SIZE];
        struct azure_forged forged;
        struct hcl_claims claims;
        EVP_PKEY *key = azure_forge_key(sizes[i]);
        struct azure_plan plan = azure_forge_plan(key, value, over);
        azure_forge(&plan, &forged);
        assert_int_equal(hcl_claims_parse(forged.record.claims, &claims).code,
                         sizes[i] < 2048 ? ERR_UNSUPPORTED : ERR_NONE);
        EVP_PKEY_free(key);
    }
}

static void test_a_modulus_beyond_4096_bits_is_refused(void **state)
{
    (void)state;
    char json[HCL_CLAIMS_MAX], modulus[700];
    memset(modulus, '_', sizeof modulus);
    modulus[684] = '\0'; /* 513 bytes */
    snprintf(json, sizeof json, CLAIMS_OF(KEY_OF("%s")), modulus);
    expect_claims(json, ERR_INPUT, "base64url");
    struct hcl_claims claims;
    char *long_json = mem_alloc(HCL_CLAIMS_MAX + 2);
    memset(long_json, ' ', HCL_CLAIMS_MAX + 1);
    assert_int_equal(hcl_claims_parse(bytes_of_string(long_json), &claims).code, ERR_INPUT);
    free(long_json);
}

static void test_user_data_are_sixty_four_bytes_in_hexadecimal(void **state)
{
    (void)state;
    static const uint8_t value[SNP_REPORT_DATA_SIZE] = {0xab, 0xcd};
    uint8_t over[EVIDENCE_AZURE_QUALIFY_SIZE];
    struct azure_forged forged;
    struct hcl_claims claims;
    struct azure_plan plan = azure_forge_plan(attestation_key, value, over);
    azure_forge(&plan, &forged);
    assert_false(failed(hcl_claims_parse(forged.record.claims, &claims)));
    assert_true(claims.has_user_data);
    assert_memory_equal(claims.user_data, value, sizeof value);
    char *digits = strstr(forged.claims, "abcd");
    digits[0] = 'A';
    assert_false(failed(hcl_claims_parse(forged.record.claims, &claims)));
    assert_memory_equal(claims.user_data, value, sizeof value);
    digits[0] = 'x';
    assert_int_equal(hcl_claims_parse(forged.record.claims, &claims).code, ERR_INPUT);
    plan.user_data = NULL;
    azure_forge(&plan, &forged);
    assert_false(failed(hcl_claims_parse(forged.record.claims, &claims)));
    assert_false(claims.has_user_data);
}

/* ---- quotes ---- */

static const uint8_t some_value[SNP_REPORT_DATA_SIZE] = "what is to be bound";

static void test_truncated_and_padded_quotes_are_refused(void **state)
{
    (void)state;
    uint8_t over[EVIDENCE_AZURE_QUALIFY_SIZE], longer[TPM_QUOTE_MAX + 1] = {0};
    struct azure_forged forged;
    struct tpm_quote quote;
    struct azure_plan plan = azure_forge_plan(attestation_key, some_value, over);
    azure_forge(&plan, &forged);
    struct bytes good = forged.record.quote;
    for (size_t n = 0; n < good.n; n++)
        assert_true(failed(tpm_quote_parse(bytes_of(good.p, n), &quote)));
    memcpy(longer, good.p, good.n);
    assert_int_equal(tpm_quote_parse(bytes_of(longer, good.n + 1), &quote).code, ERR_INPUT);
    assert_int_equal(tpm_quote_parse(BYTES(longer), &quote).code, ERR_INPUT);
    assert_false(failed(tpm_quote_parse(good, &quote)));
    assert_true(bytes_equal(quote.extra_data, BYTES(over)));
    assert_int_equal(quote.reset_count, 2);
    longer[6] = 0xff; /* the name's length */
    assert_int_equal(tpm_quote_parse(bytes_of(longer, good.n), &quote).code, ERR_INPUT);
}

static void test_signatures_of_other_forms_are_refused(void **state)
{
    (void)state;
    uint8_t over[EVIDENCE_AZURE_QUALIFY_SIZE], room[TPM_SIGNATURE_MAX];
    struct azure_forged forged;
    struct azure_plan plan = azure_forge_plan(attestation_key, some_value, over);
    azure_forge(&plan, &forged);
    struct bytes quote = forged.record.quote, good = forged.record.signature;
    assert_false(failed(tpm_quote_verify(attestation_key, quote, good)));
    for (size_t n = 0; n < good.n; n++)
        assert_int_equal(tpm_quote_verify(attestation_key, quote, bytes_of(good.p, n)).code, ERR_INPUT);
    memcpy(room, good.p, good.n);
    room[good.n] = 0;
    assert_int_equal(tpm_quote_verify(attestation_key, quote, bytes_of(room, good.n + 1)).code, ERR_INPUT);
    room[1] = 0x16; /* RSAPSS */
    assert_int_equal(tpm_quote_verify(attestation_key, quote, bytes_of(room, good.n)).code, ERR_UNSUPPORTED);
    room[1] = 0x14;
    room[3] = 0x04; /* SHA-1 */
    assert_int_equal(tpm_quote_verify(attestation_key, quote, bytes_of(room, good.n)).code, ERR_UNSUPPORTED);
    EVP_PKEY *elliptic = EVP_EC_gen("P-256");
    assert_int_equal(tpm_quote_verify(elliptic, quote, good).code, ERR_DENIED);
    EVP_PKEY_free(elliptic);
}

/* ---- the record ---- */

static void test_the_record_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t room[128];
    struct writer w = writer_over(room, sizeof room);
    struct evidence_azure read,
        azure = {BYTES_LITERAL("claims"), BYTES_LITERAL("quote"), BYTES_LITERAL("signature"), BYTES_LITERAL("pcrs")};
    evidence_azure_write(&azure, &w);
    struct bytes good = writer_bytes(&w);
    assert_false(failed(evidence_azure_parse(good, &read)));
    assert_true(bytes_equal(read.claims, azure.claims) && bytes_equal(read.quote, azure.quote));
    assert_true(bytes_equal(read.signature, azure.signature) && bytes_equal(read.pcrs, azure.pcrs));
    for (size_t n = 0; n < good.n; n++)
        assert_int_equal(evidence_azure_parse(bytes_of(good.p, n), &read).code, ERR_INPUT);
    room[2] = 2; /* profile */
    assert_int_equal(evidence_azure_parse(good, &read).code, ERR_UNSUPPORTED);
    room[2] = 1;
    room[3] = 6; /* a key that should be 2 */
    assert_int_equal(evidence_azure_parse(good, &read).code, ERR_INPUT);
}

static void test_a_record_without_quote_or_claims_is_refused(void **state)
{
    (void)state;
    uint8_t room[128];
    struct evidence_azure read;
    for (int i = 0; i < 3; i++) {
        struct evidence_azure azure = {BYTES_LITERAL("c"), BYTES_LITERAL("q"), BYTES_LITERAL("s"), BYTES_NONE};
        struct bytes *members[] = {&azure.claims, &azure.quote, &azure.signature};
        struct writer w = writer_over(room, sizeof room);
        *members[i] = BYTES_NONE;
        evidence_azure_write(&azure, &w);
        assert_int_equal(evidence_azure_parse(writer_bytes(&w), &read).code, ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_genuine_reports_are_taken_apart),
        cmocka_unit_test(test_genuine_quote_is_by_the_key_that_the_claims_name),
        cmocka_unit_test(test_genuine_pcrs_are_those_of_the_quote),
        cmocka_unit_test(test_genuine_report_vouches_for_its_claims),
        cmocka_unit_test(test_truncated_hcl_reports_are_refused),
        cmocka_unit_test(test_hcl_headers_that_cannot_be_are_refused),
        cmocka_unit_test(test_hcl_sizes_that_lie_are_refused),
        cmocka_unit_test(test_claims_may_stand_behind_an_extension_from_version_2_on),
        cmocka_unit_test(test_claims_without_one_good_key_are_refused),
        cmocka_unit_test(test_keys_of_other_sizes_are_refused),
        cmocka_unit_test(test_a_modulus_beyond_4096_bits_is_refused),
        cmocka_unit_test(test_user_data_are_sixty_four_bytes_in_hexadecimal),
        cmocka_unit_test(test_truncated_and_padded_quotes_are_refused),
        cmocka_unit_test(test_signatures_of_other_forms_are_refused),
        cmocka_unit_test(test_the_record_is_read_as_it_was_written),
        cmocka_unit_test(test_a_record_without_quote_or_claims_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
