/* Evidence in certificates: made, found again, recomputed; and certificates that carry something else. */
#include "attest/cmw.h"
#include "attest/evidence.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider_stand_in.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#define NONCE "0123456789abcdef0123456789abcdef"

static const uint8_t digest[SHA384_SIZE] = "the digest of a configuration";

struct scene {
    struct authority *authority;
    struct provider *provider;
    struct leaf *leaf;
    struct tls_identity *identity;
    struct certificate certificate;
    int64_t now_s;
};

static void scene_draft(struct scene *scene, const char *san)
{
    *scene = (struct scene){.now_s = clock_wall_us() / US_PER_SECOND};
    struct settings set;
    provider_stand_in_reset();
    settings_init(&set);
    assert_false(failed(__wrap_provider_open(&set, &scene->provider)));
    settings_free(&set);
    scene->authority = pair_authority("ca");
    struct leaf_spec spec = {.common_name = "pooler.test",
                             .san = san,
                             .not_before_s = scene->now_s - 300,
                             .not_after_s = scene->now_s + 3600,
                             .for_server = true};
    assert_false(failed(leaf_draft(&spec, scene->authority, &scene->leaf)));
}

static struct err scene_attach(struct scene *scene, uint8_t *report)
{
    return evidence_attach(scene->leaf, scene->provider, BYTES(digest), BYTES_LITERAL(NONCE), scene->now_s, report);
}

static void scene_sign(struct scene *scene)
{
    assert_false(failed(leaf_sign(scene->leaf, &scene->identity)));
    assert_false(failed(certificate_read(tls_identity_certificate(scene->identity), &scene->certificate)));
}

static void scene_free(struct scene *scene)
{
    certificate_release(&scene->certificate);
    tls_identity_release(scene->identity);
    leaf_free(scene->leaf);
    authority_free(scene->authority);
    provider_free(scene->provider);
}

