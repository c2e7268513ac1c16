/* Certificates: a peer's leaf with all that is asked of it, a VEK with its extensions, a chain as KDS gives it, and a
 * revocation list. */
#include "fuzz.h"

#include "attest/evidence.h"
#include "snp/crl.h"
#include "snp/kds_check.h"
#include "snp/vek.h"

static void take_leaf(struct bytes der)
{
    X509 *x509 = NULL;
    struct certificate certificate;
    struct evidence evidence;
    char *text = NULL;
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t hash_size;
    if (failed(certificate_parse(der, &x509)))
        return;
    bool has_evidence = !failed(evidence_find(x509, NULL, &evidence));
    if (!failed(certificate_read(x509, &certificate))) {
        if (has_evidence && failed(evidence_report_data(&evidence, &certificate, certificate.spki_sha384, hash)))
            MUST_HOLD(evidence.report.n > 0);
        certificate_release(&certificate);
    }
    evidence_release(&evidence);
    if (!failed(certificate_common_name(x509, &text)))
        free(text);
    if (!failed(certificate_subject_text(x509, &text)))
        free(text);
    (void)certificate_names_host(x509, "db.example.com");
    (void)!failed(certificate_end_point_hash(x509, hash, &hash_size));
    (void)certificate_find_issuer(x509, NULL);
    X509_free(x509);
}

static void take_vek(struct bytes bytes)
{
    X509 *x509 = NULL;
    struct snp_vek vek;
    if (failed(snp_certificate_parse(bytes, &x509)))
        return;
    if (!failed(snp_vek_read(x509, &vek)) && !failed(snp_vek_complete(&vek)))
        MUST_HOLD(vek.kind != SNP_VEK_UNKNOWN);
    X509_free(x509);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snp_kds_authorities authorities;
    struct snp_crl *crl = NULL;
    take_leaf(bytes_of(data, size));
    take_vek(bytes_of(data, size));
    if (!failed(snp_kds_chain_read(bytes_of(data, size), &authorities)))
        MUST_HOLD(authorities.ark.n > 0 && authorities.ark.n < size);
    if (!failed(snp_crl_parse(bytes_of(data, size), &crl)))
        snp_crl_free(crl);
    return 0;
}
