/* The journal: the ring, the ids, the counts, and the file that audits read. */
#include "attest/journal.h"

#include "attest/judge.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "tls_pair.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT 3

static const struct journal_peer peer = {
    .role = "client", .user = "app", .database = "shop", .address = "192.0.2.7", .port = 50123, .client_id = 42};

/* A journal and a directory for its file. */
struct scene {
    struct journal *journal;
    char *directory;
    char *path;
    char *moved;
    char *log;
};

static int setup(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->journal = journal_new(LIMIT);
    scene->directory = pair_make_directory();
    scene->path = mem_format("%s/attest.log", scene->directory);
    scene->moved = mem_format("%s/attest.log.1", scene->directory);
    scene->log = mem_format("%s/log", scene->directory);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    journal_free(scene->journal);
    free(scene->log);
    free(scene->moved);
    free(scene->path);
    pair_remove_directory(scene->directory);
    free(scene);
    return 0;
}

static void write_verdict(struct journal *journal, enum verdict_kind kind, char id[JOURNAL_ID_SIZE])
{
    struct verdict verdict;
    verdict_init(&verdict);
    verdict.kind = kind;
    journal_write(journal, &peer, &verdict, id);
}

/* The file's text; free(). */
static char *read_file(const char *path)
{
    char *text = mem_alloc(256 * 1024);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, 256 * 1024 - 1, file) < 256 * 1024 - 1);
    assert_int_equal(fclose(file), 0);
    return text;
}

static size_t count_of(const char *text, char c)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == c;
    return count;
}

