/*
 * provider_sev_guest.h: reports through the ioctls of /dev/sev-guest (Documentation/virt/coco/sev-guest.rst).
 */
#ifndef ATTEST_PROVIDER_SEV_GUEST_H
#define ATTEST_PROVIDER_SEV_GUEST_H

#include "attest/provider.h"

#define PROVIDER_SEV_GUEST_DEVICE "/dev/sev-guest"

/* ERR_NOT_FOUND when there is no such device. *out is the caller's. */
struct err provider_sev_guest_open(const char *device, struct provider **out) MUST_CHECK;

#endif
