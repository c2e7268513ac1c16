/* Policies that nothing can meet, which are refused with the line, and those that say something else than was meant. */
#include "attest/policy_contradictions.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"

#define NOW_S INT64_C(1750000000) /* 2025-06-15 15:06:40 */
#define A16   "aaaaaaaaaaaaaaaa"
#define B16   "bbbbbbbbbbbbbbbb"
#define A128  A16 A16 A16 A16 A16 A16 A16 A16
#define Z16   "0000000000000000"
#define Z96   Z16 Z16 Z16 Z16 Z16 Z16
#define A96   A16 A16 A16 A16 A16 A16
#define PCR   "{4: " A16 A16 A16 A16 "}"
#define Z128  Z96 Z16 Z16
#define ZEROS "zeros are no chip's: a report that says so hides which it is of, and is on no list"
#define FOR_EVER                                                                                                       \
    "go-eat, which allow_unbound lets in, binds nothing but its nonce: where any will do, and required is false, "     \
    "anybody could show it for ever"
#define WARNED " (a mode is warn: who is let in is so with a warning)"

static bool is_doubted(const struct policy *policy, const char *said)
{
    const char *doubts[POLICY_DOUBTS_MAX];
    size_t count = policy_doubts(policy, NOW_S, doubts);
    for (size_t i = 0; i < count; i++)
        if (strcmp(doubts[i], said) == 0)
            return true;
    return false;
}

/* Taken, and then doubted or not. */
static void assert_doubted(const char *text, const char *said, bool expected)
{
    struct policy *policy = accepted(text);
    if (is_doubted(policy, said) != expected)
        fail_msg("%s: %s \"%s\"", text, expected ? "not told" : "told", said);
    policy_drop(policy);
}

/* `others`: the lines of the key's group behind it; `top`: lines of other groups, last in the file. `almost`: the
 * same, but that something meets it; NULL: the key is at fault by itself. */
