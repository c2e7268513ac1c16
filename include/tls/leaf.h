/*
 * leaf.h: minting the TLS leaf certificate: drafted first, so that evidence can be made over what it will say, then
 * signed with the evidence in it.
 *
 * A draft belongs to one thread at a time; what leaf_sign returns is immutable. Leaf keys are ECDSA P-256, always new:
 * signing is cheap, and channel binding has a hash for it (never Ed25519).
 */
#ifndef TLS_LEAF_H
#define TLS_LEAF_H

#include "tls/authority.h"
#include "tls/certificate.h"
#include "tls/identity.h"

struct leaf_spec {
    const char *common_name; /* 1 to 64 characters of UTF-8 (RFC 5280, ub-common-name) */
    /* Comma-separated: "dns:NAME", "ip:ADDRESS", or either without its prefix, told apart by form. NULL or "": no
     * subjectAltName. A repeated entry is written once. */
    const char *san;
    int64_t not_before_s; /* since 1970 */
    int64_t not_after_s;
    bool for_server; /* extended key usages; at least one */
    bool for_client;
};

struct leaf;

/* Makes a key and everything of the certificate that does not depend on evidence. `issuer` must outlive the draft;
 * NULL: self-signed. The leaf never outlives its issuer: notAfter is cut to the issuer's. ERR_INPUT says what is wrong
 * with the spec. */
struct err leaf_draft(const struct leaf_spec *spec, const struct authority *issuer, struct leaf **out) MUST_CHECK;

/* What evidence binds. Views that live as long as the draft. */
const struct certificate_facts *leaf_facts(const struct leaf *leaf);
/* SHA-384 of the issuer's SubjectPublicKeyInfo; of the leaf's own when self-signed. SHA384_SIZE bytes, borrowed. */
const uint8_t *leaf_issuer_spki_sha384(const struct leaf *leaf);

/* Adds a non-critical extension: `oid` dotted, `value` the content of extnValue (DER), copied. */
struct err leaf_add_extension(struct leaf *leaf, const char *oid, struct bytes value) MUST_CHECK;

/* Signs: the identity holds the leaf, its key, and as chain the issuer and what stands above it, the root too: a
 * verifier needs the issuer's key to recompute REPORT_DATA. Called once; the draft is then only good for leaf_free. */
struct err leaf_sign(struct leaf *leaf, struct tls_identity **out) MUST_CHECK;

/* NULL does nothing. What leaf_sign returned stays. */
void leaf_free(struct leaf *leaf);

/* Whether a text is a list of names for leaf_spec.san; ERR_INPUT says which entry is not. */
struct err leaf_check_san(const char *san) MUST_CHECK;

#endif
