#include "snp/psp.h"

#include "base/clock.h"
#include "base/mem.h"
#include "snp/authority.h"
#include "snp/psp_issue.h"
#include "snp/psp_store.h"
#include "snp/signature.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE        64
#define DAY_S            INT64_C(86400)
#define YEAR_S           (365 * DAY_S)
#define BACKDATED_S      DAY_S /* clocks of verifiers may run behind */
#define AUTHORITY_S      (25 * YEAR_S)
#define VCEK_S           (7 * YEAR_S)
#define VMPL_MAX         3
#define CHIP_ID_NAME     "chip-id"

#define DEFAULT_POLICY   UINT64_C(0x20000) /* no SMT, no debugging */
/* TSME, ECC, and the check for aliased memory is complete. */
#define DEFAULT_PLATFORM UINT64_C(0x26)

struct psp_key {
    EVP_PKEY *key;
    X509 *certificate;
    struct bytes der; /* owned */
};

struct psp {
    struct psp_identity identity;
    struct psp_key ark, ask, vcek;
};

static const char *product_word(enum snp_product product)
{
    switch (product) {
    case SNP_PRODUCT_MILAN:
        return "milan";
    case SNP_PRODUCT_GENOA:
        return "genoa";
    case SNP_PRODUCT_TURIN:
        return "turin";
    case SNP_PRODUCT_UNKNOWN:
    case SNP_PRODUCT_COUNT:
        break;
    }
    return "unknown";
}

static struct snp_tcb psp_default_tcb(enum snp_product product)
{
    switch (product) {
    case SNP_PRODUCT_MILAN:
        return (struct snp_tcb){{4, 0, 0, 0, 0, 0, 24, 219}};
    case SNP_PRODUCT_GENOA:
        return (struct snp_tcb){{10, 0, 0, 0, 0, 0, 23, 84}};
    case SNP_PRODUCT_TURIN:
        return (struct snp_tcb){{1, 1, 1, 4, 0, 0, 0, 81}};
    case SNP_PRODUCT_UNKNOWN:
    case SNP_PRODUCT_COUNT:
        break;
    }
    return (struct snp_tcb){{0}};
}

void psp_identity_default(enum snp_product product, struct psp_identity *out)
{
    static const char measurement[] = "TEST_MEASUREMENT_VALID_001";
    *out = (struct psp_identity){
        .product = product,
        .report_version = 3,
        .guest_svn = 1,
        .policy = DEFAULT_POLICY,
        .platform_info = DEFAULT_PLATFORM,
        .current = {1, 55, 29},
        .committed = {1, 55, 29},
    };
    memcpy(out->measurement, measurement, sizeof(measurement) - 1);
    psp_identity_set_tcb(out, psp_default_tcb(product));
}

void psp_identity_set_tcb(struct psp_identity *identity, struct snp_tcb tcb)
{
    identity->current_tcb = tcb;
    identity->reported_tcb = tcb;
    identity->committed_tcb = tcb;
    identity->launch_tcb = tcb;
}

static struct err psp_check_identity(const struct psp_identity *identity)
{
    size_t size = snp_product_chip_id_size(identity->product);
    if (size == 0)
        return err_make(ERR_INPUT, "the software PSP does not know this product");
    if (!snp_report_version_is_known(identity->report_version))
        return err_make(ERR_INPUT, "the software PSP makes no reports of version %u", identity->report_version);
    if (!identity->chip_id_given)
        return OK;
    if (bytes_are_zero(BYTES(identity->chip_id)))
        return err_make(ERR_INPUT, "a chip id of zeros is nobody's");
    if (!bytes_are_zero(bytes_of(identity->chip_id + size, SNP_CHIP_ID_SIZE - size)))
        return err_make(ERR_INPUT, "a chip id of this product has %zu bytes", size);
    return OK;
}

static struct err psp_find_chip_id(struct psp_store *store, struct psp_identity *identity)
{
    if (identity->chip_id_given)
        return OK;
    memset(identity->chip_id, 0, sizeof(identity->chip_id));
    uint8_t *content = NULL;
    size_t size = 0;
    struct err outcome = psp_store_load(store, CHIP_ID_NAME, true, &content, &size);
    if (outcome.code == ERR_NOT_FOUND) {
        content = mem_alloc(SNP_CHIP_ID_SIZE);
        size = SNP_CHIP_ID_SIZE;
        outcome = RAND_bytes(content, SNP_CHIP_ID_SIZE) == 1
                      ? psp_store_save(store, CHIP_ID_NAME, true, bytes_of(content, size))
                      : err_crypto("cannot make a chip id");
    }
    if (!failed(outcome) && size != SNP_CHIP_ID_SIZE)
        outcome = err_make(ERR_SYSTEM, "the file \"" CHIP_ID_NAME "\" does not hold a chip id; remove it");
    if (!failed(outcome))
        memcpy(identity->chip_id, content, snp_product_chip_id_size(identity->product));
    free(content);
    return outcome;
}