static void test_evidence_is_found_as_it_was_attached(void **state)
{
    (void)state;
    struct scene scene;
    struct evidence evidence;
    struct bytes extension;
    uint8_t report[SNP_REPORT_SIZE], expected[SNP_REPORT_DATA_SIZE], sha256[EVIDENCE_SHA256_SIZE];
    scene_draft(&scene, "pooler.test");
    assert_false(failed(scene_attach(&scene, report)));
    scene_sign(&scene);
    assert_false(failed(evidence_find(scene.certificate.x509, NULL, &evidence)));
    assert_int_equal(evidence.format, EVIDENCE_CMW);
    assert_true(bytes_equal(evidence.report, BYTES(report)));
    assert_true(bytes_equal(evidence.bind.config_digest, BYTES(digest)));
    assert_true(bytes_equal(evidence.bind.nonce, BYTES_LITERAL(NONCE)));
    assert_int_equal(evidence.bind.issued_at_s, scene.now_s);
    assert_int_equal(evidence.table.vcek.n, 0);
    assert_false(failed(certificate_extension(scene.certificate.x509, CMW_OID, &extension)));
    assert_int_equal(EVP_Digest(extension.p, extension.n, sha256, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(evidence.sha256, sha256, sizeof sha256);
    assert_false(
        failed(evidence_report_data(&evidence, &scene.certificate, authority_spki_sha384(scene.authority), expected)));
    assert_memory_equal(report + 0x50, expected, sizeof expected);
    scene_free(&scene);
}

static void test_evidence_without_names_in_the_certificate_holds(void **state)
{
    (void)state;
    struct scene scene;
    struct evidence evidence;
    uint8_t report[SNP_REPORT_SIZE], expected[SNP_REPORT_DATA_SIZE];
    scene_draft(&scene, NULL);
    assert_false(failed(scene_attach(&scene, report)));
    scene_sign(&scene);
    assert_false(failed(evidence_find(scene.certificate.x509, NULL, &evidence)));
    assert_false(
        failed(evidence_report_data(&evidence, &scene.certificate, authority_spki_sha384(scene.authority), expected)));
    assert_memory_equal(report + 0x50, expected, sizeof expected);
    scene_free(&scene);
}

static void test_evidence_under_another_issuer_binds_something_else(void **state)
{
    (void)state;
    struct scene scene;
    struct evidence evidence;
    uint8_t report[SNP_REPORT_SIZE], expected[SNP_REPORT_DATA_SIZE];
    struct authority *other = pair_authority("ca");
    scene_draft(&scene, "pooler.test");
    assert_false(failed(scene_attach(&scene, report)));
    scene_sign(&scene);
    assert_false(failed(evidence_find(scene.certificate.x509, NULL, &evidence)));
    assert_false(failed(evidence_report_data(&evidence, &scene.certificate, authority_spki_sha384(other), expected)));
    assert_memory_not_equal(report + 0x50, expected, sizeof expected);
    authority_free(other);
    scene_free(&scene);
}

static void test_table_of_the_provider_travels_without_its_padding(void **state)
{
    (void)state;
    struct scene scene;
    struct evidence evidence;
    uint8_t page[4096] = {0};
    struct writer w = writer_over(page, sizeof page);
    struct snp_certtable table = {.vcek = BYTES_LITERAL("the vcek"), .ark = BYTES_LITERAL("the ark")};
    snp_certtable_write(&table, &w);
    assert_false(w.bad);
    scene_draft(&scene, "pooler.test");
    provider_stand_in.table = BYTES(page);
    assert_false(failed(scene_attach(&scene, NULL)));
    scene_sign(&scene);
    assert_false(failed(evidence_find(scene.certificate.x509, NULL, &evidence)));
    assert_true(bytes_equal(evidence.table.vcek, table.vcek));
    assert_true(bytes_equal(evidence.table.ark, table.ark));
    assert_int_equal(evidence.table.intermediate.n, 0);
    struct bytes extension;
    assert_false(failed(certificate_extension(scene.certificate.x509, CMW_OID, &extension)));
    assert_true(extension.n < sizeof page);
    scene_free(&scene);
}

static void test_provider_that_fails_or_lies_attaches_nothing(void **state)
{
    (void)state;
    struct scene scene;
    struct evidence evidence;
    scene_draft(&scene, "pooler.test");
    provider_stand_in_fail(err_make(ERR_NOT_NOW, "throttled"));
    assert_int_equal(scene_attach(&scene, NULL).code, ERR_NOT_NOW);
    provider_stand_in_fail(OK);
    provider_stand_in.gives_other_data = true;
    struct err outcome = scene_attach(&scene, NULL);
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, "REPORT_DATA"));
    provider_stand_in.gives_other_data = false;
    provider_stand_in.table = BYTES_LITERAL("no table at all, but long enough for an entry");
    outcome = scene_attach(&scene, NULL);
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, "table"));
    scene_sign(&scene);
    assert_int_equal(evidence_find(scene.certificate.x509, NULL, &evidence).code, ERR_NOT_FOUND);
    assert_int_equal(evidence.format, EVIDENCE_NONE);
    scene_free(&scene);
}

static void test_values_that_cannot_be_bound_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t nonce[BIND_NONCE_MAX + 1] = {0};
    scene_draft(&scene, "pooler.test");
    assert_int_equal(evidence_attach(scene.leaf, scene.provider, BYTES(digest), BYTES(nonce), scene.now_s, NULL).code,
                     ERR_INPUT);
    assert_int_equal(
        evidence_attach(scene.leaf, scene.provider, BYTES_LITERAL("short"), BYTES_NONE, scene.now_s, NULL).code,
        ERR_INPUT);
    assert_int_equal(provider_stand_in.reports, 0);
    scene_free(&scene);
}

/* What evidence_find says of a certificate with this extension, `times` over. */
static struct err find_in_extension(struct bytes extension, int times, struct evidence *out)
{
    struct scene scene;
    scene_draft(&scene, "pooler.test");
    for (int i = 0; i < times; i++)
        assert_false(failed(leaf_add_extension(scene.leaf, CMW_OID, extension)));
    X509 *certificate = NULL;
    if (!failed(leaf_sign(scene.leaf, &scene.identity)))
        certificate = tls_identity_certificate(scene.identity);
    assert_non_null(certificate);
    struct err outcome = evidence_find(certificate, NULL, out);
    scene_free(&scene);
    return outcome;
}

