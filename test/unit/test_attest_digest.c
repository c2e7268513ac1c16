/* The digest of the effective security settings: its canonical form, what changes it, and what does not. */
#include "attest/digest.h"

#include "base/mem.h"
#include "base/writer.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct digest {
    uint8_t hash[SHA384_SIZE];
};

/* A directory with two policies and an HBA file. */
struct place {
    char *directory;
    char *hba;
    char *strict;
    char *lax;
};

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct place place_make(void)
{
    struct place place = {.directory = pair_make_directory()};
    place.hba = mem_format("%s/hba", place.directory);
    place.strict = mem_format("%s/strict", place.directory);
    place.lax = mem_format("%s/lax", place.directory);
    write_file(place.hba, "host all all all md5\n");
    write_file(place.strict, "version: \"1.0\"\n");
    write_file(place.lax, "version: \"1.1\"\n");
    return place;
}

static void place_free(struct place *place)
{
    pair_remove_directory(place->directory);
    free(place->hba);
    free(place->strict);
    free(place->lax);
}

static struct config *config_of(const struct place *place, const char *more)
{
    char *text = mem_format("[policies]\nstrict = %s\nlax = %s\n[pgvouch]\nauth_hba_file = %s\n%s\n", place->strict,
                            place->lax, place->hba, more);
    struct config *config = NULL;
    struct err outcome = config_parse("test.ini", bytes_of_string(text), &config);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    free(text);
    return config;
}

static struct digest digest_with(const struct place *place, const char *more)
{
    struct config *config = config_of(place, more);
    struct digest digest;
    assert_false(failed(digest_of_config(config, digest.hash)));
    config_unref(config);
    return digest;
}

static void expect_equal(struct digest a, struct digest b)
{
    assert_memory_equal(a.hash, b.hash, sizeof a.hash);
}

static void expect_different(struct digest a, struct digest b)
{
    assert_memory_not_equal(a.hash, b.hash, sizeof a.hash);
}

static void put_hash(struct writer *w, const char *content)
{
    uint8_t hash[SHA384_SIZE];
    assert_int_equal(EVP_Digest(content, strlen(content), hash, NULL, EVP_sha384(), NULL), 1);
    writer_lp(w, BYTES(hash));
}

/* The form is a promise to verifiers: whoever digests another setting changes this list. */
static void test_canonical_form_is_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *content;
    } settings[] = {{"attest_provider", "simulated", NULL},
                    {"attest_max_age", "3600", NULL},
                    {"attest_required", "1", NULL},
                    {"attest_ca_cert", "", NULL},
                    {"client_attest_policy", "strict", NULL},
                    {"auth_type", "md5", NULL},
                    {"auth_hba_file", NULL, "host all all all md5\n"},
                    {"auth_ident_file", "", NULL},
                    {"admin_users", "root", NULL},
                    {"stats_users", "", NULL},
                    {"client_tls_sslmode", "disable", NULL},
                    {"client_tls_cert_file", "", NULL},
                    {"client_tls_ca_file", "", NULL},
                    {"client_tls_protocols", "secure", NULL},
                    {"client_tls_ciphers", "default", NULL},
                    {"client_tls13_ciphers", "", NULL},
                    {"client_tls_ecdhcurve", "auto", NULL},
                    {"client_tls_dheparams", "auto", NULL},
                    {"server_tls_sslmode", "prefer", NULL},
                    {"server_tls_ca_file", "", NULL},
                    {"server_tls_cert_file", "", NULL},
                    {"server_tls_protocols", "secure", NULL},
                    {"server_tls_ciphers", "default", NULL},
                    {"server_tls13_ciphers", "", NULL}};
    struct writer w = writer_growing(65536);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        writer_lp(&w, bytes_of_string(settings[i].name));
        if (settings[i].content)
            put_hash(&w, settings[i].content);
        else
            writer_lp(&w, bytes_of_string(settings[i].text));
    }
    writer_lp(&w, BYTES_LITERAL("policy"));
    writer_lp(&w, BYTES_LITERAL("lax"));
    put_hash(&w, "version: \"1.1\"\n");
    writer_lp(&w, BYTES_LITERAL("policy"));
    writer_lp(&w, BYTES_LITERAL("strict"));
    put_hash(&w, "version: \"1.0\"\n");
    struct digest expected;
    assert_int_equal(EVP_Digest(w.start, w.used, expected.hash, NULL, EVP_sha384(), NULL), 1);
    writer_free(&w);

    struct place place = place_make();
    expect_equal(digest_with(&place, "attest_provider = simulated\nattest_required = yes\nadmin_users = root\n"
                                     "client_attest_policy = strict"),
                 expected);
    place_free(&place);
}

static void test_digest_is_the_same_wherever_the_files_lie(void **state)
{
    (void)state;
    struct place here = place_make(), there = place_make();
    expect_equal(digest_with(&here, ""), digest_with(&there, ""));
    place_free(&here);
    place_free(&there);
}

static void test_content_of_a_file_changes_the_digest(void **state)
{
    (void)state;
    struct place place = place_make();
    struct digest before = digest_with(&place, "");
    write_file(place.hba, "host all all all trust\n");
    struct digest other_hba = digest_with(&place, "");
    expect_different(before, other_hba);
    write_file(place.lax, "version: \"1.0\"\n");
    expect_different(other_hba, digest_with(&place, ""));
    write_file(place.hba, "");
    expect_different(other_hba, digest_with(&place, ""));
    place_free(&place);
}

static void test_security_settings_change_the_digest(void **state)
{
    (void)state;
    struct place place = place_make();
    struct digest before = digest_with(&place, "");
    expect_different(before, digest_with(&place, "auth_type = trust"));
    expect_different(before, digest_with(&place, "client_attest_policy = lax"));
    expect_different(before, digest_with(&place, "[policies]\nthird = /dev/null\n[pgvouch]"));
    place_free(&place);
}

static void test_other_settings_do_not_change_the_digest(void **state)
{
    (void)state;
    struct place place = place_make();
    struct digest before = digest_with(&place, "");
    expect_equal(before, digest_with(&place, "listen_port = 7777"));
    expect_equal(before, digest_with(&place, "default_pool_size = 3"));
    expect_equal(before, digest_with(&place, "auth_type = MD5"));
    place_free(&place);
}

static void test_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct place place = place_make();
    struct config *config = config_of(&place, "");
    struct digest digest;
    unlink(place.strict);
    struct err outcome = digest_of_config(config, digest.hash);
    assert_int_equal(outcome.code, ERR_SYSTEM);
    assert_non_null(strstr(outcome.why, "/strict"));
    config_unref(config);
    write_file(place.strict, "x");
    config = config_of(&place, "");
    unlink(place.hba);
    assert_int_equal(digest_of_config(config, digest.hash).code, ERR_SYSTEM);
    config_unref(config);
    place_free(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_form_is_as_documented),
        cmocka_unit_test(test_digest_is_the_same_wherever_the_files_lie),
        cmocka_unit_test(test_content_of_a_file_changes_the_digest),
        cmocka_unit_test(test_security_settings_change_the_digest),
        cmocka_unit_test(test_other_settings_do_not_change_the_digest),
        cmocka_unit_test(test_file_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
