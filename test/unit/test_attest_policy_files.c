/* Policies in files: the roots and certificates that they name, what is said at load, and all of a configuration. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "tls_pair.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"

static void write_file(const char *path, struct bytes content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content.p, 1, content.n, file), content.n);
    assert_int_equal(fclose(file), 0);
}

static void test_roots_are_read_from_files_beside_the_policy_and_from_hashes(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *policy_path = mem_format("%s/p.yaml", directory);
    char *der_path = mem_format("%s/milan.der", directory);
    char *pem_path = mem_format("%s/genoa.pem", directory);
    static const char hash[] = "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08";
    write_file(der_path, snp_amd_ark_der(SNP_PRODUCT_MILAN));
    FILE *pem = fopen(pem_path, "w");
    assert_non_null(pem);
    assert_int_equal(PEM_write_X509(pem, snp_amd_ark(SNP_PRODUCT_GENOA)), 1);
    assert_int_equal(fclose(pem), 0);
    char *text = mem_format("certificates:\n  trusted_arks:\n  - milan.der\n  - %s\n  - %s\n", pem_path, hash);
    write_file(policy_path, bytes_of_string(text));

    struct policy *policy = NULL;
    struct err e = policy_load("roots", policy_path, &policy);
    if (failed(e))
        fail_msg("%s", e.why);
    uint8_t spki[SNP_SPKI_SHA256_SIZE];
    assert_int_equal(snp_arks_count(policy->certificates.trusted_arks), 3);
    snp_spki_sha256(snp_amd_ark(SNP_PRODUCT_MILAN), spki);
    assert_true(snp_arks_trust(policy->certificates.trusted_arks, spki));
    snp_spki_sha256(snp_amd_ark(SNP_PRODUCT_GENOA), spki);
    assert_true(snp_arks_trust(policy->certificates.trusted_arks, spki));
    assert_false(failed(hex_decode(hash, spki, sizeof spki)));
    assert_true(snp_arks_trust(policy->certificates.trusted_arks, spki));
    policy_drop(policy);
    free(text);
    free(pem_path);
    free(der_path);
    free(policy_path);
    pair_remove_directory(directory);
}

static void test_roots_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_refused_with("certificates:\n  trusted_arks:\n  - /nowhere/ark.pem\n",
                        "p.yaml:3: certificates.trusted_arks: cannot open \"/nowhere/ark.pem\"");
    assert_refused_with("certificates:\n  veks:\n  - /nowhere/vcek.der\n",
                        "p.yaml:3: certificates.veks: cannot open \"/nowhere/vcek.der\"");
    assert_refused_with("certificates:\n  veks: [/]\n", "\"/\" is not a file");
    assert_refused_with("certificates:\n  veks: [[]]\n", "expected the file of a VCEK's or VLEK's certificate");
    assert_refused_with("certificates:\n  veks: a\n", "expected a list of files");
    assert_refused_with("certificates:\n  trusted_arks: [/]\n", "\"/\" is not a file");
    assert_refused_with("certificates:\n  trusted_arks: [/dev/null]\n", "\"/dev/null\" is not a file");
    assert_refused("certificates:\n  trusted_arks: ark.pem\n",
                   "p.yaml:2: certificates.trusted_arks: expected a list of files or hashes, found \"ark.pem\"");
    assert_refused("certificates:\n  trusted_arks: [\"\"]\n",
                   "p.yaml:2: certificates.trusted_arks: expected the file of a root's certificate, or 64 hexadecimal "
                   "digits, found \"\"");
    char *directory = pair_make_directory();
    char *path = mem_format("%s/ask.der", directory);
    char *text = mem_format("certificates:\n  trusted_arks: [%s]\n", path);
    write_file(path, snp_amd_intermediate_der(SNP_PRODUCT_MILAN, SNP_VEK_VCEK));
    assert_refused_with(text, "p.yaml:2: certificates.trusted_arks: \"");
    write_file(path, BYTES_LITERAL("nothing of the kind"));
    assert_refused_with(text, "p.yaml:2: certificates.trusted_arks: \"");
    free(text);
    free(path);
    pair_remove_directory(directory);
}

static void test_a_policy_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    assert_int_equal(policy_load("p", "/nowhere/p.yaml", &policy).code, ERR_SYSTEM);
    assert_int_equal(policy_load("p", "/", &policy).code, ERR_INPUT);
    assert_null(policy);
}

/* What stands in the log after loading such a policy. */
static char *log_of_loading(const char *text)
{
    char *directory = pair_make_directory();
    char *policy_path = mem_format("%s/p.yaml", directory);
    char *log_path = mem_format("%s/log", directory);
    struct policy *policy = NULL;
    char *log = mem_alloc(4096);
    write_file(policy_path, bytes_of_string(text));
    assert_false(failed(log_open(&(struct log_target){.file = log_path})));
    assert_false(failed(policy_load("gaps", policy_path, &policy)));
    assert_false(failed(log_open(&(struct log_target){.to_stderr = true})));
    policy_drop(policy);
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    assert_true(fread(log, 1, 4095, file) < 4095);
    assert_int_equal(fclose(file), 0);
    free(log_path);
    free(policy_path);
    pair_remove_directory(directory);
    return log;
}

