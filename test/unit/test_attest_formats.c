/* Evidence in the formats of others: what is taken from it, what is refused, and what a verdict may say of it. */
#include "attest/cbor.h"
#include "attest/cmw.h"
#include "attest/judge.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "simulated.h"
#include "snp/psp.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EXTENSION_MAX 16384
#define MEASUREMENT   "measurements:\n  mode: disabled\nguest:\n  mode: disabled\n"

static char *directory;
static struct psp *psp;
static char *vcek_path;

static int begin(void **state)
{
    (void)state;
    struct psp_identity identity;
    directory = pair_make_directory();
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    if (failed(psp_open(directory, &identity, &psp)))
        return -1;
    vcek_path = mem_format("%s/vcek.der", directory);
    FILE *file = fopen(vcek_path, "w");
    if (!file)
        return -1;
    struct bytes vcek = psp_vcek(psp);
    bool written = fwrite(vcek.p, 1, vcek.n, file) == vcek.n;
    return fclose(file) == 0 && written ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    psp_free(psp);
    free(vcek_path);
    pair_remove_directory(directory);
    return 0;
}

/* A certificate that is being made, and what is judged of it. */
struct scene {
    struct leaf *leaf;
    struct tls_identity *identity;
    struct policy *policy;
    struct nonces *nonces;
    struct verdict verdict;
    struct writer extension;
    uint8_t room[EXTENSION_MAX];
    uint8_t nonce[NONCE_SIZE];
    uint8_t report[SNP_REPORT_SIZE];
};

static int scene_begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct leaf_spec spec = {
        .common_name = "client", .not_before_s = now_s - 60, .not_after_s = now_s + 3600, .for_client = true};
    verdict_init(&scene->verdict);
    scene->extension = writer_over(scene->room, sizeof scene->room);
    if (failed(leaf_draft(&spec, NULL, &scene->leaf)) || failed(nonces_new(16, &scene->nonces)) ||
        failed(nonces_issue(scene->nonces, clock_wall_us(), scene->nonce, NULL)))
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

static void set_policy(struct scene *scene, const char *top, const char *certificates)
{
    scene->policy = simulated_policy(directory, top, MEASUREMENT, certificates);
}

static void make_report(struct scene *scene, const uint8_t report_data[SNP_REPORT_DATA_SIZE])
{
    assert_false(failed(psp_report(psp, report_data, 0, scene->report)));
}

static void add_extension(struct scene *scene, enum evidence_format format, struct bytes content)
{
    assert_false(failed(leaf_add_extension(scene->leaf, evidence_format_oid(format), content)));
}

static void judge_as(struct scene *scene, enum verify_role role)
{
    assert_false(failed(leaf_sign(scene->leaf, &scene->identity)));
    struct verify_request request = {.role = role,
                                     .certificate = tls_identity_certificate(scene->identity),
                                     .is_tls13 = true,
                                     .policy = scene->policy,
                                     .nonces = scene->nonces,
                                     .now_us = clock_wall_us()};
    verify_certificate(&request, &scene->verdict);
}

static void judge(struct scene *scene)
{
    judge_as(scene, VERIFY_CLIENT);
}

static const struct check *find_check(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->verdict.checks.count; i++)
        if (strcmp(scene->verdict.checks.checks[i].name, name) == 0)
            return &scene->verdict.checks.checks[i];
    return NULL;
}

static void assert_check(const struct scene *scene, const char *name, enum check_outcome outcome, const char *found)
{
    const struct check *check = find_check(scene, name);
    if (!check)
        fail_msg("there is no check %s", name);
    else if (check->outcome != outcome || !strstr(check->found, found))
        fail_msg("%s: outcome %d, found \"%s\"", name, check->outcome, check->found);
}

/* ---- the raw report ---- */

static void make_raw(struct scene *scene)
{
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    assert_false(failed(evidence_raw_report_data(leaf_facts(scene->leaf)->spki, report_data)));
    make_report(scene, report_data);
}

#define VEKS "  verify_chain: false\n  veks: [\"%s\"]\n"

static void set_policy_with_veks(struct scene *scene, const char *top)
{
    char *certificates = mem_format(VEKS, vcek_path);
    set_policy(scene, top, certificates);
    free(certificates);
}

static void test_raw_report_of_this_key_holds_but_for_its_age(void **state)
{
    struct scene *scene = *state;
    set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    make_raw(scene);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_check(scene, SNP_CHECK_VEK_CERTIFICATE, CHECK_PASS, "VCEK");
    assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_PASS, "holds");
    assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "binds no time");
    assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_WARN, "binds no time");
    assert_int_equal(scene->verdict.issued_at_s, 0);
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
}