static struct bytes write_extension(const char *bind_hex, struct bytes table, struct writer *w)
{
    uint8_t bind[64];
    size_t n = strlen(bind_hex) / 2;
    assert_false(failed(hex_decode(bind_hex, bind, n)));
    struct cmw cmw = {.report = BYTES_LITERAL("report"), .certs = table, .bind = bytes_of(bind, n)};
    cmw_write_extension(&cmw, w);
    assert_false(w->bad);
    return writer_bytes(w);
}

static void test_malformed_evidence_is_refused_and_named(void **state)
{
    (void)state;
    struct evidence evidence;
    uint8_t room[512];
    struct writer w = writer_over(room, sizeof room);
    struct err outcome = find_in_extension(BYTES_LITERAL("nonsense"), 1, &evidence);
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_int_equal(evidence.format, EVIDENCE_CMW);
    assert_false(bytes_are_zero(BYTES(evidence.sha256)));
    outcome = find_in_extension(write_extension("a0", BYTES_NONE, &w), 1, &evidence);
    assert_int_equal(outcome.code, ERR_INPUT);
    w = writer_over(room, sizeof room);
    struct bytes table = BYTES_LITERAL("no table at all, but long enough for an entry");
    outcome = find_in_extension(write_extension("a5010102010340041a6955b9000540", table, &w), 1, &evidence);
    assert_int_equal(outcome.code, ERR_INPUT);
    w = writer_over(room, sizeof room);
    outcome = find_in_extension(write_extension("a5010102010340041a6955b9000540", BYTES_NONE, &w), 1, &evidence);
    assert_int_equal(outcome.code, ERR_NONE);
    w = writer_over(room, sizeof room);
    outcome = find_in_extension(write_extension("a5010202010340041a6955b9000540", BYTES_NONE, &w), 1, &evidence);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    w = writer_over(room, sizeof room);
    outcome = find_in_extension(write_extension("a5010102030340041a6955b9000540", BYTES_NONE, &w), 1, &evidence);
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, "about no certificate"));
}

static void test_a_report_by_itself_is_made_over_nonce_and_time(void **state)
{
    (void)state;
    struct scene scene;
    struct cmw cmw;
    struct bind bind;
    uint8_t report[SNP_REPORT_SIZE], expected[SNP_REPORT_DATA_SIZE];
    struct writer w = writer_growing(CMW_MAX);
    scene_draft(&scene, NULL);
    assert_int_equal(evidence_make_report(scene.provider, EVIDENCE_CMW, BYTES_LITERAL(NONCE), 7, report, &w).code,
                     ERR_NONE);
    assert_int_equal(cmw_parse(writer_bytes(&w), &cmw).code, ERR_NONE);
    assert_true(bytes_equal(cmw.report, BYTES(report)));
    assert_int_equal(bind_parse(cmw.bind, &bind).code, ERR_NONE);
    assert_int_equal(bind.kind, BIND_KIND_REPORT);
    assert_int_equal(bind.issued_at_s, 7);
    assert_true(bytes_equal(bind.nonce, BYTES_LITERAL(NONCE)));
    assert_int_equal(bind_report_data_alone(&bind, expected).code, ERR_NONE);
    assert_memory_equal(report + 0x50, expected, sizeof expected);
    writer_free(&w);
    uint8_t long_nonce[BIND_NONCE_MAX + 1] = {0};
    w = writer_growing(CMW_MAX);
    assert_int_equal(evidence_make_report(scene.provider, EVIDENCE_CMW, BYTES(long_nonce), 7, report, &w).code,
                     ERR_INPUT);
    writer_free(&w);
    scene_free(&scene);
}

