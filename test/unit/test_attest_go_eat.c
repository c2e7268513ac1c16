/* Evidence as the Go proxy makes it: an EAT that binds no key. */
#include "attest/cbor.h"
#include "attest/judge.h"
#include "evidence_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* As Go writes it: in the order of the struct, so not deterministic, with false and a map inside. */
static struct bytes make_go_eat(struct scene *scene, struct bytes nonce, bool with_chain)
{
    uint8_t report_data[SNP_REPORT_DATA_SIZE] = {0};
    struct writer *w = &scene->extension;
    memcpy(report_data, nonce.p, nonce.n);
    scene_make_report(scene, report_data);
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
        cbor_write_bytes(w, psp_vcek(scene_psp));
        cbor_write_bytes(w, psp_ask(scene_psp));
        cbor_write_bytes(w, psp_ark(scene_psp));
    } else {
        writer_u8(w, 0xf6); /* null */
    }
    assert_false(w->bad);
    return writer_bytes(w);
}

static void test_go_eat_is_refused_since_it_binds_no_key(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [go-eat]\n", "");
    scene_add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "anybody may have relayed it");
    scene_assert_check(scene, SNP_CHECK_CHAIN, CHECK_PASS, "");
    scene_assert_check(scene, SNP_CHECK_REPORT_SIGNATURE, CHECK_PASS, "holds");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
    assert_non_null(strstr(scene->verdict.reason, "binding"));
}

static void test_go_eat_is_never_more_than_a_warning(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    scene_add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_WARN, "anybody may have relayed it");
    scene_assert_check(scene, JUDGE_CHECK_NONCE, CHECK_PASS, "");
    scene_assert_check(scene, VERIFY_CHECK_ISSUED, CHECK_SKIPPED, "binds no time");
    assert_int_equal(scene->verdict.issued_at_s, 0);
    assert_int_equal(scene->verdict.kind, VERDICT_WARN);
}

static void test_go_eat_of_a_server_is_refused_whatever_the_policy_says(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    scene_add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    scene_judge_as(scene, VERIFY_SERVER);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "anybody may have relayed it");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_without_a_policy_go_eat_is_read_and_refused(void **state)
{
    struct scene *scene = *state;
    scene_add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), true));
    scene_judge_as(scene, VERIFY_FILE);
    scene_assert_check(scene, VERIFY_CHECK_FORMAT, CHECK_PASS, "go-eat");
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "anybody may have relayed it");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_whose_report_holds_another_nonce_is_refused(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    struct bytes content = make_go_eat(scene, BYTES(scene->nonce), true);
    assert_memory_equal(scene->room + 4, scene->nonce, NONCE_SIZE); /* behind the map's head, key 10, and its own */
    scene->room[4] ^= 1;
    scene_add_extension(scene, EVIDENCE_GO_EAT, content);
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "nonce");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_without_a_nonce_binds_nothing(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [go-eat]\nnonce:\n  required: false\n", "  allow_unbound: true\n");
    scene_add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES_LITERAL(""), true));
    scene_judge(scene);
    scene_assert_check(scene, VERIFY_CHECK_BINDING, CHECK_FAIL, "neither a key nor a nonce");
    assert_int_equal(scene->verdict.kind, VERDICT_DENY);
}

static void test_go_eat_without_certificates_is_refused(void **state)
{
    struct scene *scene = *state;
    scene_set_policy(scene, "formats: [go-eat]\n", "  allow_unbound: true\n");
    scene_add_extension(scene, EVIDENCE_GO_EAT, make_go_eat(scene, BYTES(scene->nonce), false));
    scene_judge(scene);
    scene_assert_check(scene, SNP_CHECK_VEK_CERTIFICATE, CHECK_FAIL, "neither a VCEK nor a VLEK");
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
    assert_true(bytes_equal(eat.vek, psp_vcek(scene_psp)));
    assert_true(bytes_equal(eat.intermediate, psp_ask(scene_psp)));
    assert_true(bytes_equal(eat.ark, psp_ark(scene_psp)));
    for (size_t n = 0; n < whole.n; n++)
        assert_true(failed(evidence_go_eat_parse(bytes_of(whole.p, n), &eat)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_go_eat_is_refused_since_it_binds_no_key),
        IN_SCENE(test_go_eat_is_never_more_than_a_warning),
        IN_SCENE(test_go_eat_of_a_server_is_refused_whatever_the_policy_says),
        IN_SCENE(test_without_a_policy_go_eat_is_read_and_refused),
        IN_SCENE(test_go_eat_whose_report_holds_another_nonce_is_refused),
        IN_SCENE(test_go_eat_without_a_nonce_binds_nothing),
        IN_SCENE(test_go_eat_without_certificates_is_refused),
        cmocka_unit_test(test_malformed_go_eat_is_refused),
        cmocka_unit_test(test_nonce_of_a_go_eat_has_at_most_64_bytes),
        IN_SCENE(test_go_eat_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, scene_open_processor, scene_close_processor);
}
