/* The choice of a provider, and the simulated one: what its settings say stands in reports that verify. */
#include "attest/provider.h"
#include "attest/provider_sev_guest.h"
#include "attest/provider_simulated.h"
#include "attest/provider_tsm.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/config.h"
#include "snp/verify.h"
#include "tls_pair.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t report_data[SNP_REPORT_DATA_SIZE] = "sixty-four bytes that are a hash in earnest";

/* The root that the tests share, since making one takes seconds. */
static char *state_dir;

static int make_state_dir(void **state)
{
    (void)state;
    state_dir = pair_make_directory();
    return 0;
}

static int remove_state_dir(void **state)
{
    (void)state;
    pair_remove_directory(state_dir);
    return 0;
}

static struct config *config_of(const char *settings)
{
    char *text = mem_format("[pgvouch]\nattest_provider = simulated\nattest_state_dir = %s\n%s\n", state_dir, settings);
    struct config *config = NULL;
    struct err outcome = config_parse("test.ini", bytes_of_string(text), &config);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    free(text);
    return config;
}

static struct err open_with(const char *settings, struct provider **out)
{
    struct config *config = config_of(settings);
    struct err outcome = provider_open(&config->set, out);
    config_unref(config);
    return outcome;
}

static struct provider *simulated_with(const char *settings)
{
    struct provider *provider = NULL;
    struct err outcome = open_with(settings, &provider);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    return provider;
}

/* Verifies a report with its table, whose root alone is trusted; *facts is what it says. */
static void check_report(const struct provider_report *made, bool trust_root, struct snp_facts *facts)
{
    struct snp_certtable table;
    struct snp_evidence evidence = {.report = BYTES(made->report)};
    struct checklist checks = CHECKLIST_EMPTY;
    struct snp_arks *arks = snp_arks_new();
    assert_false(failed(snp_certtable_parse(bytes_of(made->table, made->table_size), &table)));
    snp_evidence_take_table(&evidence, &table);
    if (trust_root)
        assert_false(failed(snp_arks_add_certificate(arks, table.ark)));
    struct snp_trust trust = {.now_s = clock_wall_us() / US_PER_SECOND, .arks = arks};
    snp_verify(&evidence, &trust, &checks, facts);
    const struct check *wrong = checklist_first(&checks, CHECK_FAIL);
    if (trust_root && wrong)
        fail_msg("%s: %s", wrong->name, wrong->found);
    if (!trust_root)
        assert_non_null(wrong);
    checklist_free(&checks);
    snp_arks_free(arks);
}

static void report_with(const char *settings, struct snp_facts *facts)
{
    struct provider_report made;
    struct provider *provider = simulated_with(settings);
    struct err outcome = provider_report(provider, report_data, &made);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    check_report(&made, true, facts);
    provider_report_release(&made);
    provider_free(provider);
}

static void test_simulated_report_verifies_and_says_what_it_is(void **state)
{
    (void)state;
    struct snp_facts facts;
    struct provider_report made;
    struct provider *provider = simulated_with("");
    assert_string_equal(provider_name(provider), "simulated");
    assert_true(provider_is_simulated(provider));
    assert_false(failed(provider_report(provider, report_data, &made)));
    check_report(&made, true, &facts);
    assert_true(facts.simulated);
    assert_int_equal(facts.root, SNP_ROOT_EXTRA);
    assert_int_equal(facts.product, SNP_PRODUCT_MILAN);
    assert_memory_equal(facts.report.report_data, report_data, sizeof report_data);
    assert_memory_equal(facts.report.measurement, "TEST_MEASUREMENT_VALID_001", 26);
    assert_false(snp_policy_allows_debug(facts.report.policy));
    assert_false(snp_policy_allows_smt(facts.report.policy));
    assert_int_equal(facts.report.guest_svn, 1);
    assert_int_equal(facts.report.vmpl, 0);
    check_report(&made, false, &facts); /* nobody else believes it */
    provider_report_release(&made);
    provider_free(provider);
}

static void test_amd_roots_are_not_simulated(void **state)
{
    (void)state;
    for (int product = SNP_PRODUCT_MILAN; product < SNP_PRODUCT_COUNT; product++)
        assert_false(snp_ark_is_simulated(snp_amd_ark((enum snp_product)product)));
}