static const struct {
    const char *group, *key, *others, *top, *why, *almost_others, *almost_top;
} contradicting[] = {
    {"guest", "policy_forbidden: [debug]", "  policy_required: [debug]\n  debug_disabled: false\n", "",
     "a bit is required, too", "  policy_required: [cxl]\n", ""},
    {"platform", "forbidden: [ecc]", "  required: [ecc]\n", "", "a bit is required, too", "  required: [tsme]\n", ""},
    {"guest", "max_vmpl: 1", "  min_vmpl: 2\n", "", "less than min_vmpl, so no guest would do", "  min_vmpl: 1\n", ""},
    {"guest", "min_vmpl: 4", "", "", "more than 3, the highest that there is, so no guest would do", NULL, NULL},
    {"guest", "policy_forbidden: [reserved_one]", "", "", "reserved_one is set in every POLICY", NULL, NULL},
    {"guest", "policy_required: [debug]", "", "", "debug is required, which debug_disabled (by default true) forbids",
     "  debug_disabled: false\n", ""},
    {"guest", "policy_required: [smt]", "", "", "smt is required, which smt_disabled (by default true) forbids",
     "  smt_disabled: false\n", ""},
    {"guest", "policy_exact: {mask: 0x300000, value: 0x100000}", "  policy_required: [cxl]\n", "",
     "a bit that policy_required asks for is to be clear", "  policy_required: [single_socket]\n", ""},
    {"guest", "policy_exact: {mask: 0x300000, value: 0x100000}", "  policy_forbidden: [single_socket]\n", "",
     "a bit that policy_forbidden forbids is to be set", "  policy_forbidden: [cxl]\n", ""},
    {"guest", "policy_exact: {mask: 0x80000, value: 0x80000}", "", "",
     "debug is to be set, which debug_disabled (by default true) forbids", "  debug_disabled: false\n", ""},
    {"guest", "policy_exact: {mask: 0x10000, value: 0x10000}", "", "",
     "smt is to be set, which smt_disabled (by default true) forbids", "  smt_disabled: false\n", ""},
    {"guest", "policy_exact: {mask: 0x20000, value: 0}", "", "",
     "reserved_one is to be clear, and is set in every POLICY", NULL, NULL},
    {"guest", "policy_exact: {mask: 0xff00, value: 0x100}", "  min_abi: \"2.0\"\n", "",
     "no ABI that these bits leave reaches min_abi", "  min_abi: \"1.255\"\n", ""},
    {"platform", "required: [smt]", "", "", "smt is required, which guest.smt_disabled (by default true) forbids", "",
     "guest: {smt_disabled: false}\n"},
    {"platform", "required: [smt]", "", "", "smt is required, which guest.smt_disabled (by default true) forbids", "",
     "guest: {mode: disabled}\n"},
    {"launch", "id_key_required: true", "  id_key_digest: [" Z96 ", " Z96 "]\n", "",
     "every id_key_digest is zero, which says that there is none", "  id_key_digest: [" Z96 ", " A96 "]\n", ""},
    {"launch", "author_key_required: true", "  author_key_digest: [" Z96 "]\n", "",
     "every author_key_digest is zero, which says that there is none", "  author_key_digest: [" A96 "]\n", ""},
    {"launch", "tpm_pcrs: " PCR, "", "", "only the format azure has any, and formats does not name it", "",
     "formats: [cmw, azure]\n"},
    {"chip", "products_denied: [milan]", "  products_allowed: [milan]\n", "", "no product is left that would do",
     "  products_allowed: [milan, turin]\n", ""},
    {"chip", "products_denied: [genoa]", "  products_allowed: [siena, bergamo]\n", "",
     "no product is left that would do", "  products_allowed: [turin]\n", ""},
    {"chip", "products_denied: [bergamo]", "  products_allowed: [siena, bergamo]\n", "",
     "no product is left that would do", "  products_allowed: [genoa]\n", ""},
    {"chip", "products_denied: [milan, genoa, turin]", "", "", "no product is left that would do", NULL, NULL},
    {"chip", "chip_ids_denied: [" B16 ", " A16 "]", "  chip_ids_allowed: [" A16 "]\n", "",
     "every chip that is allowed is denied, too", "  chip_ids_allowed: [" A16 ", " A128 "]\n", ""},
    {"chip", "chip_ids_allowed: [" A16 "]", "  products_denied: [turin]\n", "",
     "none is the id of a product that is let in: Turin's have 8 bytes, the others' 64", "  products_denied: [milan]\n",
     ""},
    {"chip", "chip_ids_allowed: [" A128 "]", "  products_allowed: [turin]\n", "",
     "none is the id of a product that is let in: Turin's have 8 bytes, the others' 64",
     "  products_allowed: [turin, genoa]\n", ""},
    {"chip", "chip_ids_allowed: [" A128 "]", "  key_kinds: [vlek]\n", "",
     "key_kinds takes VLEKs alone, whose reports name no chip", "  key_kinds: [vlek, vcek]\n", ""},
    {"chip", "chip_ids_denied: [" A128 "]", "  key_kinds: [vlek]\n", "",
     "key_kinds takes VLEKs alone, whose reports name no chip", "  key_kinds: [vcek]\n", ""},
    {"chip", "csp_ids: [a]", "  key_kinds: [vcek]\n", "", "key_kinds takes VCEKs alone, which name no provider",
     "  key_kinds: [vlek]\n", ""},
    {"chip", "csp_ids: [a]", "  chip_ids_denied: [" A16 "]\n", "",
     "VLEKs alone name a provider, and their reports name no chip, which the lists of chips ask for", "", ""},
    {"tcb", "min_reported: {turin: {}}", "", "chip: {products_allowed: [milan]}\n",
     "no product that chip lets in has a minimum here", "", "chip: {products_allowed: [milan, turin]}\n"},
    {"tcb", "min_current: {siena: {}, bergamo: {}}", "", "chip: {products_denied: [siena]}\n",
     "no product that chip lets in has a minimum here and in those before", "", "chip: {products_denied: [turin]}\n"},
    {"tcb", "min_committed: {turin: {}}", "  min_reported: {milan: {}}\n", "",
     "no product that chip lets in has a minimum here and in those before", "  min_reported: {milan: {}, turin: {}}\n",
     ""},
    {"tcb", "min_launch: {genoa: {}}", "  min_committed: {milan: {}, turin: {}}\n", "",
     "no product that chip lets in has a minimum here and in those before",
     "  min_committed: {siena: {}, bergamo: {}}\n", ""},
    {"evidence", "max_age: 1h", "", "formats: [raw, dice]\n", "no format that is accepted says when evidence was made",
     "", "formats: [raw, cmw]\n"},
    {"nonce", "mode: warn", "", "formats: [cmw, go-eat]\ncertificates: {allow_unbound: true}\n",
     "go-eat, which allow_unbound lets in, binds nothing but its nonce: without one anybody could show it for ever", "",
     "formats: [cmw, go-eat]\n"},
    {"nonce", "mode: disabled", "", "formats: [go-eat]\ncertificates: {allow_unbound: true}\n",
     "go-eat, which allow_unbound lets in, binds nothing but its nonce: without one anybody could show it for ever", "",
     "certificates: {allow_unbound: true}\n"},
    {"nonce", "source: any", "  required: false\n", "formats: [go-eat]\ncertificates: {allow_unbound: true}\n",
     FOR_EVER, "  required: true\n", "formats: [go-eat]\ncertificates: {allow_unbound: true}\n"},
    {"nonce", "source: any", "  required: false\n", "formats: [go-eat]\ncertificates: {allow_unbound: true}\n",
     FOR_EVER, "  required: false\n", "formats: [go-eat]\n"},
    {"nonce", "source: any", "  required: false\n", "formats: [go-eat]\ncertificates: {allow_unbound: true}\n",
     FOR_EVER, "  required: false\n", "certificates: {allow_unbound: true}\n"},
    {"chip", "chip_ids_allowed: [" Z16 ", " Z128 "]", "", "", ZEROS, NULL, NULL},
    {"chip", "chip_ids_allowed: [" Z16 "]", "  chip_ids_denied: [" A16 "]\n", "", ZEROS, NULL, NULL},
    {"chip", "chip_ids_denied: [" A16 "]", "  chip_ids_allowed: [" Z16 ", " A16 "]\n", "",
     "every chip that is allowed is denied, too", "  chip_ids_allowed: [" Z16 ", " A128 "]\n", ""},
    {"chip", "chip_ids_allowed: [" Z16 ", " A128 "]", "  products_allowed: [turin]\n", "",
     "none is the id of a product that is let in: Turin's have 8 bytes, the others' 64",
     "  products_allowed: [milan]\n", ""},
};

