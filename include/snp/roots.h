/*
 * roots.h: which roots (ARKs) are believed: AMD's, pinned in the program, and those a policy adds.
 *
 * A set is built by one thread and then only read, by any number.
 */
#ifndef SNP_ROOTS_H
#define SNP_ROOTS_H

#include "snp/authority.h"
#include "snp/vek.h"

#define SNP_SPKI_SHA256_SIZE 32

/* SHA-256 of a certificate's SubjectPublicKeyInfo. */
void snp_spki_sha256(X509 *certificate, uint8_t out[SNP_SPKI_SHA256_SIZE]);

/* AMD's certificates as the program carries them; parsed once, borrowed for ever; NULL when unknown. Their pinned
 * hashes are verified when they are first asked for: a mismatch aborts. */
X509 *snp_amd_ark(enum snp_product product);
X509 *snp_amd_intermediate(enum snp_product product, enum snp_vek_kind kind); /* ASK for VCEK, ASVK for VLEK */
struct bytes snp_amd_ark_der(enum snp_product product);
struct bytes snp_amd_intermediate_der(enum snp_product product, enum snp_vek_kind kind);

/* Whether a hash is that of one of AMD's ARK keys. */
bool snp_amd_ark_is_pinned(const uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE]);

/* The organisation that every certificate of the software PSP (snp/psp.h) names as its own. */
#define SNP_SIMULATED_ORGANISATION "pgvouch software PSP (protects nothing)"

/* Whether an ARK says of itself that it is the software PSP's. Only what such a root owns to: who trusts a root that
 * hides it trusts that root. */
bool snp_ark_is_simulated(const X509 *ark);

/* ARKs that a policy trusts beside AMD's (`trusted_arks`). */
struct snp_arks;
struct snp_arks *snp_arks_new(void);
void snp_arks_free(struct snp_arks *arks);
/* A whole certificate (DER or PEM): its key is trusted as a root. ERR_INPUT when it is not a self-signed RSA-4096 ARK.
 */
struct err snp_arks_add_certificate(struct snp_arks *arks, struct bytes der_or_pem) MUST_CHECK;
/* By SHA-256 of the SubjectPublicKeyInfo; the certificate then has to come with the evidence. */
void snp_arks_add_spki_sha256(struct snp_arks *arks, const uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE]);
/* Every entry of another set, which may be NULL. */
void snp_arks_add_all(struct snp_arks *arks, const struct snp_arks *others);
/* Of NULL: nothing is trusted. */
bool snp_arks_trust(const struct snp_arks *arks, const uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE]);
/* Of NULL: 0. */
size_t snp_arks_count(const struct snp_arks *arks);
/* The certificate of an entry, borrowed from the set; NULL when only its hash was given. index < snp_arks_count. */
X509 *snp_arks_certificate(const struct snp_arks *arks, size_t index);
/* A hash of everything that was added, in its order: sets of the same digest trust the same. */
void snp_arks_digest(const struct snp_arks *arks, uint8_t out[32]);

#endif
