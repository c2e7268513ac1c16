/*
 * verifier.h: a certificate's evidence, or a report by itself, from its bytes to the verdict. The only maker of
 * verdicts.
 *
 * Takes about a millisecond (P-384) plus the chain when it is new: for the crew, never on a loop. Any thread.
 */
#ifndef ATTEST_VERIFIER_H
#define ATTEST_VERIFIER_H

#include "attest/crls.h"
#include "attest/nonces.h"
#include "attest/verdict.h"
#include "attest/verified.h"

enum verify_role {
    VERIFY_SERVER,
    VERIFY_CLIENT,
    VERIFY_FILE, /* no session at all: TLS version and nonce are not asked for. Nobody is let in by such a verdict */
};

/* All borrowed for the call. */
struct verify_request {
    enum verify_role role;   /* whose evidence: a client's must answer a nonce, a server's certificate carries none */
    X509 *certificate;       /* the peer's leaf, whose key the handshake proved; NULL: it showed none */
    STACK_OF(X509) * others; /* what it sent besides, for the issuer's key; may be NULL */
    bool is_tls13;
    /* NULL: signature, chain to AMD's roots, binding and times alone. A client is then denied. */
    const struct policy *policy;
    struct nonces *nonces;          /* NULL: the server's nonces are not known (policy nonce.source any, or deny) */
    int64_t nonces_now_us;          /* with them: clock_boot_us */
    struct bytes expected_nonce;    /* not empty: the evidence must carry exactly this, whatever the role and source */
    struct snp_chain_cache *chains; /* may be NULL */
    struct verified *verified;      /* may be NULL */
    struct kds *kds; /* for evidence without certificates: what is at hand there, never the network; may be NULL */
    const struct crl_set *crls; /* may be NULL */
    /* The caller's, for evidence that comes without certificates; its report is not looked at. May be NULL. */
    const struct snp_evidence *lent;
    int64_t now_us; /* wall clock */
};

/* Names of the checks that come before and after those of snp/verify.h and attest/judge.h. */
#define VERIFY_CHECK_TLS      "tls_version"
#define VERIFY_CHECK_EVIDENCE "evidence"      /* there, once, and well formed: without it nothing else is checked */
#define VERIFY_CHECK_FORMAT   "format"        /* one that the policy accepts */
#define VERIFY_CHECK_BINDING  "binding"       /* REPORT_DATA, or a quote, is about this very certificate */
#define VERIFY_CHECK_VALIDITY "leaf_validity" /* of the certificate, now */
#define VERIFY_CHECK_ISSUED   "issued_at"     /* not in the future, nor after the certificate's end */
#define VERIFY_CHECK_POLICY   "policy"        /* skipped, and only there where no policy was given */

/* Fills an initialised verdict; the caller releases it. */
void verify_certificate(const struct verify_request *request, struct verdict *out);

/* A report and its certificates, without a certificate that it would be about. All borrowed for the call. */
struct verify_report_request {
    const struct snp_evidence *evidence;
    const struct bind *bind;            /* that came with it; NULL: none, and what REPORT_DATA binds is not looked at */
    const struct evidence_azure *azure; /* that came with it; NULL: none, REPORT_DATA is what the bind record says */
    struct bytes claims;                /* of an HCL report, which brings neither bind record nor quote; else empty */
    enum evidence_format format;    /* of what it came in, which a policy must accept; EVIDENCE_NONE: told by the three
                                     * members above, a bare report being in no format that a policy could name */
    const struct policy *policy;    /* NULL: signature, chain to AMD's roots, certificate against report, consistency */
    struct bytes expected_nonce;    /* not empty: `bind` must be there, vouched for, and hold exactly this */
    struct bytes expected_data;     /* not empty: REPORT_DATA must be this, for a caller who knows what it binds */
    struct snp_chain_cache *chains; /* may be NULL */
    enum snp_crl_mode crl_mode;
    struct kds *kds;            /* as of verify_request */
    const struct crl_set *crls; /* the same */
    int64_t now_us;             /* wall clock: the time of check */
};

/* As verify_certificate. */
void verify_report_alone(const struct verify_report_request *request, struct verdict *out);

#endif
