/*
 * provider_tsm.h: reports through configfs-tsm (Linux 6.7 and later; Documentation/ABI/testing/configfs-tsm).
 */
#ifndef ATTEST_PROVIDER_TSM_H
#define ATTEST_PROVIDER_TSM_H

#include "attest/provider.h"

#define PROVIDER_TSM_ROOT "/sys/kernel/config/tsm/report"

/* Makes an entry of our own under `root`, which provider_free removes. ERR_NOT_FOUND when there is no such directory or
 * what stands behind it is not SEV-SNP. `user` ("" for nobody else) is who the daemon becomes later: the entry is given
 * to that user. *out is the caller's. */
struct err provider_tsm_open(const char *root, const char *user, struct provider **out) MUST_CHECK;

#endif
