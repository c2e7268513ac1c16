/*
 * kds_options.h: how AMD's KDS is reached and what is kept of it: the kds_* settings, with their files read.
 *
 * Immutable once read, and counted; any thread.
 */
#ifndef ATTEST_KDS_OPTIONS_H
#define ATTEST_KDS_OPTIONS_H

#include "config/settings.h"
#include "snp/roots.h"

#include <stdatomic.h>

struct kds_options {
    _Atomic unsigned references;
    char *url;             /* without a slash at its end */
    char *folder;          /* of the cache; "": memory alone */
    char *ca_file;         /* "": the system's */
    char *proxy;           /* "": the environment's; "none" */
    struct snp_arks *arks; /* beside AMD's; may be empty */
    bool offline;
    int64_t timeout_us;
    int64_t interval_us;
    int64_t negative_us;
    int64_t crl_refresh_us;
};

/* `arks`, which may be NULL, are believed beside those of kds_ark_file. ERR_INPUT, ERR_SYSTEM name the setting whose
 * file cannot be used. One reference of *out is the caller's. */
struct err kds_options_read(const struct settings *set, const struct snp_arks *arks,
                            struct kds_options **out) MUST_CHECK;
struct kds_options *kds_options_ref(struct kds_options *options);
void kds_options_drop(struct kds_options *options); /* NULL does nothing */

#endif
