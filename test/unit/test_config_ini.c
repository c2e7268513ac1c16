/* The ini dialect, line by line, and connection strings. */
#include "base/writer.h"
#include "config/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* What was visited, as "[section]" and "section/key=value;" one after the other. */
static struct writer visited;
static char unwanted[] = "bad";

static struct err note(void *arg, const struct ini_line *line)
{
    if (arg && line->key && strcmp(line->key, arg) == 0)
        return err_make(ERR_DENIED, "not %s", line->key);
    if (line->key)
        writer_format(&visited, "%s/%s=%s;", line->section, line->key, line->value);
    else
        writer_format(&visited, "[%s]", line->section);
    return OK;
}

static int begin(void **state)
{
    (void)state;
    visited = writer_growing(1024 * 1024);
    return 0;
}

static int end(void **state)
{
    (void)state;
    writer_free(&visited);
    return 0;
}

static void expect_visited(const char *expected)
{
    writer_u8(&visited, 0);
    assert_string_equal((const char *)visited.start, expected);
    writer_free(&visited);
}

static struct err read_bytes(struct bytes text)
{
    return ini_read_text("x.ini", text, note, NULL);
}

static struct err read_string(const char *text)
{
    return read_bytes(bytes_of_string(text));
}

static void test_sections_hold_keys_and_values(void **state)
{
    (void)state;
    expect_ok(read_string("[databases]\na = host=x\n[pgbouncer]\nb=1\n"));
    expect_visited("[databases]databases/a=host=x;[pgbouncer]pgbouncer/b=1;");
}

static void test_the_last_line_may_have_no_end(void **state)
{
    (void)state;
    expect_ok(read_string("[s]\na=1"));
    expect_visited("[s]s/a=1;");
    expect_ok(read_string(""));
    expect_visited("");
}

static void test_sections_may_repeat_and_keys_belong_to_the_last_opened(void **state)
{
    (void)state;
    expect_ok(read_string("[a]\nk=1\n[b]\nk=2\n[a]\nk=3\nl=4\n"));
    expect_visited("[a]a/k=1;[b]b/k=2;[a]a/k=3;a/l=4;");
}

static void test_blanks_around_everything_are_nothing(void **state)
{
    (void)state;
    expect_ok(read_string("  [s]  \r\n\t key \t=\t a value with  blanks \t\r\n\r\n   \n\v\f\n"));
    expect_visited("[s]s/key=a value with  blanks;");
}

static void test_comments_begin_lines_and_are_nothing(void **state)
{
    (void)state;
    expect_ok(read_string("; one\n# two\n   ; three\n[s]\n;a=1\n#b=2\n"));
    expect_visited("[s]");
}

static void test_comment_characters_mean_nothing_in_a_value(void **state)
{
    (void)state;
    expect_ok(read_string("[s]\na = 1 ; not a comment\nb = #2\n"));
    expect_visited("[s]s/a=1 ; not a comment;s/b=#2;");
}

static void test_values_may_be_empty_or_hold_equals_signs_and_quotes(void **state)
{
    (void)state;
    expect_ok(read_string("[s]\na=\nb = \nc = x=y=z\nd = 'it''s'\ne = \"q\"\n"));
    expect_visited("[s]s/a=;s/b=;s/c=x=y=z;s/d='it''s';s/e=\"q\";");
}

static void test_the_fallback_is_a_key(void **state)
{
    (void)state;
    expect_ok(read_string("[databases]\n* = host=x\n*=\n"));
    expect_visited("[databases]databases/*=host=x;databases/*=;");
}

static void test_bare_keys_hold_letters_digits_and_three_marks(void **state)
{
    (void)state;
    expect_ok(read_string("[s]\nAz_09.x-y = 1\n"));
    expect_visited("[s]s/Az_09.x-y=1;");
}

static void test_quoted_keys_hold_anything(void **state)
{
    (void)state;
    expect_ok(read_string("[s]\n\"my db\" = 1\n\"a\"\"b\" = 2\n\"x=y;#[\"=3\n\"*\" = 4\n\"\" = 5\n"));
    expect_visited("[s]s/my db=1;s/a\"b=2;s/x=y;#[=3;s/*=4;s/=5;");
}

static void test_a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    expect_ok(read_string("\xef\xbb\xbf[s]\na=1\n"));
    expect_visited("[s]s/a=1;");
}

