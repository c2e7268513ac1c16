/* The PSP in software: its reports verify like genuine ones, for whoever names its root. */
#include "snp_forge.h"

#include "base/clock.h"
#include "base/mem.h"
#include "snp/psp.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[4096]; /* the PSP's; its parent is made for this program */

static int psp_begin(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/psp.XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory))
        return -1;
    strcat(directory, "/keys");
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int psp_end(void **state)
{
    (void)state;
    *strrchr(directory, '/') = '\0';
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct psp *open_psp(const struct psp_identity *identity)
{
    struct psp *psp = NULL;
    struct err outcome = psp_open(directory, identity, &psp);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    return psp;
}

/* Trust in the ARK's file, as a policy would name it. */
static struct snp_arks *trust_file(enum snp_product product)
{
    char *path = psp_ark_path(directory, product);
    uint8_t pem[8192];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(pem, 1, sizeof(pem), file);
    fclose(file);
    free(path);
    struct snp_arks *arks = snp_arks_new();
    assert_false(failed(snp_arks_add_certificate(arks, bytes_of(pem, size))));
    return arks;
}

static const char *failure_of(const struct psp *psp, uint8_t report[SNP_REPORT_SIZE], const struct snp_arks *arks)
{
    struct snp_trust trust = {.now_s = clock_wall_us() / US_PER_SECOND, .arks = arks};
    struct snp_evidence evidence = {.report = bytes_of(report, SNP_REPORT_SIZE),
                                    .vcek = psp_vcek(psp),
                                    .intermediate = psp_ask(psp),
                                    .ark = psp_ark(psp)};
    return forge_failure(&evidence, &trust);
}

static void check_round_trip(enum snp_product product, uint32_t version)
{
    struct psp_identity identity;
    uint8_t data[SNP_REPORT_DATA_SIZE], bytes[SNP_REPORT_SIZE];
    memset(data, 0x5a, sizeof(data));
    psp_identity_default(product, &identity);
    identity.report_version = version;
    struct psp *psp = open_psp(&identity);
    struct snp_arks *arks = trust_file(product);
    assert_false(failed(psp_report(psp, data, 2, bytes)));
    assert_null(failure_of(psp, bytes, arks));
    assert_string_equal(failure_of(psp, bytes, NULL), SNP_CHECK_CHAIN_ROOT);
    struct snp_report report;
    assert_false(failed(snp_report_parse(BYTES(bytes), &report)));
    assert_int_equal(report.version, version);
    assert_int_equal(report.vmpl, 2);
    assert_memory_equal(report.report_data, data, sizeof(data));
    assert_string_equal((const char *)report.measurement, "TEST_MEASUREMENT_VALID_001");
    assert_memory_equal(report.chip_id, psp_identity_of(psp)->chip_id, SNP_CHIP_ID_SIZE);
    assert_false(snp_policy_allows_debug(report.policy) || snp_policy_allows_smt(report.policy));
    bytes[0x90] ^= 1;
    assert_string_equal(failure_of(psp, bytes, arks), SNP_CHECK_REPORT_SIGNATURE);
    snp_arks_free(arks);
    psp_free(psp);
}

static void test_reports_of_every_product_and_version_verify(void **state)
{
    (void)state;
    for (int product = SNP_PRODUCT_MILAN; product <= SNP_PRODUCT_TURIN; product++)
        for (uint32_t version = SNP_REPORT_VERSION_MIN; version <= SNP_REPORT_VERSION_MAX; version++)
            check_round_trip((enum snp_product)product, version);
}

static void test_turin_chip_id_has_eight_bytes(void **state)
{
    (void)state;
    struct psp_identity identity;
    psp_identity_default(SNP_PRODUCT_TURIN, &identity);
    struct psp *psp = open_psp(&identity);
    const uint8_t *chip_id = psp_identity_of(psp)->chip_id;
    assert_false(bytes_are_zero(bytes_of(chip_id, 8)));
    assert_true(bytes_are_zero(bytes_of(chip_id + 8, SNP_CHIP_ID_SIZE - 8)));
    psp_free(psp);
}

static void test_directory_used_again_gives_the_same_keys(void **state)
{
    (void)state;
    struct psp_identity identity;
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    struct psp *first = open_psp(&identity), *second = open_psp(&identity);
    assert_true(bytes_equal(psp_ark(first), psp_ark(second)));
    assert_true(bytes_equal(psp_ask(first), psp_ask(second)));
    assert_true(bytes_equal(psp_vcek(first), psp_vcek(second)));
    assert_memory_equal(psp_identity_of(first)->chip_id, psp_identity_of(second)->chip_id, SNP_CHIP_ID_SIZE);
    psp_free(second);
    identity.reported_tcb.bytes[7]--; /* another TCB has another VCEK of the same chip */
    second = open_psp(&identity);
    assert_true(bytes_equal(psp_ask(first), psp_ask(second)));
    assert_false(bytes_equal(psp_vcek(first), psp_vcek(second)));
    psp_free(second);
    psp_free(first);
}

static void test_processes_that_open_it_at_once_agree(void **state)
{
    (void)state;
    char parent[sizeof(directory)], mine[sizeof(directory)];
    snprintf(parent, sizeof(parent), "%s", directory);
    *strrchr(parent, '/') = '\0';
    snprintf(mine, sizeof(mine), "%.4000s/shared", parent);
    struct psp_identity identity;
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    struct psp *psp = NULL;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = !failed(psp_open(mine, &identity, &psp)) &&
                    write(ends[1], psp_vcek(psp).p, 512) == 512; /* a VCEK is longer */
        psp_free(psp);
        _exit(good ? 0 : 1);
    }
    assert_false(failed(psp_open(mine, &identity, &psp)));
    int status = -1;
    uint8_t of_child[512];
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], of_child, sizeof(of_child)), sizeof(of_child));
    assert_memory_equal(psp_vcek(psp).p, of_child, sizeof(of_child));
    close(ends[0]);
    close(ends[1]);
    psp_free(psp);
}

