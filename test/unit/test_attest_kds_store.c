/* Revocation lists in store, in memory and on disk: only ever newer ones. */
#include "attest/kds_folder.h"
#include "attest/kds_store.h"
#include "base/log.h"
#include "snp_forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

#define NAME "crl-vcek-milan.der"

/* A store, and lists made one, two and three hours ago. */
struct scene {
    char *folder;
    char *log;
    struct kds_options *options;
    struct kds_store *store;
    struct snp_kds_item item;
    struct bytes old, middle, new;
};

static struct bytes list_made(int64_t hours_ago)
{
    return forge_crl(forge.ark, forge.ark_key, NULL, FORGE_NOW_S - hours_ago * 3600, FORGE_NOW_S + FORGE_DAY_S);
}

static struct kds_options *options_of(const char *folder)
{
    struct settings set;
    struct kds_options *options = NULL;
    settings_init(&set);
    expect_ok(setting_set(setting_find("kds_cache_dir"), folder, &set));
    expect_ok(kds_options_read(&set, forge.trusts_ark, &options));
    settings_free(&set);
    return options;
}

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->folder = scratch_make();
    scene->log = scratch_file(scene->folder, "log", NULL);
    expect_ok(log_open(&(struct log_target){.file = scene->log}));
    scene->options = options_of(scene->folder);
    scene->store = kds_store_new();
    scene->item = snp_kds_crl(SNP_PRODUCT_MILAN, SNP_VEK_VCEK);
    scene->old = list_made(3);
    scene->middle = list_made(2);
    scene->new = list_made(1);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    expect_ok(log_open(&(struct log_target){.to_stderr = true}));
    OPENSSL_free((void *)scene->old.p);
    OPENSSL_free((void *)scene->middle.p);
    OPENSSL_free((void *)scene->new.p);
    kds_store_free(scene->store);
    kds_options_drop(scene->options);
    free(scene->log);
    scratch_remove(scene->folder);
    free(scene);
    return 0;
}

static void expect_kept(struct scene *scene, struct bytes expected)
{
    struct kds_kept kept;
    assert_true(kds_store_find(scene->store, scene->options, &scene->item, FORGE_NOW_S, &kept));
    assert_int_equal(kept.size, expected.n);
    assert_memory_equal(kept.content, expected.p, expected.n);
    free(kept.content);
}

/* Made an hour ago, half an hour before it ended; or an hour from now. */
static struct bytes list_that_has_ended(void)
{
    return forge_crl(forge.ark, forge.ark_key, forge.ask, FORGE_NOW_S - 3600, FORGE_NOW_S - 1800);
}

static struct bytes list_of_the_future(void)
{
    return forge_crl(forge.ark, forge.ark_key, forge.ask, FORGE_NOW_S + 3600, FORGE_NOW_S + FORGE_DAY_S);
}

static void expect_in_force(struct scene *scene, int64_t now_s, bool expected)
{
    struct kds_kept kept;
    assert_true(kds_store_find(scene->store, scene->options, &scene->item, now_s, &kept));
    assert_int_equal(kept.is_in_force, expected);
    free(kept.content);
}

static void keep(struct scene *scene, struct bytes list)
{
    kds_store_keep(scene->store, scene->options, &scene->item, list, FORGE_NOW_S);
}

static void put_on_disk(const struct scene *scene, struct bytes list)
{
    expect_ok(kds_folder_save(scene->folder, NAME, list));
}

static size_t times_told(const struct scene *scene)
{
    char *text = scratch_read(scene->log);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "older revocation list than the one in memory")); at++)
        count++;
    free(text);
    return count;
}

static void test_an_older_list_on_disk_does_not_replace_the_one_in_memory_and_is_told_once(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->middle);
    put_on_disk(scene, scene->old);
    for (int i = 0; i < 3; i++)
        expect_kept(scene, scene->middle);
    assert_int_equal(times_told(scene), 1);
    kds_folder_remove(scene->folder, NAME);
    expect_kept(scene, scene->middle);
}

static void test_a_newer_list_on_disk_does(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->middle);
    put_on_disk(scene, scene->new);
    expect_kept(scene, scene->new);
    put_on_disk(scene, scene->middle);
    expect_kept(scene, scene->new);
    put_on_disk(scene, scene->old);
    expect_kept(scene, scene->new);
    assert_int_equal(times_told(scene), 1);
}

/* Whichever of the two holds the newer one. */
static void test_an_older_list_that_is_fetched_is_refused(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->middle);
    put_on_disk(scene, scene->old);
    struct err outcome = kds_store_check(scene->store, scene->options, &scene->item, scene->old, FORGE_NOW_S);
    expect_err(outcome, ERR_DENIED, "older than the one that is at hand");
    kds_store_forget(scene->store);
    put_on_disk(scene, scene->new);
    outcome = kds_store_check(scene->store, scene->options, &scene->item, scene->middle, FORGE_NOW_S);
    expect_err(outcome, ERR_DENIED, "older than the one that is at hand");
    expect_ok(kds_store_check(scene->store, scene->options, &scene->item, scene->new, FORGE_NOW_S));
}

