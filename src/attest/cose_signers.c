#include "attest/cose_signers.h"

#include "attest/cbor.h"
#include "base/mem.h"
#include "snp/certificate.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct cose_signer {
    EVP_PKEY *key;
    struct cose_span valid;
};

struct cose_signers {
    struct cose_signer signer[COSE_SIGNERS_MAX];
    size_t count;
};

/* RFC 9053 section 2.1, and the curves that RFC 9864 binds to these algorithms. */
static const struct cose_ecdsa {
    int64_t algorithm;
    const char *name;
    const char *curve; /* as OpenSSL calls it */
    const EVP_MD *(*hash)(void);
    size_t half; /* bytes of R, and of S */
} cose_ecdsa[] = {
    {-7, "ES256", "prime256v1", EVP_sha256, 32},
    {-35, "ES384", "secp384r1", EVP_sha384, 48},
    {-36, "ES512", "secp521r1", EVP_sha512, 66},
};
#define COSE_ECDSA_COUNT (sizeof cose_ecdsa / sizeof cose_ecdsa[0])

static const struct cose_ecdsa *cose_find(int64_t algorithm)
{
    for (size_t i = 0; i < COSE_ECDSA_COUNT; i++)
        if (cose_ecdsa[i].algorithm == algorithm)
            return &cose_ecdsa[i];
    return NULL;
}

const char *cose_algorithm_name(int64_t algorithm)
{
    const struct cose_ecdsa *found = cose_find(algorithm);
    return found ? found->name : "unknown";
}

static bool cose_is_on(EVP_PKEY *key, const char *curve)
{
    char name[64];
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof name, NULL) == 1 &&
           strcmp(name, curve) == 0;
}

struct cose_signers *cose_signers_new(void)
{
    return NEW(struct cose_signers);
}

void cose_signers_free(struct cose_signers *signers)
{
    for (size_t i = 0; signers && i < signers->count; i++)
        EVP_PKEY_free(signers->signer[i].key);
    free(signers);
}

size_t cose_signers_count(const struct cose_signers *signers)
{
    return signers->count;
}

/* Takes the key, whatever comes of it. */
static struct err cose_keep(struct cose_signers *signers, EVP_PKEY *key, struct cose_span valid)
{
    bool fits = false;
    for (size_t i = 0; key && i < COSE_ECDSA_COUNT; i++)
        fits = fits || cose_is_on(key, cose_ecdsa[i].curve);
    if (!fits || signers->count == COSE_SIGNERS_MAX) {
        EVP_PKEY_free(key);
        return fits ? err_make(ERR_LIMIT, "there are more than %d signers", COSE_SIGNERS_MAX)
                    : err_make(ERR_INPUT, "a signer's key is not of P-256, P-384 or P-521");
    }
    signers->signer[signers->count++] = (struct cose_signer){key, valid};
    return OK;
}

static struct err cose_add_certificate(struct cose_signers *signers, struct bytes der)
{
    const uint8_t *at = der.p;
    struct cose_span valid = {0, 0};
    X509 *x509 = d2i_X509(NULL, &at, (long)der.n);
    if (!x509)
        return err_crypto("a signer's certificate cannot be read");
    struct err outcome = snp_time_s(X509_get0_notBefore(x509), &valid.not_before_s);
    if (!failed(outcome))
        outcome = snp_time_s(X509_get0_notAfter(x509), &valid.not_after_s);
    if (!failed(outcome))
        outcome = cose_keep(signers, X509_get_pubkey(x509), valid);
    X509_free(x509);
    return outcome;
}

static struct err cose_add_block(struct cose_signers *signers, const char *type, struct bytes der)
{
    if (strcmp(type, PEM_STRING_X509) == 0 || strcmp(type, PEM_STRING_X509_OLD) == 0)
        return cose_add_certificate(signers, der);
    if (strcmp(type, PEM_STRING_PUBLIC) != 0)
        return err_make(ERR_INPUT, "it holds something else than certificates and public keys");
    const uint8_t *at = der.p;
    const struct cose_span always = {INT64_MIN, INT64_MAX};
    return cose_keep(signers, d2i_PUBKEY(NULL, &at, (long)der.n), always);
}

static struct err cose_add_blocks(struct cose_signers *signers, BIO *text)
{
    char *type = NULL, *header = NULL;
    unsigned char *der = NULL;
    long size = 0;
    struct err outcome = OK;
    ERR_clear_error();
    while (!failed(outcome) && PEM_read_bio(text, &type, &header, &der, &size) == 1) {
        outcome = cose_add_block(signers, type, bytes_of(der, (size_t)size));
        OPENSSL_free(type);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)size); /* it might be a private key, which is refused */
    }
    unsigned long last = ERR_peek_last_error();
    if (!failed(outcome) && (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE))
        return err_crypto("its PEM cannot be read");
    ERR_clear_error();
    return outcome;
}

