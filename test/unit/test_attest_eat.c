/* Evidence as an entity attestation token: what its claims must say, and that a verdict believes none of them. */
#include "attest/cbor.h"
#include "attest/eat.h"
#include "attest/judge.h"
#include "attest/provider.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "simulated.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ISSUED 1760000000

static char *directory;
static struct provider *provider;

static int begin(void **state)
{
    (void)state;
    directory = pair_make_directory();
    provider = simulated_provider(directory);
    return provider ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    provider_free(provider);
    pair_remove_directory(directory);
    return 0;
}

/* ---- the token by itself ---- */

/* What a token says, right or wrong. A claim that is NULL or negative is left out. */
struct spec {
    int64_t iat;
    const char *nonce;
    struct bytes ueid;
    const char *profile;
    bool has_cmw;
    int64_t more; /* another claim */
};

static uint8_t report[SNP_REPORT_SIZE];
static uint8_t ueid[EAT_UEID_SIZE];

#define NONCE "0123456789abcdef"

static void make_report(uint8_t chip)
{
    struct snp_report fields = {.version = 3, .chip_id = {chip}};
    snp_report_write(&fields, report);
    eat_ueid(&fields, ueid);
}

static struct spec good_spec(void)
{
    make_report(1);
    return (struct spec){
        .iat = ISSUED, .nonce = NONCE, .ueid = BYTES(ueid), .profile = EAT_PROFILE, .has_cmw = true, .more = -1};
}

static void write_claim(struct writer *w, uint64_t claim, struct bytes value)
{
    cbor_write_uint(w, claim);
    cbor_write_bytes(w, value);
}

static void write_cmw(struct writer *w, const struct bind *bind)
{
    uint8_t room[BIND_MAX];
    struct writer record = writer_over(room, sizeof room);
    bind_write(bind, &record);
    struct cmw cmw = {.report = BYTES(report), .bind = writer_bytes(&record)};
    cmw_write(&cmw, w);
}

static const struct bind good_bind = {
    .kind = BIND_KIND_LEAF, .issued_at_s = ISSUED, .nonce = {(const uint8_t *)NONCE, sizeof NONCE - 1}};

/* Claims in ascending order; `more` may stand anywhere above 10. */
static void write_token(const struct spec *spec, const struct bind *bind, struct writer *w)
{
    cbor_write_tag(w, EAT_TAG);
    cbor_write_map(w, (spec->iat >= 0) + (spec->nonce != NULL) + (spec->ueid.n > 0) + (spec->profile != NULL) +
                          spec->has_cmw + (spec->more >= 0));
    if (spec->iat >= 0) {
        cbor_write_uint(w, 6);
        cbor_write_uint(w, (uint64_t)spec->iat);
    }
    if (spec->nonce)
        write_claim(w, 10, bytes_of_string(spec->nonce));
    if (spec->ueid.n > 0)
        write_claim(w, 256, spec->ueid);
    if (spec->more >= 0 && spec->more < 265)
        write_claim(w, (uint64_t)spec->more, BYTES_LITERAL("more"));
    if (spec->profile) {
        cbor_write_uint(w, 265);
        cbor_write_text(w, spec->profile);
    }
    if (spec->has_cmw) {
        cbor_write_uint(w, 299);
        write_cmw(w, bind);
    }
    if (spec->more >= 265)
        write_claim(w, (uint64_t)spec->more, BYTES_LITERAL("more"));
}

static void expect_token(const struct spec *spec, const struct bind *bind, enum err_code code, const char *why)
{
    struct writer w = writer_growing(EAT_MAX);
    struct eat eat;
    write_token(spec, bind, &w);
    struct err outcome = eat_parse(writer_bytes(&w), &eat);
    if (outcome.code != code || !strstr(outcome.why, why))
        fail_msg("code %d \"%s\" instead of %d \"%s\"", outcome.code, outcome.why, code, why);
    writer_free(&w);
}

