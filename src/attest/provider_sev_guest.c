#include "attest/provider_sev_guest.h"

#include "attest/provider_kind.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"

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

struct sev_guest_report_req {
    uint8_t user_data[64];
    uint32_t vmpl;
    uint8_t rsvd[28];
};
static_assert(sizeof(struct sev_guest_report_req) == 96, "the layout is the kernel's");

struct sev_guest_ext_report_req {
    struct sev_guest_report_req data;
    uint64_t certs_address;
    uint32_t certs_len;
};
static_assert(sizeof(struct sev_guest_ext_report_req) == 112, "the layout is the kernel's");

#define SEV_GUEST_GET_REPORT      _IOWR('S', 0x0, struct sev_guest_request)
#define SEV_GUEST_GET_EXT_REPORT  _IOWR('S', 0x2, struct sev_guest_request)
#define SEV_GUEST_MSG_VERSION     1
#define SEV_GUEST_VMM_INVALID_LEN 1
#define SEV_GUEST_VMM_BUSY        2
#define SEV_GUEST_RESPONSE_SIZE   4000
#define SEV_GUEST_RESPONSE_HEAD   0x20 /* MSG_REPORT_RSP: status, size, reserved */
#define SEV_GUEST_PAGE            4096
#define SEV_GUEST_CERTS_SIZE      0x4000               /* SEV_FW_BLOB_MAX_SIZE: to ask for more is EINVAL */
#define SEV_GUEST_REST_US         (60 * US_PER_SECOND) /* for which a table that is too large is not asked for again */

struct sev_guest {
    struct provider provider;
    char *device;
    int fd;
    bool table_is_too_large; /* was, when the host was asked last; the log has said so */
    int64_t table_again_us;  /* monotonic: not asked for before */
};

static struct err sev_guest_failure(const struct sev_guest *guest, uint64_t exitinfo2)
{
    TRY(provider_check_key(errno, guest->device));
    if (exitinfo2 >> 32 == SEV_GUEST_VMM_BUSY)
        return err_make(ERR_NOT_NOW, "the host throttles attestation reports (%s)", guest->device);
    return err_system("%s gives no report (host error %u, firmware error %u)", guest->device,
                      (unsigned)(exitinfo2 >> 32), (unsigned)(exitinfo2 & UINT32_MAX));
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

/* One call; `ask` is what its code takes. *exitinfo2 is there when it fails, and errno. */
static struct err sev_guest_call(const struct sev_guest *guest, unsigned long code, void *ask,
                                 uint8_t report[SNP_REPORT_SIZE], uint64_t *exitinfo2)
{
    uint8_t response[SEV_GUEST_RESPONSE_SIZE] = {0};
    struct sev_guest_request request = {
        .msg_version = SEV_GUEST_MSG_VERSION, .req_data = (uintptr_t)ask, .resp_data = (uintptr_t)response};
    bool is_made = ioctl(guest->fd, code, &request) == 0;
    *exitinfo2 = is_made ? 0 : request.exitinfo2;
    return is_made ? sev_guest_read_response(response, report) : sev_guest_failure(guest, request.exitinfo2);
}

static struct err sev_guest_report_alone(const struct sev_guest *guest, const uint8_t *report_data,
                                         uint8_t report[SNP_REPORT_SIZE])
{
    uint64_t exitinfo2;
    struct sev_guest_report_req ask = {0};
    memcpy(ask.user_data, report_data, SNP_REPORT_DATA_SIZE);
    return sev_guest_call(guest, SEV_GUEST_GET_REPORT, &ask, report, &exitinfo2);
}

/* The kernel gives the table no more room than we do, and such a request costs the host another one: for a while the
 * report is asked for alone. */
static void sev_guest_note_size(struct sev_guest *guest, uint32_t wanted)
{
    if (!guest->table_is_too_large)
        log_warning("the host's table of certificates wants %u bytes, and %s has room for %d: reports are asked for "
                    "without it",
                    wanted, guest->device, SEV_GUEST_CERTS_SIZE);
    guest->table_is_too_large = true;
    guest->table_again_us = clock_monotonic_us() + SEV_GUEST_REST_US;
}

/* *too_large: the table has no room, and there is no report either. */
static struct err sev_guest_report_with_table(struct sev_guest *guest, const uint8_t *report_data,
                                              struct provider_report *out, bool *too_large)
{
    uint64_t exitinfo2;
    void *certs = NULL;
    if (posix_memalign(&certs, SEV_GUEST_PAGE, SEV_GUEST_CERTS_SIZE) != 0)
        return err_make(ERR_SYSTEM, "no memory for the host's table of certificates");
    memset(certs, 0, SEV_GUEST_CERTS_SIZE);
    out->table = certs;
    struct sev_guest_ext_report_req ask = {.certs_address = (uintptr_t)certs, .certs_len = SEV_GUEST_CERTS_SIZE};
    memcpy(ask.data.user_data, report_data, SNP_REPORT_DATA_SIZE);
    struct err outcome = sev_guest_call(guest, SEV_GUEST_GET_EXT_REPORT, &ask, out->report, &exitinfo2);
    *too_large = outcome.code == ERR_SYSTEM && exitinfo2 >> 32 == SEV_GUEST_VMM_INVALID_LEN;
    if (*too_large)
        sev_guest_note_size(guest, ask.certs_len);
    else if (!failed(outcome))
        guest->table_is_too_large = false;
    if (!failed(outcome) && !bytes_are_zero(bytes_of(out->table, SEV_GUEST_CERTS_SIZE)))
        out->table_size = SEV_GUEST_CERTS_SIZE; /* else the host gave none */
    return outcome;
}

static struct err sev_guest_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                                   struct provider_report *out)
{
    struct sev_guest *guest = (struct sev_guest *)provider;
    struct err outcome = OK;
    bool alone = guest->table_is_too_large && clock_monotonic_us() < guest->table_again_us;
    if (!alone)
        outcome = sev_guest_report_with_table(guest, report_data, out, &alone);
    if (alone)
        outcome = sev_guest_report_alone(guest, report_data, out->report);
    if (failed(outcome))
        provider_report_release(out);
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
    *out = &guest->provider;
    return OK;
}