static void test_raw_report_is_refused_where_a_nonce_is_required(void **state)
{
    struct scene *scene = *state;
    set_policy_with_veks(scene, "formats: [raw]\n");
    make_raw(scene);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    judge(scene);
    assert_check(scene, JUDGE_CHECK_NONCE, CHECK_FAIL, "none");
    assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_FAIL, "binds no time");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_raw_report_without_a_certificate_at_hand_is_refused(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [raw]\nnonce:\n  required: false\n", "");
    make_raw(scene);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    judge(scene);
    assert_check(scene, SNP_CHECK_VEK_CERTIFICATE, CHECK_FAIL, "neither a VCEK nor a VLEK");
    assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_FAIL, "");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_raw_report_of_another_key_is_refused(void **state)
{
    struct scene *scene = *state;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    assert_false(failed(evidence_raw_report_data(BYTES_LITERAL("another key"), report_data)));
    make_report(scene, report_data);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_raw_report_of_another_length_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[SNP_REPORT_SIZE + 1] = {0};
    struct bytes report = BYTES_NONE;
    assert_int_equal(evidence_raw_parse(bytes_of(bytes, SNP_REPORT_SIZE - 1), &report).code, ERR_INPUT);
    assert_int_equal(evidence_raw_parse(BYTES(bytes), &report).code, ERR_INPUT);
    assert_int_equal(evidence_raw_parse(BYTES_NONE, &report).code, ERR_INPUT);
    assert_int_equal(report.n, 0);
    assert_int_equal(evidence_raw_parse(bytes_of(bytes, SNP_REPORT_SIZE), &report).code, ERR_NONE);
}

/* ---- which formats are read at all ---- */

static void test_format_that_the_policy_does_not_name_is_refused_unread(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "", "");
    add_extension(scene, EVIDENCE_DICE, BYTES_LITERAL("nonsense"));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_PASS, "found");
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_FAIL, "dice");
    assert_null(find_check(scene, VERIFY_CHECK_BINDING));
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_int_equal(scene->verdict.format, EVIDENCE_DICE);
}

static void test_malformed_evidence_of_a_format_that_is_named_is_refused(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [cmw, go-eat, dice, raw]\n", "");
    add_extension(scene, EVIDENCE_DICE, BYTES_LITERAL("nonsense"));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "not tagged CBOR");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_evidence_of_two_formats_is_refused_whatever_the_policy_says(void **state)
{
    struct scene *scene = *state;
    set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    make_raw(scene);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    add_extension(scene, EVIDENCE_GO_EAT, BYTES_LITERAL("\xa0"));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "two formats, go-eat and raw");
    assert_null(find_check(scene, VERIFY_CHECK_BINDING));
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_one_foreign_format_in_two_extensions_is_refused(void **state)
{
    struct scene *scene = *state;
    set_policy_with_veks(scene, "formats: [raw]\nnonce:\n  required: false\n");
    make_raw(scene);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_EVIDENCE, CHECK_FAIL, "two extensions");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

/* ---- DICE ---- */

struct dice_spec {
    uint64_t tag, algorithm;
    const EVP_MD *hash;
    struct bytes spki, nonce;
    const char *name, *second; /* of the claims; `second` NULL: no second claim */
};

static void write_claims(const struct dice_spec *spec, struct writer *w)
{
    uint8_t room[128], hash[EVP_MAX_MD_SIZE];
    struct writer entry = writer_over(room, sizeof room);
    assert_int_equal(EVP_Digest(spec->spki.p, spec->spki.n, hash, NULL, spec->hash, NULL), 1);
    cbor_write_array(&entry, 2);
    cbor_write_uint(&entry, spec->algorithm);
    cbor_write_bytes(&entry, bytes_of(hash, (size_t)EVP_MD_get_size(spec->hash)));
    cbor_write_map(w, spec->second ? 2 : 1);
    cbor_write_text(w, spec->name);
    cbor_write_bytes(w, writer_bytes(&entry));
    if (spec->second) {
        cbor_write_text(w, spec->second);
        cbor_write_bytes(w, spec->nonce);
    }
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
    uint8_t room[512], report_data[SNP_REPORT_DATA_SIZE] = {0};
    struct writer claims = writer_over(room, sizeof room), *w = &scene->extension;
    write_claims(spec, &claims);
    assert_int_equal(EVP_Digest(claims.start, claims.used, report_data, NULL, EVP_sha256(), NULL), 1);
    make_report(scene, report_data);
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
    set_policy_with_veks(scene, "formats: [dice]\n");
    add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_PASS, "it is");
    assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_PASS, "holds");
    assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_PASS, "");
    assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "binds no time");
    assert_int_equal(scene->verdict.kind, VERDICT_WARN); /* verify_chain is false */
}

