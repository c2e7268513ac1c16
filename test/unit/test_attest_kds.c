/* The KDS client without a KDS: what it keeps, notes and coalesces, and how it ends. With one: test/test_kds.py. */
#include "attest/kds.h"
#include "attest/kds_folder.h"
#include "attest/kds_notes.h"
#include "attest/staple.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "expect.h"

#define NOW_US (INT64_C(1767225600) * US_PER_SECOND) /* 2026-01-01 */

/* ---- how long KDS is left alone ---- */

static void test_pauses_double_up_to_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(kds_pause_us(1, 0), 1 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(2, 0), 2 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(5, 0), 16 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(9, 0), 256 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(10, 0), 300 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(4000000000U, 0), 300 * US_PER_SECOND);
}

static void test_retry_after_makes_a_pause_longer_and_never_shorter(void **state)
{
    (void)state;
    assert_int_equal(kds_pause_us(1, 10), 10 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(6, 10), 32 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(1, -5), 1 * US_PER_SECOND);
    assert_int_equal(kds_pause_us(1, INT64_MAX), INT64_C(86400) * US_PER_SECOND);
    assert_true(kds_pause_us(1, INT64_MAX) < KDS_NOTE_MAX_US);
}

/* ---- options ---- */

static struct kds_options *options_of(const char *const *pairs)
{
    struct settings set;
    struct kds_options *options = NULL;
    settings_init(&set);
    for (; *pairs; pairs += 2)
        expect_ok(setting_set(setting_find(pairs[0]), pairs[1], &set));
    expect_ok(kds_options_read(&set, NULL, &options));
    settings_free(&set);
    return options;
}
#define OPTIONS(...) options_of((const char *const[]){__VA_ARGS__, NULL})

static void test_the_cache_lies_in_the_state_directory_unless_said_otherwise(void **state)
{
    (void)state;
    struct kds_options *options = OPTIONS("attest_state_dir", "/state");
    assert_string_equal(options->folder, "/state/kds");
    kds_options_drop(options);
    options = OPTIONS("attest_state_dir", "/state", "kds_cache_dir", "/cache", "kds_url", "https://mirror/amd//");
    assert_string_equal(options->folder, "/cache");
    assert_string_equal(options->url, "https://mirror/amd");
    kds_options_drop(options);
    options = OPTIONS("kds_offline", "1");
    assert_string_equal(options->folder, "");
    assert_string_equal(options->url, "https://kdsintf.amd.com");
    kds_options_drop(options);
}

static void test_files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    struct settings set;
    struct kds_options *options = NULL;
    settings_init(&set);
    expect_ok(setting_set(setting_find("kds_ca_file"), "/nonexistent", &set));
    expect_err(kds_options_read(&set, NULL, &options), ERR_SYSTEM, "kds_ca_file");
    expect_ok(setting_set(setting_find("kds_ca_file"), "", &set));
    expect_ok(setting_set(setting_find("kds_ark_file"), "/nonexistent", &set));
    assert_true(failed(kds_options_read(&set, NULL, &options)));
    assert_null(options);
    settings_free(&set);
}

/* ---- the folder ---- */

