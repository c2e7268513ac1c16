/* libvouch's interface: what it takes, what it refuses to take, and that its verdicts are the verifier's. */
#include "api_scene.h"
#include "attest/judge.h"
#include "attest/verifier.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t nonce[] = "sixteen bytes..";

static void test_right_report_is_allowed_and_its_facts_are_told(void **state)
{
    (void)state;
    vouch_request *request = right_request();
    vouch_verdict *verdict = verdict_of(request);
    uint8_t expected[VOUCH_REPORT_DATA_SIZE], measurement[VOUCH_MEASUREMENT_SIZE], data[VOUCH_REPORT_DATA_SIZE];
    vouch_request_free(request); /* a verdict stands by itself */
    assert_int_equal(vouch_verdict_outcome(verdict), VOUCH_ALLOW);
    assert_string_equal(vouch_verdict_reason(verdict), "");
    assert_true(vouch_verdict_check_count(verdict) > 20);
    assert_string_equal(vouch_verdict_check_name(verdict, 0), SNP_CHECK_REPORT_LENGTH);
    assert_int_equal(vouch_verdict_check_outcome(verdict, 0), VOUCH_CHECK_PASSED);
    assert_string_equal(vouch_verdict_check_expected(verdict, 0), "1184 bytes");
    assert_string_equal(vouch_verdict_check_found(verdict, 0), "1184 bytes");
    assert_int_equal(vouch_verdict_measurement(verdict, measurement), VOUCH_OK);
    assert_int_equal(vouch_verdict_report_data(verdict, data), VOUCH_OK);
    memset(expected, 0x5a, sizeof expected);
    assert_memory_equal(measurement, expected, sizeof measurement);
    memset(expected, 0xda, sizeof expected);
    assert_memory_equal(data, expected, sizeof data);
    char *json = vouch_verdict_json(verdict);
    assert_ptr_equal(strstr(json, "{\"verdict\":\"allow\",\"reason\":\"\",\"checks\":[{"), json);
    vouch_text_free(json);
    vouch_verdict_free(verdict);
}

static void test_index_beyond_the_last_check_is_a_failure_without_a_name(void **state)
{
    (void)state;
    vouch_request *request = right_request();
    vouch_verdict *verdict = verdict_of(request);
    size_t beyond = vouch_verdict_check_count(verdict);
    assert_string_equal(vouch_verdict_check_name(verdict, beyond), "");
    assert_string_equal(vouch_verdict_check_found(verdict, SIZE_MAX), "");
    assert_string_equal(vouch_verdict_check_expected(verdict, beyond), "");
    assert_int_equal(vouch_verdict_check_outcome(verdict, beyond), VOUCH_CHECK_FAILED);
    vouch_verdict_free(verdict);
    vouch_request_free(request);
}

static void test_without_a_policy_a_root_that_is_not_amds_is_denied(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    forge_evidence(&plan, &report, &made);
    vouch_request *request = vouch_request_new();
    vouch_request_set_time(request, FORGE_NOW_S);
    assert_int_equal(vouch_request_set_report(request, made.report, sizeof made.report, why, sizeof why), VOUCH_OK);
    endorse_all(request, &made);
    assert_string_equal(failure_of(request), SNP_CHECK_CHAIN_ROOT);
    vouch_request_free(request);
    forge_evidence_free(&made);
}

static void test_policy_may_be_freed_while_a_request_holds_it_and_replaced(void **state)
{
    (void)state;
    vouch_request *request = right_request();
    vouch_policy *policy = policy_of("guest: {min_vmpl: 1}\n");
    vouch_request_set_policy(request, policy);
    vouch_policy_free(policy);
    assert_string_equal(failure_of(request), JUDGE_CHECK_MIN_VMPL);
    vouch_request_free(request);
}

static void test_policy_tells_its_name_and_what_it_leaves_open(void **state)
{
    (void)state;
    vouch_policy *policy = policy_of("  verify_chain: false\n");
    assert_string_equal(vouch_policy_name(policy), "mine.yaml");
    assert_int_equal(vouch_policy_gap_count(policy), 2);
    assert_non_null(strstr(vouch_policy_gap(policy, 0), "no measurements"));
    assert_non_null(strstr(vouch_policy_gap(policy, 1), "verify_chain"));
    assert_string_equal(vouch_policy_gap(policy, 2), "");
    vouch_policy_free(policy);
}

