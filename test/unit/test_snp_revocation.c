/* Revocation lists: what one says of a certificate, and what several of them say together. */
#include "snp_forge.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>

#define PAST_S   (FORGE_NOW_S - 10 * FORGE_DAY_S)
#define FUTURE_S (FORGE_NOW_S + 10 * FORGE_DAY_S)

#define OF_VCEKS "critical,fullname:URI:" FORGE_VCEK_LISTS
#define OF_VLEKS "critical,fullname:URI:" FORGE_VLEK_LISTS

static struct snp_crl *read_list(struct bytes der)
{
    struct snp_crl *crl = NULL;
    assert_false(failed(snp_crl_parse(der, &crl)));
    OPENSSL_free((void *)der.p);
    return crl;
}

static struct snp_crl *make_list(X509 *issuer, EVP_PKEY *key, X509 *revoked, int64_t this_s, int64_t next_s)
{
    struct snp_crl *crl = read_list(forge_crl(issuer, key, revoked, this_s, next_s));
    assert_int_equal(snp_crl_this_update_s(crl), this_s);
    assert_int_equal(snp_crl_next_update_s(crl), next_s);
    return crl;
}

/* ---- one list ---- */

static void check_list_of(struct snp_crl *crl, X509 *intermediate, int64_t max_age_s, enum snp_crl_state expected)
{
    enum snp_crl_state found = snp_crl_judge(crl, forge.ark, intermediate, FORGE_NOW_S, max_age_s);
    assert_string_equal(snp_crl_state_name(found), snp_crl_state_name(expected));
    snp_crl_free(crl);
}

static void check_list(struct snp_crl *crl, int64_t max_age_s, enum snp_crl_state expected)
{
    check_list_of(crl, forge.ask, max_age_s, expected);
}

static void test_states_of_a_revocation_list(void **state)
{
    (void)state;
    EVP_PKEY *key = forge.ark_key, *other = forge.ask_key;
    X509 *ark = forge.ark, *ask = forge.ask;
    check_list(make_list(ark, key, NULL, PAST_S, FUTURE_S), 0, SNP_CRL_GOOD);
    check_list(make_list(ark, key, NULL, PAST_S, 0), 0, SNP_CRL_GOOD);
    check_list(make_list(ark, key, ark, PAST_S, FUTURE_S), 0, SNP_CRL_GOOD); /* names another serial */
    check_list(make_list(ark, key, ask, PAST_S, FUTURE_S), 0, SNP_CRL_REVOKED);
    check_list(make_list(ark, key, ask, PAST_S, PAST_S + 1), 0, SNP_CRL_REVOKED); /* be it fresh or not */
    check_list(make_list(ark, key, ask, FUTURE_S, 0), 0, SNP_CRL_REVOKED);
    check_list(make_list(ask, other, ask, PAST_S, FUTURE_S), 0, SNP_CRL_OTHER);
    check_list(make_list(ark, other, ask, PAST_S, FUTURE_S), 0, SNP_CRL_FORGED);
    check_list(make_list(ark, key, NULL, PAST_S, FORGE_NOW_S - 1), 0, SNP_CRL_EXPIRED);
    check_list(make_list(ark, key, NULL, PAST_S, FUTURE_S), 9 * FORGE_DAY_S, SNP_CRL_EXPIRED);
    check_list(make_list(ark, key, NULL, PAST_S, FUTURE_S), 11 * FORGE_DAY_S, SNP_CRL_GOOD);
    check_list(make_list(ark, key, NULL, FORGE_NOW_S + 1, FUTURE_S), 0, SNP_CRL_FROM_FUTURE);
}

/* Whose list it was found to be is remembered: by the root's key, not by its name. */
static void test_a_list_of_one_root_is_none_of_another_of_its_name(void **state)
{
    (void)state;
    struct snp_crl *crl = make_list(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    X509 *other = forge_authority("ARK-Milan", forge.ask_key, NULL, forge.ask_key);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(snp_crl_judge(crl, forge.ark, forge.ask, FORGE_NOW_S, 0), SNP_CRL_GOOD);
        assert_int_equal(snp_crl_judge(crl, other, forge.ask, FORGE_NOW_S, 0), SNP_CRL_FORGED);
    }
    X509_free(other);
    snp_crl_free(crl);
}

