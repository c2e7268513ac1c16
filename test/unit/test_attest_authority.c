/* The attester: the authority that issues its leaves: kept, made anew, or the operator's. */
#include "attest/attester.h"

#include "attester_scene.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tls/pem.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_authority_outlasts_a_restart_in_the_state_directory(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state first, second;
    struct stat about;
    char *place = pair_make_directory();
    char *settings = mem_format("attest_state_dir = %s/state\nattest_ca_file = %s/public.pem", place, place);
    char *ca_file = mem_format("%s/public.pem", place), *state_dir = mem_format("%s/state", place);
    char *key_file = mem_format("%s/ca.key", state_dir);
    STACK_OF(X509) *written = NULL;
    uint8_t sha256[32];
    scene_begin(&scene, settings);
    attester_read_state(scene.attester, &first);
    scene_close(&scene);
    assert_int_equal(stat(state_dir, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(key_file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(ca_file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0644);
    assert_false(failed(pem_load_certificates(ca_file, &written)));
    assert_int_equal(X509_digest(sk_X509_value(written, 0), EVP_sha256(), sha256, NULL), 1);
    assert_memory_equal(sha256, first.authority_sha256, sizeof sha256);
    certificate_list_free(written);

    scene_begin(&scene, settings);
    attester_read_state(scene.attester, &second);
    scene_close(&scene);
    assert_memory_equal(first.authority_sha256, second.authority_sha256, sizeof first.authority_sha256);
    free(key_file);
    free(ca_file);
    free(settings);
    pair_remove_directory(state_dir);
    pair_remove_directory(place);
}

static void test_authority_without_a_state_directory_is_a_new_one(void **state)
{
    (void)state;
    struct scene scene;
    struct attester_state first, second;
    scene_begin(&scene, "");
    attester_read_state(scene.attester, &first);
    scene_close(&scene);
    scene_begin(&scene, "");
    attester_read_state(scene.attester, &second);
    scene_close(&scene);
    assert_memory_not_equal(first.authority_sha256, second.authority_sha256, sizeof first.authority_sha256);
}

static void test_authority_of_the_operator_issues_the_leaf(void **state)
{
    (void)state;
    struct scene scene;
    char *place = pair_make_directory();
    char *cert = mem_format("%s/op.pem", place), *key = mem_format("%s/op.key", place);
    char *settings = mem_format("attest_ca_cert = %s\nattest_ca_key = %s", cert, key);
    struct authority *authority = pair_authority("operator");
    assert_false(failed(authority_save(authority, cert, key)));
    scene_begin(&scene, settings);
    scene_check_evidence(&scene, scene_digest);
    X509 *issuer = sk_X509_value(tls_identity_chain(attester_identity(scene.attester)), 0);
    assert_int_equal(X509_cmp(issuer, authority_certificate(authority)), 0);
    assert_false(failed(scene_adopt(&scene, ""))); /* back to one of our own */
    scene_run(&scene);
    scene_check_evidence(&scene, scene_other_digest);
    issuer = sk_X509_value(tls_identity_chain(attester_identity(scene.attester)), 0);
    assert_int_not_equal(X509_cmp(issuer, authority_certificate(authority)), 0);
    scene_close(&scene);
    authority_free(authority);
    free(settings);
    free(key);
    free(cert);
    pair_remove_directory(place);
}

static void test_leaf_of_an_expired_authority_is_not_made(void **state)
{
    (void)state;
    struct scene scene;
    char *place = pair_make_directory();
    char *cert = mem_format("%s/op.pem", place), *key = mem_format("%s/op.key", place);
    char *settings = mem_format("attest_ca_cert = %s\nattest_ca_key = %s\nattest_max_age = 0.3", cert, key);
    struct authority *authority = NULL;
    assert_false(failed(authority_make("operator", 1, &authority)));
    assert_false(failed(authority_save(authority, cert, key)));
    while (authority_not_after_s(authority) > clock_wall_us() / US_PER_SECOND)
        usleep(20000);
    scene_open(&scene);
    struct err outcome = scene_start(&scene, settings);
    assert_int_equal(outcome.code, ERR_NOT_NOW);
    assert_non_null(strstr(outcome.why, "expired"));
    scene_close(&scene);
    authority_free(authority);
    free(settings);
    free(key);
    free(cert);
    pair_remove_directory(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authority_outlasts_a_restart_in_the_state_directory),
        cmocka_unit_test(test_authority_without_a_state_directory_is_a_new_one),
        cmocka_unit_test(test_authority_of_the_operator_issues_the_leaf),
        cmocka_unit_test(test_leaf_of_an_expired_authority_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