struct err cose_signers_add(struct cose_signers *signers, struct bytes pem)
{
    size_t before = signers->count;
    BIO *text = BIO_new_mem_buf(pem.p, (int)pem.n);
    struct err outcome = text ? cose_add_blocks(signers, text) : err_crypto("its PEM cannot be read");
    BIO_free(text);
    if (!failed(outcome) && signers->count == before)
        return err_make(ERR_INPUT, "it holds neither a certificate nor a public key");
    return outcome;
}

/* What is signed: RFC 9052 section 4.4, with no external data. */
static struct err cose_write_signed(const struct cose_sign1 *sign1, struct writer *w)
{
    cbor_write_array(w, 4);
    cbor_write_text(w, "Signature1");
    cbor_write_bytes(w, sign1->header);
    cbor_write_bytes(w, BYTES_NONE);
    cbor_write_bytes(w, sign1->payload);
    return writer_finish(w, "what is signed");
}

/* R and S, each as long as the curve's order, to DER. Returns its length, 0 for what cannot be a signature. */
static int cose_signature_der(struct bytes signature, size_t half, uint8_t **der)
{
    if (signature.n != 2 * half)
        return 0;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.p, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(signature.p + half, (int)half, NULL);
    int size = 0;
    if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1) {
        r = s = NULL; /* the signature's now */
        size = i2d_ECDSA_SIG(both, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(both);
    return size > 0 ? size : 0;
}

static bool cose_holds(EVP_PKEY *key, const struct cose_ecdsa *by, struct bytes is_signed, struct bytes der)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool holds = context && EVP_DigestVerifyInit(context, NULL, by->hash(), NULL, key) == 1 &&
                 EVP_DigestVerify(context, der.p, der.n, is_signed.p, is_signed.n) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return holds;
}

static const struct cose_signer *cose_find_signer(const struct cose_signers *signers, const struct cose_ecdsa *by,
                                                  struct bytes is_signed, struct bytes der)
{
    for (size_t i = 0; i < signers->count; i++)
        if (cose_is_on(signers->signer[i].key, by->curve) && cose_holds(signers->signer[i].key, by, is_signed, der))
            return &signers->signer[i];
    return NULL;
}

/* What overlaps becomes one. */
static void cose_add_span(struct cose_spans *spans, struct cose_span more)
{
    size_t kept = 0;
    for (size_t i = 0; i < spans->count; i++) {
        const struct cose_span span = spans->span[i];
        if (span.not_before_s > more.not_after_s || more.not_before_s > span.not_after_s) {
            spans->span[kept++] = span;
            continue;
        }
        if (span.not_before_s < more.not_before_s)
            more.not_before_s = span.not_before_s;
        if (span.not_after_s > more.not_after_s)
            more.not_after_s = span.not_after_s;
    }
    spans->span[kept++] = more;
    spans->count = kept;
}

/* A certificate that was renewed for the same key stands beside the old one. */
static void cose_find_spans(const struct cose_signers *signers, EVP_PKEY *key, struct cose_spans *out)
{
    out->count = 0;
    for (size_t i = 0; i < signers->count; i++)
        if (EVP_PKEY_eq(signers->signer[i].key, key) == 1)
            cose_add_span(out, signers->signer[i].valid);
    ERR_clear_error();
}

struct err cose_signers_verify(const struct cose_signers *signers, const struct cose_sign1 *sign1,
                               struct cose_spans *out)
{
    const struct cose_ecdsa *by = cose_find(sign1->algorithm);
    uint8_t *der = NULL;
    if (!by)
        return err_make(ERR_UNSUPPORTED, "it is signed by the algorithm %lld, not ES256, ES384 or ES512",
                        (long long)sign1->algorithm);
    struct writer w = writer_growing(sign1->payload.n + sign1->header.n + 64);
    struct err outcome = cose_write_signed(sign1, &w);
    int size = failed(outcome) ? 0 : cose_signature_der(sign1->signature, by->half, &der);
    const struct cose_signer *signer =
        size > 0 ? cose_find_signer(signers, by, writer_bytes(&w), bytes_of(der, (size_t)size)) : NULL;
    OPENSSL_free(der);
    writer_free(&w);
    TRY(outcome);
    if (!signer)
        return err_make(ERR_DENIED, "its signature is not by any of the %zu keys that are named", signers->count);
    cose_find_spans(signers, signer->key, out);
    return OK;
}
