/* The providers of real machines, against stand-ins that keep to the kernel's interfaces. */
#include "attest/provider_sev_guest.h"
#include "attest/provider_tsm.h"

#include "base/clock.h"
#include "base/mem.h"
#include "snp/certtable.h"
#include "tsm_stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __real_mkdir(const char *path, mode_t mode);
int64_t __wrap_clock_monotonic_us(void);

#define DEVICE_CERTS_MAX 0x4000 /* SEV_FW_BLOB_MAX_SIZE of drivers/virt/coco/sev-guest */

static const uint8_t report_data[SNP_REPORT_DATA_SIZE] = "sixty-four bytes that are a hash in earnest";

/* What /dev/sev-guest plays. Layouts as in Documentation/virt/coco/sev-guest.rst. */
static struct {
    int error;           /* errno, 0: none */
    uint32_t vmm_error;  /* with EIO */
    uint32_t status;     /* of the firmware */
    uint32_t size;       /* of the report */
    uint32_t table_size; /* of the host's table; bytes of 0xee; UINT32_MAX: always more than there is room for */
    unsigned calls;
    unsigned calls_alone; /* of them those without a table */
} device;

static int64_t now_us;

int64_t __wrap_clock_monotonic_us(void)
{
    return now_us;
}

struct request {
    uint8_t msg_version;
    uint64_t req_data, resp_data, exitinfo2;
};
struct ext_request {
    uint8_t user_data[64];
    uint32_t vmpl;
    uint8_t rsvd[28];
    uint64_t certs_address;
    uint32_t certs_len;
};

static int device_refuse(struct request *request, int error, uint32_t vmm_error)
{
    request->exitinfo2 = (uint64_t)vmm_error << 32;
    errno = error;
    return -1;
}

/* The host's part of an extended request: whether there is room for the table, which is then there. */
static bool device_take_table(struct ext_request *ask)
{
    if (device.table_size > ask->certs_len) {
        ask->certs_len = device.table_size == UINT32_MAX ? ask->certs_len + 1 : device.table_size;
        return false;
    }
    memset((void *)(uintptr_t)ask->certs_address, 0xee, device.table_size);
    return true;
}

int __wrap_ioctl(int fd, unsigned long code, void *arg)
{
    struct request *request = arg;
    struct ext_request *ask = (struct ext_request *)(uintptr_t)request->req_data;
    uint8_t *response = (uint8_t *)(uintptr_t)request->resp_data;
    bool alone = code == 0xc0205300; /* SNP_GET_REPORT, whose request has no more than the first three members */
    assert_true(fd >= 0);
    assert_true(alone || code == 0xc0205302); /* SNP_GET_EXT_REPORT */
    assert_int_equal(request->msg_version, 1);
    assert_memory_equal(ask->user_data, report_data, sizeof report_data);
    assert_int_equal(ask->vmpl, 0);
    assert_true(bytes_are_zero(BYTES(ask->rsvd)));
    device.calls++;
    device.calls_alone += alone;
    if (!alone && (ask->certs_len > DEVICE_CERTS_MAX || ask->certs_len % 4096 != 0 || ask->certs_address % 4096 != 0))
        return device_refuse(request, EINVAL, 0);
    if (device.error)
        return device_refuse(request, device.error, device.vmm_error);
    if (!alone && !device_take_table(ask))
        return device_refuse(request, EIO, 1);
    memcpy(response, &device.status, 4);
    memcpy(response + 4, &device.size, 4);
    memset(response + 0x20, 0xaa, SNP_REPORT_SIZE);
    memcpy(response + 0x20 + 0x50, ask->user_data, sizeof ask->user_data);
    return 0;
}

static struct provider *device_open(void)
{
    struct provider *provider = NULL;
    memset(&device, 0, sizeof device);
    device.size = SNP_REPORT_SIZE;
    assert_false(failed(provider_sev_guest_open("/dev/null", &provider)));
    return provider;
}

static void expect_device_error(enum err_code code, const char *why)
{
    struct provider *provider = NULL;
    struct provider_report report;
    assert_false(failed(provider_sev_guest_open("/dev/null", &provider)));
    struct err outcome = provider_report(provider, report_data, &report);
    if (outcome.code != code || !strstr(outcome.why, why))
        fail_msg("%d \"%s\"", outcome.code, outcome.why);
    assert_null(report.table);
    provider_free(provider);
}

