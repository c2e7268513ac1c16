/*
 * snp_forge.h: for tests: a chain of our own with AMD's shapes, every part of which can be made wrong, and genuine
 * vectors. Whatever cannot be made fails the test.
 */
#ifndef TEST_SNP_FORGE_H
#define TEST_SNP_FORGE_H

#include "snp/verify.h"

#define FORGE_NOW_S INT64_C(1767225600) /* 2026-01-01 */
#define FORGE_DAY_S INT64_C(86400)

/* Made once for a program by forge_begin: RSA-4096 keys take seconds. All of product Milan. */
struct forge {
    EVP_PKEY *ark_key, *ask_key, *vek_key;
    X509 *ark, *ask, *asvk;
    struct snp_arks *trusts_ark; /* our ARK, by certificate */
};
extern struct forge forge;
int forge_begin(void **state);
int forge_end(void **state);

/* A VEK's certificate. forge_vcek and forge_vlek fill a right one. */
struct forge_vek {
    const char *common_name;
    EVP_PKEY *key, *issuer_key;
    X509 *issuer;
    enum snp_product product;
    const char *product_name; /* NULL: the product's */
    struct snp_tcb tcb;
    uint8_t hwid[64];
    size_t hwid_size;
    bool hwid_is_wrapped;
    const char *csp_id;
    const char *without; /* the extension left out: "3.8" */
    const char *twice;   /* the extension that stands twice */
    bool has_unknown_critical;
    bool is_pkcs1;
    bool has_short_salt;
    int64_t not_before_s, not_after_s;
};
struct forge_vek forge_vcek(void);
struct forge_vek forge_vlek(void);
X509 *forge_certify(const struct forge_vek *plan);

/* Where AMD hands lists out: what the certificates of ASKs and ARKs say, and those of ASVKs. */
#define FORGE_VCEK_LISTS "https://kdsintf.amd.com/vcek/v1/Milan/crl"
#define FORGE_VLEK_LISTS "https://kdsintf.amd.com/vlek/v1/Milan/crl"

/* An authority's certificate with the given keys; issuer NULL: self-signed. */
X509 *forge_authority(const char *common_name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);

/* A report that agrees with forge_vcek, or with forge_vlek. */
struct snp_report forge_report(enum snp_vek_kind kind);

/* Evidence with what it points to. forge_evidence makes it of a VEK's plan and a report that is signed here. */
struct forge_evidence {
    struct snp_evidence evidence;
    uint8_t report[SNP_REPORT_SIZE];
    struct bytes owned[4];
};
void forge_evidence(const struct forge_vek *plan, const struct snp_report *report, struct forge_evidence *out);
void forge_evidence_free(struct forge_evidence *evidence);
struct bytes forge_der(X509 *certificate); /* OPENSSL_free */

/* A list by `key` under the name of `issuer`, naming `revoked` (may be NULL); next_s 0: no next update. */
struct bytes forge_crl(X509 *issuer, EVP_PKEY *key, X509 *revoked, int64_t this_s, int64_t next_s); /* OPENSSL_free */

/* The same with an issuingDistributionPoint, as OpenSSL's x509v3_config(5) writes it. */
struct bytes forge_crl_of(X509 *issuer, EVP_PKEY *key, X509 *revoked, int64_t this_s, int64_t next_s,
                          const char *scope); /* OPENSSL_free */

/* Trust in our ARK at FORGE_NOW_S, without lists. */
struct snp_trust forge_trust(void);

/* Verifies, checks that every check stands in its place, and gives the first failed one, or NULL when all held. */
const char *forge_failure(const struct snp_evidence *evidence, const struct snp_trust *trust);
/* Whether a check has the outcome. */
bool forge_outcome_is(const struct snp_evidence *evidence, const struct snp_trust *trust, const char *check,
                      enum check_outcome outcome);

/* Genuine vectors: $PGVOUCH_VECTORS, else ../shared/vectors beside the sources. NULL when they are not there. */
const char *vectors_directory(void);
/* A file's bytes (free()), empty when there is none. */
struct bytes vectors_read(const char *folder, const char *file);

#endif
