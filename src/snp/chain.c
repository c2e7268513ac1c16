#include "snp/chain.h"

#include "base/mem.h"
#include "snp/chain_cache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* A chain while it is being built. The certificates are counted references or NULL. */
struct chain_parts {
    struct snp_vek vek;
    X509 *vek_certificate;
    X509 *intermediate;
    X509 *ark;
    enum snp_product product; /* by the intermediate's name */
    enum snp_root_kind root;
    bool ark_is_from_peer;
};

static void parts_free(struct chain_parts *parts)
{
    X509_free(parts->vek_certificate);
    X509_free(parts->intermediate);
    X509_free(parts->ark);
}

static X509 *certificate_hold(X509 *certificate)
{
    if (certificate)
        X509_up_ref(certificate);
    return certificate;
}

static enum snp_chain_state chain_fail(enum snp_chain_state state, struct err *why, const char *sentence)
{
    *why = err_make(ERR_DENIED, "%s", sentence);
    return state;
}

static enum snp_chain_state chain_read_vek(const struct snp_chain_input *input, struct chain_parts *parts,
                                           struct err *why)
{
    *why = snp_certificate_parse(input->vek, &parts->vek_certificate);
    if (!failed(*why))
        *why = snp_vek_read(parts->vek_certificate, &parts->vek);
    return failed(*why) ? SNP_CHAIN_VEK_SIGNATURE : SNP_CHAIN_GOOD;
}

static enum snp_chain_state chain_read_intermediate(const struct snp_chain_input *input, struct chain_parts *parts,
                                                    struct err *why)
{
    if (input->intermediate.n == 0) {
        parts->intermediate = certificate_hold(snp_amd_intermediate(parts->vek.issuer_product, parts->vek.kind));
        if (!parts->intermediate)
            return chain_fail(SNP_CHAIN_INTERMEDIATE_UNKNOWN, why, "AMD has no authority of the issuer's name");
        return SNP_CHAIN_GOOD;
    }
    *why = snp_certificate_parse(input->intermediate, &parts->intermediate);
    if (!failed(*why))
        *why = snp_authority_check(parts->intermediate);
    return failed(*why) ? SNP_CHAIN_INTERMEDIATE_MALFORMED : SNP_CHAIN_GOOD;
}

/* Names are compared whole; the common names also say which kind of VEK and which product line. */
static enum snp_chain_state chain_check_names(struct chain_parts *parts, struct err *why)
{
    char subject[SNP_COMMON_NAME_SIZE], issuer[SNP_COMMON_NAME_SIZE];
    if (X509_NAME_cmp(X509_get_issuer_name(parts->vek_certificate), X509_get_subject_name(parts->intermediate)) != 0)
        return chain_fail(SNP_CHAIN_NAME_MISMATCH, why, "the intermediate is not the issuer that the VEK names");
    *why = snp_common_name(X509_get_subject_name(parts->intermediate), subject);
    if (!failed(*why))
        *why = snp_common_name(X509_get_issuer_name(parts->intermediate), issuer);
    if (failed(*why))
        return SNP_CHAIN_NAME_MISMATCH;
    parts->product = snp_product_of_common_name(subject, parts->vek.kind == SNP_VEK_VCEK ? "SEV-" : "SEV-VLEK-");
    if (parts->product == SNP_PRODUCT_UNKNOWN)
        return chain_fail(SNP_CHAIN_NAME_MISMATCH, why, "the intermediate's name is not of the VEK's kind");
    if (snp_product_of_common_name(issuer, "ARK-") != parts->product)
        return chain_fail(SNP_CHAIN_NAME_MISMATCH, why, "the intermediate's issuer is not the ARK of its product");
    return SNP_CHAIN_GOOD;
}

static enum snp_chain_state chain_check_algorithms(const struct chain_parts *parts, struct err *why)
{
    const X509_ALGOR *of_vek = NULL, *of_intermediate = NULL;
    X509_get0_signature(NULL, &of_vek, parts->vek_certificate);
    X509_get0_signature(NULL, &of_intermediate, parts->intermediate);
    if (!snp_algorithm_is_amd_pss(of_vek) || !snp_algorithm_is_amd_pss(of_intermediate))
        return chain_fail(SNP_CHAIN_ALGORITHM, why, "a signature is not RSASSA-PSS with SHA-384 and a salt of 48");
    if (!snp_key_is_rsa_4096(X509_get0_pubkey(parts->intermediate)))
        return chain_fail(SNP_CHAIN_ALGORITHM, why, "the key of the intermediate is not RSA-4096");
    return SNP_CHAIN_GOOD;
}

