/* What KDS is asked for: URLs, names, which VCEK a report needs; and whether what came is that. */
#include "snp/kds_check.h"
#include "snp_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include <openssl/pem.h>

#define ZEROS_120                                                                                                      \
    "000000000000000000000000000000000000000000000000000000000000"                                                     \
    "000000000000000000000000000000000000000000000000000000000000"

/* ---- URLs and names ---- */

static void expect_path(const struct snp_kds_item *item, const char *expected)
{
    char path[SNP_KDS_PATH_SIZE];
    snp_kds_path(item, path);
    assert_string_equal(path, expected);
}

static struct snp_kds_item vcek_of(enum snp_product product, const char *tcb)
{
    const uint8_t hwid[SNP_CHIP_ID_SIZE] = {0xab, 1, 2, 3};
    struct snp_tcb read;
    expect_ok(snp_tcb_read(tcb, snp_product_tcb_layout(product), &read));
    return snp_kds_vcek(product, hwid, read);
}

static void test_paths_are_those_of_publication_57230(void **state)
{
    (void)state;
    struct snp_kds_item milan = vcek_of(SNP_PRODUCT_MILAN, "3.0.8.115"),
                        turin = vcek_of(SNP_PRODUCT_TURIN, "1.2.0.4.72");
    struct snp_kds_item chain = snp_kds_chain(SNP_PRODUCT_GENOA, SNP_VEK_VCEK);
    struct snp_kds_item vleks = snp_kds_crl(SNP_PRODUCT_MILAN, SNP_VEK_VLEK);
    expect_path(&milan, "/vcek/v1/Milan/ab010203" ZEROS_120 "?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115");
    expect_path(&turin, "/vcek/v1/Turin/ab01020300000000?fmcSPL=01&blSPL=02&teeSPL=00&snpSPL=04&ucodeSPL=72");
    expect_path(&chain, "/vcek/v1/Genoa/cert_chain");
    expect_path(&vleks, "/vlek/v1/Milan/crl");
}

static void expect_name(const struct snp_kds_item *item, const char *expected)
{
    char name[SNP_KDS_NAME_SIZE];
    snp_kds_name(item, name);
    assert_string_equal(name, expected);
}

static void test_names_tell_everything_that_was_asked(void **state)
{
    (void)state;
    struct snp_kds_item milan = vcek_of(SNP_PRODUCT_MILAN, "3.0.8.115"),
                        turin = vcek_of(SNP_PRODUCT_TURIN, "1.2.0.4.72");
    struct snp_kds_item chain = snp_kds_chain(SNP_PRODUCT_GENOA, SNP_VEK_VLEK);
    struct snp_kds_item crl = snp_kds_crl(SNP_PRODUCT_TURIN, SNP_VEK_VCEK);
    expect_name(&milan, "vcek-milan-ab010203" ZEROS_120 "-0300000000000873.der");
    expect_name(&turin, "vcek-turin-ab01020300000000-0102000400000048.der");
    expect_name(&chain, "chain-vlek-genoa.pem");
    expect_name(&crl, "crl-vcek-turin.der");
}

static void test_a_tcb_is_read_as_people_write_it(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.4.", " 1.2.3.4", "a"};
    struct snp_tcb tcb;
    expect_ok(snp_tcb_read("1.2.3.4", SNP_TCB_LAYOUT_MILAN, &tcb));
    assert_memory_equal(tcb.bytes, "\1\2\0\0\0\0\3\4", 8);
    expect_ok(snp_tcb_read("0.1.2.3.255", SNP_TCB_LAYOUT_TURIN, &tcb));
    assert_memory_equal(tcb.bytes, "\0\1\2\3\0\0\0\377", 8);
    for (size_t i = 0; i < COUNT(wrong); i++)
        expect_err(snp_tcb_read(wrong[i], SNP_TCB_LAYOUT_MILAN, &tcb), ERR_INPUT, "4 numbers below 256");
    expect_err(snp_tcb_read("1.2.3.4", SNP_TCB_LAYOUT_TURIN, &tcb), ERR_INPUT, "5 numbers below 256");
}

/* ---- which VCEK a report needs ---- */