static void test_token_is_written_as_its_profile_says(void **state)
{
    (void)state;
    struct spec spec = good_spec();
    struct writer due = writer_growing(EAT_MAX), made = writer_growing(EAT_MAX);
    uint8_t room[BIND_MAX];
    struct writer record = writer_over(room, sizeof room);
    write_token(&spec, &good_bind, &due);
    bind_write(&good_bind, &record);
    struct cmw cmw = {.report = BYTES(report), .bind = writer_bytes(&record)};
    assert_int_equal(eat_write(&cmw, &good_bind, &made).code, ERR_NONE);
    assert_true(bytes_equal(writer_bytes(&made), writer_bytes(&due)));
    struct eat eat;
    assert_int_equal(eat_parse(writer_bytes(&made), &eat).code, ERR_NONE);
    assert_int_equal(eat.issued_at_s, ISSUED);
    assert_true(bytes_equal(eat.nonce, good_bind.nonce));
    assert_true(bytes_equal(eat.ueid, BYTES(ueid)));
    assert_true(bytes_equal(eat.cmw.report, BYTES(report)));
    assert_int_equal(eat.bind.kind, BIND_KIND_LEAF);
    writer_free(&due);
    writer_free(&made);
}

static void test_claims_that_say_something_else_than_the_report_are_refused(void **state)
{
    (void)state;
    struct spec spec = good_spec();
    expect_token(&spec, &good_bind, ERR_NONE, "");
    spec.iat++;
    expect_token(&spec, &good_bind, ERR_INPUT, "iat is not the bind record's");
    spec = good_spec();
    spec.nonce = "fedcba9876543210";
    expect_token(&spec, &good_bind, ERR_INPUT, "eat_nonce is not the bind record's");
    spec.nonce = NULL;
    expect_token(&spec, &good_bind, ERR_INPUT, "eat_nonce is not the bind record's");
    spec = good_spec();
    spec.ueid = BYTES_NONE;
    expect_token(&spec, &good_bind, ERR_INPUT, "ueid is not that of the report's chip");
    spec = good_spec();
    uint8_t other[EAT_UEID_SIZE];
    memcpy(other, ueid, sizeof other);
    other[sizeof other - 1] ^= 1;
    spec.ueid = BYTES(other);
    expect_token(&spec, &good_bind, ERR_INPUT, "ueid is not that of the report's chip");
    struct bind without_nonce = good_bind;
    without_nonce.nonce = BYTES_NONE;
    spec = good_spec();
    expect_token(&spec, &without_nonce, ERR_INPUT, "eat_nonce is not the bind record's");
    spec.nonce = NULL;
    expect_token(&spec, &without_nonce, ERR_NONE, "");
}

static void test_ueid_is_there_only_where_the_report_names_its_chip(void **state)
{
    (void)state;
    struct spec spec = good_spec();
    make_report(0);
    expect_token(&spec, &good_bind, ERR_INPUT, "ueid is not that of the report's chip");
    spec.ueid = BYTES_NONE;
    expect_token(&spec, &good_bind, ERR_NONE, "");
}

static void test_claims_must_be_those_of_the_profile(void **state)
{
    (void)state;
    struct spec spec = good_spec();
    spec.iat = -1;
    expect_token(&spec, &good_bind, ERR_INPUT, "lacks the claim 6");
    spec = good_spec();
    spec.profile = NULL;
    expect_token(&spec, &good_bind, ERR_INPUT, "lacks the claim 265");
    spec = good_spec();
    spec.has_cmw = false;
    expect_token(&spec, &good_bind, ERR_INPUT, "lacks the claim 299");
    spec = good_spec();
    spec.more = 263;
    expect_token(&spec, &good_bind, ERR_INPUT, "claim 263, which its profile does not know");
    spec.more = 300;
    expect_token(&spec, &good_bind, ERR_INPUT, "claim 300, which its profile does not know");
    spec = good_spec();
    spec.profile = "tag:somebody,2026:eat";
    expect_token(&spec, &good_bind, ERR_INPUT, "claim 265 is not what its profile says");
    spec = good_spec();
    spec.ueid = BYTES_LITERAL("\x01 not 33 bytes");
    expect_token(&spec, &good_bind, ERR_INPUT, "claim 256 is not what its profile says");
    spec = good_spec();
    spec.nonce = "short";
    expect_token(&spec, &good_bind, ERR_INPUT, "claim 10 is not what its profile says");
}