static void test_sev_guest_gives_report_and_table(void **state)
{
    (void)state;
    struct provider_report report;
    struct provider *provider = device_open();
    device.table_size = 5000;
    assert_string_equal(provider_name(provider), "sev-guest");
    assert_false(provider_is_simulated(provider));
    assert_false(failed(provider_report(provider, report_data, &report)));
    assert_int_equal(report.report[0], 0xaa);
    assert_int_equal(report.report[SNP_REPORT_SIZE - 1], 0xaa);
    assert_memory_equal(report.report + 0x50, report_data, sizeof report_data);
    assert_true(report.table_size >= 5000);
    assert_int_equal(report.table[4999], 0xee);
    assert_true(bytes_are_zero(bytes_of(report.table + 5000, report.table_size - 5000)));
    provider_report_release(&report);
    provider_free(provider);
}

static void test_sev_guest_without_host_certificates_gives_no_table(void **state)
{
    (void)state;
    struct provider_report report;
    struct provider *provider = device_open();
    assert_false(failed(provider_report(provider, report_data, &report)));
    assert_int_equal(report.table_size, 0);
    provider_report_release(&report);
    provider_free(provider);
}

/* Whether a report comes with a table; how many calls it took, and how many of them were for the report alone. */
static bool device_gives_table(struct provider *provider, unsigned *calls, unsigned *alone)
{
    struct provider_report report;
    unsigned calls_before = device.calls, alone_before = device.calls_alone;
    struct err outcome = provider_report(provider, report_data, &report);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    assert_int_equal(report.report[0], 0xaa);
    bool has_table = report.table_size > 0;
    provider_report_release(&report);
    *calls = device.calls - calls_before;
    *alone = device.calls_alone - alone_before;
    return has_table;
}

static void test_sev_guest_reads_a_table_that_fills_the_room(void **state)
{
    (void)state;
    unsigned calls, alone;
    struct provider *provider = device_open();
    device.table_size = DEVICE_CERTS_MAX;
    assert_true(device_gives_table(provider, &calls, &alone));
    assert_int_equal(calls, 1);
    provider_free(provider);
}

static void test_sev_guest_does_without_a_table_that_is_too_large(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {DEVICE_CERTS_MAX + 1, 40000, SNP_CERTTABLE_MAX + 1, UINT32_MAX};
    unsigned calls, alone;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct provider *provider = device_open();
        device.table_size = sizes[i];
        assert_false(device_gives_table(provider, &calls, &alone));
        assert_int_equal(calls, 2);
        assert_int_equal(alone, 1);
        for (int more = 0; more < 3; more++) {
            assert_false(device_gives_table(provider, &calls, &alone));
            assert_int_equal(calls, 1); /* it remembers */
            assert_int_equal(alone, 1);
        }
        provider_free(provider);
    }
}

static void test_sev_guest_takes_up_a_table_that_has_become_smaller(void **state)
{
    (void)state;
    unsigned calls, alone;
    struct provider *provider = device_open();
    device.table_size = DEVICE_CERTS_MAX + 1;
    assert_false(device_gives_table(provider, &calls, &alone));
    now_us += 61 * US_PER_SECOND;
    assert_false(device_gives_table(provider, &calls, &alone)); /* too large still */
    assert_int_equal(calls, 2);
    device.table_size = 5000;
    assert_false(device_gives_table(provider, &calls, &alone)); /* too early */
    assert_int_equal(calls, 1);
    now_us += 61 * US_PER_SECOND;
    for (int i = 0; i < 2; i++) {
        assert_true(device_gives_table(provider, &calls, &alone));
        assert_int_equal(calls, 1);
        assert_int_equal(alone, 0);
    }
    provider_free(provider);
}

static void test_sev_guest_failures_without_the_table_are_told_apart(void **state)
{
    (void)state;
    unsigned calls, alone;
    struct provider_report report;
    struct provider *provider = device_open();
    device.table_size = DEVICE_CERTS_MAX + 1;
    assert_false(device_gives_table(provider, &calls, &alone));
    device.error = ENOTTY;
    assert_int_equal(provider_report(provider, report_data, &report).code, ERR_KEY_LOST);
    assert_null(report.table);
    device.error = 0;
    device.status = 0x16;
    assert_int_equal(provider_report(provider, report_data, &report).code, ERR_DENIED);
    assert_null(report.table);
    provider_free(provider);
}

