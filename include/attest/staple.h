/*
 * staple.h: a device that gives reports without their certificate, made to look like one that gives both: what is
 * missing comes from KDS and goes into the table beside the report. Whatever the device is.
 *
 * A certificate that is not that of the report's key is as good as none: hosts hand out old ones after their firmware
 * was changed. So is a table that cannot be read, which is left out. Where KDS has no other, one that does not fit
 * stays.
 *
 * Threads as in provider.h.
 */
#ifndef ATTEST_STAPLE_H
#define ATTEST_STAPLE_H

#include "attest/kds.h"
#include "attest/provider_kind.h"

/* Lent to whoever asks for reports, as a provider; it owns nothing and is not freed. */
struct staple {
    struct provider provider;
    struct provider *device;
    struct kds *kds;
    struct err missing; /* why the last report came without its own certificate; OK: it did not */
};

/* Both are borrowed; `kds` NULL: what the device gives is all there is. */
void staple_init(struct staple *staple, struct provider *device, struct kds *kds);

#endif