static void test_other_shapes_are_no_token(void **state)
{
    (void)state;
    struct spec spec = good_spec();
    struct writer w = writer_growing(EAT_MAX);
    struct eat eat;
    write_token(&spec, &good_bind, &w);
    w.start[2]++; /* the tag */
    assert_int_equal(eat_parse(writer_bytes(&w), &eat).code, ERR_INPUT);
    w.start[2]--;
    assert_int_equal(eat_parse(bytes_of(w.start + 3, w.used - 3), &eat).code, ERR_INPUT); /* without it */
    assert_int_equal(eat_parse(writer_bytes(&w), &eat).code, ERR_NONE);
    writer_free(&w);
    assert_int_equal(eat_parse(BYTES_NONE, &eat).code, ERR_INPUT);
    assert_int_equal(eat_parse(BYTES_LITERAL("\xd9\x02\x59\x80"), &eat).code, ERR_INPUT);
    assert_int_equal(eat_parse(BYTES_LITERAL("\xd9\x02\x59\xa1\x61i\x00"), &eat).code, ERR_INPUT);
    uint8_t *large = mem_alloc(EAT_MAX + 1);
    struct err outcome = eat_parse(bytes_of(large, EAT_MAX + 1), &eat);
    assert_non_null(strstr(outcome.why, "more than"));
    free(large);
}

static void test_nonce_must_be_as_long_as_an_eat_asks(void **state)
{
    (void)state;
    assert_int_equal(eat_check_nonce(BYTES_NONE).code, ERR_NONE);
    assert_int_equal(eat_check_nonce(BYTES_LITERAL("1234567")).code, ERR_INPUT);
    assert_int_equal(eat_check_nonce(BYTES_LITERAL("12345678")).code, ERR_NONE);
    uint8_t made[SNP_REPORT_SIZE];
    struct writer w = writer_growing(EVIDENCE_OURS_MAX);
    assert_int_equal(evidence_make_report(provider, EVIDENCE_EAT, BYTES_LITERAL("short"), ISSUED, made, &w).code,
                     ERR_INPUT);
    assert_int_equal(evidence_make_report(provider, EVIDENCE_DICE, BYTES_NONE, ISSUED, made, &w).code, ERR_UNSUPPORTED);
    assert_int_equal(w.used, 0);
    writer_free(&w);
}

static void write_record(const char *media_type, uint64_t items, uint64_t indicator, struct writer *extension)
{
    struct spec spec = good_spec();
    struct writer token = writer_growing(EAT_MAX), record = writer_growing(EAT_MAX);
    write_token(&spec, &good_bind, &token);
    cbor_write_array(&record, items);
    cbor_write_text(&record, media_type);
    cbor_write_bytes(&record, writer_bytes(&token));
    if (items == 3)
        cbor_write_uint(&record, indicator);
    cmw_wrap(writer_bytes(&record), extension);
    writer_free(&token);
    writer_free(&record);
}

static void expect_record(const char *media_type, uint64_t items, uint64_t indicator, enum err_code code)
{
    struct writer w = writer_growing(EAT_MAX);
    struct eat eat;
    write_record(media_type, items, indicator, &w);
    assert_int_equal(eat_is_in(writer_bytes(&w)), strcmp(media_type, EAT_MEDIA_TYPE) == 0);
    assert_int_equal(eat_parse_extension(writer_bytes(&w), &eat).code, code);
    writer_free(&w);
}

static void test_record_is_of_the_profile_s_media_type_and_evidence(void **state)
{
    (void)state;
    expect_record(EAT_MEDIA_TYPE, 3, CMW_EVIDENCE, ERR_NONE);
    expect_record(EAT_MEDIA_TYPE, 2, 0, ERR_NONE);
    expect_record(EAT_MEDIA_TYPE, 3, 2, ERR_INPUT);
    expect_record("application/eat-ucs+cbor", 3, CMW_EVIDENCE, ERR_INPUT);
    expect_record("application/eat+cwt", 3, CMW_EVIDENCE, ERR_INPUT);
    struct eat eat;
    assert_int_equal(eat_parse_extension(BYTES_LITERAL("nonsense"), &eat).code, ERR_INPUT);
    assert_false(eat_is_in(BYTES_LITERAL("nonsense")));
    assert_false(eat_is_in(BYTES_LITERAL("\x04\x01\xa0")));
    assert_false(eat_is_in(BYTES_LITERAL("\x04\x01\x80")));
}

/* ---- in a certificate ---- */