static void test_dice_evidence_with_any_nonce_has_no_age(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.nonce = BYTES_LITERAL("a nonce of somebody else");
    set_policy_with_veks(scene, "formats: [dice]\nnonce:\n  source: any\n");
    add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    judge(scene);
    assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    assert_check(scene, JUDGE_CHECK_NONCE_AGE, CHECK_FAIL, "binds no time");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_dice_evidence_about_another_key_is_refused(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    spec.spki = BYTES_LITERAL("another key");
    set_policy_with_veks(scene, "formats: [dice]\n");
    add_extension(scene, EVIDENCE_DICE, make_dice(scene, &spec));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "the claims are about another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_dice_claims_that_the_report_does_not_bind_are_refused(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    set_policy_with_veks(scene, "formats: [dice]\n");
    struct bytes content = make_dice(scene, &spec);
    scene->room[content.n - 1] ^= 1; /* of the nonce */
    add_extension(scene, EVIDENCE_DICE, content);
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key, name, time or nonce");
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

static void test_dice_claims_must_be_the_two_that_are_known(void **state)
{
    struct scene *scene = *state;
    struct dice_spec spec = dice_spec_of(scene);
    assert_dice(scene, &spec, ERR_NONE, NULL);
    spec.second = NULL;
    assert_dice(scene, &spec, ERR_NONE, NULL);
    spec.name = "pubkey-hash!";
    assert_dice(scene, &spec, ERR_INPUT, "the claims say more");
    spec.name = "nonce";
    assert_dice(scene, &spec, ERR_INPUT, "there is no claim pubkey-hash");
    spec.second = "nonce";
    assert_dice(scene, &spec, ERR_INPUT, "each once");
    spec.name = spec.second = "pubkey-hash";
    assert_dice(scene, &spec, ERR_INPUT, "each once");
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

/* ---- the Go proxy's EAT ---- */

/* As Go writes it: in the order of the struct, so not deterministic, with false and a map inside. */
static struct bytes make_go_eat(struct scene *scene, struct bytes nonce, bool with_chain)
{
    uint8_t report_data[SNP_REPORT_DATA_SIZE] = {0};
    struct writer *w = &scene->extension;
    memcpy(report_data, nonce.p, nonce.n);
    make_report(scene, report_data);
    cbor_write_map(w, 6);
    cbor_write_uint(w, 10);
    cbor_write_bytes(w, nonce);
    cbor_write_uint(w, 262);
    writer_u8(w, 0xf4); /* false */
    cbor_write_uint(w, 6);
    cbor_write_uint(w, 1764000000);
    cbor_write_uint(w, 1001);
    cbor_write_bytes(w, BYTES(scene->report));
    cbor_write_uint(w, 1002);
    cbor_write_map(w, 1);
    cbor_write_text(w, "measurement");
    cbor_write_bytes(w, BYTES_LITERAL("not what is signed"));
    cbor_write_uint(w, 1100);
    if (with_chain) {
        cbor_write_array(w, 3);
        cbor_write_bytes(w, psp_vcek(psp));
        cbor_write_bytes(w, psp_ask(psp));
        cbor_write_bytes(w, psp_ark(psp));
    } else {
        writer_u8(w, 0xf6); /* null */
    }
    assert_false(w->bad);
    return writer_bytes(w);
}

static void test_go_eat_is_refused_since_it_binds_no_key(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [go-eat]\n", "");
    add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "anybody may have relayed it");
    assert_check(scene, SNP_CHECK_CHAIN, CHECK_PASS, "");
    assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_PASS, "holds");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_non_null(strstr(scene->verdict.reason, "binding"));
}

static void test_go_eat_is_never_more_than_a_warning(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_WARN, "anybody may have relayed it");
    assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "binds no time");
    assert_int_equal(scene->verdict.issued_at_s, 0);
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
}