static void test_what_is_saved_is_there_and_nobody_elses(void **state)
{
    (void)state;
    char *scratch = scratch_make(), *folder = mem_format("%s/made/kds", scratch),
         *parent = mem_format("%s/made", scratch);
    char *path = mem_format("%s/item", folder);
    uint8_t *content = NULL;
    size_t size = 0;
    int64_t stored_at_s = 0;
    struct stat about;
    expect_ok(kds_folder_save(folder, "item", BYTES_LITERAL("one")));
    expect_ok(kds_folder_save(folder, "item", BYTES_LITERAL("other")));
    expect_ok(kds_folder_load(folder, "item", 5, &content, &size, &stored_at_s));
    assert_int_equal(size, 5);
    assert_memory_equal(content, "other", 5);
    assert_true(llabs(stored_at_s - clock_wall_us() / US_PER_SECOND) < 60);
    assert_int_equal(stat(folder, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    free(content);
    expect_err(kds_folder_load(folder, "item", 4, &content, &size, &stored_at_s), ERR_LIMIT, "larger");
    kds_folder_remove(folder, "item");
    kds_folder_remove(folder, "item");
    expect_err(kds_folder_load(folder, "item", 5, &content, &size, &stored_at_s), ERR_NOT_FOUND, "there is no");
    scratch_remove(folder);
    scratch_remove(parent);
    scratch_remove(scratch);
    free(path);
}

static void test_a_folder_that_others_may_write_to_takes_nothing(void **state)
{
    (void)state;
    char *folder = scratch_make();
    assert_int_equal(chmod(folder, 0770), 0);
    expect_err(kds_folder_save(folder, "item", BYTES_LITERAL("one")), ERR_SYSTEM, "others may write");
    scratch_remove(folder);
    expect_err(kds_folder_save("/proc/nowhere/kds", "item", BYTES_LITERAL("one")), ERR_SYSTEM, "/proc/nowhere");
}

static void test_no_folder_holds_nothing_and_complains_of_nothing(void **state)
{
    (void)state;
    uint8_t *content = NULL;
    size_t size = 0;
    int64_t stored_at_s = 0;
    expect_ok(kds_folder_save("", "item", BYTES_LITERAL("one")));
    expect_err(kds_folder_load("", "item", 9, &content, &size, &stored_at_s), ERR_NOT_FOUND, "");
    kds_folder_remove("", "item");
}

/* ---- notes ---- */

static void note(struct kds_notes *notes, const struct kds_options *options, const char *name, int64_t for_us,
                 bool lasting)
{
    struct kds_note made = {.until_us = NOW_US + for_us, .lasting = lasting, .why = "because"};
    kds_notes_set(notes, options, name, &made);
}

static bool noted(struct kds_notes *notes, const struct kds_options *options, const char *name, int64_t after_us)
{
    struct kds_note found;
    bool is_there = kds_notes_find(notes, options, name, NOW_US + after_us, &found);
    if (is_there)
        assert_string_equal(found.why, "because");
    return is_there;
}

static void test_a_note_counts_until_its_time_is_over(void **state)
{
    (void)state;
    struct kds_options *options = OPTIONS("kds_offline", "1");
    struct kds_notes *notes = kds_notes_new();
    assert_false(noted(notes, options, "item", 0));
    note(notes, options, "item", 10, false);
    assert_true(noted(notes, options, "item", 9));
    assert_false(noted(notes, options, "item", 10));
    assert_false(noted(notes, options, "other", 0));
    note(notes, options, "item", 20, false);
    assert_true(noted(notes, options, "item", 10));
    note(notes, options, "item", KDS_NOTE_MAX_US + 1, false); /* a clock that went wrong */
    assert_false(noted(notes, options, "item", 0));
    kds_notes_free(notes);
    kds_options_drop(options);
}

static void test_a_lasting_note_outlives_the_process_and_another_does_not(void **state)
{
    (void)state;
    char *folder = scratch_make();
    struct kds_options *options = OPTIONS("kds_cache_dir", folder);
    struct kds_notes *notes = kds_notes_new();
    note(notes, options, "lasting", 10 * US_PER_SECOND, true);
    note(notes, options, "passing", 10 * US_PER_SECOND, false);
    kds_notes_free(notes);
    notes = kds_notes_new();
    assert_true(noted(notes, options, "lasting", 0));
    assert_false(noted(notes, options, "lasting", 10 * US_PER_SECOND));
    assert_false(noted(notes, options, "passing", 0));
    kds_notes_free(notes);
    kds_options_drop(options);
    scratch_remove(folder);
}

static void extend(struct kds_notes *notes, const struct kds_options *options, int64_t for_us, bool lasting)
{
    struct kds_note made = {.until_us = NOW_US + for_us, .lasting = lasting, .why = "because"};
    kds_notes_extend(notes, options, "item", NOW_US, &made);
}

static void test_a_note_is_extended_and_never_cut_short(void **state)
{
    (void)state;
    struct kds_options *options = OPTIONS("kds_offline", "1");
    struct kds_notes *notes = kds_notes_new();
    extend(notes, options, 10, true);
    extend(notes, options, 5, false);
    extend(notes, options, 5, true);
    assert_true(noted(notes, options, "item", 9));
    extend(notes, options, 20, false);
    assert_true(noted(notes, options, "item", 19));
    assert_false(noted(notes, options, "item", 20));
    note(notes, options, "item", KDS_NOTE_MAX_US + 1, false); /* a clock that went wrong */
    extend(notes, options, 5, false);
    assert_true(noted(notes, options, "item", 4));
    kds_notes_free(notes);
    kds_options_drop(options);
}

static void test_what_is_to_last_is_kept_on_disk_for_as_long_as_was_asked(void **state)
{
    (void)state;
    char *folder = scratch_make();
    struct kds_options *options = OPTIONS("kds_cache_dir", folder);
    struct kds_notes *notes = kds_notes_new();
    extend(notes, options, 30, false);
    extend(notes, options, 20, true);
    extend(notes, options, 10, true);
    assert_true(noted(notes, options, "item", 29));
    kds_notes_free(notes);
    notes = kds_notes_new();
    assert_true(noted(notes, options, "item", 19));
    assert_false(noted(notes, options, "item", 20));
    kds_notes_free(notes);
    kds_options_drop(options);
    scratch_remove(folder);
}

static void test_a_note_is_about_one_address(void **state)
{
    (void)state;
    char *folder = scratch_make();
    struct kds_options *options = OPTIONS("kds_cache_dir", folder);
    struct kds_options *mirror = OPTIONS("kds_cache_dir", folder, "kds_url", "https://mirror");
    struct kds_notes *notes = kds_notes_new();
    note(notes, options, "item", 10, true);
    assert_true(noted(notes, options, "item", 0));
    assert_false(noted(notes, mirror, "item", 0));
    kds_notes_free(notes);
    kds_options_drop(options);
    kds_options_drop(mirror);
    scratch_remove(folder);
}

static void test_a_file_that_is_no_note_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n\n\n",
                                        "17672256010000000\n",
                                        "x\nhttps://kdsintf.amd.com\nbecause\n",
                                        "1767225601000000x\nhttps://kdsintf.amd.com\nbecause\n",
                                        "99999999999999999999999\nhttps://kdsintf.amd.com\nbecause\n"};
    char *folder = scratch_make();
    struct kds_options *options = OPTIONS("kds_cache_dir", folder);
    struct kds_notes *notes = kds_notes_new();
    for (size_t i = 0; i < COUNT(texts); i++) {
        free(scratch_file(folder, "item.wait", texts[i]));
        assert_false(noted(notes, options, "item", 0));
    }
    free(scratch_file(folder, "item.wait", "1767225601000000\nhttps://kdsintf.amd.com\nbecause\n"));
    assert_true(noted(notes, options, "item", 0));
    kds_notes_free(notes);
    kds_options_drop(options);
    scratch_remove(folder);
}