static void test_malformed_lines_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"[s\n", "x.ini:1: syntax error: the section has no closing bracket"},
        {"\n[s] x\n", "x.ini:2: syntax error: nothing may follow the section's closing bracket"},
        {"[s]\na=1\n\nnonsense\n", "x.ini:4: syntax error: expected `key = value`"},
        {"[s]\n= 1\n", "x.ini:2: syntax error: there is no key before the equals sign"},
        {"[s]\nmy db = 1\n", "x.ini:2: syntax error: expected `key = value`"},
        {"[s]\na@b = 1\n", "x.ini:2: syntax error: expected `key = value`"},
        {"[s]\n@b = 1\n", "x.ini:2: syntax error: a key is letters, digits"},
        {"[s]\n\"open = 1\n", "x.ini:2: syntax error: a key is letters, digits"},
        {"[s]\n\"a\"b = 1\n", "x.ini:2: syntax error: expected `key = value`"},
        {"[s]\n*x = 1\n", "x.ini:2: syntax error: expected `key = value`"},
        {"[s]\n%inc y.ini\n", "x.ini:2: syntax error: the only directive is %include FILE"},
        {"[s]\n%includey.ini\n", "x.ini:2: syntax error: the only directive is %include FILE"},
        {"[s]\n%include\n", "x.ini:2: syntax error: the only directive is %include FILE"},
        {"; no section yet\na = 1\n", "x.ini:2: this line stands before the first section; put [pgvouch] above it"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_err(read_string(bad[i].text), ERR_INPUT, bad[i].why);
}

static void test_a_zero_byte_is_refused(void **state)
{
    (void)state;
    expect_err(read_bytes(BYTES_LITERAL("[s]\na=1\0b=2\n")), ERR_INPUT, "x.ini:2: syntax error: a zero byte");
    expect_err(read_bytes(BYTES_LITERAL("[s]\0")), ERR_INPUT, "x.ini:1: syntax error: a zero byte");
}

static void test_the_visitor_s_refusal_stops_the_reading_and_gets_its_place(void **state)
{
    (void)state;
    struct bytes text = BYTES_LITERAL("[s]\na=1\nbad=2\nc=3\n");
    expect_err(ini_read_text("x.ini", text, note, unwanted), ERR_DENIED, "x.ini:3: not bad");
    expect_visited("[s]s/a=1;");
}

/* ---- files ---- */

struct files {
    char *directory;
    char *main;
};

static int begin_files(void **state)
{
    struct files *files = NEW(struct files);
    files->directory = scratch_make();
    files->main = scratch_file(files->directory, "main.ini", NULL);
    *state = files;
    return begin(state);
}

static int end_files(void **state)
{
    struct files *files = *state;
    free(files->main);
    scratch_remove(files->directory);
    free(files);
    return end(state);
}

static void write_file(const struct files *files, const char *name, const char *format)
{
    char *text = mem_alloc(strlen(format) + 10 * strlen(files->directory) + 1);
    char *to = text;
    for (const char *from = format; *from; from++) { /* @ stands for the directory */
        if (*from == '@')
            to = stpcpy(to, files->directory);
        else
            *to++ = *from;
    }
    free(scratch_file(files->directory, name, text));
    free(text);
}

static void test_a_file_is_read(void **state)
{
    const struct files *files = *state;
    write_file(files, "main.ini", "[s]\na=1\n");
    expect_ok(ini_read(files->main, note, NULL));
    expect_visited("[s]s/a=1;");
}

static void test_a_missing_file_is_named(void **state)
{
    const struct files *files = *state;
    expect_err(ini_read(files->main, note, NULL), ERR_SYSTEM, "could not load file \"");
    expect_err(ini_read(files->main, note, NULL), ERR_SYSTEM, "main.ini\": No such file or directory");
    expect_err(ini_read(files->directory, note, NULL), ERR_SYSTEM, "could not read file");
}

static void test_an_included_file_is_read_in_place(void **state)
{
    const struct files *files = *state;
    write_file(files, "main.ini", "[s]\na=1\n%include @/more.ini\nc=3\n");
    write_file(files, "more.ini", "b=2\n");
    expect_ok(ini_read(files->main, note, NULL));
    expect_visited("[s]s/a=1;s/b=2;s/c=3;");
}

static void test_a_section_opened_by_an_included_file_stays_open(void **state)
{
    const struct files *files = *state;
    write_file(files, "main.ini", "[s]\n%include\t @/more.ini \nc=3\n");
    write_file(files, "more.ini", "[t]\nb=2\n");
    expect_ok(ini_read(files->main, note, NULL));
    expect_visited("[s][t]t/b=2;t/c=3;");
}

static void test_errors_of_an_included_file_name_both_places(void **state)
{
    const struct files *files = *state;
    write_file(files, "main.ini", "[s]\n\n%include @/more.ini\n");
    write_file(files, "more.ini", "b=2\nnonsense\n");
    expect_err(ini_read(files->main, note, NULL), ERR_INPUT, "main.ini:3: ");
    expect_err(ini_read(files->main, note, NULL), ERR_INPUT, "more.ini:2: syntax error");
}

static void test_a_missing_included_file_is_an_error(void **state)
{
    const struct files *files = *state;
    write_file(files, "main.ini", "[s]\n%include @/none.ini\n");
    expect_err(ini_read(files->main, note, NULL), ERR_SYSTEM, "main.ini:2: could not load file");
}