static struct snp_crl *narrow_list(X509 *revoked, const char *scope)
{
    return read_list(forge_crl_of(forge.ark, forge.ark_key, revoked, PAST_S, FUTURE_S, scope));
}

static void test_a_list_that_narrows_itself_is_about_the_certificates_of_its_point(void **state)
{
    (void)state;
    X509 *ask = forge.ask, *asvk = forge.asvk;
    check_list_of(narrow_list(NULL, OF_VCEKS), ask, 0, SNP_CRL_GOOD);
    check_list_of(narrow_list(NULL, OF_VCEKS), asvk, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(narrow_list(NULL, OF_VLEKS), asvk, 0, SNP_CRL_GOOD);
    check_list_of(narrow_list(NULL, OF_VLEKS), ask, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(narrow_list(NULL, "fullname:URI:" FORGE_VLEK_LISTS), ask, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(narrow_list(NULL, "critical,onlyCA:TRUE"), ask, 0, SNP_CRL_GOOD);
    check_list_of(narrow_list(NULL, "critical,onlyuser:TRUE"), ask, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(narrow_list(NULL, "critical,onlyAA:TRUE"), ask, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(narrow_list(NULL, "critical,onlysomereasons:superseded"), ask, 0, SNP_CRL_OTHER_SCOPE);
    /* A serial is of one certificate alone, whatever the list is about. */
    check_list_of(narrow_list(ask, OF_VLEKS), ask, 0, SNP_CRL_REVOKED);
    check_list_of(narrow_list(asvk, OF_VLEKS), ask, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(narrow_list(ask, "critical,onlysomereasons:superseded"), ask, 0, SNP_CRL_REVOKED);
}

/* As an authority of the simulated processor, whose certificate names no place of lists. */
static void test_a_list_of_a_point_is_not_about_a_certificate_without_one(void **state)
{
    (void)state;
    X509 *bare = X509_dup(forge.ask);
    X509_EXTENSION_free(X509_delete_ext(bare, X509_get_ext_by_NID(bare, NID_crl_distribution_points, -1)));
    check_list_of(narrow_list(NULL, OF_VCEKS), bare, 0, SNP_CRL_OTHER_SCOPE);
    check_list_of(make_list(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S), bare, 0, SNP_CRL_GOOD);
    X509_free(bare);
}

static void check_place(struct snp_crl *crl, const char *path, bool expected)
{
    assert_int_equal(snp_crl_may_stand_at(crl, path), expected);
    snp_crl_free(crl);
}

static void test_a_list_may_say_where_it_stands(void **state)
{
    (void)state;
    check_place(narrow_list(NULL, NULL), "/vlek/v1/Milan/crl", true);
    check_place(narrow_list(NULL, "critical,onlyCA:TRUE"), "/vlek/v1/Milan/crl", true);
    check_place(narrow_list(NULL, OF_VLEKS), "/vlek/v1/Milan/crl", true);
    check_place(narrow_list(NULL, OF_VCEKS), "/vlek/v1/Milan/crl", false);
    check_place(narrow_list(NULL, "critical,fullname:DNS:/vlek/v1/Milan/crl"), "/vlek/v1/Milan/crl", false);
    check_place(narrow_list(NULL, "critical,fullname:URI:crl"), "/vlek/v1/Milan/crl", false);
}

static void test_malformed_revocation_list_is_refused(void **state)
{
    (void)state;
    struct snp_crl *crl = NULL;
    struct bytes der = forge_crl(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    uint8_t *longer = mem_alloc(der.n + 1);
    memcpy(longer, der.p, der.n);
    assert_int_equal(snp_crl_parse(bytes_of(longer, der.n + 1), &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(bytes_of(longer, der.n - 1), &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(BYTES_NONE, &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(BYTES_LITERAL("nonsense"), &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(bytes_of(longer, SNP_CRL_MAX + 1), &crl).code, ERR_LIMIT);
    assert_null(crl);
    free(longer);
    OPENSSL_free((void *)der.p);
}

static void check_refused(struct bytes der, const char *why)
{
    struct snp_crl *crl = NULL;
    struct err outcome = snp_crl_parse(der, &crl);
    assert_int_equal(outcome.code, ERR_INPUT);
    assert_non_null(strstr(outcome.why, why));
    assert_null(crl);
    OPENSSL_free((void *)der.p);
}

/* A list whose scope stands twice, or is no scope at all. */
static struct bytes list_with_scopes(const char *content, int times)
{
    struct bytes der = forge_crl(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    const unsigned char *p = der.p;
    X509_CRL *list = d2i_X509_CRL(NULL, &p, (long)der.n);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)content, (int)strlen(content)), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_issuing_distribution_point, 1, value);
    for (int i = 0; i < times; i++)
        assert_int_equal(X509_CRL_add_ext(list, extension, -1), 1);
    unsigned char *changed = NULL;
    assert_true(i2d_re_X509_CRL_tbs(list, &changed) > 0);
    OPENSSL_free(changed);
    changed = NULL;
    int size = i2d_X509_CRL(list, &changed);
    assert_true(size > 0);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    X509_CRL_free(list);
    OPENSSL_free((void *)der.p);
    return bytes_of(changed, (size_t)size);
}

static void test_a_list_whose_scope_cannot_be_told_is_refused(void **state)
{
    (void)state;
    check_refused(forge_crl_of(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S, "critical,indirectCRL:TRUE"),
                  "of other issuers");
    check_refused(list_with_scopes("nonsense", 1), "scope");
    check_refused(list_with_scopes("\x30", 2), "scope");
}

/* ---- several ---- */

/* What is at hand when a chain is judged: each may be missing. */
struct lists {
    enum snp_crl_mode mode;
    int64_t max_age_s;
    struct bytes here;   /* ours, for keys of this kind */
    struct bytes other;  /* ours, for keys of the other kind */
    struct bytes named;  /* the caller's */
    struct bytes theirs; /* the peer's */
};

static struct snp_crl *parse_list(struct bytes der)
{
    struct snp_crl *crl = NULL;
    assert_false(der.n > 0 && failed(snp_crl_parse(der, &crl)));
    return crl;
}

static void judge_kind(enum snp_vek_kind kind, const struct lists *lists, enum check_outcome expected,
                       const char *found)
{
    struct forge_vek plan = kind == SNP_VEK_VLEK ? forge_vlek() : forge_vcek();
    struct snp_report report = forge_report(kind);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    struct snp_crl *here = parse_list(lists->here), *other = parse_list(lists->other);
    const struct snp_crl *const crls[] = {here}, *const others[] = {other};
    struct checklist checks = CHECKLIST_EMPTY;
    struct snp_facts facts;
    trust.crl_mode = lists->mode;
    trust.crl_max_age_s = lists->max_age_s;
    trust.crls = crls;
    trust.crl_count = here ? 1 : 0;
    trust.other_crls = others;
    trust.other_crl_count = other ? 1 : 0;
    trust.crl = lists->named;
    forge_evidence(&plan, &report, &made);
    made.evidence.crl = lists->theirs;
    snp_verify(&made.evidence, &trust, &checks, &facts);
    const struct check *check = NULL;
    for (size_t i = 0; i < checks.count; i++)
        if (strcmp(checks.checks[i].name, SNP_CHECK_CHAIN_REVOCATION) == 0)
            check = &checks.checks[i];
    assert_non_null(check);
    assert_non_null(strstr(check->found, found));
    assert_int_equal(check->outcome, expected);
    assert_int_equal(facts.crl_was_used, expected == CHECK_PASS);
    checklist_free(&checks);
    forge_evidence_free(&made);
    snp_crl_free(here);
    snp_crl_free(other);
}

static void judge(const struct lists *lists, enum check_outcome expected, const char *found)
{
    judge_kind(SNP_VEK_VCEK, lists, expected, found);
}

#define REQUIRED                         .mode = SNP_CRL_REQUIRED
#define IF_AVAILABLE                     .mode = SNP_CRL_IF_AVAILABLE
#define JUDGE(expected, found, ...)      judge(&(struct lists){__VA_ARGS__}, expected, found)
#define JUDGE_VLEK(expected, found, ...) judge_kind(SNP_VEK_VLEK, &(struct lists){__VA_ARGS__}, expected, found)

static const char none[] = "there is no revocation list", good[] = "not on the root's list", revoked[] = "has revoked",
                  old[] = "too old", unbounded[] = "sets no crl_max_age", forged[] = "not by the root",
                  foreign[] = "of another issuer", malformed[] = "malformed",
                  elsewhere[] = "not about the intermediate", future[] = "of the future";

/* Lists that the tests show, made once. */
static struct {
    struct bytes clean, older, revoking, ended, early, forged, foreign, of_vceks, of_vleks, revoking_asvk, nonsense;
} show;

static int show_begin(void **state)
{
    if (forge_begin(state) != 0)
        return -1;
    X509 *ark = forge.ark, *ask = forge.ask;
    EVP_PKEY *key = forge.ark_key;
    show.clean = forge_crl(ark, key, NULL, PAST_S, FUTURE_S);
    show.older = forge_crl(ark, key, NULL, PAST_S - FORGE_DAY_S, FUTURE_S);
    show.revoking = forge_crl(ark, key, ask, PAST_S, FUTURE_S);
    show.ended = forge_crl(ark, key, NULL, PAST_S, PAST_S + 1);
    show.early = forge_crl(ark, key, NULL, FORGE_NOW_S + 1, FUTURE_S);
    show.forged = forge_crl(ark, forge.ask_key, NULL, PAST_S, FUTURE_S);
    show.foreign = forge_crl(ask, forge.ask_key, NULL, PAST_S, FUTURE_S);
    show.of_vceks = forge_crl_of(ark, key, NULL, PAST_S, FUTURE_S, OF_VCEKS);
    show.of_vleks = forge_crl_of(ark, key, NULL, PAST_S, FUTURE_S, OF_VLEKS);
    show.revoking_asvk = forge_crl(ark, key, forge.asvk, PAST_S, FUTURE_S);
    show.nonsense = BYTES_LITERAL("nonsense");
    return 0;
}

static int show_end(void **state)
{
    struct bytes *const made[] = {&show.clean,  &show.older,   &show.revoking, &show.ended,    &show.early,
                                  &show.forged, &show.foreign, &show.of_vceks, &show.of_vleks, &show.revoking_asvk};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        OPENSSL_free((void *)made[i]->p);
    return forge_end(state);
}

static void test_revocation_by_mode(void **state)
{
    (void)state;
    JUDGE(CHECK_SKIPPED, none, IF_AVAILABLE);
    JUDGE(CHECK_FAIL, none, REQUIRED);
    JUDGE(CHECK_SKIPPED, "looks at no lists", .mode = SNP_CRL_OFF, .here = show.revoking, .theirs = show.revoking);
    JUDGE(CHECK_PASS, good, IF_AVAILABLE, .here = show.clean);
    JUDGE(CHECK_PASS, good, REQUIRED, .here = show.clean);
    JUDGE(CHECK_WARN, old, IF_AVAILABLE, .here = show.ended);
    JUDGE(CHECK_FAIL, old, REQUIRED, .here = show.ended);
    JUDGE(CHECK_FAIL, revoked, IF_AVAILABLE, .here = show.revoking);
    JUDGE(CHECK_FAIL, none, REQUIRED, .here = show.foreign);
}

static void test_list_of_the_peer_can_revoke_but_not_clear(void **state)
{
    (void)state;
    JUDGE(CHECK_FAIL, unbounded, REQUIRED, .theirs = show.clean);
    JUDGE(CHECK_SKIPPED, unbounded, IF_AVAILABLE, .theirs = show.clean);
    JUDGE(CHECK_FAIL, revoked, IF_AVAILABLE, .theirs = show.revoking);
    JUDGE(CHECK_FAIL, revoked, REQUIRED, .here = show.clean, .theirs = show.revoking);
    JUDGE(CHECK_FAIL, revoked, REQUIRED, .here = show.revoking, .theirs = show.clean);
    JUDGE(CHECK_PASS, good, REQUIRED, .here = show.clean, .theirs = show.older);
    JUDGE(CHECK_FAIL, old, REQUIRED, .here = show.ended, .theirs = show.clean);
}

static void test_list_of_the_peer_counts_within_the_age_that_policy_sets(void **state)
{
    (void)state;
    JUDGE(CHECK_PASS, good, REQUIRED, .max_age_s = 11 * FORGE_DAY_S, .theirs = show.clean);
    JUDGE(CHECK_FAIL, old, REQUIRED, .max_age_s = 9 * FORGE_DAY_S, .theirs = show.clean);
    JUDGE(CHECK_WARN, old, IF_AVAILABLE, .max_age_s = 9 * FORGE_DAY_S, .theirs = show.clean);
    JUDGE(CHECK_FAIL, revoked, REQUIRED, .max_age_s = 9 * FORGE_DAY_S, .theirs = show.revoking);
    JUDGE(CHECK_FAIL, old, REQUIRED, .max_age_s = 11 * FORGE_DAY_S, .theirs = show.ended);
    JUDGE(CHECK_FAIL, future, REQUIRED, .max_age_s = 11 * FORGE_DAY_S, .theirs = show.early);
}

static void test_the_newest_list_that_may_speak_does(void **state)
{
    (void)state;
    int64_t age_s = 12 * FORGE_DAY_S;
    /* An older one in force does not stand in for a newer one that has ended. */
    JUDGE(CHECK_FAIL, old, REQUIRED, .max_age_s = age_s, .here = show.ended, .theirs = show.older);
    JUDGE(CHECK_FAIL, old, REQUIRED, .max_age_s = age_s, .here = show.older, .theirs = show.ended);
    JUDGE(CHECK_PASS, good, REQUIRED, .max_age_s = age_s, .here = show.older, .theirs = show.clean);
    JUDGE(CHECK_PASS, good, REQUIRED, .here = show.older, .named = show.clean);
}

static void test_a_list_that_came_along_and_is_none_is_refused(void **state)
{
    (void)state;
    const struct bytes bad[] = {show.forged, show.foreign, show.nonsense};
    const char *const why[] = {forged, foreign, malformed};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        JUDGE(CHECK_FAIL, why[i], IF_AVAILABLE, .theirs = bad[i]);
        JUDGE(CHECK_FAIL, why[i], REQUIRED, .theirs = bad[i]);
        JUDGE(CHECK_FAIL, why[i], IF_AVAILABLE, .here = show.clean, .theirs = bad[i]);
        JUDGE(CHECK_FAIL, why[i], IF_AVAILABLE, .here = show.clean, .named = bad[i]);
    }
    JUDGE(CHECK_WARN, old, IF_AVAILABLE, .theirs = show.ended);
    JUDGE(CHECK_WARN, future, IF_AVAILABLE, .theirs = show.early);
}

static void test_a_list_that_the_caller_names_must_speak(void **state)
{
    (void)state;
    JUDGE(CHECK_PASS, good, IF_AVAILABLE, .named = show.clean);
    JUDGE(CHECK_PASS, good, REQUIRED, .named = show.clean);
    JUDGE(CHECK_PASS, good, .mode = SNP_CRL_OFF, .named = show.clean);
    JUDGE(CHECK_FAIL, revoked, .mode = SNP_CRL_OFF, .named = show.revoking);
    JUDGE(CHECK_FAIL, old, IF_AVAILABLE, .here = show.clean, .named = show.ended);
    JUDGE(CHECK_FAIL, future, IF_AVAILABLE, .here = show.clean, .named = show.early);
    JUDGE(CHECK_FAIL, elsewhere, IF_AVAILABLE, .here = show.clean, .named = show.of_vleks);
    JUDGE(CHECK_FAIL, old, REQUIRED, .max_age_s = 9 * FORGE_DAY_S, .named = show.clean);
}

static void test_a_list_for_the_other_kind_of_key_can_revoke_but_not_clear(void **state)
{
    (void)state;
    JUDGE(CHECK_FAIL, none, REQUIRED, .other = show.clean);
    JUDGE(CHECK_SKIPPED, none, IF_AVAILABLE, .other = show.clean);
    JUDGE(CHECK_SKIPPED, none, IF_AVAILABLE, .other = show.forged);
    JUDGE(CHECK_FAIL, revoked, REQUIRED, .here = show.clean, .other = show.revoking);
    JUDGE(CHECK_PASS, good, REQUIRED, .here = show.clean, .other = show.revoking_asvk);
}

static void test_an_asvk_is_revoked_as_an_ask_is(void **state)
{
    (void)state;
    JUDGE_VLEK(CHECK_FAIL, none, REQUIRED);
    JUDGE_VLEK(CHECK_PASS, good, REQUIRED, .here = show.clean);
    JUDGE_VLEK(CHECK_PASS, good, REQUIRED, .here = show.revoking); /* which names the ASK */
    JUDGE_VLEK(CHECK_FAIL, revoked, REQUIRED, .here = show.revoking_asvk);
    JUDGE_VLEK(CHECK_FAIL, revoked, IF_AVAILABLE, .theirs = show.revoking_asvk);
    JUDGE_VLEK(CHECK_FAIL, none, REQUIRED, .other = show.clean);
}

static void test_a_list_of_another_scope_clears_nothing(void **state)
{
    (void)state;
    int64_t age_s = 11 * FORGE_DAY_S;
    JUDGE_VLEK(CHECK_FAIL, elsewhere, REQUIRED, .max_age_s = age_s, .theirs = show.of_vceks);
    JUDGE_VLEK(CHECK_PASS, good, REQUIRED, .max_age_s = age_s, .theirs = show.of_vleks);
    JUDGE_VLEK(CHECK_PASS, good, REQUIRED, .max_age_s = age_s, .theirs = show.clean); /* which is about both */
    JUDGE(CHECK_FAIL, elsewhere, REQUIRED, .max_age_s = age_s, .theirs = show.of_vleks);
    JUDGE(CHECK_FAIL, elsewhere, REQUIRED, .here = show.of_vleks);
    JUDGE(CHECK_PASS, good, REQUIRED, .here = show.of_vceks);
}

static void test_verdict_ends_with_the_list_that_was_used(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    struct checklist list = CHECKLIST_EMPTY;
    struct snp_facts facts;
    forge_evidence(&plan, &report, &made);
    snp_verify(&made.evidence, &trust, &list, &facts);
    assert_false(facts.crl_was_used);
    assert_int_equal(facts.valid_until_s, plan.not_after_s);
    trust.crl = show.clean;
    snp_verify(&made.evidence, &trust, &list, &facts);
    assert_true(facts.crl_was_used);
    assert_int_equal(facts.valid_until_s, FUTURE_S);
    trust.crl_max_age_s = 15 * FORGE_DAY_S;
    snp_verify(&made.evidence, &trust, &list, &facts);
    assert_int_equal(facts.valid_until_s, PAST_S + 15 * FORGE_DAY_S);
    checklist_free(&list);
    forge_evidence_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_of_a_revocation_list),
        cmocka_unit_test(test_a_list_of_one_root_is_none_of_another_of_its_name),
        cmocka_unit_test(test_a_list_that_narrows_itself_is_about_the_certificates_of_its_point),
        cmocka_unit_test(test_a_list_of_a_point_is_not_about_a_certificate_without_one),
        cmocka_unit_test(test_a_list_may_say_where_it_stands),
        cmocka_unit_test(test_malformed_revocation_list_is_refused),
        cmocka_unit_test(test_a_list_whose_scope_cannot_be_told_is_refused),
        cmocka_unit_test(test_revocation_by_mode),
        cmocka_unit_test(test_list_of_the_peer_can_revoke_but_not_clear),
        cmocka_unit_test(test_list_of_the_peer_counts_within_the_age_that_policy_sets),
        cmocka_unit_test(test_the_newest_list_that_may_speak_does),
        cmocka_unit_test(test_a_list_that_came_along_and_is_none_is_refused),
        cmocka_unit_test(test_a_list_that_the_caller_names_must_speak),
        cmocka_unit_test(test_a_list_for_the_other_kind_of_key_can_revoke_but_not_clear),
        cmocka_unit_test(test_an_asvk_is_revoked_as_an_ask_is),
        cmocka_unit_test(test_a_list_of_another_scope_clears_nothing),
        cmocka_unit_test(test_verdict_ends_with_the_list_that_was_used),
    };
    return cmocka_run_group_tests_name("snp_revocation", tests, show_begin, show_end);
}
