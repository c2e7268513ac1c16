#include "app/vouch_machine.h"

#include "attest/provider_sev_guest.h"
#include "attest/provider_tsm.h"
#include "base/mem.h"
#include "base/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define MACHINE_HAS_CPUID 1
#endif

#define CPUID_VENDOR   0U
#define CPUID_EXTENDED 0x80000000U
#define CPUID_SEV      0x8000001fU /* AMD publication 40332, "Encrypted Memory Capabilities" */
#define CPUID_SEV_SNP  4           /* of EAX */
#define MSR_SEV_STATUS 0xc0010131U /* AMD publication 40332, "SEV_STATUS" */
#define SEV_STATUS_SNP 2

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* Reads n bytes at an offset of a device below `root`. False with errno set. */
static bool machine_read_at(const char *root, const char *path, off_t offset, uint8_t *out, size_t n)
{
    char *whole = mem_format("%s%s", root, path);
    int fd = open(whole, O_RDONLY | O_CLOEXEC);
    free(whole);
    if (fd < 0)
        return false;
    ssize_t got = pread(fd, out, n, offset);
    int problem = got < 0 ? errno : EIO;
    close(fd);
    errno = problem;
    return got == (ssize_t)n;
}

/* From the device, as the kernel sees it, else from the processor. */
static bool machine_cpuid(const char *root, uint32_t leaf, struct cpuid *out)
{
    uint8_t bytes[16];
    if (machine_read_at(root, "/dev/cpu/0/cpuid", (off_t)leaf, bytes, sizeof bytes)) {
        struct reader r = reader_of(BYTES(bytes));
        out->eax = reader_u32_le(&r);
        out->ebx = reader_u32_le(&r);
        out->ecx = reader_u32_le(&r);
        out->edx = reader_u32_le(&r);
        return true;
    }
#ifdef MACHINE_HAS_CPUID
    if (*root == '\0') {
        __cpuid(leaf, out->eax, out->ebx, out->ecx, out->edx);
        return true;
    }
#endif
    return false;
}

static void machine_check_cpu(const char *root, struct checklist *out)
{
    const char *expected = "an AMD processor that shows SEV-SNP";
    struct cpuid id;
    char vendor[13] = "";
    if (!machine_cpuid(root, CPUID_VENDOR, &id)) {
        checklist_add(out, MACHINE_CPU, CHECK_FAIL, expected, "this machine answers no CPUID");
        return;
    }
    memcpy(vendor, &id.ebx, 4);
    memcpy(vendor + 4, &id.edx, 4);
    memcpy(vendor + 8, &id.ecx, 4);
    if (strcmp(vendor, "AuthenticAMD") != 0) {
        checklist_addf(out, MACHINE_CPU, CHECK_FAIL, expected, "CPUID says %s", vendor);
        return;
    }
    bool shown = machine_cpuid(root, CPUID_EXTENDED, &id) && id.eax >= CPUID_SEV &&
                 machine_cpuid(root, CPUID_SEV, &id) && (id.eax >> CPUID_SEV_SNP & 1) != 0;
    checklist_add(out, MACHINE_CPU, shown ? CHECK_PASS : CHECK_FAIL, expected,
                  shown ? "CPUID shows SEV-SNP" : "CPUID shows no SEV-SNP");
}

static void machine_check_guest(const char *root, struct checklist *out)
{
    const char *expected = "SEV-SNP is active here";
    uint8_t bytes[8];
    if (!machine_read_at(root, "/dev/cpu/0/msr", (off_t)MSR_SEV_STATUS, bytes, sizeof bytes)) {
        /* EIO: the processor has no such register, or its host does not show it to this guest. */
        const char *why = errno == EIO ? "the processor shows no SEV_STATUS"
                                       : "SEV_STATUS cannot be read: it takes root and the module msr";
        checklist_add(out, MACHINE_GUEST, errno == EIO ? CHECK_FAIL : CHECK_SKIPPED, expected, why);
        return;
    }
    struct reader r = reader_of(BYTES(bytes));
    bool active = (reader_u64_le(&r) >> SEV_STATUS_SNP & 1) != 0;
    checklist_add(out, MACHINE_GUEST, active ? CHECK_PASS : CHECK_FAIL, expected,
                  active ? "SEV_STATUS says so" : "SEV_STATUS says no: this is no SEV-SNP guest");
}

static bool machine_has(const char *root, const char *path)
{
    char *whole = mem_format("%s%s", root, path);
    bool there = access(whole, F_OK) == 0;
    free(whole);
    return there;
}

static void machine_check_device(const char *root, struct checklist *out)
{
    const char *expected = PROVIDER_TSM_ROOT " or " PROVIDER_SEV_GUEST_DEVICE;
    bool tsm = machine_has(root, PROVIDER_TSM_ROOT), sev_guest = machine_has(root, PROVIDER_SEV_GUEST_DEVICE);
    const char *found = tsm && sev_guest ? "both"
                        : tsm            ? PROVIDER_TSM_ROOT
                        : sev_guest      ? PROVIDER_SEV_GUEST_DEVICE
                                         : "neither: the kernel is no SEV-SNP guest's, or lacks the module sev-guest";
    checklist_add(out, MACHINE_DEVICE, tsm || sev_guest ? CHECK_PASS : CHECK_FAIL, expected, found);
}

void vouch_machine_probe(const char *root, struct checklist *out)
{
    machine_check_cpu(root, out);
    machine_check_guest(root, out);
    machine_check_device(root, out);
}
