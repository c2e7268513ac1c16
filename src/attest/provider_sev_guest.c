#include "attest/provider_sev_guest.h"

#include "attest/provider_kind.h"
#include "base/mem.h"
#include "base/reader.h"
#include "snp/certtable.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As <linux/sev-guest.h> has them; the header itself changed the names of its fields between versions. */
struct sev_guest_request {
    uint8_t msg_version;
    uint64_t req_data;
    uint64_t resp_data;
    uint64_t exitinfo2; /* upper half: of the host, lower half: of the firmware */
};
static_assert(sizeof(struct sev_guest_request) == 32, "the layout is the kernel's");

struct sev_guest_ext_report_req {
    uint8_t user_data[64];
    uint32_t vmpl;
    uint8_t rsvd[28];
    uint64_t certs_address;
    uint32_t certs_len;
};
static_assert(sizeof(struct sev_guest_ext_report_req) == 112, "the layout is the kernel's");

#define SEV_GUEST_GET_EXT_REPORT  _IOWR('S', 0x2, struct sev_guest_request)
#define SEV_GUEST_MSG_VERSION     1
#define SEV_GUEST_VMM_INVALID_LEN 1
#define SEV_GUEST_VMM_BUSY        2
#define SEV_GUEST_RESPONSE_SIZE   4000
#define SEV_GUEST_RESPONSE_HEAD   0x20 /* MSG_REPORT_RSP: status, size, reserved */
#define SEV_GUEST_PAGE            4096
#define SEV_GUEST_CERTS_SIZE      16384

struct sev_guest {
    struct provider provider;
    char *device;
    int fd;
    size_t certs_size; /* what the host's table needed so far; whole pages */
};

static struct err sev_guest_failure(const struct sev_guest *guest, uint64_t exitinfo2)
{
    TRY(provider_check_key(errno, guest->device));
    if (exitinfo2 >> 32 == SEV_GUEST_VMM_BUSY)
        return err_make(ERR_NOT_NOW, "the host throttles attestation reports (%s)", guest->device);
    return err_system("%s gives no report (host error %u, firmware error %u)", guest->device,
                      (unsigned)(exitinfo2 >> 32), (unsigned)(exitinfo2 & UINT32_MAX));
}

/* The size that the kernel asks for after INVALID_LEN, in whole pages. */
static struct err sev_guest_grow(struct sev_guest *guest, uint32_t wanted)
{
    size_t size = ((size_t)wanted + SEV_GUEST_PAGE - 1) / SEV_GUEST_PAGE * SEV_GUEST_PAGE;
    if (size <= guest->certs_size || size > SNP_CERTTABLE_MAX)
        return err_make(ERR_LIMIT, "the host's table of certificates wants %u bytes", wanted);
    guest->certs_size = size;
    return OK;
}

static struct err sev_guest_read_response(const uint8_t *response, uint8_t report[SNP_REPORT_SIZE])
{
    struct reader r = reader_of(bytes_of(response, SEV_GUEST_RESPONSE_SIZE));
    uint32_t status = reader_u32_le(&r), size = reader_u32_le(&r);
    if (status != 0)
        return err_make(ERR_DENIED, "the firmware refuses a report (status %u)", status);
    if (size != SNP_REPORT_SIZE)
        return err_make(ERR_INPUT, "the firmware gives a report of %u bytes, not %d", size, SNP_REPORT_SIZE);
    reader_skip(&r, SEV_GUEST_RESPONSE_HEAD - 8);
    reader_copy(&r, report, SNP_REPORT_SIZE);
    return OK;
}

/* One call with the table in `certs`. *again: the table did not fit, and certs_size has grown. */
static struct err sev_guest_call(struct sev_guest *guest, const uint8_t *report_data, void *certs,
                                 uint8_t report[SNP_REPORT_SIZE], bool *again)
{
    uint8_t response[SEV_GUEST_RESPONSE_SIZE] = {0};
    struct sev_guest_ext_report_req ask = {.certs_address = (uintptr_t)certs, .certs_len = (uint32_t)guest->certs_size};
    struct sev_guest_request request = {
        .msg_version = SEV_GUEST_MSG_VERSION, .req_data = (uintptr_t)&ask, .resp_data = (uintptr_t)response};
    memcpy(ask.user_data, report_data, SNP_REPORT_DATA_SIZE);
    *again = false;
    if (ioctl(guest->fd, SEV_GUEST_GET_EXT_REPORT, &request) == 0)
        return sev_guest_read_response(response, report);
    if (request.exitinfo2 >> 32 != SEV_GUEST_VMM_INVALID_LEN)
        return sev_guest_failure(guest, request.exitinfo2);
    *again = true;
    return sev_guest_grow(guest, ask.certs_len);
}

static struct err sev_guest_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                                   struct provider_report *out)
{
    struct sev_guest *guest = (struct sev_guest *)provider;
    struct err outcome;
    bool again;
    do {
        void *certs = NULL;
        if (posix_memalign(&certs, SEV_GUEST_PAGE, guest->certs_size) != 0)
            return err_make(ERR_SYSTEM, "no memory for the host's table of certificates");
        memset(certs, 0, guest->certs_size);
        free(out->table);
        out->table = certs;
        out->table_size = guest->certs_size;
        outcome = sev_guest_call(guest, report_data, certs, out->report, &again);
    } while (again && !failed(outcome));
    if (failed(outcome))
        provider_report_release(out);
    else if (bytes_are_zero(bytes_of(out->table, out->table_size)))
        out->table_size = 0; /* the host gave none */
    return outcome;
}

static void sev_guest_free(struct provider *provider)
{
    struct sev_guest *guest = (struct sev_guest *)provider;
    close(guest->fd);
    free(guest->device);
    free(guest);
}

static const struct provider_kind sev_guest_kind = {
    .name = "sev-guest", .report = sev_guest_report, .free = sev_guest_free};

struct err provider_sev_guest_open(const char *device, struct provider **out)
{
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? err_make(ERR_NOT_FOUND, "there is no %s", device)
                               : err_system("cannot open %s", device);
    struct sev_guest *guest = NEW(struct sev_guest);
    guest->provider.kind = &sev_guest_kind;
    guest->device = mem_string(device);
    guest->fd = fd;
    guest->certs_size = SEV_GUEST_CERTS_SIZE;
    *out = &guest->provider;
    return OK;
}