static void test_unbound_is_allowed_of_no_other_format(void **state)
{
    struct scene *scene = *state;
    uint8_t report_data[SNP_REPORT_DATA_SIZE] = {0};
    char *certificates = mem_format(VEKS "  allow_unbound: true\n", vcek_path);
    set_policy(scene, "formats: [raw]\nnonce:\n  required: false\n", certificates);
    free(certificates);
    make_report(scene, report_data);
    add_extension(scene, EVIDENCE_RAW, BYTES(scene->report));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "another key");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_of_a_server_is_refused_whatever_the_policy_says(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    judge_as(scene, VERIFY_SERVER);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "anybody may have relayed it");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_without_a_policy_go_eat_is_read_and_refused(void **state)
{
    struct scene *scene = *state;
    add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    judge_as(scene, VERIFY_FILE);
    assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_PASS, "go-eat");
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "anybody may have relayed it");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_whose_report_holds_another_nonce_is_refused(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    struct bytes content = make_go_eat(scene, BYTES(scene->nonce), true);
    assert_memory_equal(scene->room + 4, scene->nonce, NONCE_SIZE); /* behind the map's head, key 10, and its own */
    scene->room[4] ^= 1;
    add_extension(scene, EVIDENCE_GO_EAT, content);
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "nonce");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_without_a_nonce_binds_nothing(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [go-eat]\nnonce:\n  required: false\n", "  allow_unbound: true\n");
    add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES_LITERAL(""), true));
    judge(scene);
    assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "neither a key nor a nonce");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_without_certificates_is_refused(void **state)
{
    struct scene *scene = *state;
    set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), false));
    judge(scene);
    assert_check(scene, SNP_CHECK_VEK_CERTIFICATE, CHECK_FAIL, "neither a VCEK nor a VLEK");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void assert_go_eat(const char *hex, const char *why)
{
    uint8_t bytes[4096];
    struct evidence_go_eat eat;
    size_t n = strlen(hex) / 2;
    assert_true(n <= sizeof bytes);
    assert_false(failed(hex_decode(hex, bytes, n)));
    struct err outcome = evidence_go_eat_parse(bytes_of(bytes, n), &eat);
    if (!why) {
        assert_int_equal(outcome.code, ERR_NONE);
        return;
    }
    assert_int_equal(outcome.code, ERR_INPUT);
    if (!strstr(outcome.why, why))
        fail_msg("%s", outcome.why);
}

static void test_malformed_go_eat_is_refused(void **state)
{
    (void)state;
    assert_go_eat("a11903e94101", NULL);
    assert_go_eat("", "not a map");
    assert_go_eat("80", "not a map");
    assert_go_eat("b821", "up to 32 members");
    assert_go_eat("bf", "not a map");
    assert_go_eat("a0", "no report");
    assert_go_eat("a1613141", "a key that is no number");
    assert_go_eat("a21903e941011903e94102", "key 1001 twice");
    assert_go_eat("a206010601", "key 6 twice");
    assert_go_eat("a11903e901", "member 1001 is malformed");
    assert_go_eat("a10a01", "member 10 is malformed");
    assert_go_eat("a1061a", "member 6 is malformed");
    assert_go_eat("a106fb3ff0000000000000", "member 6 is malformed");
    assert_go_eat("a106c100", "member 6 is malformed");
    assert_go_eat("a10681818181818181818100", "member 6 is malformed"); /* nine arrays deep */
    assert_go_eat("a1069bffffffffffffffff", "member 6 is malformed");
    assert_go_eat("a119044c844041404140", "up to three");
    assert_go_eat("a119044c01", "up to three");
    assert_go_eat("a119044c8101", "member 1100 is malformed");
    assert_go_eat("a11903e9410100", "1 trailing byte");
    assert_go_eat("a20af61903e94101", NULL);
}

static void test_nonce_of_a_go_eat_has_at_most_64_bytes(void **state)
{
    (void)state;
    char hex[512];
    snprintf(hex, sizeof hex, "a21903e941010a5840%0128d", 0);
    assert_go_eat(hex, NULL);
    snprintf(hex, sizeof hex, "a21903e941010a5841%0130d", 0);
    assert_go_eat(hex, "nonce has 65 bytes");
}

static void test_go_eat_cut_anywhere_is_refused(void **state)
{
    struct scene *scene = *state;
    struct evidence_go_eat eat;
    struct bytes whole = make_go_eat(scene, BYTES(scene->nonce), true);
    assert_false(failed(evidence_go_eat_parse(whole, &eat)));
    assert_true(bytes_equal(eat.vek, psp_vcek(psp)));
    assert_true(bytes_equal(eat.intermediate, psp_ask(psp)));
    assert_true(bytes_equal(eat.ark, psp_ark(psp)));
    for (size_t n = 0; n < whole.n; n++)
        assert_true(failed(evidence_go_eat_parse(bytes_of(whole.p, n), &eat)));
}

