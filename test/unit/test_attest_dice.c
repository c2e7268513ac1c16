/* Evidence as DICE has it: a report over claims, which name the key and a nonce. */
#include "attest/cbor.h"
#include "attest/judge.h"
#include "evidence_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct dice_spec {
    uint64_t tag, algorithm;
    const EVP_MD *hash;
    struct bytes spki, nonce;
    const char *name, *second; /* of the claims; `second` NULL: no second claim */
    struct bytes more;         /* pairs that follow, encoded */
    size_t more_count;
};

static void write_claims(const struct dice_spec *spec, struct writer *w)
{
    uint8_t room[128], hash[EVP_MAX_MD_SIZE];
    struct writer entry = writer_over(room, sizeof room);
    assert_int_equal(EVP_Digest(spec->spki.p, spec->spki.n, hash, NULL, spec->hash, NULL), 1);
    cbor_write_array(&entry, 2);
    cbor_write_uint(&entry, spec->algorithm);
    cbor_write_bytes(&entry, bytes_of(hash, (size_t)EVP_MD_get_size(spec->hash)));
    cbor_write_map(w, (spec->second ? 2 : 1) + spec->more_count);
    cbor_write_text(w, spec->name);
    cbor_write_bytes(w, writer_bytes(&entry));
    if (spec->second) {
        cbor_write_text(w, spec->second);
        cbor_write_bytes(w, spec->nonce);
    }
    writer_put(w, spec->more);
    assert_false(entry.bad || w->bad);
}

static struct dice_spec dice_spec_of(const struct scene *scene)
{
    return (struct dice_spec){.tag = EVIDENCE_DICE_TAG,
                              .algorithm = 7,
                              .hash = EVP_sha384(),
                              .spki = leaf_facts(scene->leaf)->spki,
                              .nonce = BYTES(scene->nonce),
                              .name = "pubkey-hash",
                              .second = "nonce"};
}

/* The extension, with a report over the claims. */
static struct bytes make_dice(struct scene *scene, const struct dice_spec *spec)
{
    uint8_t room[8192], report_data[SNP_REPORT_DATA_SIZE] = {0};
    struct writer claims = writer_over(room, sizeof room), *w = &scene->extension;
    write_claims(spec, &claims);
    assert_int_equal(EVP_Digest(claims.start, claims.used, report_data, NULL, EVP_sha256(), NULL), 1);
    scene_make_report(scene, report_data);
    *w = writer_over(scene->room, sizeof scene->room);
    writer_u8(w, 0xda);
    writer_u32(w, (uint32_t)spec->tag);
    cbor_write_array(w, 2);
    cbor_write_bytes(w, BYTES(scene->report));
    cbor_write_bytes(w, writer_bytes(&claims));
    assert_false(w->bad);
    return writer_bytes(w);
}

static void test_dice_evidence_with_our_nonce_holds(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    scene_set_policy_with_veks(scene, "formats: [dice]\n");
    scene_add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    scene_assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_PASS, "holds");
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    scene_assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_PASS, "");
    scene_assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "binds no time");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN); /* verify_chain is false */
}

static void test_dice_evidence_with_any_nonce_has_no_age(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.nonce = BYTES_LITERAL("a nonce of somebody else");
    scene_set_policy_with_veks(scene, "formats: [dice]\nnonce:\n  source: any\n");
    scene_add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    scene_judge(scene);
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    scene_assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_FAIL, "binds no time");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_dice_evidence_about_another_key_is_refused(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.spki = BYTES_LITERAL("another key");
    scene_set_policy_with_veks(scene, "formats: [dice]\n");
    scene_add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "the claims are about another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_dice_claims_that_the_report_does_not_bind_are_refused(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    scene_set_policy_with_veks(scene, "formats: [dice]\n");
    struct bytes content = make_dice(scene, &spec);
    scene->room[content.n - 1] ^= 1; /* of the nonce */
    scene_add_extension(scene, EVIDENCE_DICE, content);
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key, name, time or nonce");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_dice_report_data_is_zero_behind_the_hash(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    struct evidence_dice dice;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    memset(report_data, 0xff, sizeof report_data);
    assert_false(failed(evidence_dice_parse(make_dice(scene, &spec), &dice)));
    assert_false(failed(evidence_dice_report_data(&dice, spec.spki, report_data)));
    assert_true(bytes_are_zero(bytes_of(report_data + 32, 32)));
    assert_memory_equal(scene->report + 0x50, report_data, sizeof report_data);
}

static void assert_dice(struct scene *scene, const struct dice_spec *spec, enum err_code code, const char *why)
{
    struct evidence_dice dice;
    struct err outcome = evidence_dice_parse(make_dice(scene, spec), &dice);
    if (outcome.code != code || (why && !strstr(outcome.why, why)))
        fail_msg("%d: %s", outcome.code, outcome.why);
}

/* "Interoperable RA-TLS X.509 Cert and Evidence Formats" lets attesters add claims; the report binds them, too. */
static void test_dice_evidence_with_further_claims_holds_and_binds_them(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.more = BYTES_LITERAL("\x65"
                              "image"
                              "\x82\x01\xa1\x61k\x41v"
                              "\x67"
                              "runtime"
                              "\x43now");
    spec.more_count = 2;
    scene_set_policy_with_veks(scene, "formats: [dice]\n");
    scene_add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN); /* verify_chain is false */
}

