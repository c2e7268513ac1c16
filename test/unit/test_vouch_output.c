/* What the tool adds to a verdict, and how it shows one. */
#include "tls_pair.h"

#include "app/vouch_identity.h"
#include "app/vouch_output.h"
#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A server that shows a leaf for "localhost" of an authority. */
struct stage {
    struct authority *authority;
    struct tls_identity *identity;
    struct vouch_server server;
    struct verdict verdict;
};

static int stage_setup(void **state)
{
    struct stage *s = NEW(struct stage);
    s->authority = pair_authority("the right one");
    s->identity = pair_identity(s->authority, "server", "localhost, 127.0.0.1");
    s->server = (struct vouch_server){
        .leaf = tls_identity_certificate(s->identity),
        .others = tls_identity_chain(s->identity),
        .is_tls13 = true,
        .version = "TLSv1.3",
        .cipher = "TLS_AES_256_GCM_SHA384",
    };
    verdict_init(&s->verdict);
    *state = s;
    return 0;
}

static int stage_teardown(void **state)
{
    struct stage *s = *state;
    verdict_release(&s->verdict);
    tls_identity_release(s->identity);
    authority_free(s->authority);
    free(s);
    return 0;
}

static void stage_conclude(struct stage *s, enum verdict_kind kind, const char *reason)
{
    s->verdict.kind = kind;
    free(s->verdict.reason);
    s->verdict.reason = mem_string(reason);
}

static void stage_judge(struct stage *s, const char *host, const struct authority *trusted)
{
    STACK_OF(X509) *authorities = sk_X509_new_null();
    assert_true(sk_X509_push(authorities, authority_certificate(trusted)) > 0);
    vouch_identity_judge(&s->server, host, authorities, clock_wall_us() / US_PER_SECOND, &s->verdict);
    sk_X509_free(authorities);
}

static void assert_check(const struct stage *s, const char *name, enum check_outcome outcome)
{
    const struct check *check = checklist_find(&s->verdict.checks, name);
    assert_non_null(check);
    assert_int_equal(check->outcome, outcome);
}

static void test_a_name_and_an_authority_that_fit_change_nothing(void **state)
{
    struct stage *s = *state;
    stage_conclude(s, VERDICT_ALLOW, "");
    stage_judge(s, "localhost", s->authority);
    assert_check(s, VOUCH_CHECK_IDENTITY_CHAIN, CHECK_PASS);
    assert_check(s, VOUCH_CHECK_IDENTITY_NAME, CHECK_PASS);
    assert_int_equal(s->verdict.kind, VERDICT_ALLOW);
    assert_string_equal(s->verdict.reason, "");
}

static void test_an_address_is_a_name_too(void **state)
{
    struct stage *s = *state;
    stage_judge(s, "127.0.0.1", s->authority);
    assert_check(s, VOUCH_CHECK_IDENTITY_NAME, CHECK_PASS);
}

static void test_a_name_that_the_certificate_does_not_hold_denies(void **state)
{
    struct stage *s = *state;
    stage_conclude(s, VERDICT_ALLOW, "");
    stage_judge(s, "db.example.org", s->authority);
    assert_check(s, VOUCH_CHECK_IDENTITY_CHAIN, CHECK_PASS);
    assert_check(s, VOUCH_CHECK_IDENTITY_NAME, CHECK_FAIL);
    assert_int_equal(s->verdict.kind, VERDICT_DENY);
    assert_string_equal(s->verdict.reason, "the server's certificate does not name db.example.org");
}

static void test_an_authority_of_the_same_name_with_another_key_denies(void **state)
{
    struct stage *s = *state;
    struct authority *other = pair_authority("the right one");
    stage_conclude(s, VERDICT_WARN, "measurement");
    stage_judge(s, "localhost", other);
    assert_check(s, VOUCH_CHECK_IDENTITY_CHAIN, CHECK_FAIL);
    assert_check(s, VOUCH_CHECK_IDENTITY_NAME, CHECK_PASS);
    assert_int_equal(s->verdict.kind, VERDICT_DENY);
    assert_non_null(strstr(s->verdict.reason, "not of an authority given by --ca"));
    authority_free(other);
}

static void test_a_good_identity_does_not_better_a_verdict(void **state)
{
    struct stage *s = *state;
    stage_conclude(s, VERDICT_DENY, "measurement");
    stage_judge(s, "localhost", s->authority);
    assert_int_equal(s->verdict.kind, VERDICT_DENY);
    assert_string_equal(s->verdict.reason, "measurement");
}

static void test_a_bad_identity_keeps_the_first_reason(void **state)
{
    struct stage *s = *state;
    stage_conclude(s, VERDICT_DENY, "measurement");
    stage_judge(s, "db.example.org", s->authority);
    assert_string_equal(s->verdict.reason, "measurement");
}

