#include "snp/roots.h"

#include "base/mem.h"
#include "snp/roots_data.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    X509 *x509;
    struct bytes der;
} roots[SNP_PRODUCT_COUNT][AMD_ROLES];
static pthread_once_t roots_once = PTHREAD_ONCE_INIT;

void snp_spki_sha256(X509 *certificate, uint8_t out[SNP_SPKI_SHA256_SIZE])
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    /* A certificate that was read has a key that can be written; were it not so, no hash may fit. */
    if (size > 0)
        SHA256(der, (size_t)size, out);
    else
        memset(out, 0, SNP_SPKI_SHA256_SIZE);
    OPENSSL_free(der);
}

bool snp_ark_is_simulated(const X509 *ark)
{
    const X509_NAME *subject = X509_get_subject_name(ark);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0;) {
        const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        if (bytes_equal(bytes_of(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)),
                        BYTES_LITERAL(SNP_SIMULATED_ORGANISATION)))
            return true;
    }
    return false;
}

static void roots_load_one(const struct amd_certificate *data)
{
    X509 *x509 = NULL;
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    struct err outcome = snp_certificate_parse(bytes_of_string(data->pem), &x509);
    if (!failed(outcome))
        snp_spki_sha256(x509, hash);
    unsigned char *der = NULL;
    int size = failed(outcome) ? -1 : i2d_X509(x509, &der);
    if (size <= 0 || memcmp(hash, data->spki_sha256, sizeof(hash)) != 0) {
        fprintf(stderr, "AMD's certificates of %s in this program are not the pinned ones: the program is damaged\n",
                snp_product_name(data->product));
        abort();
    }
    roots[data->product][data->role].x509 = x509;
    roots[data->product][data->role].der = bytes_of(der, (size_t)size);
}

static void roots_load(void)
{
    for (size_t i = 0; i < amd_certificate_count; i++)
        roots_load_one(&amd_certificates[i]);
}

static bool roots_know(enum snp_product product)
{
    pthread_once(&roots_once, roots_load);
    return product > SNP_PRODUCT_UNKNOWN && product < SNP_PRODUCT_COUNT;
}

/* AMD_ROLES when there is no intermediate for such a VEK. */
static enum amd_certificate_role roots_role_of(enum snp_vek_kind kind)
{
    switch (kind) {
    case SNP_VEK_VCEK:
        return AMD_ASK;
    case SNP_VEK_VLEK:
        return AMD_ASVK;
    case SNP_VEK_UNKNOWN:
        break;
    }
    return AMD_ROLES;
}

X509 *snp_amd_ark(enum snp_product product)
{
    return roots_know(product) ? roots[product][AMD_ARK].x509 : NULL;
}

X509 *snp_amd_intermediate(enum snp_product product, enum snp_vek_kind kind)
{
    enum amd_certificate_role role = roots_role_of(kind);
    return roots_know(product) && role < AMD_ROLES ? roots[product][role].x509 : NULL;
}

struct bytes snp_amd_ark_der(enum snp_product product)
{
    return roots_know(product) ? roots[product][AMD_ARK].der : BYTES_NONE;
}

struct bytes snp_amd_intermediate_der(enum snp_product product, enum snp_vek_kind kind)
{
    enum amd_certificate_role role = roots_role_of(kind);
    return roots_know(product) && role < AMD_ROLES ? roots[product][role].der : BYTES_NONE;
}

bool snp_amd_ark_is_pinned(const uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE])
{
    for (size_t i = 0; i < amd_certificate_count; i++)
        if (amd_certificates[i].role == AMD_ARK &&
            memcmp(amd_certificates[i].spki_sha256, spki_sha256, SNP_SPKI_SHA256_SIZE) == 0)
            return true;
    return false;
}

struct trusted_ark {
    uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE];
    X509 *certificate; /* NULL when only the hash was given */
};

struct snp_arks {
    struct trusted_ark *entries;
    size_t count;
    uint8_t digest[SHA256_DIGEST_LENGTH];
};

struct snp_arks *snp_arks_new(void)
{
    return NEW(struct snp_arks);
}

void snp_arks_free(struct snp_arks *arks)
{
    if (!arks)
        return;
    for (size_t i = 0; i < arks->count; i++)
        X509_free(arks->entries[i].certificate);
    free(arks->entries);
    free(arks);
}

/* The digest is a chain: SHA-256 of the last one, the hash of the entry's key, and the hash of its certificate. */
static void arks_append(struct snp_arks *arks, struct trusted_ark entry)
{
    uint8_t input[3 * SHA256_DIGEST_LENGTH] = {0};
    memcpy(input, arks->digest, SHA256_DIGEST_LENGTH);
    memcpy(input + SHA256_DIGEST_LENGTH, entry.spki_sha256, SHA256_DIGEST_LENGTH);
    if (entry.certificate)
        X509_digest(entry.certificate, EVP_sha256(), input + 2 * SHA256_DIGEST_LENGTH, NULL);
    SHA256(input, sizeof(input), arks->digest);
    arks->entries = mem_resize(arks->entries, (arks->count + 1) * sizeof(*arks->entries));
    arks->entries[arks->count++] = entry;
}

struct err snp_arks_add_certificate(struct snp_arks *arks, struct bytes der_or_pem)
{
    struct trusted_ark entry = {0};
    TRY(snp_certificate_parse(der_or_pem, &entry.certificate));
    struct err outcome = snp_ark_check(entry.certificate);
    if (failed(outcome)) {
        X509_free(entry.certificate);
        return outcome;
    }
    snp_spki_sha256(entry.certificate, entry.spki_sha256);
    arks_append(arks, entry);
    return OK;
}

void snp_arks_add_spki_sha256(struct snp_arks *arks, const uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE])
{
    struct trusted_ark entry = {0};
    memcpy(entry.spki_sha256, spki_sha256, SNP_SPKI_SHA256_SIZE);
    arks_append(arks, entry);
}

void snp_arks_add_all(struct snp_arks *arks, const struct snp_arks *others)
{
    for (size_t i = 0; i < snp_arks_count(others); i++) {
        struct trusted_ark entry = others->entries[i];
        if (entry.certificate)
            X509_up_ref(entry.certificate);
        arks_append(arks, entry);
    }
}

bool snp_arks_trust(const struct snp_arks *arks, const uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE])
{
    for (size_t i = 0; i < snp_arks_count(arks); i++)
        if (memcmp(arks->entries[i].spki_sha256, spki_sha256, SNP_SPKI_SHA256_SIZE) == 0)
            return true;
    return false;
}

size_t snp_arks_count(const struct snp_arks *arks)
{
    return arks ? arks->count : 0;
}

X509 *snp_arks_certificate(const struct snp_arks *arks, size_t index)
{
    return index < snp_arks_count(arks) ? arks->entries[index].certificate : NULL;
}

void snp_arks_digest(const struct snp_arks *arks, uint8_t out[32])
{
    memset(out, 0, SHA256_DIGEST_LENGTH);
    if (arks)
        memcpy(out, arks->digest, SHA256_DIGEST_LENGTH);
}