static void test_what_nothing_can_meet_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof contradicting / sizeof contradicting[0]; i++) {
        const char *key = contradicting[i].key, *group = contradicting[i].group;
        char *text =
            mem_format("version: a\n%s:\n  %s\n%s%s", group, key, contradicting[i].others, contradicting[i].top);
        char *why = mem_format("p.yaml:3: %s.%.*s: %s", group, (int)strcspn(key, ":"), key, contradicting[i].why);
        assert_refused(text, why);
        free(text);
        if (strcmp(group, "nonce") != 0) { /* whose cases everybody meets, in whatever mode */
            char *said = mem_format("%s" WARNED, why + strlen("p.yaml:3: "));
            text = mem_format("version: a\n%s:\n  %s\n%s  mode: disabled\n%s", group, key, contradicting[i].others,
                              contradicting[i].top);
            assert_doubted(text, said, false); /* nobody asks */
            free(text);
            text = mem_format("version: a\n%s:\n  %s\n%s  mode: warn\n%s", group, key, contradicting[i].others,
                              contradicting[i].top);
            assert_doubted(text, said, true);
            free(text);
            free(said);
        }
        free(why);
        if (contradicting[i].almost_others) {
            text = mem_format("version: a\n%s:\n  %s\n%s%s", group, key, contradicting[i].almost_others,
                              contradicting[i].almost_top);
            policy_drop(accepted(text));
            free(text);
        }
    }
}

