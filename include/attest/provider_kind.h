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
    /* Fills report and table; *out is zeroed before, and on failure holds nothing. */
    struct err (*report)(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                         struct provider_report *out);
    void (*interrupt)(struct provider *provider); /* NULL: a report under way cannot be cut short */
    void (*free)(struct provider *provider);
};

struct provider {
    const struct provider_kind *kind;
};

#endif