static void test_policy_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    vouch_policy *policy = (vouch_policy *)&policy;
    assert_int_equal(vouch_policy_load("/nowhere/policy.yaml", &policy, why, sizeof why), VOUCH_ERROR_SYSTEM);
    assert_null(policy);
    assert_non_null(strstr(why, "/nowhere/policy.yaml"));
    assert_int_equal(vouch_policy_parse("what: ever\n", 11, NULL, &policy, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_null(policy);
    assert_non_null(strstr(why, "policy:1:"));
    char shortly[8] = "xxxxxxx";
    assert_int_equal(vouch_policy_parse("what: ever\n", 11, NULL, &policy, shortly, 7), VOUCH_ERROR_INPUT);
    assert_string_equal(shortly, "policy"); /* cut, and ended */
    assert_int_equal(vouch_policy_parse("what: ever\n", 11, NULL, &policy, NULL, 0), VOUCH_ERROR_INPUT);
}

static void test_report_data_is_held_against_what_the_caller_expects(void **state)
{
    (void)state;
    uint8_t data[VOUCH_REPORT_DATA_SIZE];
    vouch_request *request = right_request();
    memset(data, 0xda, sizeof data);
    assert_int_equal(vouch_request_set_report_data(request, data, sizeof data - 1, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_report_data(request, data, sizeof data, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), "");
    data[63] ^= 1;
    assert_int_equal(vouch_request_set_report_data(request, data, sizeof data, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), VERIFY_CHECK_BINDING);
    vouch_request_free(request);
}

static void test_nonce_of_a_report_without_a_bind_record_is_not_known(void **state)
{
    (void)state;
    vouch_request *request = right_request();
    assert_int_equal(vouch_request_set_nonce(request, nonce, sizeof nonce, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), JUDGE_CHECK_NONCE);
    vouch_request_free(request);
}

static int try_verify(const vouch_request *request)
{
    vouch_verdict *verdict = (vouch_verdict *)&verdict;
    int status = vouch_verify(NULL, request, &verdict, why, sizeof why);
    assert_int_equal(verdict == NULL, status != VOUCH_OK);
    vouch_verdict_free(verdict);
    return status;
}

static void test_parts_that_do_not_fit_together_are_an_error(void **state)
{
    (void)state;
    uint8_t bytes[64] = {1};
    vouch_request *request = vouch_request_new();
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    assert_non_null(strstr(why, "no evidence"));
    assert_int_equal(vouch_request_set_report(request, NULL, 0, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_report(request, bytes, sizeof bytes, why, sizeof why), VOUCH_OK);
    assert_int_equal(vouch_request_set_report(request, bytes, sizeof bytes, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_cmw(request, bytes, sizeof bytes, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    assert_non_null(strstr(why, "VEK"));
    assert_int_equal(vouch_request_set_endorsement(request, 8, bytes, 1, why, sizeof why), VOUCH_ERROR_UNSUPPORTED);
    assert_int_equal(vouch_request_set_endorsement(request, 0, bytes, 1, why, sizeof why), VOUCH_ERROR_UNSUPPORTED);
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_CRL, bytes, 1, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_VEK, bytes, 1, why, sizeof why), VOUCH_OK);
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_VEK, bytes, 1, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_string_equal(failure_of(request), SNP_CHECK_REPORT_LENGTH); /* judged, and denied */
    assert_int_equal(vouch_request_set_session(request, VOUCH_CLIENT, 1, why, sizeof why), VOUCH_OK);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_session(request, 3, 1, why, sizeof why), VOUCH_ERROR_UNSUPPORTED);
    assert_int_equal(vouch_request_set_session(request, VOUCH_FILE, 0, why, sizeof why), VOUCH_OK);
    vouch_request_set_time(request, INT64_MAX);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    vouch_request_set_time(request, -1);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    vouch_request_free(request);
}

static void test_piece_that_is_too_large_is_an_error(void **state)
{
    (void)state;
    vouch_request *request = vouch_request_new();
    uint8_t *bytes = calloc(1, VOUCH_PIECE_MAX + 1);
    assert_int_equal(vouch_request_set_report(request, bytes, VOUCH_PIECE_MAX + 1, why, sizeof why), VOUCH_ERROR_LIMIT);
    assert_int_equal(vouch_request_set_certificate(request, bytes, VOUCH_PIECE_MAX + 1, why, sizeof why),
                     VOUCH_ERROR_LIMIT);
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_VEK, bytes, VOUCH_PIECE_MAX + 1, why, sizeof why),
                     VOUCH_ERROR_LIMIT);
    assert_int_equal(vouch_request_set_nonce(request, bytes, 65, why, sizeof why), VOUCH_ERROR_LIMIT);
    free(bytes);
    vouch_request_free(request);
}

static void test_certificate_brings_its_own_endorsements(void **state)
{
    (void)state;
    struct bytes der = forge_der(forge.ask);
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_certificate(request, "nothing", 7, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_certificate(request, der.p, der.n, why, sizeof why), VOUCH_OK);
    assert_int_equal(vouch_request_add_issuer(request, "nothing", 7, why, sizeof why), VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_add_issuer(request, der.p, der.n, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), VERIFY_CHECK_EVIDENCE); /* an ASK carries none */
    endorse(request, VOUCH_ARK, der);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    vouch_request_free(request);
    OPENSSL_free((void *)der.p);
}

/* The request of right_request, with a device's table in place of certificates; the writer is the caller's. */
static vouch_request *request_with_table(const struct forge_evidence *made, const struct snp_certtable *table,
                                         struct writer *w)
{
    vouch_policy *policy = policy_of("");
    vouch_request *request = vouch_request_new();
    *w = writer_growing(SNP_CERTTABLE_MAX);
    snp_certtable_write(table, w);
    assert_int_equal(vouch_request_set_report(request, made->report, sizeof made->report, why, sizeof why), VOUCH_OK);
    endorse(request, VOUCH_TABLE, writer_bytes(w));
    vouch_request_set_time(request, FORGE_NOW_S);
    vouch_request_set_policy(request, policy);
    vouch_policy_free(policy);
    return request;
}

static void test_a_devices_table_proves_a_report(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct bytes ark = forge_der(forge.ark);
    struct forge_evidence made;
    struct writer w;
    forge_evidence(&plan, &report, &made);
    const struct snp_certtable full = {.vcek = made.evidence.vek,
                                       .intermediate = made.evidence.intermediate,
                                       .ark = ark},
                               bare = {.intermediate = made.evidence.intermediate, .ark = ark},
                               foreign = {.vcek = made.evidence.intermediate, .ark = ark};
    vouch_request *request = request_with_table(&made, &full, &w);
    assert_string_equal(failure_of(request), "");
    endorse(request, VOUCH_VCEK, made.evidence.vek); /* which of the two was used nobody would know */
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    assert_non_null(strstr(why, "the table brings all endorsements"));
    vouch_request_free(request);
    writer_free(&w);
    request = request_with_table(&made, &foreign, &w);
    assert_string_not_equal(failure_of(request), "");
    vouch_request_free(request);
    writer_free(&w);
    request = request_with_table(&made, &bare, &w);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    assert_non_null(strstr(why, "a table with one"));
    endorse_all(request, &made);
    assert_string_equal(failure_of(request), "");
    vouch_request_free(request);
    writer_free(&w);
    OPENSSL_free((void *)ark.p);
    forge_evidence_free(&made);
}

static void test_a_table_is_refused_that_is_none_or_has_no_report_to_prove(void **state)
{
    (void)state;
    uint8_t bytes[64] = {1};
    struct bytes der = forge_der(forge.ask);
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_TABLE, bytes, sizeof bytes, why, sizeof why),
                     VOUCH_ERROR_INPUT);
    assert_non_null(strstr(why, "table of certificates"));
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_TABLE, bytes, sizeof bytes, why, sizeof why),
                     VOUCH_OK);
    assert_int_equal(vouch_request_set_endorsement(request, VOUCH_TABLE, bytes, sizeof bytes, why, sizeof why),
                     VOUCH_ERROR_INPUT);
    assert_int_equal(vouch_request_set_certificate(request, der.p, der.n, why, sizeof why), VOUCH_OK);
    assert_int_equal(try_verify(request), VOUCH_ERROR_INPUT);
    assert_non_null(strstr(why, "brings its own"));
    vouch_request_free(request);
    OPENSSL_free((void *)der.p);
}

