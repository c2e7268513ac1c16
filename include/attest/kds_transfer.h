/*
 * kds_transfer.h: one request to KDS, by libcurl: HTTPS alone, verified, no redirect followed, bounded in size and
 * time.
 *
 * One thread at a time.
 */
#ifndef ATTEST_KDS_TRANSFER_H
#define ATTEST_KDS_TRANSFER_H

#include "attest/kds_options.h"
#include "base/bytes.h"

#include <curl/curl.h>

struct kds_transfer;

/* Of `path` (snp_kds_path) and an answer of at most `limit` bytes. The caller adds it to a multi handle of its own. */
struct err kds_transfer_new(const struct kds_options *options, const char *path, size_t limit,
                            struct kds_transfer **out) MUST_CHECK;
/* After it has been removed from the multi handle. NULL does nothing. */
void kds_transfer_free(struct kds_transfer *transfer);

CURL *kds_transfer_handle(struct kds_transfer *transfer);
const char *kds_transfer_url(const struct kds_transfer *transfer);

enum kds_answer {
    KDS_ANSWER_CONTENT,  /* there it is */
    KDS_ANSWER_NONE,     /* KDS has none, or never will for this request */
    KDS_ANSWER_UNUSABLE, /* not an answer of KDS: too long, a redirect */
    KDS_ANSWER_LATER,    /* KDS throttles or is in trouble, or cannot be reached */
};

struct kds_reply {
    enum kds_answer answer;
    bool throttled;        /* 429, or Retry-After */
    struct bytes content;  /* of KDS_ANSWER_CONTENT; lives as long as the transfer */
    int64_t retry_after_s; /* of KDS_ANSWER_LATER; 0: not said */
    struct err why;        /* of all but KDS_ANSWER_CONTENT */
};

/* What has come of a transfer that libcurl ended with `code`. */
void kds_transfer_judge(struct kds_transfer *transfer, CURLcode code, struct kds_reply *out);

#endif