static void key_release(struct psp_key *key)
{
    EVP_PKEY_free(key->key);
    X509_free(key->certificate);
    OPENSSL_free((void *)key->der.p);
    *key = (struct psp_key){0};
}

static struct err key_encode(struct psp_key *key)
{
    unsigned char *der = NULL;
    int size = i2d_X509(key->certificate, &der);
    if (size <= 0)
        return err_crypto("cannot encode a certificate");
    key->der = bytes_of(der, (size_t)size);
    return OK;
}

/* Loads a key whose certificate `issuer` signed (NULL: it signed itself). ERR_NOT_FOUND also when it was issued by
 * another: somebody took the issuer's file away. */
static struct err key_load(struct psp_store *store, const char *name, const struct psp_key *issuer, struct psp_key *out)
{
    TRY(psp_store_load_pair(store, name, &out->key, &out->certificate));
    EVP_PKEY *signer = issuer ? issuer->key : out->key;
    if (snp_certificate_is_signed_by(out->certificate, signer))
        return key_encode(out);
    key_release(out);
    return err_make(ERR_NOT_FOUND, "the certificate of \"%s\" is of another issuer", name);
}

/* Signs, keeps and encodes a certificate that is filled in. */
static struct err key_finish(struct psp_store *store, const char *name, const struct psp_key *issuer,
                             struct psp_key *key)
{
    TRY(psp_certificate_sign(key->certificate, issuer ? issuer->key : key->key));
    TRY(psp_store_save_pair(store, name, key->key, key->certificate));
    return key_encode(key);
}

static struct err authority_make(struct psp_store *store, const char *name, const char *common_name,
                                 enum snp_product product, const struct psp_key *issuer, struct psp_key *out)
{
    TRY(psp_make_rsa_key(&out->key));
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct psp_certificate what = {
        .common_name = common_name,
        .key = out->key,
        .issuer = issuer ? issuer->certificate : NULL,
        .serial = (uint64_t)product << 16 | (issuer ? 1 : 0), /* as AMD counts */
        .not_before_s = now_s - BACKDATED_S,
        .not_after_s = now_s + AUTHORITY_S,
    };
    TRY(psp_certificate_begin(&what, &out->certificate));
    TRY(psp_certificate_add_authority(out->certificate, what.issuer));
    return key_finish(store, name, issuer, out);
}

/* "ARK-Milan" in ark-milan.key, "SEV-Milan" in ask-milan.key. */
static struct err authority_open(struct psp_store *store, enum snp_product product, const struct psp_key *issuer,
                                 struct psp_key *out)
{
    char name[NAME_SIZE], common_name[NAME_SIZE];
    snprintf(name, sizeof(name), "%s-%s.key", issuer ? "ask" : "ark", product_word(product));
    snprintf(common_name, sizeof(common_name), "%s-%s", issuer ? "SEV" : "ARK", snp_product_name(product));
    struct err outcome = key_load(store, name, issuer, out);
    if (outcome.code == ERR_NOT_FOUND)
        outcome = authority_make(store, name, common_name, product, issuer, out);
    return outcome;
}

static struct err vcek_make(struct psp_store *store, const char *name, const struct psp_identity *identity,
                            const struct psp_key *ask, struct psp_key *out)
{
    TRY(psp_make_p384_key(&out->key));
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct psp_certificate what = {
        .common_name = "SEV-VCEK",
        .key = out->key,
        .issuer = ask->certificate,
        .serial = 0,
        .not_before_s = now_s - BACKDATED_S,
        .not_after_s = now_s + VCEK_S,
    };
    TRY(psp_certificate_begin(&what, &out->certificate));
    TRY(psp_certificate_add_versions(out->certificate, identity->product, identity->reported_tcb));
    TRY(psp_certificate_add(out->certificate, "4",
                            bytes_of(identity->chip_id, snp_product_chip_id_size(identity->product))));
    return key_finish(store, name, ask, out);
}

/* A chip has one VCEK for each TCB. */
static struct err vcek_open(struct psp_store *store, const struct psp_identity *identity, const struct psp_key *ask,
                            struct psp_key *out)
{
    uint8_t input[SNP_CHIP_ID_SIZE + sizeof(identity->reported_tcb.bytes)], hash[SHA256_DIGEST_LENGTH];
    memcpy(input, identity->chip_id, SNP_CHIP_ID_SIZE);
    memcpy(input + SNP_CHIP_ID_SIZE, identity->reported_tcb.bytes, sizeof(identity->reported_tcb.bytes));
    SHA256(input, sizeof(input), hash);
    char digits[2 * 8 + 1], name[NAME_SIZE];
    hex_encode(bytes_of(hash, 8), digits);
    snprintf(name, sizeof(name), "vcek-%s-%s.key", product_word(identity->product), digits);
    struct err outcome = key_load(store, name, ask, out);
    if (outcome.code == ERR_NOT_FOUND)
        outcome = vcek_make(store, name, identity, ask, out);
    return outcome;
}

