/* Errors as values, and the log that shows them. */
#include "base/err.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "expect.h"

/* ---- errors ---- */

static struct err try_it(struct err e, bool *went_on)
{
    TRY(e);
    *went_on = true;
    return OK;
}

static void test_try_returns_early_with_the_error(void **state)
{
    (void)state;
    bool went_on = false;
    expect_err(try_it(err_make(ERR_DENIED, "no"), &went_on), ERR_DENIED, "no");
    assert_false(went_on);
    expect_ok(try_it(OK, &went_on));
    assert_true(went_on);
}

static void test_long_reasons_are_cut(void **state)
{
    (void)state;
    char *text = mem_alloc(1001);
    memset(text, 'x', 1000);
    struct err e = err_make(ERR_INPUT, "%s", text);
    assert_int_equal(strlen(e.why), ERR_WHY_SIZE - 1);
    e = err_within(e, "%s", text);
    assert_int_equal(strlen(e.why), ERR_WHY_SIZE - 1);
    errno = ENOENT;
    e = err_system("%s", text);
    assert_int_equal(strlen(e.why), ERR_WHY_SIZE - 1);
    free(text);
}

static void test_a_system_error_says_what_errno_means(void **state)
{
    (void)state;
    errno = ENOENT;
    expect_err(err_system("cannot open \"%s\"", "x"), ERR_SYSTEM, "cannot open \"x\": No such file or directory");
}

static void test_a_cryptographic_error_takes_openssl_s_oldest_reason_and_empties_its_queue(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_RAND, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_RAND, ERR_R_INTERNAL_ERROR);
    expect_err(err_crypto("no luck"), ERR_CRYPTO, "no luck: malloc failure");
    assert_true(ERR_peek_error() == 0);
    struct err e = err_crypto("no luck");
    assert_string_equal(e.why, "no luck");
}

static void test_a_cause_keeps_its_code_within_more_words(void **state)
{
    (void)state;
    expect_err(err_within(err_make(ERR_TIMEOUT, "too late"), "file %d", 7), ERR_TIMEOUT, "file 7: too late");
    expect_ok(err_within(OK, "file %d", 7));
}

/* ---- the log ---- */

struct scene {
    char *directory;
    char *path;
};

static void log_to(const char *path)
{
    expect_ok(log_open(&(struct log_target){.file = path}));
}

static int open_log(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->directory = scratch_make();
    scene->path = scratch_file(scene->directory, "log", NULL);
    log_to(scene->path);
    *state = scene;
    return 0;
}

static int close_log(void **state)
{
    struct scene *scene = *state;
    log_set_verbose(0);
    expect_ok(log_open(&(struct log_target){.to_stderr = true}));
    free(scene->path);
    scratch_remove(scene->directory);
    free(scene);
    return 0;
}

/* The log so far; the caller frees it. */
static char *logged(const struct scene *scene)
{
    return scratch_read(scene->path);
}

static void expect_match(const char *pattern, const char *text)
{
    regex_t compiled;
    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&compiled, text, 0, NULL, 0) != 0)
        fail_msg("\"%s\" does not match %s", text, pattern);
    regfree(&compiled);
}

static void test_a_line_has_time_process_level_and_text(void **state)
{
    log_warning("disk %d is %s", 3, "full");
    char *text = logged(*state);
    char *pattern = mem_format("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} UTC \\[%d\\] WARNING "
                               "disk 3 is full\n$",
                               (int)getpid());
    expect_match(pattern, text);
    free(pattern);
    free(text);
}

static void test_levels_have_pgbouncer_s_names(void **state)
{
    log_set_verbose(2);
    log_fatal("a");
    log_error("a");
    log_warning("a");
    log_info("a");
    log_debug("a");
    log_write(LOG_LEVEL_NOISE, "a");
    char *text = logged(*state);
    expect_match("^[^\n]*FATAL a\n[^\n]*ERROR a\n[^\n]*WARNING a\n[^\n]*LOG a\n[^\n]*DEBUG a\n[^\n]*NOISE a\n$", text);
    free(text);
}

static void test_control_characters_from_peers_are_escaped(void **state)
{
    char every[32];
    for (size_t i = 0; i < 31; i++)
        every[i] = (char)(i + 1);
    every[31] = '\0';
    log_info("<%s\x7f>", every);
    char *text = logged(*state);
    assert_non_null(strstr(text, "LOG <????????  ?????????????????????"
                                 "?>\n"));
    assert_null(strchr(strchr(text, '\n') + 1, '\n')); /* one line */
    free(text);
}

static void test_bytes_of_utf8_stay(void **state)
{
    log_info("%s", "K\xc3\xa4se");
    char *text = logged(*state);
    assert_non_null(strstr(text, "LOG K\xc3\xa4se\n"));
    free(text);
}