static void test_notes_are_bounded(void **state)
{
    (void)state;
    struct kds_options *options = OPTIONS("kds_offline", "1");
    struct kds_notes *notes = kds_notes_new();
    for (int i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof name, "item %d", i);
        note(notes, options, name, 10, false);
    }
    assert_false(noted(notes, options, "item 0", 0));
    assert_true(noted(notes, options, "item 2999", 0));
    kds_notes_free(notes);
    kds_options_drop(options);
}

/* ---- the client, against a port that says nothing or hangs up ---- */

struct dumb {
    int listener;
    int port;
    bool hangs_up;
    int held[64];
    _Atomic int connections;
    pthread_t thread;
};

static void *dumb_main(void *arg)
{
    struct dumb *dumb = arg;
    int fd;
    while ((fd = accept(dumb->listener, NULL, NULL)) >= 0) {
        int number = atomic_fetch_add(&dumb->connections, 1);
        if (dumb->hangs_up)
            close(fd);
        else
            dumb->held[number % 64] = fd;
    }
    return NULL;
}

static void dumb_begin(struct dumb *dumb, bool hangs_up)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *dumb = (struct dumb){.hangs_up = hangs_up, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(dumb->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(dumb->listener, 64), 0);
    assert_int_equal(getsockname(dumb->listener, (struct sockaddr *)&address, &size), 0);
    dumb->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&dumb->thread, NULL, dumb_main, dumb), 0);
}

