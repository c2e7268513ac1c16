/* Policies as text: the YAML that is not taken, whatever it would say. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"

static void test_more_than_one_document_is_refused(void **state)
{
    (void)state;
    assert_refused("version: a\n---\nversion: b\n", "p.yaml:2: a second document begins; there may be only one");
}

static void test_a_file_without_keys_is_refused(void **state)
{
    (void)state;
    assert_refused("", "p.yaml:1: the file is empty");
    assert_refused("# nothing\n", "p.yaml:2: the file is empty");
    assert_refused("---\n", "p.yaml:2: expected keys and values, the first of them version");
    assert_refused("- version\n", "p.yaml:1: expected keys and values, the first of them version");
}

static void test_anchors_aliases_and_tags_are_refused(void **state)
{
    (void)state;
    assert_refused("version: &v a\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("guest: &g {}\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("formats: &f [cmw]\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("version: a\nguest: *g\n", "p.yaml:2: aliases (*name) are not allowed; write the value out");
    assert_refused("*v : a\n", "p.yaml:1: aliases (*name) are not allowed; write the value out");
    assert_refused("&v version: a\n", "p.yaml:1: anchors (&name) are not allowed; write the value out");
    assert_refused("version: !!str 1\n", "p.yaml:1: tags (!name) are not allowed");
    assert_refused("guest: !x {}\n", "p.yaml:1: tags (!name) are not allowed");
    assert_refused("formats: !!seq [cmw]\n", "p.yaml:1: tags (!name) are not allowed");
}

static void test_what_is_no_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused_with("version: a\nguest: {mode: warn\n", "p.yaml:3: not YAML: ");
    assert_refused_with("version: a\n\tguest: {}\n", "p.yaml:2: not YAML: ");
    assert_refused_with("version: a\n# \xff\n", "p.yaml:2: not YAML: ");
    assert_refused_with("version: \"a\\0b\"\n", "p.yaml:1: there is a zero byte in this text");
    assert_refused_with("? [a]\n: b\n", "p.yaml:1: a key must be a word");
}

static void test_a_zero_byte_is_refused(void **state)
{
    (void)state;
    static const char text[] = "version: a\nguest:\0 {}\n";
    struct policy *policy = NULL;
    struct err e = policy_parse("strict", "p.yaml", bytes_of(text, sizeof text - 1), &policy);
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.why, "p.yaml:2: not YAML"));
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    char *text = mem_alloc(10001 + 10);
    memcpy(text, "version: ", 9);
    memset(text + 9, '[', 10000);
    assert_refused_with(text, "p.yaml:1: maps and lists lie too deep in one another");
    free(text);
}

static void test_too_many_nodes_are_refused(void **state)
{
    (void)state;
    size_t n = 2 * 20000;
    char *text = mem_alloc(10 + n + 2);
    memcpy(text, "formats: [", 10);
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + 10 + i, "a,", 2);
    text[10 + n] = ']';
    assert_refused_with(text, "there is too much in this file");
    free(text);
}

static void test_a_file_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    char *text = mem_alloc(POLICY_FILE_MAX + 1);
    memset(text, ' ', POLICY_FILE_MAX + 1);
    struct err e = policy_parse("strict", "p.yaml", bytes_of(text, POLICY_FILE_MAX + 1), &policy);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_null(policy);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_one_document_is_refused),
        cmocka_unit_test(test_a_file_without_keys_is_refused),
        cmocka_unit_test(test_anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(test_what_is_no_yaml_is_refused_with_its_line),
        cmocka_unit_test(test_a_zero_byte_is_refused),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_too_many_nodes_are_refused),
        cmocka_unit_test(test_a_file_above_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