static void test_a_token_carries_the_table_of_any_provider(void **state)
{
    (void)state;
    struct scene scene;
    struct evidence evidence;
    struct eat eat;
    uint8_t report[SNP_REPORT_SIZE], expected[SNP_REPORT_DATA_SIZE], room[256];
    struct writer table = writer_over(room, sizeof room), w = writer_growing(EVIDENCE_OURS_MAX);
    struct snp_certtable given = {.vcek = BYTES_LITERAL("the vcek"), .ark = BYTES_LITERAL("the ark")};
    snp_certtable_write(&given, &table);
    scene_draft(&scene, "pooler.test");
    provider_stand_in.table = writer_bytes(&table);
    assert_int_equal(evidence_make_report(scene.provider, EVIDENCE_EAT, BYTES_LITERAL(NONCE), 7, report, &w).code,
                     ERR_NONE);
    assert_int_equal(eat_parse(writer_bytes(&w), &eat).code, ERR_NONE);
    assert_true(bytes_equal(eat.cmw.report, BYTES(report)));
    assert_true(bytes_equal(eat.cmw.certs, writer_bytes(&table)));
    assert_int_equal(eat.bind.kind, BIND_KIND_REPORT);
    writer_free(&w);
    assert_int_equal(
        evidence_attach_eat(scene.leaf, scene.provider, BYTES(digest), BYTES_LITERAL(NONCE), scene.now_s, report).code,
        ERR_NONE);
    scene_sign(&scene);
    assert_int_equal(evidence_find(scene.certificate.x509, NULL, &evidence).code, ERR_NONE);
    assert_int_equal(evidence.format, EVIDENCE_EAT);
    assert_true(bytes_equal(evidence.table.vcek, given.vcek));
    assert_true(bytes_equal(evidence.bind.config_digest, BYTES(digest)));
    assert_int_equal(
        evidence_report_data(&evidence, &scene.certificate, authority_spki_sha384(scene.authority), expected).code,
        ERR_NONE);
    assert_memory_equal(report + 0x50, expected, sizeof expected);
    assert_int_equal(evidence_report_data(&evidence, &scene.certificate, NULL, expected).code, ERR_NOT_FOUND);
    scene_free(&scene);
}

static void test_evidence_in_two_extensions_is_refused(void **state)
{
    (void)state;
    struct evidence evidence;
    uint8_t room[512];
    struct writer w = writer_over(room, sizeof room);
    struct bytes good = write_extension("a5010102010340041a6955b9000540", BYTES_NONE, &w);
    assert_int_equal(find_in_extension(good, 1, &evidence).code, ERR_NONE);
    assert_int_equal(find_in_extension(good, 2, &evidence).code, ERR_INPUT);
    assert_int_equal(evidence.format, EVIDENCE_CMW);
    assert_int_equal(evidence.report.n, 0);
}

static void test_formats_have_names(void **state)
{
    (void)state;
    assert_string_equal(evidence_format_name(EVIDENCE_CMW), "cmw");
    assert_string_equal(evidence_format_name(EVIDENCE_NONE), "none");
    for (int i = EVIDENCE_NONE + 1; i < EVIDENCE_FORMATS; i++) {
        assert_int_equal(evidence_format_of_word(evidence_format_name((enum evidence_format)i)), i);
        assert_non_null(strstr(EVIDENCE_FORMAT_WORDS, evidence_format_name((enum evidence_format)i)));
        assert_non_null(evidence_format_oid((enum evidence_format)i));
        assert_int_equal(evidence_format_binds_key((enum evidence_format)i), i != EVIDENCE_GO_EAT);
    }
    assert_int_equal(evidence_format_of_word("cmw"), EVIDENCE_CMW);
    assert_int_equal(evidence_format_of_word("none"), EVIDENCE_NONE);
    assert_int_equal(evidence_format_of_word("CMW"), EVIDENCE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence_is_found_as_it_was_attached),
        cmocka_unit_test(test_evidence_without_names_in_the_certificate_holds),
        cmocka_unit_test(test_evidence_under_another_issuer_binds_something_else),
        cmocka_unit_test(test_table_of_the_provider_travels_without_its_padding),
        cmocka_unit_test(test_provider_that_fails_or_lies_attaches_nothing),
        cmocka_unit_test(test_values_that_cannot_be_bound_are_refused),
        cmocka_unit_test(test_malformed_evidence_is_refused_and_named),
        cmocka_unit_test(test_a_report_by_itself_is_made_over_nonce_and_time),
        cmocka_unit_test(test_a_token_carries_the_table_of_any_provider),
        cmocka_unit_test(test_evidence_in_two_extensions_is_refused),
        cmocka_unit_test(test_formats_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