static void test_dice_further_claims_that_the_report_does_not_bind_are_refused(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.more = BYTES_LITERAL("\x65"
                              "image"
                              "\x41v");
    spec.more_count = 1;
    scene_set_policy_with_veks(scene, "formats: [dice]\n");
    struct bytes content = make_dice(scene, &spec);
    scene->room[content.n - 1] ^= 1; /* of the further claim */
    scene_add_extension(scene, EVIDENCE_DICE, content);
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key, name, time or nonce");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_dice_further_claims_must_be_well_formed_and_bounded(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    static const struct {
        const char *pair;
        size_t size;
        const char *why;
    } bad[] = {
        {"\x01\x41v", 3, "a claim has no name"},
        {"\x41k\x41v", 4, "a claim has no name"},
        {"\x61k\x5f", 3, "malformed"},                                      /* indefinite */
        {"\x61k\x5a\xff\xff\xff\xff", 7, "malformed"},                      /* 4 GiB */
        {"\x61k\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00", 12, "malformed"}, /* nested */
        {"\x61k\x18\x01", 4, "malformed"},                                  /* not of the shortest form */
        {"\x61k\xa2\x01\x01\x01\x02", 7, "malformed"},                      /* a key twice */
        {"\x65nonce\x41v", 8, "stands twice"},
        {"\x6bpubkey-hash\x41v", 14, "stands twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spec.more = bytes_of(bad[i].pair, bad[i].size);
        spec.more_count = 1;
        assert_dice(scene, &spec, ERR_INPUT, bad[i].why);
    }
    spec.more = BYTES_LITERAL("\x61k\x41v\x61k\x41v");
    spec.more_count = 2;
    assert_dice(scene, &spec, ERR_INPUT, "stands twice");
    uint8_t large[4096] = "\x61k\x59\x0f\xfa";
    spec.more = BYTES(large);
    spec.more_count = 1;
    large[4] = sizeof large - 5 - 0xf00;
    assert_dice(scene, &spec, ERR_INPUT, "more than 4096");
}

static void test_dice_claims_must_have_the_key_and_a_nonce_that_fits(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    assert_dice(scene, &spec, ERR_NONE, NULL);
    spec.second = NULL;
    assert_dice(scene, &spec, ERR_NONE, NULL);
    spec.name = "pubkey-hash!";
    assert_dice(scene, &spec, ERR_INPUT, "there is no claim pubkey-hash");
    spec.name = "nonce";
    assert_dice(scene, &spec, ERR_INPUT, "there is no claim pubkey-hash");
    spec.second = "nonce";
    assert_dice(scene, &spec, ERR_INPUT, "stands twice");
    spec.name = spec.second = "pubkey-hash";
    assert_dice(scene, &spec, ERR_INPUT, "stands twice");
    spec = dice_spec_of(scene);
    uint8_t longest[BIND_NONCE_MAX + 1] = {0};
    spec.nonce = bytes_of(longest, BIND_NONCE_MAX);
    assert_dice(scene, &spec, ERR_NONE, NULL);
    spec.nonce = BYTES(longest);
    assert_dice(scene, &spec, ERR_INPUT, "nonce has 65 bytes");
}

static void test_dice_key_hash_must_be_of_a_known_algorithm(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.algorithm = 1;
    assert_dice(scene, &spec, ERR_INPUT, "neither SHA-256");
    spec.hash = EVP_sha256();
    assert_dice(scene, &spec, ERR_NONE, NULL);
    spec.algorithm = 2;
    assert_dice(scene, &spec, ERR_INPUT, "neither SHA-256");
    spec.algorithm = 8;
    spec.hash = EVP_sha512();
    assert_dice(scene, &spec, ERR_NONE, NULL);
}

static void test_dice_evidence_of_another_tag_is_not_ours_to_read(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.tag = 0x1a7501;
    assert_dice(scene, &spec, ERR_UNSUPPORTED, "1733889");
}

static void test_dice_evidence_cut_anywhere_is_refused(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    struct evidence_dice dice;
    struct bytes whole = make_dice(scene, &spec);
    for (size_t n = 0; n < whole.n; n++)
        assert_true(failed(evidence_dice_parse(bytes_of(whole.p, n), &dice)));
    scene->room[whole.n] = 0;
    assert_int_equal(evidence_dice_parse(bytes_of(whole.p, whole.n + 1), &dice).code, ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_dice_evidence_with_our_nonce_holds),
        IN_SCENE(test_dice_evidence_with_any_nonce_has_no_age),
        IN_SCENE(test_dice_evidence_about_another_key_is_refused),
        IN_SCENE(test_dice_claims_that_the_report_does_not_bind_are_refused),
        IN_SCENE(test_dice_report_data_is_zero_behind_the_hash),
        IN_SCENE(test_dice_evidence_with_further_claims_holds_and_binds_them),
        IN_SCENE(test_dice_further_claims_that_the_report_does_not_bind_are_refused),
        IN_SCENE(test_dice_further_claims_must_be_well_formed_and_bounded),
        IN_SCENE(test_dice_claims_must_have_the_key_and_a_nonce_that_fits),
        IN_SCENE(test_dice_key_hash_must_be_of_a_known_algorithm),
        IN_SCENE(test_dice_evidence_of_another_tag_is_not_ours_to_read),
        IN_SCENE(test_dice_evidence_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, scene_open_processor, scene_close_processor);
}