static void dumb_end(struct dumb *dumb)
{
    shutdown(dumb->listener, SHUT_RDWR);
    pthread_join(dumb->thread, NULL);
    close(dumb->listener);
    for (int i = 0; i < 64; i++)
        if (dumb->held[i] > 0)
            close(dumb->held[i]);
}

static struct kds *client_of(const struct dumb *dumb, const char *timeout)
{
    char url[64];
    struct kds *kds = NULL;
    snprintf(url, sizeof url, "https://127.0.0.1:%d", dumb->port);
    expect_ok(kds_new(OPTIONS("kds_url", url, "kds_timeout", timeout, "kds_proxy", "none"), &kds));
    return kds;
}

static struct snp_kds_item an_item(void)
{
    return snp_kds_chain(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
}

/* Counts answers. */
struct answers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int count;
    struct err last;
};

static void answers_take(void *arg, const struct err *outcome, struct bytes content)
{
    struct answers *answers = arg;
    (void)content;
    pthread_mutex_lock(&answers->lock);
    answers->count++;
    answers->last = *outcome;
    pthread_cond_broadcast(&answers->wake);
    pthread_mutex_unlock(&answers->lock);
}

static void answers_await(struct answers *answers, int count)
{
    pthread_mutex_lock(&answers->lock);
    while (answers->count < count)
        pthread_cond_wait(&answers->wake, &answers->lock);
    pthread_mutex_unlock(&answers->lock);
}