static bool chain_fits_root(const struct chain_parts *parts, X509 *ark)
{
    return ark && X509_NAME_cmp(X509_get_subject_name(ark), X509_get_issuer_name(parts->intermediate)) == 0 &&
           snp_certificate_is_signed_by(parts->intermediate, X509_get0_pubkey(ark));
}

static bool chain_find_trusted_root(struct chain_parts *parts, const struct snp_arks *arks)
{
    if (chain_fits_root(parts, snp_amd_ark(parts->product))) {
        parts->ark = certificate_hold(snp_amd_ark(parts->product));
        parts->root = SNP_ROOT_AMD;
        return true;
    }
    for (size_t i = 0; i < snp_arks_count(arks); i++)
        if (chain_fits_root(parts, snp_arks_certificate(arks, i))) {
            parts->ark = certificate_hold(snp_arks_certificate(arks, i));
            parts->root = SNP_ROOT_EXTRA;
            return true;
        }
    return false;
}

/* The peer's ARK supplies a key, which only a hash of the caller's can make a root. */
static enum snp_chain_state chain_try_root_of_peer(const struct snp_chain_input *input, struct chain_parts *parts,
                                                   const struct snp_arks *arks, struct err *why)
{
    X509 *ark = NULL;
    if (input->ark.n == 0 || failed(snp_certificate_parse(input->ark, &ark)) || !chain_fits_root(parts, ark)) {
        X509_free(ark);
        return chain_fail(SNP_CHAIN_INTERMEDIATE_SIGNATURE, why, "no known root signed the intermediate");
    }
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    snp_spki_sha256(ark, hash);
    if (!snp_arks_trust(arks, hash) || failed(snp_ark_check(ark))) {
        X509_free(ark);
        return chain_fail(SNP_CHAIN_ROOT_NOT_PINNED, why, "the root is neither AMD's nor one of trusted_arks");
    }
    parts->ark = ark;
    parts->root = SNP_ROOT_EXTRA;
    parts->ark_is_from_peer = true;
    return SNP_CHAIN_GOOD;
}

static enum snp_chain_state chain_check_signatures(const struct snp_chain_input *input, struct chain_parts *parts,
                                                   const struct snp_arks *arks, struct err *why)
{
    if (!snp_certificate_is_signed_by(parts->vek_certificate, X509_get0_pubkey(parts->intermediate)))
        return chain_fail(SNP_CHAIN_VEK_SIGNATURE, why, "the intermediate did not sign the VEK");
    if (chain_find_trusted_root(parts, arks))
        return SNP_CHAIN_GOOD;
    return chain_try_root_of_peer(input, parts, arks, why);
}

static enum snp_chain_state chain_build(const struct snp_chain_input *input, const struct snp_arks *arks,
                                        struct chain_parts *parts, struct err *why)
{
    enum snp_chain_state state = chain_read_vek(input, parts, why);
    if (state == SNP_CHAIN_GOOD)
        state = chain_read_intermediate(input, parts, why);
    if (state == SNP_CHAIN_GOOD)
        state = chain_check_names(parts, why);
    if (state == SNP_CHAIN_GOOD)
        state = chain_check_algorithms(parts, why);
    if (state == SNP_CHAIN_GOOD)
        state = chain_check_signatures(input, parts, arks, why);
    return state;
}

/* Narrows the chain's time to that of one certificate. Each was seen to have readable times; were it not so, the chain
 * would never be valid. */
static void chain_narrow(struct snp_chain *chain, const X509 *certificate)
{
    int64_t from = 0, until = 0;
    if (failed(snp_time_s(X509_get0_notBefore(certificate), &from)) ||
        failed(snp_time_s(X509_get0_notAfter(certificate), &until)))
        until = 0;
    if (from > chain->not_before_s)
        chain->not_before_s = from;
    if (until < chain->not_after_s)
        chain->not_after_s = until;
}

/* Takes the references of `parts` over. */
static struct snp_chain *chain_finish(struct chain_parts *parts)
{
    struct snp_chain *chain = NEW(struct snp_chain);
    chain->references = 1;
    chain->vek = parts->vek;
    chain->vek_certificate = parts->vek_certificate;
    chain->vek_key = X509_get_pubkey(parts->vek_certificate);
    chain->intermediate = parts->intermediate;
    chain->ark = parts->ark;
    chain->root = parts->root;
    snp_spki_sha256(chain->ark, chain->ark_spki_sha256);
    chain->not_before_s = INT64_MIN;
    chain->not_after_s = INT64_MAX;
    chain_narrow(chain, chain->vek_certificate);
    chain_narrow(chain, chain->intermediate);
    chain_narrow(chain, chain->ark);
    return chain;
}

