/*
 * kds.h: what AMD's key distribution service (KDS) is asked for: VCEKs, chains of authorities and revocation lists, and
 * how each is called in a URL and in a cache.
 *
 * AMD publication 57230. No network here: layer `attest` fetches. Pure functions; any thread.
 */
#ifndef SNP_KDS_H
#define SNP_KDS_H

#include "snp/report.h"
#include "snp/vek.h"

enum snp_kds_kind {
    SNP_KDS_VCEK,  /* DER; one chip's, for one TCB */
    SNP_KDS_CHAIN, /* PEM: ASK or ASVK, then ARK */
    SNP_KDS_CRL,   /* DER; the ARK's list of revoked ASKs or ASVKs */
};
/* "vcek", "chain", "crl". */
const char *snp_kds_kind_name(enum snp_kds_kind kind);

/* One thing that KDS has. */
struct snp_kds_item {
    enum snp_kds_kind kind;
    enum snp_product product;       /* not UNKNOWN */
    enum snp_vek_kind vek;          /* whose authorities: VCEK or VLEK; of SNP_KDS_VCEK always VCEK */
    uint8_t hwid[SNP_CHIP_ID_SIZE]; /* of SNP_KDS_VCEK: snp_product_chip_id_size bytes, then zeros */
    struct snp_tcb tcb;             /* of SNP_KDS_VCEK */
};

struct snp_kds_item snp_kds_vcek(enum snp_product product, const uint8_t hwid[SNP_CHIP_ID_SIZE], struct snp_tcb tcb);
struct snp_kds_item snp_kds_chain(enum snp_product product, enum snp_vek_kind vek);
struct snp_kds_item snp_kds_crl(enum snp_product product, enum snp_vek_kind vek);

#define SNP_KDS_PATH_SIZE 256
/* What follows the service's address: "/vcek/v1/Milan/<hwid>?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115". */
void snp_kds_path(const struct snp_kds_item *item, char out[SNP_KDS_PATH_SIZE]);

#define SNP_KDS_NAME_SIZE 192
/* A name for a file, of which different items have different ones: "vcek-milan-<hwid>-<tcb>.der". */
void snp_kds_name(const struct snp_kds_item *item, char out[SNP_KDS_NAME_SIZE]);

/* The longest content that is looked at. */
size_t snp_kds_size_max(enum snp_kds_kind kind);

#define SNP_KDS_CANDIDATES 2
/* Which VCEK may have signed a report, the likeliest first: a report of version 2 does not name its product, and then
 * it may be Milan's or Genoa's, unless `product` (UNKNOWN: not known) says so. ERR_UNSUPPORTED for one that a VLEK
 * signed, which KDS has not; ERR_INPUT when no key did, when CHIP_ID is masked, or the product is not known. */
struct err snp_kds_of_report(const struct snp_report *report, enum snp_product product,
                             struct snp_kds_item out[SNP_KDS_CANDIDATES], size_t *count) MUST_CHECK;

#endif