static void test_settings_stand_in_the_report(void **state)
{
    (void)state;
    struct snp_facts facts;
    report_with("attest_simulated_measurement = 01010101010101010101010101010101010101010101010101010101010101010101010"
                "1010101010101010101010101\n"
                "attest_simulated_host_data = 0202020202020202020202020202020202020202020202020202020202020202\n"
                "attest_simulated_policy = 0xb0000\nattest_simulated_platform_info = 0x27\n"
                "attest_simulated_firmware = 1.54.3\nattest_simulated_guest_svn = 9\n"
                "attest_simulated_tcb = 3.1.20.200",
                &facts);
    const struct snp_report *report = &facts.report;
    uint8_t measurement[SNP_MEASUREMENT_SIZE], host_data[32];
    memset(measurement, 1, sizeof measurement);
    memset(host_data, 2, sizeof host_data);
    assert_memory_equal(report->measurement, measurement, sizeof measurement);
    assert_memory_equal(report->host_data, host_data, sizeof host_data);
    assert_int_equal(report->policy, 0xb0000);
    assert_int_equal(report->platform_info, 0x27);
    assert_int_equal(report->committed.major, 1);
    assert_int_equal(report->committed.minor, 54);
    assert_int_equal(report->committed.build, 3);
    assert_int_equal(report->guest_svn, 9);
    static const uint8_t tcb[8] = {3, 1, 0, 0, 0, 0, 20, 200};
    assert_memory_equal(report->reported_tcb.bytes, tcb, sizeof tcb);
    assert_memory_equal(report->current_tcb.bytes, tcb, sizeof tcb);
}

static void test_turin_has_its_own_tcb_and_chip_id(void **state)
{
    (void)state;
    struct snp_facts facts;
    report_with("attest_simulated_product = turin\nattest_simulated_tcb = 1.2.3.4.5\n"
                "attest_simulated_chip_id = 0102030405060708",
                &facts);
    static const uint8_t tcb[8] = {1, 2, 3, 4, 0, 0, 0, 5}, chip_id[SNP_CHIP_ID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(facts.product, SNP_PRODUCT_TURIN);
    assert_memory_equal(facts.report.reported_tcb.bytes, tcb, sizeof tcb);
    assert_memory_equal(facts.report.chip_id, chip_id, sizeof chip_id);
}

static void test_root_and_chip_outlast_a_restart_in_the_state_directory(void **state)
{
    (void)state;
    struct snp_facts first, second;
    report_with("", &first);
    report_with("", &second);
    assert_memory_equal(first.ark_spki_sha256, second.ark_spki_sha256, sizeof first.ark_spki_sha256);
    assert_memory_equal(first.report.chip_id, second.report.chip_id, SNP_CHIP_ID_SIZE);
}

/* config_load refuses such settings first; whoever makes settings otherwise is told here. */
static void expect_identity_refused(const char *name, const char *value)
{
    struct settings set;
    struct psp_identity identity;
    settings_init(&set);
    assert_false(failed(setting_set(setting_find(name), value, &set)));
    struct err outcome = provider_simulated_identity(&set, &identity);
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, name));
    settings_free(&set);
}

static void test_settings_that_cannot_be_are_refused_by_name(void **state)
{
    (void)state;
    expect_identity_refused("attest_simulated_measurement", "");
    expect_identity_refused("attest_simulated_measurement", "00");
    expect_identity_refused("attest_simulated_host_data", "zz");
    expect_identity_refused("attest_simulated_firmware", "1.55");
    expect_identity_refused("attest_simulated_firmware", "1.55.256");
    expect_identity_refused("attest_simulated_firmware", "1.55.29.1");
    expect_identity_refused("attest_simulated_tcb", "1.2.3.4.5"); /* of turin */
    expect_identity_refused("attest_simulated_tcb", "1.2.3.-4");
    expect_identity_refused("attest_simulated_chip_id", "0102030405060708");
}

static size_t count_files(const char *directory)
{
    size_t count = 0;
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));)
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

static void test_without_a_state_directory_no_key_is_left_on_disk(void **state)
{
    (void)state;
    struct snp_facts facts;
    struct provider_report made;
    struct provider *provider = NULL;
    char *before = mem_string(getenv("TMPDIR")), *place = pair_make_directory();
    setenv("TMPDIR", place, 1);
    struct err outcome = open_with("attest_state_dir =", &provider);
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    assert_false(failed(outcome));
    assert_int_equal(count_files(place), 0);
    assert_false(failed(provider_report(provider, report_data, &made)));
    check_report(&made, true, &facts);
    provider_report_release(&made);
    provider_free(provider);
    free(before);
    pair_remove_directory(place);
}

