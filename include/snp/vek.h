/*
 * vek.h: the certificate of the key that signs reports: VCEK (a chip's) or VLEK (a cloud's).
 *
 * Extensions: AMD publication 57230, OIDs 1.3.6.1.4.1.3704.1.*, found by the X.509 parser, never by looking for bytes;
 * one that stands twice is refused. Pure functions; any thread.
 */
#ifndef SNP_VEK_H
#define SNP_VEK_H

#include "snp/certificate.h"
#include "snp/tcb.h"

enum snp_vek_kind { SNP_VEK_UNKNOWN = 0, SNP_VEK_VCEK, SNP_VEK_VLEK };

#define SNP_VEK_NAME_SIZE   SNP_COMMON_NAME_SIZE
#define SNP_VEK_CSP_ID_SIZE 256

struct snp_vek {
    enum snp_vek_kind kind;              /* by the subject's common name: SEV-VCEK, SEV-VLEK */
    char issuer_name[SNP_VEK_NAME_SIZE]; /* common name of the issuer: SEV-Milan, SEV-VLEK-Genoa */
    enum snp_product issuer_product;     /* by the issuer's common name and the kind */
    int64_t not_before_s;                /* since 1970 */
    int64_t not_after_s;
    uint8_t sha256[32]; /* of the DER */

    bool has_struct_version;
    uint64_t struct_version;              /* 0: Milan, Genoa; 1: Turin */
    char product_name[SNP_VEK_NAME_SIZE]; /* "Milan-B0", "Genoa"; "" when absent */
    enum snp_product product;             /* by product_name */
    unsigned spl_present;                 /* bit n: extension .3.n is there, n = 1..9 */
    uint8_t spl[10];                      /* value of .3.n */
    size_t hwid_size;                     /* 0 when absent, 8, or 64 */
    uint8_t hwid[64];
    bool has_csp_id;
    char csp_id[SNP_VEK_CSP_ID_SIZE];
};

/* The facts of a VEK's certificate. ERR_INPUT, with `out` zeroed, when it is malformed: not X.509 version 3, neither
 * kind by name, key not on P-384, an extension twice or badly encoded, an unknown critical extension. Which extensions
 * must be there is snp_vek_complete's business. */
struct err snp_vek_read(X509 *certificate, struct snp_vek *out) MUST_CHECK;

/* ERR_DENIED when an extension is missing that kind and structVersion call for, or one is there that they forbid. */
struct err snp_vek_complete(const struct snp_vek *vek) MUST_CHECK;

/* The TCB that the SPLs stand for, with the layout that structVersion implies. */
struct snp_tcb snp_vek_tcb(const struct snp_vek *vek);
enum snp_tcb_layout snp_vek_tcb_layout(const struct snp_vek *vek);

/* "VCEK", "VLEK", "unknown". */
const char *snp_vek_kind_name(enum snp_vek_kind kind);

#endif
