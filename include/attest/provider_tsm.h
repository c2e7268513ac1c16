/*
 * provider_tsm.h: reports through configfs-tsm (Linux 6.7 and later; Documentation/ABI/testing/configfs-tsm).
 */
#ifndef ATTEST_PROVIDER_TSM_H
#define ATTEST_PROVIDER_TSM_H

#include "attest/provider.h"

#define PROVIDER_TSM_ROOT "/sys/kernel/config/tsm/report"

/* Makes an entry of our own under `root`. It is locked (flock) while we live; provider_free removes it, or, without the
 * right to, leaves it for the next start, which takes entries that nobody holds. One that somebody removes is made anew
 * by whoever may. ERR_NOT_FOUND when there is no such directory or what stands behind it is not SEV-SNP; ERR_DENIED
 * without the right to make an entry. `user` ("" for nobody else) is who the daemon becomes later: the entry is given
 * to that user. *out is the caller's. */
struct err provider_tsm_open(const char *root, const char *user, struct provider **out) MUST_CHECK;

#endif