static int64_t time_reports(struct provider *provider, int count)
{
    int64_t began_us = clock_monotonic_us();
    for (int i = 0; i < count; i++) {
        struct provider_report made;
        assert_false(failed(provider_report(provider, report_data, &made)));
        provider_report_release(&made);
    }
    return clock_monotonic_us() - began_us;
}

static void test_latency_is_waited_for(void **state)
{
    (void)state;
    struct provider *provider = simulated_with("attest_simulated_latency = 0.2");
    assert_true(time_reports(provider, 1) >= 200 * US_PER_MS);
    provider_free(provider);
}

static void test_throttle_spaces_reports(void **state)
{
    (void)state;
    struct provider *provider = simulated_with("attest_simulated_throttle = 10");
    assert_true(time_reports(provider, 4) >= 300 * US_PER_MS); /* the first is free */
    provider_free(provider);
}

static void *interrupt(void *provider)
{
    provider_interrupt(provider);
    return NULL;
}

static void test_throttled_report_can_be_interrupted(void **state)
{
    (void)state;
    struct provider_report made;
    pthread_t thread;
    struct provider *provider = simulated_with("attest_simulated_throttle = 0.0001");
    time_reports(provider, 1);
    assert_int_equal(pthread_create(&thread, NULL, interrupt, provider), 0);
    struct err outcome = provider_report(provider, report_data, &made); /* 10,000 s otherwise */
    pthread_join(thread, NULL);
    assert_int_equal(outcome.code, ERR_NOT_NOW);
    assert_null(made.table);
    provider_free(provider);
}

static void test_auto_never_takes_the_simulated_provider(void **state)
{
    (void)state;
    struct provider *provider = NULL;
    if (access(PROVIDER_TSM_ROOT, F_OK) == 0 || access(PROVIDER_SEV_GUEST_DEVICE, F_OK) == 0)
        skip();
    struct err outcome = open_with("attest_provider = auto", &provider);
    assert_int_equal(outcome.code, ERR_NOT_FOUND);
    assert_non_null(strstr(outcome.why, PROVIDER_TSM_ROOT));
    assert_non_null(strstr(outcome.why, PROVIDER_SEV_GUEST_DEVICE));
    assert_int_equal(open_with("attest_provider = tsm", &provider).code, ERR_NOT_FOUND);
    assert_int_equal(open_with("attest_provider = sev-guest", &provider).code, ERR_NOT_FOUND);
    assert_null(provider);
}

static void test_azure_needs_a_build_with_it_and_a_tpm(void **state)
{
    (void)state;
    struct provider *provider = NULL;
    struct err outcome = open_with("attest_provider = azure\nattest_tpm = device:/no/such/tpm", &provider);
#ifdef HAVE_TPM2
    assert_int_equal(outcome.code, ERR_NOT_FOUND);
    assert_non_null(strstr(outcome.why, "device:/no/such/tpm"));
#else
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(outcome.why, "libtss2-dev"));
#endif
    assert_null(provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulated_report_verifies_and_says_what_it_is),
        cmocka_unit_test(test_amd_roots_are_not_simulated),
        cmocka_unit_test(test_settings_stand_in_the_report),
        cmocka_unit_test(test_turin_has_its_own_tcb_and_chip_id),
        cmocka_unit_test(test_root_and_chip_outlast_a_restart_in_the_state_directory),
        cmocka_unit_test(test_settings_that_cannot_be_are_refused_by_name),
        cmocka_unit_test(test_without_a_state_directory_no_key_is_left_on_disk),
        cmocka_unit_test(test_latency_is_waited_for),
        cmocka_unit_test(test_throttle_spaces_reports),
        cmocka_unit_test(test_throttled_report_can_be_interrupted),
        cmocka_unit_test(test_auto_never_takes_the_simulated_provider),
        cmocka_unit_test(test_azure_needs_a_build_with_it_and_a_tpm),
    };
    return cmocka_run_group_tests(tests, make_state_dir, remove_state_dir);
}
