/* What a machine says of itself, on stand-ins for its devices. */
#include "app/vouch_machine.h"
#include "base/mem.h"
#include "tls_pair.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CPUID "/dev/cpu/0/cpuid"
#define MSR   "/dev/cpu/0/msr"

static const char *const folders[] = {"/sys", "/sys/kernel", "/sys/kernel/config", "/sys/kernel/config/tsm",
                                      "/dev", "/dev/cpu",    "/dev/cpu/0"};
static const char *const leaves[] = {CPUID, MSR, "/dev/sev-guest"};

/* A directory in place of /. */
struct machine {
    char *root;
    struct checklist checks;
};

static int setup(void **state)
{
    struct machine *machine = NEW(struct machine);
    machine->root = pair_make_directory();
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char *path = mem_format("%s%s", machine->root, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        free(path);
    }
    *state = machine;
    return 0;
}

static int teardown(void **state)
{
    struct machine *machine = *state;
    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        char *path = mem_format("%s%s", machine->root, leaves[i]);
        unlink(path);
        free(path);
    }
    char *tsm = mem_format("%s/sys/kernel/config/tsm/report", machine->root);
    rmdir(tsm);
    free(tsm);
    for (size_t i = sizeof folders / sizeof folders[0]; i > 0; i--) {
        char *path = mem_format("%s%s", machine->root, folders[i - 1]);
        rmdir(path);
        free(path);
    }
    checklist_free(&machine->checks);
    pair_remove_directory(machine->root);
    free(machine);
    return 0;
}

static void put(const struct machine *machine, const char *name, off_t offset, struct bytes content)
{
    char *path = mem_format("%s%s", machine->root, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, content.p, content.n, offset), content.n);
    close(fd);
}

/* Registers EAX, EBX, ECX, EDX, little-endian. */
static void put_cpu(const struct machine *machine, const char *vendor, uint8_t highest, uint8_t features)
{
    uint8_t first[16] = {0}, extended[16] = {highest, 0, 0, 0x80}, sev[16] = {features};
    memcpy(first + 4, vendor, 4);
    memcpy(first + 12, vendor + 4, 4);
    memcpy(first + 8, vendor + 8, 4);
    put(machine, CPUID, 0, BYTES(first));
    put(machine, CPUID, 0x80000000, BYTES(extended));
    put(machine, CPUID, 0x8000001f, BYTES(sev));
}

static void put_status(const struct machine *machine, uint8_t status)
{
    uint8_t value[8] = {status};
    put(machine, MSR, 0xc0010131, BYTES(value));
}

static const struct check *probe(struct machine *machine, const char *name)
{
    checklist_free(&machine->checks);
    vouch_machine_probe(machine->root, &machine->checks);
    const struct check *check = checklist_find(&machine->checks, name);
    assert_non_null(check);
    return check;
}

static void test_a_guest_with_everything_passes(void **state)
{
    struct machine *machine = *state;
    put_cpu(machine, "AuthenticAMD", 0x1f, 0x1a);
    put_status(machine, 0x07);
    put(machine, "/dev/sev-guest", 0, BYTES_LITERAL("x"));
    assert_int_equal(probe(machine, MACHINE_CPU)->outcome, CHECK_PASS);
    assert_int_equal(probe(machine, MACHINE_GUEST)->outcome, CHECK_PASS);
    assert_int_equal(probe(machine, MACHINE_DEVICE)->outcome, CHECK_PASS);
    assert_string_equal(probe(machine, MACHINE_DEVICE)->found, "/dev/sev-guest");
}

static void test_a_processor_without_snp_fails(void **state)
{
    struct machine *machine = *state;
    put_cpu(machine, "AuthenticAMD", 0x1f, 0x0a); /* SEV and SEV-ES alone */
    assert_int_equal(probe(machine, MACHINE_CPU)->outcome, CHECK_FAIL);
}

static void test_a_leaf_beyond_the_highest_says_nothing(void **state)
{
    struct machine *machine = *state;
    put_cpu(machine, "AuthenticAMD", 0x1e, 0x1a);
    assert_int_equal(probe(machine, MACHINE_CPU)->outcome, CHECK_FAIL);
}

static void test_a_processor_of_another_maker_fails_and_is_named(void **state)
{
    struct machine *machine = *state;
    put_cpu(machine, "GenuineIntel", 0x1f, 0x1a);
    assert_int_equal(probe(machine, MACHINE_CPU)->outcome, CHECK_FAIL);
    assert_non_null(strstr(probe(machine, MACHINE_CPU)->found, "GenuineIntel"));
}

static void test_a_machine_without_cpuid_fails(void **state)
{
    struct machine *machine = *state;
    assert_int_equal(probe(machine, MACHINE_CPU)->outcome, CHECK_FAIL);
}

static void test_a_guest_whose_status_says_no_fails(void **state)
{
    struct machine *machine = *state;
    put_status(machine, 0x03); /* SEV and SEV-ES active, SEV-SNP not */
    assert_int_equal(probe(machine, MACHINE_GUEST)->outcome, CHECK_FAIL);
}

static void test_a_status_that_cannot_be_asked_is_skipped_and_one_not_shown_fails(void **state)
{
    struct machine *machine = *state;
    assert_int_equal(probe(machine, MACHINE_GUEST)->outcome, CHECK_SKIPPED);
    put(machine, MSR, 0, BYTES_LITERAL("too short"));
    assert_int_equal(probe(machine, MACHINE_GUEST)->outcome, CHECK_FAIL);
}

static void test_a_machine_without_devices_fails(void **state)
{
    struct machine *machine = *state;
    assert_int_equal(probe(machine, MACHINE_DEVICE)->outcome, CHECK_FAIL);
    char *tsm = mem_format("%s/sys/kernel/config/tsm/report", machine->root);
    assert_int_equal(mkdir(tsm, 0700), 0);
    free(tsm);
    assert_string_equal(probe(machine, MACHINE_DEVICE)->found, "/sys/kernel/config/tsm/report");
    put(machine, "/dev/sev-guest", 0, BYTES_LITERAL("x"));
    assert_string_equal(probe(machine, MACHINE_DEVICE)->found, "both");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_guest_with_everything_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_processor_without_snp_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_leaf_beyond_the_highest_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_processor_of_another_maker_fails_and_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_machine_without_cpuid_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_guest_whose_status_says_no_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_status_that_cannot_be_asked_is_skipped_and_one_not_shown_fails, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_machine_without_devices_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