/* ---- certificates at hand ---- */

static void test_certificate_at_hand_is_found_by_chip_kind_and_tcb(void **state)
{
    struct scene *scene = *state;
    struct snp_report report, other;
    struct veks *veks = veks_new();
    make_raw(scene);
    assert_false(failed(snp_report_parse(BYTES(scene->report), &report)));
    assert_int_equal(veks_find(veks, &report).n, 0);
    assert_false(failed(veks_add(veks, psp_vcek(psp))));
    assert_int_equal(veks_count(veks), 1);
    assert_true(bytes_equal(veks_find(veks, &report), psp_vcek(psp)));
    other = report;
    other.chip_id[0] ^= 1;
    assert_int_equal(veks_find(veks, &other).n, 0);
    other = report;
    other.reported_tcb.bytes[0] ^= 1;
    assert_int_equal(veks_find(veks, &other).n, 0);
    other = report;
    other.key_info |= SNP_SIGNING_KEY_VLEK << 2;
    assert_int_equal(veks_find(veks, &other).n, 0);
    other.key_info = SNP_SIGNING_KEY_NONE << 2;
    assert_int_equal(veks_find(veks, &other).n, 0);
    veks_free(veks);
}

static void test_only_certificates_of_report_keys_are_kept_at_hand(void **state)
{
    (void)state;
    struct veks *veks = veks_new();
    assert_int_equal(veks_add(veks, BYTES_LITERAL("nonsense")).code, ERR_INPUT);
    assert_int_equal(veks_add(veks, psp_ask(psp)).code, ERR_INPUT);
    assert_int_equal(veks_add(veks, BYTES_NONE).code, ERR_INPUT);
    assert_int_equal(veks_count(veks), 0);
    for (int i = 0; i < VEKS_MAX; i++)
        assert_false(failed(veks_add(veks, psp_vcek(psp))));
    assert_int_equal(veks_add(veks, psp_vcek(psp)).code, ERR_LIMIT);
    veks_free(veks);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_raw_report_of_this_key_holds_but_for_its_age),
        IN_SCENE(test_raw_report_is_refused_where_a_nonce_is_required),
        IN_SCENE(test_raw_report_without_a_certificate_at_hand_is_refused),
        IN_SCENE(test_raw_report_of_another_key_is_refused),
        cmocka_unit_test(test_raw_report_of_another_length_is_refused),
        IN_SCENE(test_format_that_the_policy_does_not_name_is_refused_unread),
        IN_SCENE(test_malformed_evidence_of_a_format_that_is_named_is_refused),
        IN_SCENE(test_evidence_of_two_formats_is_refused_whatever_the_policy_says),
        IN_SCENE(test_one_foreign_format_in_two_extensions_is_refused),
        IN_SCENE(test_dice_evidence_with_our_nonce_holds),
        IN_SCENE(test_dice_evidence_with_any_nonce_has_no_age),
        IN_SCENE(test_dice_evidence_about_another_key_is_refused),
        IN_SCENE(test_dice_claims_that_the_report_does_not_bind_are_refused),
        IN_SCENE(test_dice_report_data_is_zero_behind_the_hash),
        IN_SCENE(test_dice_claims_must_be_the_two_that_are_known),
        IN_SCENE(test_dice_key_hash_must_be_of_a_known_algorithm),
        IN_SCENE(test_dice_evidence_of_another_tag_is_not_ours_to_read),
        IN_SCENE(test_dice_evidence_cut_anywhere_is_refused),
        IN_SCENE(test_go_eat_is_refused_since_it_binds_no_key),
        IN_SCENE(test_go_eat_is_never_more_than_a_warning),
        IN_SCENE(test_unbound_is_allowed_of_no_other_format),
        IN_SCENE(test_go_eat_of_a_server_is_refused_whatever_the_policy_says),
        IN_SCENE(test_without_a_policy_go_eat_is_read_and_refused),
        IN_SCENE(test_go_eat_whose_report_holds_another_nonce_is_refused),
        IN_SCENE(test_go_eat_without_a_nonce_binds_nothing),
        IN_SCENE(test_go_eat_without_certificates_is_refused),
        cmocka_unit_test(test_malformed_go_eat_is_refused),
        cmocka_unit_test(test_nonce_of_a_go_eat_has_at_most_64_bytes),
        IN_SCENE(test_go_eat_cut_anywhere_is_refused),
        IN_SCENE(test_certificate_at_hand_is_found_by_chip_kind_and_tcb),
        cmocka_unit_test(test_only_certificates_of_report_keys_are_kept_at_hand),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
