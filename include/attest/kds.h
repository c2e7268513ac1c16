/*
 * kds.h: AMD's key distribution service, asked seldom: equal questions are put once, answers are kept (kds_store.h),
 * and its pace and refusals are heeded (kds_notes.h).
 *
 * Requests run on a thread of its own, which begins with the first of them: nothing here waits for the network but
 * kds_get and kds_certify. Any thread may call all but kds_new, kds_adopt and kds_free (main).
 */
#ifndef ATTEST_KDS_H
#define ATTEST_KDS_H

#include "attest/kds_options.h"
#include "snp/certtable.h"
#include "snp/kds.h"

struct kds;

/* One reference of `options` is taken over. */
struct err kds_new(struct kds_options *options, struct kds **out) MUST_CHECK;
/* Ends the thread; what still waits is told ERR_NOT_NOW. NULL does nothing. */
void kds_free(struct kds *kds);

/* Other options from now on; one reference is taken over. */
void kds_adopt(struct kds *kds, struct kds_options *options);
/* The options in force; the caller drops the reference. */
struct kds_options *kds_options_of(struct kds *kds);

/* From here on everything that waits, and all that follows, fails soon with ERR_NOT_NOW. */
void kds_interrupt(struct kds *kds);

/* What is at hand, be it old, or a revocation list that is not in force (kds_store_find): memory and disk. *content
 * (free) holds *size bytes. Never the network. */
bool kds_find(struct kds *kds, const struct snp_kds_item *item, uint8_t **content, size_t *size);
/* Whether what is at hand is fresh, as kds_get has it: a list that is not in force never is. */
bool kds_has_fresh(struct kds *kds, const struct snp_kds_item *item);

/* `outcome` OK: `content`, checked and kept, is there for the call. */
typedef void kds_done(void *arg, const struct err *outcome, struct bytes content);

/* Asks KDS itself; `done` is called once, on KDS's thread, within kds_timeout, and must not block. ERR_NOT_FOUND: KDS
 * has none; ERR_NOT_NOW: offline, throttled, in trouble or out of reach; ERR_TIMEOUT; ERR_DENIED, ERR_INPUT, ERR_LIMIT:
 * what came is not what was asked for. */
void kds_ask(struct kds *kds, const struct snp_kds_item *item, kds_done *done, void *arg);

/* What is at hand while it is fresh (lists for kds_crl_refresh, chains a week, VCEKs for ever), else KDS is asked:
 * waits kds_timeout at most. When that fails, what is old has to do, but no list that is not in force. `fetched` (may
 * be NULL) says that it comes from KDS now. Errors as kds_ask. */
struct err kds_get(struct kds *kds, const struct snp_kds_item *item, uint8_t **content, size_t *size,
                   bool *fetched) MUST_CHECK;

/* The certificates that prove a report, in DER: `table` has views of them. */
struct kds_proof {
    uint8_t *vcek;
    unsigned char *intermediate; /* of OpenSSL's allocator; NULL: AMD's own */
    unsigned char *ark;
    struct snp_certtable table; /* vcek, intermediate, ark */
};

/* Finds or, when `may_fetch`, fetches them; blocks for up to twice kds_timeout then. `product` is of a report that does
 * not name its own, or UNKNOWN. Errors as kds_get and snp_kds_of_report. */
struct err kds_certify(struct kds *kds, const struct snp_report *report, enum snp_product product, bool may_fetch,
                       struct kds_proof *out) MUST_CHECK;
void kds_proof_release(struct kds_proof *proof);

/* Since the start. */
struct kds_counters {
    uint64_t requests;  /* sent */
    uint64_t fetched;   /* answers that were what was asked for */
    uint64_t missing;   /* KDS had none */
    uint64_t throttled; /* KDS asked to be left alone */
    uint64_t failed;    /* trouble, or out of reach */
    uint64_t refused;   /* answers that were not what was asked for */
    uint64_t at_hand;   /* found in memory or on disk */
    int64_t failed_at_us;
    char failure[ERR_WHY_SIZE]; /* the last of any kind; "": none */
};
void kds_read_counters(struct kds *kds, struct kds_counters *out);

#endif
