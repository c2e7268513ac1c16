/*
 * kds_store.h: what KDS has given, in memory and on disk: only what was found to be what it claims, when it came and
 * whenever it is read again. Any thread.
 */
#ifndef ATTEST_KDS_STORE_H
#define ATTEST_KDS_STORE_H

#include "attest/kds_options.h"
#include "snp/kds_check.h"

#define KDS_STORE_MEMORY_MAX 256

struct kds_store;

struct kds_store *kds_store_new(void);
void kds_store_free(struct kds_store *store); /* NULL does nothing */
/* Forgets what is in memory: roots or folder have changed. */
void kds_store_forget(struct kds_store *store);

struct kds_kept {
    uint8_t *content; /* the caller's (free) */
    size_t size;
    int64_t stored_at_s; /* since 1970 */
    bool is_in_force;    /* false: a revocation list that has ended or begins later, and is due to be fetched */
};

/* False: there is none. A file that is not what its name says is removed, and a warning logged; a certificate that is
 * out of date is left for its successor, and not given out; so is a revocation list older than the one in memory, which
 * is given out instead. A revocation list is given out whether it is in force or not: it may revoke. May read a file.
 */
bool kds_store_find(struct kds_store *store, const struct kds_options *options, const struct snp_kds_item *item,
                    int64_t now_s, struct kds_kept *out);

/* Whether new bytes are the item (snp_kds_check), by the chain that is in store or AMD's own; a revocation list must
 * not be older than the one in store. ERR_NOT_NOW of a revocation list: it is that, by the right root and not older,
 * but not in force; nobody should be content with it, but it is to be kept (kds_store_keep). */
struct err kds_store_check(struct kds_store *store, const struct kds_options *options, const struct snp_kds_item *item,
                           struct bytes content, int64_t now_s) MUST_CHECK;
/* Keeps what was checked. That it cannot be kept on disk is logged, and no failure. */
void kds_store_keep(struct kds_store *store, const struct kds_options *options, const struct snp_kds_item *item,
                    struct bytes content, int64_t now_s);

#endif