static bool hash_part(EVP_MD_CTX *hash, struct bytes part)
{
    uint64_t size = part.n;
    return EVP_DigestUpdate(hash, &size, sizeof(size)) == 1 && EVP_DigestUpdate(hash, part.p, part.n) == 1;
}

/* What the outcome depends on. The peer's ARK is left out where it changed nothing, so that nobody can fill the cache
 * with one chain under many. */
static bool chain_key(const struct snp_chain_input *input, const struct snp_arks *arks, struct bytes ark,
                      uint8_t key[32])
{
    uint8_t trust[32];
    snp_arks_digest(arks, trust);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && hash_part(hash, BYTES(trust)) &&
                hash_part(hash, input->vek) && hash_part(hash, input->intermediate) && hash_part(hash, ark) &&
                EVP_DigestFinal_ex(hash, key, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return done;
}

static bool chain_is_too_long(const struct snp_chain_input *input)
{
    return input->vek.n > SNP_CERTIFICATE_MAX || input->intermediate.n > SNP_CERTIFICATE_MAX ||
           input->ark.n > SNP_CERTIFICATE_MAX;
}

static struct snp_chain *chain_find_cached(const struct snp_chain_input *input, const struct snp_arks *arks,
                                           struct snp_chain_cache *cache)
{
    uint8_t key[32];
    if (!cache || chain_is_too_long(input))
        return NULL;
    struct snp_chain *chain = chain_key(input, arks, BYTES_NONE, key) ? snp_chain_cache_find(cache, key) : NULL;
    if (!chain && input->ark.n > 0 && chain_key(input, arks, input->ark, key))
        chain = snp_chain_cache_find(cache, key);
    return chain;
}

enum snp_chain_state snp_chain_verify(const struct snp_chain_input *input, const struct snp_arks *arks,
                                      struct snp_chain_cache *cache, struct snp_chain **out, struct err *why)
{
    *why = OK;
    *out = chain_find_cached(input, arks, cache);
    if (*out)
        return SNP_CHAIN_GOOD;
    struct chain_parts parts = {0};
    enum snp_chain_state state = chain_build(input, arks, &parts, why);
    if (state != SNP_CHAIN_GOOD) {
        parts_free(&parts);
        return state;
    }
    struct snp_chain *chain = chain_finish(&parts);
    if (chain_key(input, arks, parts.ark_is_from_peer ? input->ark : BYTES_NONE, chain->key))
        snp_chain_cache_keep(cache, chain);
    *out = chain;
    return SNP_CHAIN_GOOD;
}

struct snp_chain *snp_chain_hold(struct snp_chain *chain)
{
    __atomic_add_fetch(&chain->references, 1, __ATOMIC_RELAXED);
    return chain;
}

void snp_chain_release(struct snp_chain *chain)
{
    if (!chain || __atomic_sub_fetch(&chain->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    X509_free(chain->vek_certificate);
    X509_free(chain->intermediate);
    X509_free(chain->ark);
    EVP_PKEY_free(chain->vek_key);
    free(chain);
}

const char *snp_chain_state_name(enum snp_chain_state state)
{
    switch (state) {
    case SNP_CHAIN_GOOD:
        return "good";
    case SNP_CHAIN_INTERMEDIATE_UNKNOWN:
        return "intermediate_unknown";
    case SNP_CHAIN_INTERMEDIATE_MALFORMED:
        return "intermediate_malformed";
    case SNP_CHAIN_NAME_MISMATCH:
        return "name_mismatch";
    case SNP_CHAIN_ALGORITHM:
        return "algorithm";
    case SNP_CHAIN_VEK_SIGNATURE:
        return "vek_signature";
    case SNP_CHAIN_INTERMEDIATE_SIGNATURE:
        return "intermediate_signature";
    case SNP_CHAIN_ROOT_NOT_PINNED:
        return "root_not_pinned";
    }
    return "unknown";
}

const char *snp_root_kind_name(enum snp_root_kind kind)
{
    switch (kind) {
    case SNP_ROOT_AMD:
        return "AMD";
    case SNP_ROOT_EXTRA:
        return "extra";
    case SNP_ROOT_NONE:
        break;
    }
    return "none";
}