static void test_sev_guest_failures_are_told_apart(void **state)
{
    (void)state;
    provider_free(device_open());
    device.error = ENOTTY;
    expect_device_error(ERR_KEY_LOST, "ENOTTY");
    device.error = EBADMSG;
    expect_device_error(ERR_KEY_LOST, "reboot");
    device.error = ETIMEDOUT; /* throttled for a minute: exitinfo2 still says busy */
    device.vmm_error = 2;
    expect_device_error(ERR_KEY_LOST, "ETIMEDOUT");
    device.error = EIO;
    device.vmm_error = 2;
    expect_device_error(ERR_NOT_NOW, "throttles");
    device.vmm_error = 0;
    expect_device_error(ERR_SYSTEM, strerror(EIO));
    device.error = 0;
    device.status = 0x16;
    expect_device_error(ERR_DENIED, "status 22");
    device.status = 0;
    device.size = SNP_REPORT_SIZE - 1;
    expect_device_error(ERR_INPUT, "1183 bytes");
}

static void test_sev_guest_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct provider *provider = NULL;
    assert_int_equal(provider_sev_guest_open("/dev/sev-guest-that-is-not-there", &provider).code, ERR_NOT_FOUND);
    assert_int_equal(provider_sev_guest_open("/dev", &provider).code, ERR_SYSTEM);
    assert_null(provider);
}

static struct provider *tsm_open(const struct tsm_stand_in *tsm)
{
    struct provider *provider = NULL;
    struct err outcome = provider_tsm_open(tsm->root, "", &provider);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    return provider;
}

static void expect_tsm_error(const struct tsm_stand_in *tsm, enum err_code code, const char *why)
{
    struct provider *provider = tsm_open(tsm);
    struct provider_report report;
    struct err outcome = provider_report(provider, report_data, &report);
    if (outcome.code != code || !strstr(outcome.why, why))
        fail_msg("%d \"%s\"", outcome.code, outcome.why);
    assert_null(report.table);
    provider_free(provider);
}

static void test_tsm_gives_report_and_table(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    struct provider_report report;
    tsm_stand_in_open(&tsm);
    tsm.table = BYTES_LITERAL("certificates");
    struct provider *provider = tsm_open(&tsm);
    assert_string_equal(provider_name(provider), "tsm");
    assert_false(provider_is_simulated(provider));
    for (int i = 0; i < 3; i++) {
        assert_false(failed(provider_report(provider, report_data, &report)));
        assert_memory_equal(report.report + 0x50, report_data, sizeof report_data);
        assert_true(bytes_equal(bytes_of(report.table, report.table_size), tsm.table));
        provider_report_release(&report);
    }
    provider_free(provider);
    assert_string_equal(tsm.level, ""); /* the floor is 0: nothing to be written */
    tsm_stand_in_close(&tsm);
}

static void test_tsm_without_certificates_gives_no_table(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    struct provider_report report;
    tsm_stand_in_open(&tsm);
    tsm.has_auxblob = false;
    struct provider *provider = tsm_open(&tsm);
    assert_false(failed(provider_report(provider, report_data, &report)));
    assert_int_equal(report.table_size, 0);
    provider_report_release(&report);
    provider_free(provider);
    tsm_stand_in_close(&tsm);
}

static void test_tsm_asks_at_the_level_of_the_floor(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    struct provider_report report;
    tsm_stand_in_open(&tsm);
    tsm.floor = 2;
    struct provider *provider = tsm_open(&tsm);
    assert_false(failed(provider_report(provider, report_data, &report)));
    provider_report_release(&report);
    provider_free(provider);
    assert_string_equal(tsm.level, "2");
    tsm_stand_in_close(&tsm);
}

static void test_tsm_report_that_somebody_else_disturbed_is_refused(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    tsm_stand_in_open(&tsm);
    tsm.stray_writes = 1;
    expect_tsm_error(&tsm, ERR_NOT_NOW, "somebody else");
    tsm_stand_in_close(&tsm);
}

static void test_tsm_report_of_another_size_is_refused(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    tsm_stand_in_open(&tsm);
    tsm.report_size = SNP_REPORT_SIZE - 1;
    expect_tsm_error(&tsm, ERR_INPUT, "1183 bytes");
    tsm.report_size = SNP_REPORT_SIZE + 1;
    expect_tsm_error(&tsm, ERR_LIMIT, "more than 1184 bytes");
    tsm_stand_in_close(&tsm);
}

static void test_tsm_table_without_bounds_is_refused(void **state)
{
    (void)state;
    static const uint8_t big[SNP_CERTTABLE_MAX + 1];
    struct tsm_stand_in tsm;
    tsm_stand_in_open(&tsm);
    tsm.table = BYTES(big);
    expect_tsm_error(&tsm, ERR_LIMIT, "auxblob");
    tsm_stand_in_close(&tsm);
}