/* The one line of the file; json_decref. */
static json_t *read_line(const char *path)
{
    char *text = read_file(path);
    assert_int_equal(count_of(text, '\n'), 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    free(text);
    return line;
}

static void assert_text(const json_t *line, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(line, name));
    if (!text || strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", name, text ? text : "no text", expected);
}

static void assert_number(const json_t *line, const char *name, json_int_t expected)
{
    assert_true(json_is_integer(json_object_get(line, name)));
    assert_int_equal(json_integer_value(json_object_get(line, name)), expected);
}

static void assert_null_member(const json_t *line, const char *name)
{
    if (!json_is_null(json_object_get(line, name)))
        fail_msg("%s is not null", name);
}

static struct verdict denied_verdict(void)
{
    struct verdict verdict;
    struct policy *policy = policy_default();
    verdict_init(&verdict);
    verdict.format = EVIDENCE_CMW;
    verdict.has_evidence = true;
    memset(verdict.evidence_sha256, 0xab, sizeof verdict.evidence_sha256);
    verdict.facts.report_is_read = true;
    verdict.facts.product = SNP_PRODUCT_MILAN;
    memset(verdict.facts.report.measurement, 0x54, SNP_MEASUREMENT_SIZE);
    memset(verdict.facts.report.chip_id, 0xc1, SNP_CHIP_ID_SIZE);
    verdict.facts.report.reported_tcb.bytes[7] = 209;
    verdict.facts.report.guest_svn = 3;
    verdict.facts.report.policy = UINT64_C(1) << SNP_POLICY_DEBUG;
    verdict.issued_at_s = 1800000000;
    verdict.at_us = INT64_C(1800000060) * US_PER_SECOND + 7;
    verdict.duration_us = 1234;
    checklist_add(&verdict.checks, "format", CHECK_PASS, "cmw", "cmw");
    checklist_add(&verdict.checks, JUDGE_CHECK_DEBUG, CHECK_FAIL, "no", "yes");
    checklist_add(&verdict.checks, JUDGE_CHECK_SMT, CHECK_WARN, "off", "on");
    verdict_conclude(&verdict, policy, (const char *const[]){"format", NULL});
    policy_drop(policy);
    return verdict;
}

static void test_a_line_says_who_what_why_and_under_which_policy(void **state)
{
    struct scene *scene = *state;
    struct verdict verdict = denied_verdict();
    char id[JOURNAL_ID_SIZE];
    char hex[2 * SNP_CHIP_ID_SIZE + 1] = "";
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    journal_write(scene->journal, &peer, &verdict, id);

    json_t *line = read_line(scene->path);
    assert_text(line, "time", "2027-01-15T08:01:00.000007Z");
    assert_text(line, "id", id);
    assert_text(line, "role", "client");
    assert_text(line, "user", "app");
    assert_text(line, "database", "shop");
    assert_text(line, "address", "192.0.2.7");
    assert_number(line, "port", 50123);
    assert_number(line, "client", 42);
    assert_text(line, "verdict", "deny");
    assert_text(line, "reason", "the guest may be debugged, which policy \"default\" forbids");
    assert_text(line, "policy", "default");
    assert_text(line, "policy_version", "(00000000)");
    assert_text(line, "format", "cmw");
    assert_text(line, "tier", "certificate");
    assert_text(line, "product", "Milan");
    memset(hex, '5', 96);
    for (size_t i = 1; i < 96; i += 2)
        hex[i] = '4';
    assert_text(line, "measurement", hex);
    memset(hex, 'c', 128);
    for (size_t i = 1; i < 128; i += 2)
        hex[i] = '1';
    assert_text(line, "chip_id", hex);
    assert_text(line, "tcb", "bootloader 0, tee 0, snp 0, microcode 209");
    assert_number(line, "guest_svn", 3);
    assert_true(json_is_true(json_object_get(line, "debug")));
    assert_true(json_is_false(json_object_get(line, "smt")));
    assert_number(line, "evidence_age_s", 60);
    assert_text(line, "evidence_sha256", "abababababababababababababababababababababababababababababababab");
    assert_number(line, "duration_us", 1234);
    const json_t *checks = json_object_get(line, "checks");
    assert_int_equal(json_array_size(checks), 2);
    assert_text(json_array_get(checks, 0), "name", "debug");
    assert_text(json_array_get(checks, 0), "outcome", "fail");
    assert_text(json_array_get(checks, 1), "name", "smt");
    assert_text(json_array_get(checks, 1), "outcome", "warn");
    assert_text(json_array_get(checks, 1), "expected", "off");
    assert_text(json_array_get(checks, 1), "found", "on");
    json_decref(line);
}

static void test_what_is_not_known_is_null(void **state)
{
    struct scene *scene = *state;
    static const char *const names[] = {"tier",      "product", "measurement", "chip_id",        "tcb",
                                        "guest_svn", "debug",   "smt",         "evidence_age_s", "evidence_sha256"};
    char id[JOURNAL_ID_SIZE];
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    write_verdict(scene->journal, VERDICT_DENY, id);
    json_t *line = read_line(scene->path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_null_member(line, names[i]);
    assert_text(line, "format", "none");
    json_decref(line);
}

static void test_peers_cannot_break_the_line(void **state)
{
    struct scene *scene = *state;
    const struct journal_peer rogue = {
        .role = "client", .user = "a\nb\",\"verdict\":\"allow", .database = "\xff\xfe", .address = NULL};
    struct verdict verdict;
    char id[JOURNAL_ID_SIZE];
    verdict_init(&verdict);
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    journal_write(scene->journal, &rogue, &verdict, id);
    json_t *line = read_line(scene->path);
    assert_text(line, "user", "a?b\",\"verdict\":\"allow");
    assert_text(line, "database", "??");
    assert_text(line, "address", "");
    assert_text(line, "verdict", "deny");
    json_decref(line);
}

static void test_the_file_is_for_its_owner_alone(void **state)
{
    struct scene *scene = *state;
    struct stat about;
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    assert_int_equal(stat(scene->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
}

static void test_lines_are_appended_to_what_is_there(void **state)
{
    struct scene *scene = *state;
    char id[JOURNAL_ID_SIZE];
    for (int i = 0; i < 2; i++) {
        assert_false(failed(journal_open_log(scene->journal, scene->path)));
        write_verdict(scene->journal, VERDICT_DENY, id);
    }
    char *text = read_file(scene->path);
    assert_int_equal(count_of(text, '\n'), 2);
    free(text);
}

static void test_opening_again_follows_a_rotated_file(void **state)
{
    struct scene *scene = *state;
    char first[JOURNAL_ID_SIZE];
    char second[JOURNAL_ID_SIZE];
    char third[JOURNAL_ID_SIZE];
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    write_verdict(scene->journal, VERDICT_DENY, first);
    assert_int_equal(rename(scene->path, scene->moved), 0);
    write_verdict(scene->journal, VERDICT_DENY, second);
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    write_verdict(scene->journal, VERDICT_DENY, third);

    char *text = read_file(scene->moved);
    assert_non_null(strstr(text, first));
    assert_non_null(strstr(text, second));
    assert_null(strstr(text, third));
    free(text);
    json_t *line = read_line(scene->path);
    assert_text(line, "id", third);
    json_decref(line);
}

static void test_a_file_that_cannot_be_opened_leaves_the_one_before(void **state)
{
    struct scene *scene = *state;
    char id[JOURNAL_ID_SIZE];
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    assert_int_equal(journal_open_log(scene->journal, "/nowhere/attest.log").code, ERR_SYSTEM);
    write_verdict(scene->journal, VERDICT_DENY, id);
    json_decref(read_line(scene->path));
}

static void test_no_name_closes_the_file(void **state)
{
    struct scene *scene = *state;
    char id[JOURNAL_ID_SIZE];
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    assert_false(failed(journal_open_log(scene->journal, "")));
    write_verdict(scene->journal, VERDICT_DENY, id);
    char *text = read_file(scene->path);
    assert_string_equal(text, "");
    free(text);
}

static void test_a_full_disk_is_said_once_and_holds_nothing_up(void **state)
{
    struct scene *scene = *state;
    char id[JOURNAL_ID_SIZE];
    if (access("/dev/full", W_OK) != 0) {
        print_message("there is no /dev/full here\n");
        skip();
    }
    assert_false(failed(log_open(&(struct log_target){.file = scene->log})));
    assert_false(failed(journal_open_log(scene->journal, "/dev/full")));
    for (int i = 0; i < 5; i++)
        write_verdict(scene->journal, VERDICT_DENY, id);
    assert_false(failed(log_open(&(struct log_target){.to_stderr = true})));
    char *text = read_file(scene->log);
    assert_int_equal(count_of(text, '\n'), 1);
    assert_non_null(strstr(text, "ERROR cannot append to attest_log: No space left on device"));
    free(text);
    struct journal_entry *entry = journal_find(scene->journal, id);
    assert_non_null(entry);
    journal_drop(entry);
}

static void limit_files_to(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_line_that_was_cut_off_does_not_spoil_the_next(void **state)
{
    struct scene *scene = *state;
    char id[3][JOURNAL_ID_SIZE];
    struct stat about;
    assert_false(failed(log_open(&(struct log_target){.file = scene->log})));
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    write_verdict(scene->journal, VERDICT_DENY, id[0]);
    assert_int_equal(stat(scene->path, &about), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_files_to((rlim_t)about.st_size + 10);
    write_verdict(scene->journal, VERDICT_DENY, id[1]);
    limit_files_to(RLIM_INFINITY);
    write_verdict(scene->journal, VERDICT_DENY, id[2]);
    assert_false(failed(log_open(&(struct log_target){.to_stderr = true})));

    char *text = read_file(scene->path);
    assert_int_equal(count_of(text, '\n'), 3);
    const char *last = strstr(strchr(text, '\n') + 1, "\n") + 1;
    assert_int_equal(last - text, about.st_size + 10 + 1);
    json_t *line = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_text(line, "id", id[2]);
    json_decref(line);
    free(text);
    text = read_file(scene->log);
    assert_non_null(strstr(text, "ERROR cannot append to attest_log"));
    assert_non_null(strstr(text, "LOG attest_log can be written to again"));
    free(text);
}

static void test_the_ring_keeps_the_newest_and_drops_the_oldest(void **state)
{
    struct scene *scene = *state;
    char id[5][JOURNAL_ID_SIZE];
    for (size_t i = 0; i < 5; i++)
        write_verdict(scene->journal, VERDICT_DENY, id[i]);
    size_t count;
    struct journal_entry **latest = journal_latest(scene->journal, &count);
    assert_int_equal(count, LIMIT);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(latest[i]->id, id[4 - i]);
        journal_drop(latest[i]);
    }
    free(latest);
    assert_null(journal_find(scene->journal, id[1]));
    struct journal_entry *entry = journal_find(scene->journal, id[2]);
    assert_non_null(entry);
    assert_string_equal(entry->user, "app");
    journal_drop(entry);
}

static void test_an_empty_journal_has_no_entries(void **state)
{
    struct scene *scene = *state;
    size_t count = 1;
    struct journal_entry **latest = journal_latest(scene->journal, &count);
    assert_int_equal(count, 0);
    free(latest);
    assert_null(journal_find(scene->journal, ""));
}

static void test_an_entry_in_use_outlives_the_ring_and_the_journal(void **state)
{
    struct scene *scene = *state;
    char id[JOURNAL_ID_SIZE];
    write_verdict(scene->journal, VERDICT_ALLOW, id);
    struct journal_entry *entry = journal_find(scene->journal, id);
    char other[JOURNAL_ID_SIZE];
    for (size_t i = 0; i < LIMIT; i++)
        write_verdict(scene->journal, VERDICT_DENY, other);
    assert_null(journal_find(scene->journal, id));
    assert_string_equal(entry->id, id);
    assert_string_equal(entry->database, "shop");
    assert_int_equal(entry->verdict.kind, VERDICT_ALLOW);
    journal_drop(entry);
}

static void test_the_writers_verdict_is_left_empty(void **state)
{
    struct scene *scene = *state;
    struct verdict verdict = denied_verdict();
    char id[JOURNAL_ID_SIZE];
    journal_write(scene->journal, &peer, &verdict, id);
    assert_int_equal(verdict.checks.count, 0);
    assert_null(verdict.reason);
    verdict_release(&verdict);
    struct journal_entry *entry = journal_find(scene->journal, id);
    assert_int_equal(entry->verdict.checks.count, 3);
    journal_drop(entry);
}

static void test_ids_differ_between_journals_and_have_one_form(void **state)
{
    struct scene *scene = *state;
    struct journal *other = journal_new(LIMIT);
    char first[JOURNAL_ID_SIZE];
    char second[JOURNAL_ID_SIZE];
    write_verdict(scene->journal, VERDICT_DENY, first);
    write_verdict(other, VERDICT_DENY, second);
    assert_string_not_equal(first, second);
    assert_int_equal(strlen(first), 18);
    assert_int_equal(strspn(first, "0123456789abcdef"), 18);
    journal_free(other);
}

static void test_verdicts_are_counted_by_kind(void **state)
{
    struct scene *scene = *state;
    char id[JOURNAL_ID_SIZE];
    for (int i = 0; i < 6; i++)
        write_verdict(scene->journal, i < 3 ? VERDICT_DENY : i < 5 ? VERDICT_WARN : VERDICT_ALLOW, id);
    struct journal_counts counts = journal_count(scene->journal);
    assert_int_equal(counts.denied, 3);
    assert_int_equal(counts.warned, 2);
    assert_int_equal(counts.allowed, 1);
}

#define THREADS 4
#define ROUNDS  50

static void *write_many(void *arg)
{
    struct scene *scene = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct verdict verdict = denied_verdict();
        char id[JOURNAL_ID_SIZE];
        size_t count;
        journal_write(scene->journal, &peer, &verdict, id);
        struct journal_entry **latest = journal_latest(scene->journal, &count);
        for (size_t j = 0; j < count; j++)
            journal_drop(latest[j]);
        free(latest);
        if (i % 10 == 0 && failed(journal_open_log(scene->journal, scene->path)))
            return arg;
    }
    return NULL;
}

static void test_threads_write_whole_lines_and_lose_none(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[THREADS];
    assert_false(failed(journal_open_log(scene->journal, scene->path)));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, scene), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failure = scene;
        assert_int_equal(pthread_join(threads[i], &failure), 0);
        assert_null(failure);
    }
    assert_int_equal(journal_count(scene->journal).denied, THREADS * ROUNDS);
    char *text = read_file(scene->path);
    size_t lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        json_decref(json);
    }
    assert_int_equal(lines, THREADS * ROUNDS);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_line_says_who_what_why_and_under_which_policy),
        TEST(test_what_is_not_known_is_null),
        TEST(test_peers_cannot_break_the_line),
        TEST(test_the_file_is_for_its_owner_alone),
        TEST(test_lines_are_appended_to_what_is_there),
        TEST(test_opening_again_follows_a_rotated_file),
        TEST(test_a_file_that_cannot_be_opened_leaves_the_one_before),
        TEST(test_no_name_closes_the_file),
        TEST(test_a_full_disk_is_said_once_and_holds_nothing_up),
        TEST(test_a_line_that_was_cut_off_does_not_spoil_the_next),
        TEST(test_the_ring_keeps_the_newest_and_drops_the_oldest),
        TEST(test_an_empty_journal_has_no_entries),
        TEST(test_an_entry_in_use_outlives_the_ring_and_the_journal),
        TEST(test_the_writers_verdict_is_left_empty),
        TEST(test_ids_differ_between_journals_and_have_one_form),
        TEST(test_verdicts_are_counted_by_kind),
        TEST(test_threads_write_whole_lines_and_lose_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