static void test_long_lines_are_cut_and_end(void **state)
{
    char *line = mem_alloc(20001);
    memset(line, 'x', 20000);
    log_info("%s", line);
    log_info("next");
    char *text = logged(*state);
    size_t first = strcspn(text, "\n");
    assert_in_range(first, 4000, 4300);
    assert_non_null(strstr(text + first, "LOG next\n"));
    free(text);
    free(line);
}

static void test_details_are_logged_only_when_asked_for(void **state)
{
    log_debug("hidden");
    log_set_verbose(1);
    log_debug("shown");
    log_write(LOG_LEVEL_NOISE, "hidden");
    log_set_verbose(2);
    log_write(LOG_LEVEL_NOISE, "noisy");
    char *text = logged(*state);
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "shown"));
    assert_non_null(strstr(text, "noisy"));
    free(text);
}

static void test_a_new_file_is_for_its_owner_alone(void **state)
{
    const struct scene *scene = *state;
    struct stat about;
    assert_int_equal(stat(scene->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void test_an_existing_file_is_appended_to_and_reopened_after_rotation(void **state)
{
    const struct scene *scene = *state;
    char *rotated = scratch_file(scene->directory, "log.1", NULL);
    log_info("first");
    log_to(scene->path);
    log_info("second");
    assert_int_equal(rename(scene->path, rotated), 0);
    log_info("third");
    log_to(scene->path);
    log_info("fourth");
    char *before = scratch_read(rotated);
    char *after = logged(scene);
    expect_match("LOG first\n.*LOG second\n.*LOG third\n$", before);
    expect_match("^[^\n]*LOG fourth\n$", after);
    free(before);
    free(after);
    free(rotated);
}

static void test_a_target_that_cannot_be_opened_leaves_the_earlier_one(void **state)
{
    const struct scene *scene = *state;
    char *nowhere = scratch_file(scene->directory, "no/such/log", NULL);
    expect_err(log_open(&(struct log_target){.file = nowhere}), ERR_SYSTEM, "cannot open log file");
    struct log_target odd = {.to_syslog = true, .syslog_ident = "pgvouch", .syslog_facility = "local8"};
    expect_err(log_open(&odd), ERR_INPUT, "unknown syslog facility \"local8\"");
    log_info("still here");
    char *text = logged(scene);
    assert_non_null(strstr(text, "LOG still here\n"));
    free(text);
    free(nowhere);
}

static void test_every_facility_is_known_in_any_case(void **state)
{
    (void)state;
    static const char *const names[] = {"auth",   "authpriv", "daemon", "user",   "local0", "local1", "local2",
                                        "local3", "local4",   "local5", "local6", "local7", "LOCAL0"};
    for (size_t i = 0; i < COUNT(names); i++)
        expect_ok(log_open(
            &(struct log_target){.to_syslog = true, .syslog_ident = "pgvouch-test", .syslog_facility = names[i]}));
}

static char first_name[] = "aaaaaaaa", second_name[] = "bbbbbbbb";

static void *log_many(void *arg)
{
    for (int i = 0; i < 100; i++)
        log_info("%s %03d", (const char *)arg, i);
    return NULL;
}

static void test_lines_of_several_threads_stay_whole(void **state)
{
    pthread_t threads[2];
    assert_int_equal(pthread_create(&threads[0], NULL, log_many, first_name), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, log_many, second_name), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    char *text = logged(*state);
    size_t lines = 0;
    char *rest = text;
    for (const char *line; (line = strtok_r(rest, "\n", &rest)); lines++)
        expect_match("^[0-9: .-]+ UTC \\[[0-9]+\\] LOG (a{8}|b{8}) [0-9]{3}$", line);
    assert_int_equal(lines, 200);
    free(text);
}

#define in_log(test) cmocka_unit_test_setup_teardown(test, open_log, close_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_try_returns_early_with_the_error),
        cmocka_unit_test(test_long_reasons_are_cut),
        cmocka_unit_test(test_a_system_error_says_what_errno_means),
        cmocka_unit_test(test_a_cryptographic_error_takes_openssl_s_oldest_reason_and_empties_its_queue),
        cmocka_unit_test(test_a_cause_keeps_its_code_within_more_words),
        in_log(test_a_line_has_time_process_level_and_text),
        in_log(test_levels_have_pgbouncer_s_names),
        in_log(test_control_characters_from_peers_are_escaped),
        in_log(test_bytes_of_utf8_stay),
        in_log(test_long_lines_are_cut_and_end),
        in_log(test_details_are_logged_only_when_asked_for),
        in_log(test_a_new_file_is_for_its_owner_alone),
        in_log(test_an_existing_file_is_appended_to_and_reopened_after_rotation),
        in_log(test_a_target_that_cannot_be_opened_leaves_the_earlier_one),
        in_log(test_every_facility_is_known_in_any_case),
        in_log(test_lines_of_several_threads_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