static void test_tsm_of_another_technology_is_not_found(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    struct provider *provider = NULL;
    tsm_stand_in_open(&tsm);
    tsm.technology = "tdx_guest";
    struct err outcome = provider_tsm_open(tsm.root, "", &provider);
    assert_int_equal(outcome.code, ERR_NOT_FOUND);
    assert_non_null(strstr(outcome.why, "tdx_guest"));
    tsm.technology = NULL;
    assert_int_equal(provider_tsm_open(tsm.root, "", &provider).code, ERR_NOT_FOUND);
    assert_int_equal(provider_tsm_open("/sys/kernel/config/there-is-no-such-thing", "", &provider).code, ERR_NOT_FOUND);
    assert_null(provider);
    tsm_stand_in_close(&tsm);
}

static void test_tsm_entry_belongs_to_the_user_whom_the_daemon_becomes(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    struct stat about;
    struct provider *provider = NULL;
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody)
        skip();
    tsm_stand_in_open(&tsm);
    assert_int_equal(provider_tsm_open(tsm.root, "there-is-no-such-user", &provider).code, ERR_NOT_FOUND);
    assert_false(failed(provider_tsm_open(tsm.root, "nobody", &provider)));
    assert_int_equal(stat(tsm.entry, &about), 0);
    assert_int_equal(about.st_uid, nobody->pw_uid);
    provider_free(provider);
    tsm_stand_in_close(&tsm);
}

/* Of another program, which holds it when *fd is wanted. */
static char *make_first_entry(const struct tsm_stand_in *tsm, int *fd)
{
    char *entry = mem_format("%s/pgvouch-0", tsm->root);
    assert_int_equal(__real_mkdir(entry, 0700), 0);
    if (fd) {
        *fd = open(entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(*fd, LOCK_EX), 0);
    }
    return entry;
}

static void test_tsm_entry_that_somebody_holds_is_left_alone(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    struct stat about;
    int fd;
    tsm_stand_in_open(&tsm);
    char *live = make_first_entry(&tsm, &fd);
    struct provider *provider = tsm_open(&tsm);
    assert_non_null(strstr(tsm.entry, "/pgvouch-1"));
    provider_free(provider);
    assert_int_equal(stat(live, &about), 0);
    assert_int_equal(rmdir(live), 0);
    close(fd);
    free(live);
    tsm_stand_in_close(&tsm);
}

static void test_tsm_entry_that_was_left_behind_is_taken(void **state)
{
    (void)state;
    struct tsm_stand_in tsm;
    tsm_stand_in_open(&tsm);
    free(make_first_entry(&tsm, NULL));
    struct provider *provider = tsm_open(&tsm);
    assert_non_null(strstr(tsm.entry, "/pgvouch-0"));
    provider_free(provider);
    tsm_stand_in_close(&tsm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sev_guest_gives_report_and_table),
        cmocka_unit_test(test_sev_guest_without_host_certificates_gives_no_table),
        cmocka_unit_test(test_sev_guest_reads_a_table_that_fills_the_room),
        cmocka_unit_test(test_sev_guest_does_without_a_table_that_is_too_large),
        cmocka_unit_test(test_sev_guest_takes_up_a_table_that_has_become_smaller),
        cmocka_unit_test(test_sev_guest_failures_without_the_table_are_told_apart),
        cmocka_unit_test(test_sev_guest_failures_are_told_apart),
        cmocka_unit_test(test_sev_guest_that_is_not_there_is_not_found),
        cmocka_unit_test(test_tsm_gives_report_and_table),
        cmocka_unit_test(test_tsm_without_certificates_gives_no_table),
        cmocka_unit_test(test_tsm_asks_at_the_level_of_the_floor),
        cmocka_unit_test(test_tsm_report_that_somebody_else_disturbed_is_refused),
        cmocka_unit_test(test_tsm_report_of_another_size_is_refused),
        cmocka_unit_test(test_tsm_table_without_bounds_is_refused),
        cmocka_unit_test(test_tsm_of_another_technology_is_not_found),
        cmocka_unit_test(test_tsm_entry_that_somebody_holds_is_left_alone),
        cmocka_unit_test(test_tsm_entry_that_was_left_behind_is_taken),
        cmocka_unit_test(test_tsm_entry_belongs_to_the_user_whom_the_daemon_becomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