static size_t candidates_of(const struct snp_report *report, enum snp_product product, struct snp_kds_item *out)
{
    size_t count = 0;
    expect_ok(snp_kds_of_report(report, product, out, &count));
    return count;
}

static void test_a_report_names_its_vcek(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct snp_kds_item items[SNP_KDS_CANDIDATES];
    assert_int_equal(candidates_of(&report, SNP_PRODUCT_UNKNOWN, items), 1);
    assert_int_equal(items[0].product, SNP_PRODUCT_MILAN);
    assert_memory_equal(items[0].hwid, report.chip_id, SNP_CHIP_ID_SIZE);
    assert_true(snp_tcb_equal(items[0].tcb, report.reported_tcb));
}

static void test_a_report_of_version_2_may_be_of_either_product(void **state)
{
    (void)state;
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct snp_kds_item items[SNP_KDS_CANDIDATES];
    report.version = 2;
    assert_int_equal(candidates_of(&report, SNP_PRODUCT_UNKNOWN, items), 2);
    assert_int_equal(items[0].product, SNP_PRODUCT_MILAN);
    assert_int_equal(items[1].product, SNP_PRODUCT_GENOA);
    assert_int_equal(candidates_of(&report, SNP_PRODUCT_GENOA, items), 1);
    assert_int_equal(items[0].product, SNP_PRODUCT_GENOA);
}

static void test_what_kds_cannot_have_is_not_asked_for(void **state)
{
    (void)state;
    struct snp_kds_item items[SNP_KDS_CANDIDATES];
    size_t count = 9;
    struct snp_report report = forge_report(SNP_VEK_VLEK);
    expect_err(snp_kds_of_report(&report, SNP_PRODUCT_UNKNOWN, items, &count), ERR_UNSUPPORTED, "hands out no VLEK");
    assert_int_equal(count, 0);
    report = forge_report(SNP_VEK_VCEK);
    report.key_info = 7 << 2;
    expect_err(snp_kds_of_report(&report, SNP_PRODUCT_UNKNOWN, items, &count), ERR_INPUT, "no key");
    report = forge_report(SNP_VEK_VCEK);
    memset(report.chip_id, 0, sizeof report.chip_id);
    expect_err(snp_kds_of_report(&report, SNP_PRODUCT_UNKNOWN, items, &count), ERR_INPUT, "masked");
    report = forge_report(SNP_VEK_VCEK);
    expect_err(snp_kds_of_report(&report, SNP_PRODUCT_TURIN, items, &count), ERR_INPUT, "of Milan, not of Turin");
    report.cpuid_family = 0x17;
    expect_err(snp_kds_of_report(&report, SNP_PRODUCT_UNKNOWN, items, &count), ERR_INPUT, "not known");
}

/* ---- VCEKs ---- */

static struct snp_kds_trust trust_of(struct bytes ask)
{
    return (struct snp_kds_trust){.authorities.intermediate = ask, .arks = forge.trusts_ark, .now_s = FORGE_NOW_S};
}

static struct err check_item(const struct snp_kds_item *item, X509 *certificate, const struct snp_kds_trust *trust)
{
    struct bytes der = forge_der(certificate);
    struct err outcome = snp_kds_check(item, der, trust);
    OPENSSL_free((void *)der.p);
    return outcome;
}

/* What is said of a certificate when the VCEK of forge_vcek is asked for, or with a change to either. */
static struct err check_vcek(const struct forge_vek *plan, const struct snp_kds_item *asked)
{
    struct bytes ask = forge_der(forge.ask), asvk = forge_der(forge.asvk);
    struct snp_kds_trust trust = trust_of(plan->issuer == forge.asvk ? asvk : ask);
    X509 *certificate = forge_certify(plan);
    struct err outcome = check_item(asked, certificate, &trust);
    X509_free(certificate);
    OPENSSL_free((void *)ask.p);
    OPENSSL_free((void *)asvk.p);
    return outcome;
}

static struct snp_kds_item asked_for(const struct forge_vek *plan)
{
    return snp_kds_vcek(SNP_PRODUCT_MILAN, plan->hwid, plan->tcb);
}

