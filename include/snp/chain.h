/*
 * chain.h: ARK -> ASK or ASVK -> VEK.
 *
 * Signatures are RSASSA-PSS with SHA-384, MGF1-SHA-384 and a salt of 48 bytes, by RSA-4096 keys, and nothing else. The
 * root is one of AMD's, pinned in the program, or one that the caller adds; an ARK from the peer is never trusted for
 * itself: it only serves to supply a key whose hash the caller pinned. Any thread.
 */
#ifndef SNP_CHAIN_H
#define SNP_CHAIN_H

#include "snp/crl.h"
#include "snp/roots.h"

/* Outcome of the signatures and names; time and revocation are judged apart. */
enum snp_chain_state {
    SNP_CHAIN_GOOD,
    SNP_CHAIN_INTERMEDIATE_UNKNOWN,   /* none was given, and AMD has none of this name */
    SNP_CHAIN_INTERMEDIATE_MALFORMED, /* not a certificate, not a CA, or an extension twice */
    SNP_CHAIN_NAME_MISMATCH,          /* an issuer is not the subject above it, or the kinds do not fit */
    SNP_CHAIN_ALGORITHM,              /* a signature of another algorithm, or a key that is not RSA-4096 */
    SNP_CHAIN_VEK_SIGNATURE,          /* the intermediate did not sign the VEK */
    SNP_CHAIN_INTERMEDIATE_SIGNATURE, /* no root of that name signed the intermediate */
    SNP_CHAIN_ROOT_NOT_PINNED         /* the root is one that nobody trusts */
};

enum snp_root_kind { SNP_ROOT_NONE = 0, SNP_ROOT_AMD, SNP_ROOT_EXTRA };

/* A verified chain. Immutable and counted: snp_chain_release gives back what snp_chain_verify handed out. */
struct snp_chain {
    struct snp_vek vek;
    EVP_PKEY *vek_key;
    X509 *vek_certificate;
    X509 *intermediate;
    X509 *ark;
    enum snp_root_kind root;
    uint8_t ark_spki_sha256[SNP_SPKI_SHA256_SIZE];
    int64_t not_before_s; /* the latest of the three, since 1970 */
    int64_t not_after_s;  /* the earliest */
    uint8_t key[32];      /* of the cache: the evidence and the roots under which it verified */
    int references;       /* atomic */
};

/* What stands in the evidence, DER or PEM; all but `vek` may be empty. */
struct snp_chain_input {
    struct bytes vek;
    struct bytes intermediate;
    struct bytes ark;
};

struct snp_chain_cache;
/* Keeps up to `limit` chains that verified; the one unused for longest leaves first. Any thread may use it. */
struct snp_chain_cache *snp_chain_cache_new(size_t limit);
void snp_chain_cache_free(struct snp_chain_cache *cache);
size_t snp_chain_cache_count(struct snp_chain_cache *cache);

/* Builds the chain. GOOD: *out is the caller's to release. Anything else: *out is NULL and `why` says more. `arks` and
 * `cache` may be NULL. The VEK must already be known to be well formed: SNP_CHAIN_VEK_SIGNATURE otherwise. */
enum snp_chain_state snp_chain_verify(const struct snp_chain_input *input, const struct snp_arks *arks,
                                      struct snp_chain_cache *cache, struct snp_chain **out, struct err *why);
void snp_chain_release(struct snp_chain *chain);
/* One more for the caller to release. */
struct snp_chain *snp_chain_hold(struct snp_chain *chain);

/* "good", "root_not_pinned", … */
const char *snp_chain_state_name(enum snp_chain_state state);
/* "AMD", "extra", "none". */
const char *snp_root_kind_name(enum snp_root_kind kind);
#endif