struct scene {
    struct leaf *leaf;
    struct tls_identity *identity;
    struct policy *policy;
    struct nonces *nonces;
    struct verdict verdict;
    uint8_t nonce[NONCE_SIZE];
};

static struct leaf *draft(void)
{
    struct leaf *leaf = NULL;
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct leaf_spec spec = {
        .common_name = "client", .not_before_s = now_s - 60, .not_after_s = now_s + 3600, .for_client = true};
    assert_int_equal(leaf_draft(&spec, NULL, &leaf).code, ERR_NONE);
    return leaf;
}

static int scene_begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    verdict_init(&scene->verdict);
    scene->leaf = draft();
    if (failed(nonces_new(16, &scene->nonces)) ||
        failed(nonces_issue(scene->nonces, clock_boot_us(), scene->nonce, NULL)))
        return -1;
    *state = scene;
    return 0;
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    verdict_release(&scene->verdict);
    policy_drop(scene->policy);
    nonces_free(scene->nonces);
    tls_identity_release(scene->identity);
    leaf_free(scene->leaf);
    free(scene);
    return 0;
}

static void set_policy(struct scene *scene, const char *top)
{
    scene->policy = simulated_policy(directory, top, "measurements: {mode: disabled}\n", "");
}

static void attach(struct scene *scene)
{
    assert_int_equal(evidence_attach_eat(scene->leaf, provider, BYTES_NONE, BYTES(scene->nonce),
                                         clock_wall_us() / US_PER_SECOND, NULL)
                         .code,
                     ERR_NONE);
}

static void judge(struct scene *scene)
{
    assert_int_equal(leaf_sign(scene->leaf, &scene->identity).code, ERR_NONE);
    struct verify_request request = {.role = VERIFY_CLIENT,
                                     .certificate = tls_identity_certificate(scene->identity),
                                     .is_tls13 = true,
                                     .policy = scene->policy,
                                     .nonces = scene->nonces,
                                     .nonces_now_us = clock_boot_us(),
                                     .now_us = clock_wall_us()};
    verify_certificate(&request, &scene->verdict);
}

static void assert_check(const struct scene *scene, const char *name, enum check_outcome outcome, const char *found)
{
    for (size_t i = 0; i < scene->verdict.checks.count; i++) {
        const struct check *check = &scene->verdict.checks.checks[i];
        if (strcmp(check->name, name) != 0)
            continue;
        if (check->outcome != outcome || !strstr(check->found, found))
            fail_msg("%s: outcome %d, found \"%s\"", name, check->outcome, check->found);
        return;
    }
    fail_msg("there is no check %s", name);
}

static void test_eat_of_this_key_and_our_nonce_holds(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [eat]\n");
    attach(scene);
    judge(scene);
    assert_string_equal(scene->verdict.reason, "");
    assert_int_equal(scene->verdict.kind, VERDICT_ALLOW);
    assert_int_equal(scene->verdict.format, EVIDENCE_EAT);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_PASS, "");
    assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
}

static void test_eat_is_refused_where_the_policy_does_not_name_it(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "");
    attach(scene);
    judge(scene);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "eat");
}

static void test_cmw_is_refused_where_the_policy_names_eat_alone(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [eat]\n");
    assert_int_equal(
        evidence_attach(scene->leaf, provider, BYTES_NONE, BYTES(scene->nonce), clock_wall_us() / US_PER_SECOND, NULL)
            .code,
        ERR_NONE);
    judge(scene);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "cmw");
}

/* The extension's content, moved to another leaf. */
static void test_eat_of_another_key_is_refused(void **state)
{
    struct scene *scene = *state;
    struct bytes extension;
    struct tls_identity *other = NULL;
    set_policy(scene, "formats: [eat]\n");
    struct leaf *first = scene->leaf;
    attach(scene);
    assert_int_equal(leaf_sign(first, &other).code, ERR_NONE);
    assert_int_equal(certificate_extension(tls_identity_certificate(other), CMW_OID, &extension).code, ERR_NONE);
    scene->leaf = draft();
    assert_int_equal(leaf_add_extension(scene->leaf, CMW_OID, extension).code, ERR_NONE);
    judge(scene);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key");
    tls_identity_release(other);
    leaf_free(first);
}