static void test_without_authorities_the_check_is_skipped_and_says_so(void **state)
{
    struct stage *s = *state;
    stage_conclude(s, VERDICT_ALLOW, "");
    vouch_identity_judge(&s->server, "db.example.org", NULL, clock_wall_us() / US_PER_SECOND, &s->verdict);
    const struct check *check = checklist_find(&s->verdict.checks, VOUCH_CHECK_IDENTITY);
    assert_non_null(check);
    assert_int_equal(check->outcome, CHECK_SKIPPED);
    assert_non_null(strstr(check->found, "not checked"));
    assert_int_equal(s->verdict.kind, VERDICT_ALLOW);
}

/* On the heap. */
static char *shown(struct stage *s, bool identity_was_checked, bool colour)
{
    struct vouch_output output = {
        .host = "localhost",
        .port = 6432,
        .server = &s->server,
        .verdict = &s->verdict,
        .identity_was_checked = identity_was_checked,
        .colour = colour,
    };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    vouch_output_print(&output, out);
    fclose(out);
    return text;
}

static void stage_add_checks(struct stage *s)
{
    checklist_add(&s->verdict.checks, "short", CHECK_PASS, "this", "this");
    checklist_add(&s->verdict.checks, "a_longer_name", CHECK_FAIL, "one", "another");
    checklist_add(&s->verdict.checks, "left_out", CHECK_SKIPPED, "", "not asked");
    stage_conclude(s, VERDICT_DENY, "another is not one");
}

static void test_checks_stand_in_columns(void **state)
{
    struct stage *s = *state;
    stage_add_checks(s);
    char *text = shown(s, true, false);
    assert_non_null(strstr(text, "server   localhost port 6432, TLSv1.3, TLS_AES_256_GCM_SHA384\n"));
    assert_non_null(strstr(text, "\n  pass     short          this\n"
                                 "  fail     a_longer_name  another\n"
                                 "                          expected: one\n"
                                 "  skipped  left_out       not asked\n"
                                 "verdict  deny\n"
                                 "reason   another is not one\n"));
    assert_null(strchr(text, '\033'));
    free(text);
}

static void test_colour_is_for_who_wants_it(void **state)
{
    struct stage *s = *state;
    stage_add_checks(s);
    char *text = shown(s, true, true);
    assert_non_null(strstr(text, "\033[1;31mfail   \033[0m"));
    assert_non_null(strstr(text, "\033[1;31mdeny\033[0m"));
    free(text);
    assert_false(vouch_wants_colour(stdin)); /* no terminal in a test */
}

static void test_an_identity_that_was_not_checked_is_said(void **state)
{
    struct stage *s = *state;
    char *text = shown(s, false, false);
    assert_non_null(strstr(text, "Identity was not checked"));
    free(text);
    text = shown(s, true, false);
    assert_null(strstr(text, "Identity was not checked"));
    free(text);
}

static void test_a_root_that_is_not_amds_is_said(void **state)
{
    struct stage *s = *state;
    s->verdict.facts.root = SNP_ROOT_EXTRA;
    char *text = shown(s, true, false);
    assert_non_null(strstr(text, "protects nothing"));
    free(text);
    s->verdict.facts.root = SNP_ROOT_AMD;
    text = shown(s, true, false);
    assert_null(strstr(text, "protects nothing"));
    free(text);
}

static void assert_escaped(const char *text, const char *expected)
{
    char *found = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&found, &size);
    assert_non_null(out);
    vouch_print_escaped(out, text);
    fclose(out);
    assert_string_equal(found, expected);
    free(found);
}

static void test_control_characters_of_a_peer_do_not_reach_the_terminal(void **state)
{
    (void)state;
    assert_escaped("plain", "plain");
    assert_escaped("\033[2J\r\n\x7f", "\\x1b[2J\\x0d\\x0a\\x7f");
    assert_escaped("\x9b"
                   "2J",
                   "\\x9b2J");
    assert_escaped("\xc2\x9b"
                   "2J",
                   "\\xc2\\x9b2J");
    assert_escaped("\xc2", "\xc2");
}

static void test_words_in_utf_8_are_shown_as_they_are(void **state)
{
    (void)state;
    assert_escaped("5445… ist nicht für uns; ключ", "5445… ist nicht für uns; ключ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_name_and_an_authority_that_fit_change_nothing, stage_setup,
                                        stage_teardown),
        cmocka_unit_test_setup_teardown(test_an_address_is_a_name_too, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_a_name_that_the_certificate_does_not_hold_denies, stage_setup,
                                        stage_teardown),
        cmocka_unit_test_setup_teardown(test_an_authority_of_the_same_name_with_another_key_denies, stage_setup,
                                        stage_teardown),
        cmocka_unit_test_setup_teardown(test_a_good_identity_does_not_better_a_verdict, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_a_bad_identity_keeps_the_first_reason, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_without_authorities_the_check_is_skipped_and_says_so, stage_setup,
                                        stage_teardown),
        cmocka_unit_test_setup_teardown(test_checks_stand_in_columns, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_colour_is_for_who_wants_it, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_an_identity_that_was_not_checked_is_said, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_a_root_that_is_not_amds_is_said, stage_setup, stage_teardown),
        cmocka_unit_test(test_control_characters_of_a_peer_do_not_reach_the_terminal),
        cmocka_unit_test(test_words_in_utf_8_are_shown_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