/* What one group demands strictly, and another not, can be met. */
static void test_two_groups_contradict_each_other_where_both_are_strict(void **state)
{
    static const struct {
        const char *first, *second, *key, *why;
    } cases[] = {
        {"chip: {products_allowed: [genoa]", "tcb: {min_reported: {milan: {microcode: 1}}", "tcb.min_reported",
         "no product that chip lets in has a minimum here"},
        {"guest: {smt_disabled: true", "platform: {required: [smt]", "platform.required",
         "smt is required, which guest.smt_disabled (by default true) forbids"},
    };
    static const char *const modes[] = {"strict", "warn", "disabled"};
    (void)state;
    for (size_t i = 0; i < 9 * (sizeof cases / sizeof cases[0]); i++) {
        const char *first = modes[i % 3], *second = modes[i / 3 % 3], *key = cases[i / 9].key, *why = cases[i / 9].why;
        char *text =
            mem_format("%s, mode: %s}\n%s, mode: %s}\n", cases[i / 9].first, first, cases[i / 9].second, second);
        char *refused = mem_format("p.yaml:2: %s: %s", key, why);
        char *said = mem_format("%s: %s" WARNED, key, why);
        if (first == modes[0] && second == modes[0])
            assert_refused(text, refused);
        else
            assert_doubted(text, said, first != modes[2] && second != modes[2]);
        free(text);
        free(refused);
        free(said);
    }
}

static void test_a_mode_of_proof_is_its_keys_at_once(void **state)
{
    (void)state;
    struct policy *policy = accepted("certificates: {mode: strict, crl: required}\n");
    assert_true(policy->certificates.verify_chain && policy->certificates.verify_signature);
    policy_drop(policy);
    policy = accepted("certificates: {mode: warn, crl: required, verify_chain: true}\n");
    assert_false(policy->certificates.verify_chain || policy->certificates.verify_signature);
    assert_int_equal(policy->certificates.crl, SNP_CRL_REQUIRED);
    policy_drop(policy);
    policy = accepted("certificates: {crl: required, mode: disabled}\n");
    assert_false(policy->certificates.verify_chain || policy->certificates.verify_signature);
    assert_int_equal(policy->certificates.crl, SNP_CRL_OFF);
    policy_drop(policy);
    assert_refused("certificates:\n  mode: off\n",
                   "p.yaml:2: certificates.mode: expected strict, warn or disabled, found \"off\"");
}

/* ---- doubts ---- */

#define SET(times) "measurements: {sets: [{name: a, values: [" A96 "], " times "}]"

/* Whether it is said, and then nothing else is. */
static bool doubts_of(const char *text, const char *said)
{
    const char *doubts[POLICY_DOUBTS_MAX];
    struct policy *policy = accepted(text);
    size_t count = policy_doubts(policy, NOW_S, doubts);
    bool is_said = is_doubted(policy, said);
    if (count > (size_t)is_said)
        fail_msg("%s: other doubts, too: %s", text, doubts[0]);
    policy_drop(policy);
    return is_said;
}