static void test_session_that_is_not_tls_1_3_is_denied(void **state)
{
    (void)state;
    struct bytes der = forge_der(forge.ask);
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_certificate(request, der.p, der.n, why, sizeof why), VOUCH_OK);
    assert_int_equal(vouch_request_set_session(request, VOUCH_SERVER, 0, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), VERIFY_CHECK_TLS);
    vouch_request_free(request);
    OPENSSL_free((void *)der.p);
}

static void test_leaf_stands_first_in_pem(void **state)
{
    (void)state;
    BIO *text = BIO_new(BIO_s_mem());
    char *pem = NULL;
    assert_int_equal(PEM_write_bio_X509(text, forge.ask) & PEM_write_bio_X509(text, forge.ark), 1);
    size_t size = (size_t)BIO_get_mem_data(text, &pem);
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_certificate(request, pem, size, why, sizeof why), VOUCH_OK);
    assert_string_equal(failure_of(request), VERIFY_CHECK_EVIDENCE);
    vouch_request_free(request);
    BIO_free(text);
}

struct crowd {
    vouch_verifier *verifier;
    vouch_request *requests[4];
    int allowed;
};

static void *crowd_verify(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < 32; i++) {
        vouch_verdict *verdict = NULL;
        char mine[VOUCH_WHY_SIZE];
        if (vouch_verify(crowd->verifier, crowd->requests[i % 4], &verdict, mine, sizeof mine) == VOUCH_OK &&
            vouch_verdict_outcome(verdict) == VOUCH_ALLOW)
            __atomic_add_fetch(&crowd->allowed, 1, __ATOMIC_RELAXED);
        vouch_verdict_free(verdict);
    }
    return NULL;
}

