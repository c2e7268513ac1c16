/*
 * verify.h: the whole verification of a report: signature, chain, certificate against report, consistency.
 *
 * Not here: what REPORT_DATA binds, and any policy; layer `attest` does both. Any thread; nothing is kept but in the
 * cache that the caller gives.
 */
#ifndef SNP_VERIFY_H
#define SNP_VERIFY_H

#include "snp/certtable.h"
#include "snp/checklist.h"
#include "snp/lineage.h"
#include "snp/report.h"

/* Views; certificates and lists are DER or PEM. Of vek, vcek and vlek exactly one must be there: `vek` where the bearer
 * does not say which kind it is. */
struct snp_evidence {
    struct bytes report;
    struct bytes vek;
    struct bytes vcek;
    struct bytes vlek;
    struct bytes intermediate; /* optional when AMD's own fits */
    struct bytes ark;          /* optional; never trusted for itself */
    struct bytes crl;          /* optional; see revocation.h for what it counts */
};

/* Takes the certificates of a table over; `report` stays. */
void snp_evidence_take_table(struct snp_evidence *evidence, const struct snp_certtable *table);

struct snp_trust {
    int64_t now_s;                 /* time of check, since 1970 */
    const struct snp_arks *arks;   /* roots beside AMD's; may be NULL */
    struct snp_chain_cache *cache; /* may be NULL */
    enum snp_crl_mode crl_mode;
    int64_t crl_max_age_s;             /* 0: a list is good until its next update */
    const struct snp_crl *const *crls; /* lists from disk or KDS: those for keys of the report's kind */
    size_t crl_count;
    const struct snp_crl *const *other_crls; /* likewise, those for keys of the other kind */
    size_t other_crl_count;
    struct bytes crl; /* DER or PEM: one that the caller names, and that must speak, whatever crl_mode; empty: none */
    bool allow_masked_chip_id; /* MASK_CHIP_ID with a VCEK: CHIP_ID zero is let through */
};

/* What the evidence says; to be believed only when the checklist has no failure. */
struct snp_facts {
    bool report_is_read;
    struct snp_report report;
    bool vek_is_read;
    struct snp_vek vek;
    enum snp_product product; /* UNKNOWN when the sources disagree or none tells */
    enum snp_root_kind root;
    bool simulated; /* the chain's root is the software PSP's: snp_ark_is_simulated */
    uint8_t ark_spki_sha256[SNP_SPKI_SHA256_SIZE];
    bool crl_was_used;
    bool signature_holds;  /* both checks of it passed */
    int64_t valid_until_s; /* earliest end of certificates and of the list used; 0 when the chain did not verify */
};

/* Names of the checks, in this order. All are always appended, whatever the outcome of those before; one that cannot
 * be made because an earlier one failed is a failure, too (skipped is said only of what does not apply). */
#define SNP_CHECK_REPORT_LENGTH       "report_length"
#define SNP_CHECK_REPORT_VERSION      "report_version"
#define SNP_CHECK_SIGNATURE_ALGORITHM "signature_algorithm"
#define SNP_CHECK_UNSIGNED_BYTES      "unsigned_bytes"
#define SNP_CHECK_VEK_CERTIFICATE     "vek_certificate"
#define SNP_CHECK_VEK_EXTENSIONS      "vek_extensions"
#define SNP_CHECK_CHAIN               "chain"
#define SNP_CHECK_CHAIN_ROOT          "chain_root"
#define SNP_CHECK_CHAIN_VALIDITY      "chain_validity"
#define SNP_CHECK_CHAIN_REVOCATION    "chain_revocation"
#define SNP_CHECK_REPORT_SIGNATURE    "report_signature"
#define SNP_CHECK_KEY_KIND            "key_kind"
#define SNP_CHECK_PRODUCT             "product"
#define SNP_CHECK_CHIP_ID             "chip_id"
#define SNP_CHECK_CSP_ID              "csp_id"
#define SNP_CHECK_TCB                 "certificate_tcb"
#define SNP_CHECK_REPORTED_TCB        "reported_tcb"
#define SNP_CHECK_COMMITTED_TCB       "committed_tcb"
#define SNP_CHECK_COMMITTED_VERSION   "committed_version"
/* All of them, for a list of what must be there. */
#define SNP_CHECKS                                                                                                     \
    SNP_CHECK_REPORT_LENGTH, SNP_CHECK_REPORT_VERSION, SNP_CHECK_SIGNATURE_ALGORITHM, SNP_CHECK_UNSIGNED_BYTES,        \
        SNP_CHECK_VEK_CERTIFICATE, SNP_CHECK_VEK_EXTENSIONS, SNP_CHECK_CHAIN, SNP_CHECK_CHAIN_ROOT,                    \
        SNP_CHECK_CHAIN_VALIDITY, SNP_CHECK_CHAIN_REVOCATION, SNP_CHECK_REPORT_SIGNATURE, SNP_CHECK_KEY_KIND,          \
        SNP_CHECK_PRODUCT, SNP_CHECK_CHIP_ID, SNP_CHECK_CSP_ID, SNP_CHECK_TCB, SNP_CHECK_REPORTED_TCB,                 \
        SNP_CHECK_COMMITTED_TCB, SNP_CHECK_COMMITTED_VERSION

/* Appends every check to `out` and fills `facts`. The evidence holds exactly when no check of `out` failed. */
void snp_verify(const struct snp_evidence *evidence, const struct snp_trust *trust, struct checklist *out,
                struct snp_facts *facts);
/* The same. *lineage is the caller's to drop; NULL when the chain did not verify. */
void snp_verify_keep(const struct snp_evidence *evidence, const struct snp_trust *trust, struct checklist *out,
                     struct snp_facts *facts, struct snp_lineage **lineage);

#endif