static void test_what_was_hardly_meant_is_told(void **state)
{
    /* Each policy with the doubt, and one like it without. */
    static const struct {
        const char *doubtful, *clear, *said;
    } cases[] = {
        {SET("not_after: 2025-06-15") "}\n", SET("not_after: 2025-06-16") "}\n",
         "measurements: none is in force now: each is retired or has not begun"},
        {SET("not_before: 2025-06-16") "}\n", SET("not_before: 2025-06-15") "}\n",
         "measurements: none is in force now: each is retired or has not begun"},
        {SET("not_after: 2025-06-15") ", mode: warn}\n", SET("not_after: 2025-06-15") ", mode: disabled}\n",
         "measurements: none is in force now: each is retired or has not begun"},
        {"chip: {products_allowed: [milan, turin], products_denied: [milan]}\n",
         "chip: {products_allowed: [genoa], products_denied: [siena, bergamo]}\n",
         "chip.products_denied names a product that is allowed, too: it is denied"},
        {"chip: {chip_ids_allowed: [" A16 ", " A128 "], chip_ids_denied: [" A16 "]}\n",
         "chip: {chip_ids_allowed: [" A128 "], chip_ids_denied: [" A16 "]}\n",
         "chip.chip_ids_denied names a chip that is allowed, too: it is denied"},
        {"chip: {products_denied: [bergamo]}\n", "chip: {products_denied: [bergamo, siena]}\n",
         "chip.products_denied names one of siena and bergamo: a report does not tell them apart, so both are denied"},
        {"chip: {chip_ids_denied: [" A16 "]}\ncertificates: {allow_masked_chip_id: true}\n",
         "chip: {chip_ids_denied: [" A16 "], mode: disabled}\ncertificates: {allow_masked_chip_id: true}\n",
         "certificates.allow_masked_chip_id is true, and a report that hides its chip meets no list of chips"},
        {"certificates: {crl: \"off\", crl_max_age: 7d}\n", "certificates: {crl: required, crl_max_age: 7d}\n",
         "certificates.crl_max_age is not looked at, since crl is off"},
        {"certificates: {allow_simulated: true}\n",
         "certificates: {allow_simulated: true, trusted_arks: [" A16 A16 A16 A16 "]}\n",
         "certificates.allow_simulated is true, and trusted_arks is empty: no simulated processor is believed"},
        {"formats: [go-eat]\n", "formats: [go-eat]\ncertificates: {allow_unbound: true}\n",
         "formats: go-eat binds no key, and certificates.allow_unbound is false: no evidence will do"},
        {"formats: [go-eat]\n", "formats: [go-eat, raw]\n",
         "formats: go-eat binds no key, and certificates.allow_unbound is false: no evidence will do"},
        {"formats: [raw]\n", "formats: [raw]\nnonce: {required: false}\n",
         "formats: raw carries no nonce, and nonce.required is true: no client's evidence will do"},
        {"formats: [raw]\n", "formats: [raw]\nnonce: {mode: warn}\n",
         "formats: raw carries no nonce, and nonce.required is true: no client's evidence will do"},
        {"nonce: {min_length: 33}\n", "nonce: {min_length: 32}\n",
         "nonce.min_length is more than 32, the bytes of this server's nonces: none of them is long enough"},
        {"nonce: {min_length: 33, required: false}\n", "nonce: {min_length: 64, source: any}\n",
         "nonce.min_length is more than 32, the bytes of this server's nonces: none of them is long enough"},
        {"nonce: {min_length: 64, mode: warn}\n", "nonce: {min_length: 64, mode: disabled}\n",
         "nonce.min_length is more than 32, the bytes of this server's nonces: none of them is long enough"},
        {"guest: {max_vmpl: 15}\n", "guest: {min_vmpl: 3, max_vmpl: 3}\n",
         "guest.max_vmpl is more than 3, the highest that there is: it keeps no guest out"},
        {"guest: {max_vmpl: 4, mode: warn}\n", "guest: {max_vmpl: 4, mode: disabled}\n",
         "guest.max_vmpl is more than 3, the highest that there is: it keeps no guest out"},
        {"chip: {chip_ids_allowed: [" A16 ", " Z128 "]}\n", "chip: {chip_ids_allowed: [" A16 ", " A128 "]}\n",
         "chip: an id of zeros is no chip's: a report that says so hides which it is of, and is on no list"},
        {"chip: {chip_ids_denied: [" Z16 "]}\n", "chip: {chip_ids_denied: [" Z16 "], mode: disabled}\n",
         "chip: an id of zeros is no chip's: a report that says so hides which it is of, and is on no list"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!doubts_of(cases[i].doubtful, cases[i].said))
            fail_msg("not doubted: %s", cases[i].doubtful);
        if (doubts_of(cases[i].clear, cases[i].said))
            fail_msg("doubted: %s", cases[i].clear);
    }
    assert_false(doubts_of(whole_schema, ""));
}

/* To whoever loads a policy: the daemon's log, the library. */
static void test_doubts_are_among_what_is_said_at_load(void **state)
{
    const char *gaps[POLICY_GAPS_MAX];
    (void)state;
    struct policy *policy = accepted(SET("not_after: 2001-01-01") "}\ncertificates: {crl: \"off\", crl_max_age: 1d}\n");
    assert_int_equal(policy_gaps(policy, gaps), 2);
    assert_non_null(strstr(gaps[0], "none is in force now"));
    assert_non_null(strstr(gaps[1], "crl is off"));
    policy_drop(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_nothing_can_meet_is_refused_with_its_line),
        cmocka_unit_test(test_two_groups_contradict_each_other_where_both_are_strict),
        cmocka_unit_test(test_a_mode_of_proof_is_its_keys_at_once),
        cmocka_unit_test(test_what_was_hardly_meant_is_told),
        cmocka_unit_test(test_doubts_are_among_what_is_said_at_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