static void test_files_that_include_themselves_are_refused(void **state)
{
    const struct files *files = *state;
    write_file(files, "main.ini", "[s]\n%include @/main.ini\n");
    struct err e = ini_read(files->main, note, NULL);
    assert_int_equal(e.code, ERR_LIMIT);
}

static void test_files_include_one_another_ten_deep_and_not_deeper(void **state)
{
    const struct files *files = *state;
    for (int depth = 1; depth <= 10; depth++) {
        char *name = mem_format("%d.ini", depth);
        char *text = mem_format("%%include @/%d.ini\n", depth + 1);
        write_file(files, name, depth < 10 ? text : "deepest=1\n");
        free(name);
        free(text);
    }
    write_file(files, "main.ini", "[s]\n%include @/2.ini\n"); /* main is the first of the ten */
    expect_ok(ini_read(files->main, note, NULL));
    expect_visited("[s]s/deepest=1;");
    write_file(files, "main.ini", "[s]\n%include @/1.ini\n");
    assert_int_equal(ini_read(files->main, note, NULL).code, ERR_LIMIT);
}

/* ---- connection strings ---- */

static void test_pairs_are_separated_by_blanks(void **state)
{
    (void)state;
    expect_ok(ini_read_pairs("host=a port=1\t dbname = b  ", note, NULL));
    expect_visited("/host=a;/port=1;/dbname=b;");
    expect_ok(ini_read_pairs("", note, NULL));
    expect_ok(ini_read_pairs("   ", note, NULL));
    expect_visited("");
}

static void test_quoted_values_hold_blanks_and_doubled_quotes(void **state)
{
    (void)state;
    expect_ok(ini_read_pairs("password='it''s a secret' user='' x=''''", note, NULL));
    expect_visited("/password=it's a secret;/user=;/x=';");
    expect_ok(ini_read_pairs("connect_query='select ''a'' = b'", note, NULL));
    expect_visited("/connect_query=select 'a' = b;");
}

static void test_quotes_within_a_bare_value_are_its_own(void **state)
{
    (void)state;
    expect_ok(ini_read_pairs("a=it's b=x=y", note, NULL));
    expect_visited("/a=it's;/b=x=y;");
}

static void test_malformed_connection_strings_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"host", "expected key=value"},
        {"host port=1", "expected key=value"},
        {"=x", "expected key=value"},
        {"'host'=x", "expected key=value"},
        {"host=", "host has no value"},
        {"host=  ", "host has no value"},
        {"host='x", "the quote after host= is not closed"},
        {"host='x''", "the quote after host= is not closed"},
        {"host='x'port=1", "a blank must follow the quoted value of host"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_err(ini_read_pairs(bad[i].text, note, NULL), ERR_INPUT, bad[i].why);
}

static void test_the_visitor_s_refusal_stops_the_pairs(void **state)
{
    (void)state;
    expect_err(ini_read_pairs("a=1 bad=2 c=3", note, unwanted), ERR_DENIED, "not bad");
    expect_visited("/a=1;");
}

#define in_memory(test)  cmocka_unit_test_setup_teardown(test, begin, end)
#define with_files(test) cmocka_unit_test_setup_teardown(test, begin_files, end_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_memory(test_sections_hold_keys_and_values),
        in_memory(test_the_last_line_may_have_no_end),
        in_memory(test_sections_may_repeat_and_keys_belong_to_the_last_opened),
        in_memory(test_blanks_around_everything_are_nothing),
        in_memory(test_comments_begin_lines_and_are_nothing),
        in_memory(test_comment_characters_mean_nothing_in_a_value),
        in_memory(test_values_may_be_empty_or_hold_equals_signs_and_quotes),
        in_memory(test_the_fallback_is_a_key),
        in_memory(test_bare_keys_hold_letters_digits_and_three_marks),
        in_memory(test_quoted_keys_hold_anything),
        in_memory(test_a_byte_order_mark_is_passed_over),
        in_memory(test_malformed_lines_are_refused_with_their_place),
        in_memory(test_a_zero_byte_is_refused),
        in_memory(test_the_visitor_s_refusal_stops_the_reading_and_gets_its_place),
        with_files(test_a_file_is_read),
        with_files(test_a_missing_file_is_named),
        with_files(test_an_included_file_is_read_in_place),
        with_files(test_a_section_opened_by_an_included_file_stays_open),
        with_files(test_errors_of_an_included_file_name_both_places),
        with_files(test_a_missing_included_file_is_an_error),
        with_files(test_files_that_include_themselves_are_refused),
        with_files(test_files_include_one_another_ten_deep_and_not_deeper),
        in_memory(test_pairs_are_separated_by_blanks),
        in_memory(test_quoted_values_hold_blanks_and_doubled_quotes),
        in_memory(test_quotes_within_a_bare_value_are_its_own),
        in_memory(test_malformed_connection_strings_are_refused),
        in_memory(test_the_visitor_s_refusal_stops_the_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
