/*
 * provider_kind.h: what a kind of provider fills in, for the files provider_*.c.
 *
 * A kind's own struct begins with a struct provider. Threads as in provider.h.
 */
#ifndef ATTEST_PROVIDER_KIND_H
#define ATTEST_PROVIDER_KIND_H

#include "attest/provider.h"

struct provider_kind {
    const char *name;
    bool simulated;
    bool azure;
    int64_t throttled_us; /* a report that takes longer was throttled; 0: PACE_THROTTLED_US */
    /* Fills report and table; *out is zeroed before, and on failure holds nothing. */
    struct err (*report)(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                         struct provider_report *out);
    void (*interrupt)(struct provider *provider); /* NULL: a report under way cannot be cut short */
    void (*free)(struct provider *provider);
};

struct provider {
    const struct provider_kind *kind;
    struct pace *pace; /* NULL: reports are asked for at once */
};

/* What errno of a request to Linux's sev-guest driver says of the key between guest and processor, the VMPCK:
 * ERR_KEY_LOST, or OK when it is about something else. ENOTTY is the answer once the driver has wiped it; it wipes it
 * when a request stayed throttled for a minute (ETIMEDOUT) and when an answer cannot be decrypted (EBADMSG), because no
 * sequence number may be used twice (drivers/virt/coco/sev-guest). `where` names the device. errno stays as it is. */
struct err provider_check_key(int error, const char *where) MUST_CHECK;

/* ERR_DENIED: this process's user may not `act` ("open", "make an entry in") `where`; says what to do. */
struct err provider_lacks_right(const char *act, const char *where) MUST_CHECK;

#endif