static struct err psp_open_keys(struct psp_store *store, struct psp *psp)
{
    enum snp_product product = psp->identity.product;
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "ark-%s.pem", product_word(product));
    TRY(psp_find_chip_id(store, &psp->identity));
    TRY(authority_open(store, product, NULL, &psp->ark));
    TRY(psp_store_publish(store, name, psp->ark.certificate));
    TRY(authority_open(store, product, &psp->ark, &psp->ask));
    return vcek_open(store, &psp->identity, &psp->ask, &psp->vcek);
}

struct err psp_open(const char *directory, const struct psp_identity *identity, struct psp **out)
{
    TRY(psp_check_identity(identity));
    struct psp_store *store = NULL;
    TRY(psp_store_open(directory, &store));
    struct psp *psp = NEW(struct psp);
    psp->identity = *identity;
    struct err outcome = psp_open_keys(store, psp);
    psp_store_close(store);
    if (failed(outcome)) {
        psp_free(psp);
        return outcome;
    }
    *out = psp;
    return OK;
}

void psp_free(struct psp *psp)
{
    if (!psp)
        return;
    key_release(&psp->ark);
    key_release(&psp->ask);
    key_release(&psp->vcek);
    free(psp);
}

static void psp_fill(const struct psp_identity *identity, struct snp_report *report)
{
    *report = (struct snp_report){
        .version = identity->report_version,
        .guest_svn = identity->guest_svn,
        .policy = identity->policy,
        .signature_algo = SNP_SIGNATURE_ALGO_ECDSA_P384_SHA384,
        .platform_info = identity->platform_info,
        .current_tcb = identity->current_tcb,
        .reported_tcb = identity->reported_tcb,
        .committed_tcb = identity->committed_tcb,
        .launch_tcb = identity->launch_tcb,
        .current = identity->current,
        .committed = identity->committed,
        .launch_mit_vector = identity->launch_mit_vector,
        .current_mit_vector = identity->current_mit_vector,
    };
    memcpy(report->family_id, identity->family_id, sizeof(report->family_id));
    memcpy(report->image_id, identity->image_id, sizeof(report->image_id));
    memcpy(report->measurement, identity->measurement, sizeof(report->measurement));
    memcpy(report->host_data, identity->host_data, sizeof(report->host_data));
    memcpy(report->id_key_digest, identity->id_key_digest, sizeof(report->id_key_digest));
    memcpy(report->author_key_digest, identity->author_key_digest, sizeof(report->author_key_digest));
    memcpy(report->report_id, identity->report_id, sizeof(report->report_id));
    memset(report->report_id_ma, 0xff, sizeof(report->report_id_ma)); /* there is no migration agent */
    memcpy(report->chip_id, identity->chip_id, sizeof(report->chip_id));
    snp_product_cpuid(identity->product, &report->cpuid_family, &report->cpuid_model, &report->cpuid_stepping);
    if (!bytes_are_zero(BYTES(identity->author_key_digest)))
        report->key_info |= 1; /* AUTHOR_KEY_EN */
}

struct err psp_report(const struct psp *psp, const uint8_t report_data[SNP_REPORT_DATA_SIZE], uint32_t vmpl,
                      uint8_t out[SNP_REPORT_SIZE])
{
    if (vmpl > VMPL_MAX)
        return err_make(ERR_INPUT, "VMPL %u does not exist", vmpl);
    struct snp_report report;
    psp_fill(&psp->identity, &report);
    report.vmpl = vmpl;
    memcpy(report.report_data, report_data, SNP_REPORT_DATA_SIZE);
    snp_report_write(&report, out);
    return psp_seal(psp, out);
}

struct err psp_seal(const struct psp *psp, uint8_t report[SNP_REPORT_SIZE])
{
    return snp_signature_make(report, psp->vcek.key);
}

struct bytes psp_vcek(const struct psp *psp)
{
    return psp->vcek.der;
}

struct bytes psp_ask(const struct psp *psp)
{
    return psp->ask.der;
}

struct bytes psp_ark(const struct psp *psp)
{
    return psp->ark.der;
}

const struct psp_identity *psp_identity_of(const struct psp *psp)
{
    return &psp->identity;
}

char *psp_ark_path(const char *directory, enum snp_product product)
{
    return mem_format("%s/ark-%s.pem", directory, product_word(product));
}