/* A token of kind 3 says nothing about a certificate. */
static void test_eat_of_a_report_by_itself_is_no_evidence_of_a_certificate(void **state)
{
    struct scene *scene = *state;
    uint8_t made[SNP_REPORT_SIZE];
    struct writer token = writer_growing(EVIDENCE_OURS_MAX), record = writer_growing(EAT_MAX);
    struct writer extension = writer_growing(EAT_MAX);
    set_policy(scene, "formats: [eat]\n");
    assert_int_equal(evidence_make_report(provider, EVIDENCE_EAT, BYTES(scene->nonce), ISSUED, made, &token).code,
                     ERR_NONE);
    cbor_write_array(&record, 3);
    cbor_write_text(&record, EAT_MEDIA_TYPE);
    cbor_write_bytes(&record, writer_bytes(&token));
    cbor_write_uint(&record, CMW_EVIDENCE);
    cmw_wrap(writer_bytes(&record), &extension);
    assert_int_equal(leaf_add_extension(scene->leaf, CMW_OID, writer_bytes(&extension)).code, ERR_NONE);
    judge(scene);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "about no certificate");
    writer_free(&token);
    writer_free(&record);
    writer_free(&extension);
}

/* ---- evidence in two extensions ---- */

static void add_some(struct leaf *leaf, enum evidence_format format)
{
    static const struct bytes contents[EVIDENCE_FORMATS] = {
        [EVIDENCE_CMW] = {(const uint8_t *)"\x04\x01\xa0", 3},
        [EVIDENCE_EAT] = {(const uint8_t *)"\x04\x01\x80", 3},
        [EVIDENCE_GO_EAT] = {(const uint8_t *)"\xa0", 1},
        [EVIDENCE_DICE] = {(const uint8_t *)"\xda\x00\x1a\x75\x04\x82\x40\x40", 8},
        [EVIDENCE_RAW] = {report, SNP_REPORT_SIZE},
    };
    assert_int_equal(leaf_add_extension(leaf, evidence_format_oid(format), contents[format]).code, ERR_NONE);
}

/* Good evidence does not become better by more of it, nor is it looked for behind something else. */
static void check_two(struct scene *scene, enum evidence_format first, enum evidence_format second)
{
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    tls_identity_release(scene->identity);
    leaf_free(scene->leaf);
    scene->identity = NULL;
    scene->leaf = draft();
    if (first == EVIDENCE_EAT)
        attach(scene);
    else
        add_some(scene->leaf, first);
    add_some(scene->leaf, second);
    judge(scene);
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    bool is_one_oid = strcmp(evidence_format_oid(first), evidence_format_oid(second)) == 0;
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, is_one_oid ? "two extensions" : "two formats");
    assert_int_equal(scene->verdict.checks.count, 2); /* nothing else is looked at */
}

static void test_evidence_in_two_extensions_is_refused_whatever_the_formats(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [cmw, eat, go-eat, dice, raw]\n");
    for (int first = EVIDENCE_NONE + 1; first < EVIDENCE_FORMATS; first++)
        for (int second = EVIDENCE_NONE + 1; second < EVIDENCE_FORMATS; second++)
            check_two(scene, (enum evidence_format)first, (enum evidence_format)second);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_is_written_as_its_profile_says),
        cmocka_unit_test(test_claims_that_say_something_else_than_the_report_are_refused),
        cmocka_unit_test(test_ueid_is_there_only_where_the_report_names_its_chip),
        cmocka_unit_test(test_claims_must_be_those_of_the_profile),
        cmocka_unit_test(test_other_shapes_are_no_token),
        cmocka_unit_test(test_nonce_must_be_as_long_as_an_eat_asks),
        cmocka_unit_test(test_record_is_of_the_profile_s_media_type_and_evidence),
        IN_SCENE(test_eat_of_this_key_and_our_nonce_holds),
        IN_SCENE(test_eat_is_refused_where_the_policy_does_not_name_it),
        IN_SCENE(test_cmw_is_refused_where_the_policy_names_eat_alone),
        IN_SCENE(test_eat_of_another_key_is_refused),
        IN_SCENE(test_eat_of_a_report_by_itself_is_no_evidence_of_a_certificate),
        IN_SCENE(test_evidence_in_two_extensions_is_refused_whatever_the_formats),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