/* As when two were fetched at once, and the newer one came first. */
static void test_an_older_list_that_comes_late_is_not_kept(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->new);
    keep(scene, scene->old);
    expect_kept(scene, scene->new);
    kds_store_forget(scene->store);
    expect_kept(scene, scene->new);
}

static void test_a_list_stays_in_memory_whatever_else_comes(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->new);
    for (unsigned i = 0; i < KDS_STORE_MEMORY_MAX + 10; i++) {
        uint8_t hwid[SNP_CHIP_ID_SIZE] = {0};
        memcpy(hwid, &i, sizeof i);
        struct snp_kds_item other = snp_kds_vcek(SNP_PRODUCT_MILAN, hwid, (struct snp_tcb){0});
        kds_store_keep(scene->store, scene->options, &other, BYTES_LITERAL("x"), FORGE_NOW_S);
    }
    put_on_disk(scene, scene->old);
    expect_kept(scene, scene->new);
}

/* What the documents say cannot be known. */
static void test_after_a_restart_the_disk_is_believed(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->new);
    put_on_disk(scene, scene->old);
    kds_store_free(scene->store);
    scene->store = kds_store_new();
    expect_kept(scene, scene->old);
    assert_int_equal(times_told(scene), 0);
}

/* It may revoke: what is newer takes the place of what is older, in force or not. */
static void test_a_list_on_disk_counts_whether_it_is_in_force_or_not(void **state)
{
    struct scene *scene = *state;
    struct bytes lists[] = {list_that_has_ended(), list_of_the_future()};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        kds_store_forget(scene->store);
        keep(scene, scene->middle);
        expect_in_force(scene, FORGE_NOW_S, true);
        put_on_disk(scene, lists[i]);
        expect_kept(scene, lists[i]);
        expect_in_force(scene, FORGE_NOW_S, false);
        put_on_disk(scene, scene->middle);
        expect_kept(scene, lists[i]);
        expect_in_force(scene, FORGE_NOW_S, false);
        OPENSSL_free((void *)lists[i].p);
    }
}

static void test_a_list_in_memory_ends_too(void **state)
{
    struct scene *scene = *state;
    keep(scene, scene->new);
    kds_folder_remove(scene->folder, NAME);
    expect_in_force(scene, FORGE_NOW_S + FORGE_DAY_S, true);
    expect_in_force(scene, FORGE_NOW_S + FORGE_DAY_S + 1, false);
    expect_in_force(scene, FORGE_NOW_S - 3600, true);
    expect_in_force(scene, FORGE_NOW_S - 3601, false);
}

/* As after a restart: only the disk knows. */
static void test_an_older_list_does_not_replace_one_that_has_ended(void **state)
{
    struct scene *scene = *state;
    struct bytes ended = list_that_has_ended();
    put_on_disk(scene, ended);
    struct err outcome = kds_store_check(scene->store, scene->options, &scene->item, scene->middle, FORGE_NOW_S);
    expect_err(outcome, ERR_DENIED, "older than the one that is at hand");
    expect_kept(scene, ended);
    OPENSSL_free((void *)ended.p);
}

static void test_a_list_that_is_fetched_must_be_in_force(void **state)
{
    struct scene *scene = *state;
    struct bytes ended = list_that_has_ended(), future = list_of_the_future();
    struct err outcome = kds_store_check(scene->store, scene->options, &scene->item, ended, FORGE_NOW_S);
    expect_err(outcome, ERR_NOT_NOW, "out of date");
    outcome = kds_store_check(scene->store, scene->options, &scene->item, future, FORGE_NOW_S);
    expect_err(outcome, ERR_NOT_NOW, "future");
    keep(scene, future);
    outcome = kds_store_check(scene->store, scene->options, &scene->item, ended, FORGE_NOW_S);
    expect_err(outcome, ERR_DENIED, "older than the one that is at hand");
    OPENSSL_free((void *)ended.p);
    OPENSSL_free((void *)future.p);
}

#define OF(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF(test_an_older_list_on_disk_does_not_replace_the_one_in_memory_and_is_told_once),
        OF(test_a_newer_list_on_disk_does),
        OF(test_an_older_list_that_is_fetched_is_refused),
        OF(test_an_older_list_that_comes_late_is_not_kept),
        OF(test_a_list_stays_in_memory_whatever_else_comes),
        OF(test_after_a_restart_the_disk_is_believed),
        OF(test_a_list_on_disk_counts_whether_it_is_in_force_or_not),
        OF(test_a_list_in_memory_ends_too),
        OF(test_an_older_list_does_not_replace_one_that_has_ended),
        OF(test_a_list_that_is_fetched_must_be_in_force),
    };
    return cmocka_run_group_tests(tests, forge_begin, forge_end);
}