static void check_mode(const char *name, mode_t mode)
{
    char path[sizeof(directory) + 64];
    struct stat about;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, mode);
}

static void test_keys_are_for_their_owner_only(void **state)
{
    (void)state;
    check_mode("", 0700);
    check_mode("ark-milan.key", 0600);
    check_mode("ask-turin.key", 0600);
    check_mode("chip-id", 0600);
    check_mode("ark-milan.pem", 0644);
    char *path = psp_ark_path("/somewhere", SNP_PRODUCT_TURIN);
    assert_string_equal(path, "/somewhere/ark-turin.pem");
    free(path);
}

static void check_open_fails(enum err_code code)
{
    struct psp_identity identity;
    struct psp *psp = NULL;
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    assert_int_equal(psp_open(directory, &identity, &psp).code, code);
    assert_null(psp);
}

static void test_directory_or_key_that_others_may_change_is_refused(void **state)
{
    (void)state;
    char key[sizeof(directory) + 64];
    snprintf(key, sizeof(key), "%s/ark-milan.key", directory);
    assert_int_equal(chmod(key, 0640), 0);
    check_open_fails(ERR_SYSTEM);
    assert_int_equal(chmod(key, 0600), 0);
    assert_int_equal(chmod(directory, 0770), 0);
    check_open_fails(ERR_SYSTEM);
    assert_int_equal(chmod(directory, 0700), 0);
    struct psp_identity identity;
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    psp_free(open_psp(&identity));
}

static void test_damaged_key_is_refused_and_not_replaced(void **state)
{
    (void)state;
    char key[sizeof(directory) + 64], aside[sizeof(directory) + 64];
    snprintf(key, sizeof(key), "%s/ask-milan.key", directory);
    snprintf(aside, sizeof(aside), "%s/aside", directory);
    assert_int_equal(rename(key, aside), 0);
    int fd = open(key, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "damaged", 7), 7);
    close(fd);
    check_open_fails(ERR_SYSTEM);
    assert_int_equal(rename(aside, key), 0);
}

static void test_lost_certificate_file_of_the_root_is_written_again(void **state)
{
    (void)state;
    char *path = psp_ark_path(directory, SNP_PRODUCT_MILAN);
    struct psp_identity identity;
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    assert_int_equal(unlink(path), 0);
    psp_free(open_psp(&identity));
    assert_int_equal(access(path, R_OK), 0);
    free(path);
}

static void test_identity_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct psp_identity identity;
    struct psp *psp = NULL;
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    identity.report_version = 6;
    assert_int_equal(psp_open(directory, &identity, &psp).code, ERR_INPUT);
    psp_identity_default(SNP_PRODUCT_UNKNOWN, &identity);
    assert_int_equal(psp_open(directory, &identity, &psp).code, ERR_INPUT);
    psp_identity_default(SNP_PRODUCT_TURIN, &identity);
    identity.chip_id_given = true;
    assert_int_equal(psp_open(directory, &identity, &psp).code, ERR_INPUT); /* zeros */
    memset(identity.chip_id, 1, 9);                                         /* one byte too long */
    assert_int_equal(psp_open(directory, &identity, &psp).code, ERR_INPUT);
    assert_null(psp);
    identity.chip_id[8] = 0;
    psp = open_psp(&identity);
    uint8_t data[SNP_REPORT_DATA_SIZE] = {0}, report[SNP_REPORT_SIZE];
    assert_int_equal(psp_report(psp, data, 4, report).code, ERR_INPUT);
    assert_false(failed(psp_report(psp, data, 3, report)));
    psp_free(psp);
}

static void test_sealed_report_of_the_callers_making_verifies_as_what_it_says(void **state)
{
    (void)state;
    struct psp_identity identity;
    uint8_t data[SNP_REPORT_DATA_SIZE] = {0}, bytes[SNP_REPORT_SIZE];
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    struct psp *psp = open_psp(&identity);
    struct snp_arks *arks = trust_file(SNP_PRODUCT_MILAN);
    assert_false(failed(psp_report(psp, data, 0, bytes)));
    bytes[0] = 6;
    assert_false(failed(psp_seal(psp, bytes)));
    assert_string_equal(failure_of(psp, bytes, arks), SNP_CHECK_REPORT_VERSION);
    snp_arks_free(arks);
    psp_free(psp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_of_every_product_and_version_verify),
        cmocka_unit_test(test_turin_chip_id_has_eight_bytes),
        cmocka_unit_test(test_directory_used_again_gives_the_same_keys),
        cmocka_unit_test(test_processes_that_open_it_at_once_agree),
        cmocka_unit_test(test_keys_are_for_their_owner_only),
        cmocka_unit_test(test_directory_or_key_that_others_may_change_is_refused),
        cmocka_unit_test(test_damaged_key_is_refused_and_not_replaced),
        cmocka_unit_test(test_lost_certificate_file_of_the_root_is_written_again),
        cmocka_unit_test(test_identity_that_cannot_be_is_refused),
        cmocka_unit_test(test_sealed_report_of_the_callers_making_verifies_as_what_it_says),
    };
    return cmocka_run_group_tests_name("snp_psp", tests, psp_begin, psp_end);
}
