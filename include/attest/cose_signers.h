/*
 * cose_signers.h: the keys of those whose signatures count, and whether a COSE_Sign1 is by one of them.
 *
 * ECDSA (RFC 9053 section 2.1), each algorithm with one curve: ES256 with P-256, ES384 with P-384, ES512 with P-521.
 * Filled by one thread; then immutable, and any thread may ask.
 */
#ifndef ATTEST_COSE_SIGNERS_H
#define ATTEST_COSE_SIGNERS_H

#include "attest/cose.h"

#define COSE_SIGNERS_MAX 64

/* "ES256", …; "unknown". */
const char *cose_algorithm_name(int64_t algorithm);

struct cose_signers;
struct cose_signers *cose_signers_new(void);
void cose_signers_free(struct cose_signers *signers); /* NULL does nothing */
size_t cose_signers_count(const struct cose_signers *signers);

/* Adds the keys of a PEM text: certificates and public keys, at least one, all of them on a curve of the above. Whether
 * a certificate chains to anything is not asked: whoever names it trusts its key. ERR_INPUT, ERR_LIMIT. */
struct err cose_signers_add(struct cose_signers *signers, struct bytes pem) MUST_CHECK;

/* Seconds since 1970, both inclusive. */
struct cose_span {
    int64_t not_before_s, not_after_s;
};
/* Without overlaps, in no order. */
struct cose_spans {
    struct cose_span span[COSE_SIGNERS_MAX];
    size_t count;
};

/* Whose signature it is: ERR_DENIED when it is none of the signers', ERR_UNSUPPORTED for another algorithm. *out is
 * when any certificate of that signer's key is valid, at least one span; INT64_MIN to INT64_MAX of a bare key. */
struct err cose_signers_verify(const struct cose_signers *signers, const struct cose_sign1 *sign1,
                               struct cose_spans *out) MUST_CHECK;

#endif