static void test_what_a_policy_leaves_open_is_said_at_load(void **state)
{
    (void)state;
    char *log = log_of_loading("certificates: {verify_chain: false, verify_signature: false}\n");
    assert_non_null(strstr(log, "WARNING policy \"gaps\": no measurements are named"));
    assert_non_null(strstr(log, "WARNING policy \"gaps\": certificates.verify_chain is false"));
    assert_non_null(strstr(log, "WARNING policy \"gaps\": certificates.verify_signature is false"));
    free(log);
    log = log_of_loading(whole_schema);
    assert_string_equal(log, "");
    free(log);
}

static void test_policies_are_loaded_by_name_whole_or_not_at_all(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *a = mem_format("%s/a.yaml", directory);
    char *b = mem_format("%s/b.yaml", directory);
    char *ini = mem_format("[policies]\nstrict = %s\nlax = %s\n[pgvouch]\nlisten_addr = 127.0.0.1\n", a, b);
    struct config *config = NULL;
    struct policies policies;
    write_file(a, BYTES_LITERAL("version: a\nmeasurements: {mode: disabled}\nnonce: {max_age: 10m}\n"));
    write_file(b, BYTES_LITERAL("version: b\nmeasurements: {mode: disabled}\n"));
    struct err e = config_parse("test.ini", bytes_of_string(ini), &config);
    if (failed(e))
        fail_msg("%s", e.why);

    assert_false(failed(policies_load(config, &policies)));
    assert_int_equal(policies.count, 2);
    assert_string_equal(policies_find(&policies, "strict")->version, "a");
    assert_string_equal(policies_find(&policies, "lax")->version, "b");
    assert_null(policies_find(&policies, "none"));
    assert_int_equal(policies_nonce_max_age_us(&policies), 600 * US_PER_SECOND);
    struct policy *kept = policy_ref(policies_find(&policies, "strict"));
    policies_free(&policies);
    assert_int_equal(policies_nonce_max_age_us(&policies), 0);
    assert_string_equal(kept->version, "a");
    policy_drop(kept);

    write_file(a, BYTES_LITERAL("version: a\nmeasurments: {mode: disabled}\n"));
    e = policies_load(config, &policies);
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.why, "policy \"strict\": "));
    assert_non_null(strstr(e.why, "a.yaml:2: unknown key \"measurments\"; did you mean measurements?"));
    assert_int_equal(policies.count, 0);
    assert_null(policies.policy);
    config_unref(config);
    free(ini);
    free(b);
    free(a);
    pair_remove_directory(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_are_read_from_files_beside_the_policy_and_from_hashes),
        cmocka_unit_test(test_roots_that_are_none_are_refused),
        cmocka_unit_test(test_a_policy_that_cannot_be_read_is_an_error),
        cmocka_unit_test(test_what_a_policy_leaves_open_is_said_at_load),
        cmocka_unit_test(test_policies_are_loaded_by_name_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