static void test_the_vcek_that_was_asked_for_is_taken(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_kds_item asked = asked_for(&plan);
    expect_ok(check_vcek(&plan, &asked));
}

static void test_any_other_vcek_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_kds_item asked = asked_for(&plan);
    asked.hwid[63] ^= 1;
    expect_err(check_vcek(&plan, &asked), ERR_DENIED, "another chip");
    for (size_t i = 0; i < sizeof asked.tcb.bytes; i++) {
        asked = asked_for(&plan);
        asked.tcb.bytes[i] ^= 1;
        expect_err(check_vcek(&plan, &asked), ERR_DENIED, "for the TCB");
    }
    asked = snp_kds_vcek(SNP_PRODUCT_GENOA, plan.hwid, plan.tcb);
    expect_err(check_vcek(&plan, &asked), ERR_DENIED, "of Milan, not of Genoa");
}

static void test_a_vlek_is_no_vcek(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vlek();
    struct snp_kds_item asked = asked_for(&plan);
    expect_err(check_vcek(&plan, &asked), ERR_DENIED, "a VLEK, not a VCEK");
}

static void test_a_vcek_that_is_incomplete_or_out_of_date_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_kds_item asked = asked_for(&plan);
    plan.without = "3.8";
    assert_true(failed(check_vcek(&plan, &asked)));
    plan = forge_vcek();
    plan.not_after_s = FORGE_NOW_S - 1;
    expect_err(check_vcek(&plan, &asked), ERR_NOT_NOW, "expired");
    plan = forge_vcek();
    plan.not_before_s = FORGE_NOW_S + 1;
    expect_err(check_vcek(&plan, &asked), ERR_NOT_NOW, "not yet valid");
}

static void test_a_vcek_under_a_root_that_nobody_named_is_refused(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_kds_item asked = asked_for(&plan);
    struct bytes ask = forge_der(forge.ask), ark = forge_der(forge.ark);
    struct snp_kds_trust trust = trust_of(ask);
    X509 *certificate = forge_certify(&plan);
    trust.authorities.ark = ark;
    trust.arks = NULL;
    assert_int_equal(check_item(&asked, certificate, &trust).code, ERR_DENIED);
    trust = trust_of(BYTES_NONE); /* AMD's own ASK did not sign it */
    assert_int_equal(check_item(&asked, certificate, &trust).code, ERR_DENIED);
    X509_free(certificate);
    OPENSSL_free((void *)ask.p);
    OPENSSL_free((void *)ark.p);
}

/* ---- chains ---- */

static char *pem_of(X509 *first, X509 *second)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *start = NULL;
    assert_int_equal(PEM_write_bio_X509(text, first), 1);
    if (second)
        assert_int_equal(PEM_write_bio_X509(text, second), 1);
    long size = BIO_get_mem_data(text, &start);
    char *copy = mem_string_of(bytes_of(start, (size_t)size));
    BIO_free(text);
    return copy;
}

static struct err check_chain(const struct snp_kds_item *item, X509 *first, X509 *second,
                              const struct snp_kds_trust *trust)
{
    char *pem = pem_of(first, second);
    struct err outcome = snp_kds_check(item, bytes_of_string(pem), trust);
    free(pem);
    return outcome;
}