static void test_threads_share_a_verifier(void **state)
{
    (void)state;
    struct crowd crowd = {.verifier = vouch_verifier_new()};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        crowd.requests[i] = right_request();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_verify, &crowd), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd.allowed, 4 * 32);
    for (size_t i = 0; i < 4; i++)
        vouch_request_free(crowd.requests[i]);
    vouch_verifier_free(crowd.verifier);
}

static void test_nothing_is_freed_when_there_is_nothing(void **state)
{
    (void)state;
    vouch_policy_free(NULL);
    vouch_request_free(NULL);
    vouch_verifier_free(NULL);
    vouch_verdict_free(NULL);
    vouch_text_free(NULL);
    assert_string_equal(vouch_version(), PACKAGE_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_report_is_allowed_and_its_facts_are_told),
        cmocka_unit_test(test_index_beyond_the_last_check_is_a_failure_without_a_name),
        cmocka_unit_test(test_without_a_policy_a_root_that_is_not_amds_is_denied),
        cmocka_unit_test(test_policy_may_be_freed_while_a_request_holds_it_and_replaced),
        cmocka_unit_test(test_policy_tells_its_name_and_what_it_leaves_open),
        cmocka_unit_test(test_policy_that_cannot_be_read_is_an_error),
        cmocka_unit_test(test_report_data_is_held_against_what_the_caller_expects),
        cmocka_unit_test(test_nonce_of_a_report_without_a_bind_record_is_not_known),
        cmocka_unit_test(test_parts_that_do_not_fit_together_are_an_error),
        cmocka_unit_test(test_piece_that_is_too_large_is_an_error),
        cmocka_unit_test(test_certificate_brings_its_own_endorsements),
        cmocka_unit_test(test_a_devices_table_proves_a_report),
        cmocka_unit_test(test_a_table_is_refused_that_is_none_or_has_no_report_to_prove),
        cmocka_unit_test(test_session_that_is_not_tls_1_3_is_denied),
        cmocka_unit_test(test_leaf_stands_first_in_pem),
        cmocka_unit_test(test_threads_share_a_verifier),
        cmocka_unit_test(test_nothing_is_freed_when_there_is_nothing),
    };
    return cmocka_run_group_tests_name("api_vouch", tests, forge_begin, forge_end);
}