static void test_equal_questions_are_put_once(void **state)
{
    (void)state;
    struct dumb dumb;
    struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct snp_kds_item item = an_item(), other = snp_kds_crl(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    struct kds_counters counters;
    dumb_begin(&dumb, false);
    struct kds *kds = client_of(&dumb, "2");
    for (int i = 0; i < 10; i++)
        kds_ask(kds, &item, answers_take, &answers);
    kds_ask(kds, &other, answers_take, &answers);
    answers_await(&answers, 11);
    assert_true(answers.last.code == ERR_TIMEOUT || answers.last.code == ERR_NOT_NOW);
    kds_read_counters(kds, &counters);
    assert_int_equal(counters.requests, 2);
    assert_int_equal(dumb.connections, 2);
    kds_free(kds);
    dumb_end(&dumb);
}

static void test_who_has_no_time_for_the_pause_is_told_at_once(void **state)
{
    (void)state;
    struct dumb dumb;
    struct kds *kds = NULL;
    struct snp_kds_item item = an_item();
    uint8_t *content = NULL;
    size_t size = 0;
    char *folder = scratch_make(), url[64];
    dumb_begin(&dumb, true);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", dumb.port);
    char *text = mem_format("%lld\n%s\nbecause\n", (long long)clock_wall_us() + 3600 * US_PER_SECOND, url);
    free(scratch_file(folder, "service.wait", text));
    expect_ok(kds_new(OPTIONS("kds_url", url, "kds_timeout", "10min", "kds_cache_dir", folder), &kds));
    for (int i = 0; i < 5; i++)
        expect_err(kds_get(kds, &item, &content, &size, NULL), ERR_NOT_NOW, "left alone for another 3");
    assert_int_equal(dumb.connections, 0);
    kds_free(kds);
    dumb_end(&dumb);
    free(text);
    scratch_remove(folder);
}

/* Attempts at 0 s, 1 s and 3 s; a machine that is busy makes fewer. */
static void test_who_has_the_time_waits_for_another_attempt(void **state)
{
    (void)state;
    struct dumb dumb;
    struct snp_kds_item item = an_item();
    uint8_t *content = NULL;
    size_t size = 0;
    dumb_begin(&dumb, true);
    struct kds *kds = client_of(&dumb, "6");
    assert_true(failed(kds_get(kds, &item, &content, &size, NULL)));
    assert_in_range(dumb.connections, 2, 3);
    kds_free(kds);
    dumb_end(&dumb);
}

static void test_offline_nobody_is_asked(void **state)
{
    (void)state;
    struct dumb dumb;
    struct snp_kds_item item = an_item();
    uint8_t *content = NULL;
    size_t size = 0;
    dumb_begin(&dumb, true);
    struct kds *kds = client_of(&dumb, "5");
    kds_adopt(kds, OPTIONS("kds_offline", "1"));
    expect_err(kds_get(kds, &item, &content, &size, NULL), ERR_NOT_NOW, "offline");
    assert_false(kds_find(kds, &item, &content, &size));
    assert_int_equal(dumb.connections, 0);
    kds_free(kds);
    dumb_end(&dumb);
}

static void test_an_interruption_ends_all_waiting_and_all_asking(void **state)
{
    (void)state;
    struct dumb dumb;
    struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct snp_kds_item item = an_item();
    uint8_t *content = NULL;
    size_t size = 0;
    dumb_begin(&dumb, false);
    struct kds *kds = client_of(&dumb, "1h");
    kds_ask(kds, &item, answers_take, &answers);
    kds_interrupt(kds);
    answers_await(&answers, 1);
    assert_int_equal(answers.last.code, ERR_NOT_NOW);
    expect_err(kds_get(kds, &item, &content, &size, NULL), ERR_NOT_NOW, "ends");
    kds_free(kds);
    dumb_end(&dumb);
}

static void test_the_end_answers_everybody(void **state)
{
    (void)state;
    struct dumb dumb;
    struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct snp_kds_item item = an_item();
    dumb_begin(&dumb, false);
    struct kds *kds = client_of(&dumb, "1h");
    kds_ask(kds, &item, answers_take, &answers);
    kds_ask(kds, &item, answers_take, &answers);
    kds_free(kds);
    assert_int_equal(answers.count, 2);
    assert_int_equal(answers.last.code, ERR_NOT_NOW);
    dumb_end(&dumb);
}

/* ---- a device without certificates ---- */

struct device {
    struct provider provider;
    uint32_t key_info;
    struct snp_certtable table;
};

static struct err device_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                                struct provider_report *out)
{
    const struct device *device = (struct device *)provider;
    struct snp_report report = {.version = 3, .cpuid_family = 0x19, .chip_id = {1}, .key_info = device->key_info};
    struct writer w = writer_growing(SNP_CERTTABLE_MAX);
    memcpy(report.report_data, report_data, SNP_REPORT_DATA_SIZE);
    snp_report_write(&report, out->report);
    snp_certtable_write(&device->table, &w);
    out->table = mem_copy(writer_bytes(&w));
    out->table_size = w.used;
    writer_free(&w);
    return OK;
}

static const struct provider_kind device_kind = {.name = "device", .report = device_report};