static void test_a_chain_up_to_a_known_root_is_taken(void **state)
{
    (void)state;
    const struct snp_kds_item vceks = snp_kds_chain(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    const struct snp_kds_item vleks = snp_kds_chain(SNP_PRODUCT_MILAN, SNP_VEK_VLEK);
    const struct snp_kds_item turin = snp_kds_chain(SNP_PRODUCT_TURIN, SNP_VEK_VLEK);
    struct snp_kds_trust trust = trust_of(BYTES_NONE);
    expect_ok(check_chain(&vceks, forge.ask, forge.ark, &trust));
    expect_ok(check_chain(&vleks, forge.asvk, forge.ark, &trust));
    trust.arks = NULL;
    expect_ok(check_chain(&turin, snp_amd_intermediate(SNP_PRODUCT_TURIN, SNP_VEK_VLEK), snp_amd_ark(SNP_PRODUCT_TURIN),
                          &trust));
}

static void test_any_other_chain_is_refused(void **state)
{
    (void)state;
    const struct snp_kds_item vceks = snp_kds_chain(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    const struct snp_kds_item genoa = snp_kds_chain(SNP_PRODUCT_GENOA, SNP_VEK_VCEK);
    struct snp_kds_trust trust = trust_of(BYTES_NONE);
    expect_err(check_chain(&vceks, forge.asvk, forge.ark, &trust), ERR_DENIED, "not the authority");
    expect_err(check_chain(&genoa, forge.ask, forge.ark, &trust), ERR_DENIED, "not that of Genoa");
    expect_err(check_chain(&vceks, forge.ask, NULL, &trust), ERR_INPUT, "two certificates");
    expect_err(check_chain(&vceks, forge.ask, forge.ask, &trust), ERR_INPUT, "ARK");
    expect_err(check_chain(&vceks, forge.ask, snp_amd_ark(SNP_PRODUCT_MILAN), &trust), ERR_DENIED, "did not sign");
    trust.now_s = FORGE_NOW_S + 100 * 365 * FORGE_DAY_S;
    expect_err(check_chain(&vceks, forge.ask, forge.ark, &trust), ERR_NOT_NOW, "expired");
    trust = trust_of(BYTES_NONE);
    trust.arks = NULL;
    expect_err(check_chain(&vceks, forge.ask, forge.ark, &trust), ERR_DENIED, "neither AMD's");
}

static void test_text_around_a_chain_does_no_harm_and_a_third_certificate_does(void **state)
{
    (void)state;
    struct snp_kds_authorities parts;
    char *two = pem_of(forge.ask, forge.ark), *one = pem_of(forge.ask, NULL);
    char *three = mem_format("%s%s", two, one), *commented = mem_format("words before\n%s", two);
    expect_err(snp_kds_chain_read(bytes_of_string(three), &parts), ERR_INPUT, "two certificates");
    expect_err(snp_kds_chain_read(bytes_of_string("nothing"), &parts), ERR_INPUT, "two certificates");
    expect_err(snp_kds_chain_read(BYTES_NONE, &parts), ERR_INPUT, "empty");
    expect_ok(snp_kds_chain_read(bytes_of_string(commented), &parts));
    assert_int_equal(parts.intermediate.n + parts.ark.n, strlen(two));
    free(two);
    free(one);
    free(three);
    free(commented);
}

/* ---- lists ---- */

static struct err check_crl(X509 *issuer, EVP_PKEY *key, int64_t this_s, int64_t next_s, const struct snp_arks *arks)
{
    const struct snp_kds_item item = snp_kds_crl(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    struct snp_kds_trust trust = trust_of(BYTES_NONE);
    struct bytes crl = forge_crl(issuer, key, forge.ask, this_s, next_s);
    trust.arks = arks;
    struct err outcome = snp_kds_check(&item, crl, &trust);
    OPENSSL_free((void *)crl.p);
    return outcome;
}

static void test_a_list_by_a_known_root_is_taken_whatever_it_says(void **state)
{
    (void)state;
    expect_ok(check_crl(forge.ark, forge.ark_key, FORGE_NOW_S - 1, FORGE_NOW_S + FORGE_DAY_S, forge.trusts_ark));
}

static void test_any_other_list_is_refused(void **state)
{
    (void)state;
    int64_t before_s = FORGE_NOW_S - FORGE_DAY_S, after_s = FORGE_NOW_S + FORGE_DAY_S;
    expect_err(check_crl(forge.ark, forge.ark_key, before_s, after_s, NULL), ERR_DENIED, "no known root");
    expect_err(check_crl(forge.ark, forge.ask_key, before_s, after_s, forge.trusts_ark), ERR_DENIED, "no known root");
    expect_err(check_crl(forge.ask, forge.ask_key, before_s, after_s, forge.trusts_ark), ERR_DENIED, "no known root");
    expect_err(check_crl(forge.ark, forge.ark_key, before_s, FORGE_NOW_S - 1, forge.trusts_ark), ERR_NOT_NOW,
               "out of date");
    expect_err(check_crl(forge.ark, forge.ark_key, after_s, after_s + 1, forge.trusts_ark), ERR_NOT_NOW, "future");
}

static struct err check_crl_of(enum snp_vek_kind vek, const char *scope)
{
    const struct snp_kds_item item = snp_kds_crl(SNP_PRODUCT_MILAN, vek);
    struct snp_kds_trust trust = trust_of(BYTES_NONE);
    struct bytes crl = forge_crl_of(forge.ark, forge.ark_key, NULL, FORGE_NOW_S - 1, FORGE_NOW_S + FORGE_DAY_S, scope);
    struct err outcome = snp_kds_check(&item, crl, &trust);
    OPENSSL_free((void *)crl.p);
    return outcome;
}

static void test_a_list_that_says_it_is_for_the_other_kind_of_key_is_refused(void **state)
{
    (void)state;
    const char *of_vceks = "critical,fullname:URI:" FORGE_VCEK_LISTS;
    const char *of_vleks = "critical,fullname:URI:" FORGE_VLEK_LISTS;
    expect_ok(check_crl_of(SNP_VEK_VCEK, of_vceks));
    expect_ok(check_crl_of(SNP_VEK_VLEK, of_vleks));
    expect_ok(check_crl_of(SNP_VEK_VLEK, NULL));
    expect_err(check_crl_of(SNP_VEK_VCEK, of_vleks), ERR_DENIED, "not that of \"/vcek/v1/Milan/crl\"");
    expect_err(check_crl_of(SNP_VEK_VLEK, of_vceks), ERR_DENIED, "not that of \"/vlek/v1/Milan/crl\"");
}

static void test_a_root_that_only_its_hash_names_comes_with_the_chain(void **state)
{
    (void)state;
    const struct snp_kds_item item = snp_kds_crl(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    struct bytes crl = forge_crl(forge.ark, forge.ark_key, NULL, FORGE_NOW_S - 1, FORGE_NOW_S + 1);
    struct bytes ark = forge_der(forge.ark);
    struct snp_arks *arks = snp_arks_new(), *copy = snp_arks_new();
    struct snp_kds_trust trust = trust_of(BYTES_NONE);
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    snp_spki_sha256(forge.ark, hash);
    snp_arks_add_spki_sha256(arks, hash);
    snp_arks_add_all(copy, arks);
    snp_arks_add_all(copy, NULL);
    trust.arks = copy;
    expect_err(snp_kds_check(&item, crl, &trust), ERR_DENIED, "no known root");
    trust.authorities.ark = ark;
    expect_ok(snp_kds_check(&item, crl, &trust));
    snp_arks_free(arks);
    snp_arks_free(copy);
    OPENSSL_free((void *)crl.p);
    OPENSSL_free((void *)ark.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_those_of_publication_57230),
        cmocka_unit_test(test_names_tell_everything_that_was_asked),
        cmocka_unit_test(test_a_tcb_is_read_as_people_write_it),
        cmocka_unit_test(test_a_report_names_its_vcek),
        cmocka_unit_test(test_a_report_of_version_2_may_be_of_either_product),
        cmocka_unit_test(test_what_kds_cannot_have_is_not_asked_for),
        cmocka_unit_test(test_the_vcek_that_was_asked_for_is_taken),
        cmocka_unit_test(test_any_other_vcek_is_refused),
        cmocka_unit_test(test_a_vlek_is_no_vcek),
        cmocka_unit_test(test_a_vcek_that_is_incomplete_or_out_of_date_is_refused),
        cmocka_unit_test(test_a_vcek_under_a_root_that_nobody_named_is_refused),
        cmocka_unit_test(test_a_chain_up_to_a_known_root_is_taken),
        cmocka_unit_test(test_any_other_chain_is_refused),
        cmocka_unit_test(test_text_around_a_chain_does_no_harm_and_a_third_certificate_does),
        cmocka_unit_test(test_a_list_by_a_known_root_is_taken_whatever_it_says),
        cmocka_unit_test(test_any_other_list_is_refused),
        cmocka_unit_test(test_a_list_that_says_it_is_for_the_other_kind_of_key_is_refused),
        cmocka_unit_test(test_a_root_that_only_its_hash_names_comes_with_the_chain),
    };
    return cmocka_run_group_tests(tests, forge_begin, forge_end);
}