/* Has the device make a report through a staple: what is missing, and the table that came. */
static struct err staple_of(struct device *device, struct kds *kds, struct snp_certtable *table,
                            struct provider_report *report)
{
    const uint8_t data[SNP_REPORT_DATA_SIZE] = {7};
    struct staple staple;
    device->provider.kind = &device_kind;
    staple_init(&staple, &device->provider, kds);
    expect_ok(provider_report(&staple.provider, data, report));
    assert_memory_equal(report->report + 0x50, data, sizeof data);
    expect_ok(snp_certtable_parse(bytes_of(report->table, report->table_size), table));
    return staple.missing;
}

static void test_what_the_device_gives_stays_where_kds_has_nothing(void **state)
{
    (void)state;
    struct device device = {.table = {.vlek = BYTES_LITERAL("a VLEK")}, .key_info = 1 << 2};
    struct snp_certtable table;
    struct provider_report report;
    struct dumb dumb;
    dumb_begin(&dumb, true);
    struct kds *kds = client_of(&dumb, "5");
    expect_err(staple_of(&device, kds, &table, &report), ERR_UNSUPPORTED, "it goes with it all the same");
    assert_true(bytes_equal(table.vlek, device.table.vlek));
    assert_int_equal(dumb.connections, 0);
    provider_report_release(&report);
    kds_free(kds);
    dumb_end(&dumb);
}

static void test_what_kds_cannot_give_is_said_and_the_report_stands(void **state)
{
    (void)state;
    struct device device = {.key_info = 1 << 2};
    struct snp_certtable table;
    struct provider_report report;
    struct dumb dumb;
    dumb_begin(&dumb, true);
    struct kds *kds = client_of(&dumb, "500ms");
    expect_err(staple_of(&device, kds, &table, &report), ERR_UNSUPPORTED, "hands out no VLEK");
    assert_int_equal(dumb.connections, 0);
    provider_report_release(&report);
    device.key_info = 0;
    assert_true(failed(staple_of(&device, kds, &table, &report)));
    assert_int_equal(table.vcek.n, 0);
    provider_report_release(&report);
    expect_err(staple_of(&device, NULL, &table, &report), ERR_NOT_FOUND, "gives no certificate");
    provider_report_release(&report);
    kds_free(kds);
    dumb_end(&dumb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_double_up_to_five_minutes),
        cmocka_unit_test(test_retry_after_makes_a_pause_longer_and_never_shorter),
        cmocka_unit_test(test_the_cache_lies_in_the_state_directory_unless_said_otherwise),
        cmocka_unit_test(test_files_that_cannot_be_read_are_named),
        cmocka_unit_test(test_what_is_saved_is_there_and_nobody_elses),
        cmocka_unit_test(test_a_folder_that_others_may_write_to_takes_nothing),
        cmocka_unit_test(test_no_folder_holds_nothing_and_complains_of_nothing),
        cmocka_unit_test(test_a_note_counts_until_its_time_is_over),
        cmocka_unit_test(test_a_lasting_note_outlives_the_process_and_another_does_not),
        cmocka_unit_test(test_a_note_is_extended_and_never_cut_short),
        cmocka_unit_test(test_what_is_to_last_is_kept_on_disk_for_as_long_as_was_asked),
        cmocka_unit_test(test_a_note_is_about_one_address),
        cmocka_unit_test(test_a_file_that_is_no_note_is_none),
        cmocka_unit_test(test_notes_are_bounded),
        cmocka_unit_test(test_equal_questions_are_put_once),
        cmocka_unit_test(test_who_has_no_time_for_the_pause_is_told_at_once),
        cmocka_unit_test(test_who_has_the_time_waits_for_another_attempt),
        cmocka_unit_test(test_offline_nobody_is_asked),
        cmocka_unit_test(test_an_interruption_ends_all_waiting_and_all_asking),
        cmocka_unit_test(test_the_end_answers_everybody),
        cmocka_unit_test(test_what_the_device_gives_stays_where_kds_has_nothing),
        cmocka_unit_test(test_what_kds_cannot_give_is_said_and_the_report_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
