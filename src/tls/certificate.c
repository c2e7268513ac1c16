#include "tls/certificate.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct err certificate_read_time(const ASN1_TIME *time, const char *what, int64_t *out)
{
    struct tm parts;
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
        return err_crypto("the certificate's %s cannot be read", what);
    *out = (int64_t)timegm(&parts);
    return OK;
}

/* RFC 5280 section 4.2: not more than one of a kind. Otherwise two readers may see two different ones. */
static struct err certificate_check_repeats(const X509 *x509)
{
    int count = X509_get_ext_count(x509);
    for (int i = 0; i < count; i++) {
        ASN1_OBJECT *kind = X509_EXTENSION_get_object(X509_get_ext(x509, i));
        if (X509_get_ext_by_OBJ(x509, kind, i) >= 0) {
            char oid[80] = "";
            OBJ_obj2txt(oid, sizeof oid, kind, 1);
            return err_make(ERR_INPUT, "the certificate has two extensions %s", oid);
        }
    }
    return OK;
}

static struct bytes certificate_extension_at(const X509 *x509, int at)
{
    const ASN1_OCTET_STRING *value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(x509, at));
    return value ? bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)) : BYTES_NONE;
}

static struct err certificate_read_facts(struct certificate *out)
{
    X509 *x509 = out->x509;
    TRY(certificate_check_repeats(x509));
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &out->spki_start);
    if (size <= 0)
        return err_crypto("the certificate's public key cannot be read");
    out->facts.spki = bytes_of(out->spki_start, (size_t)size);
    const unsigned char *subject;
    size_t subject_size;
    if (X509_NAME_get0_der(X509_get_subject_name(x509), &subject, &subject_size) != 1)
        return err_crypto("the certificate's subject cannot be read");
    out->facts.subject = bytes_of(subject, subject_size);
    out->facts.san = certificate_extension_at(x509, X509_get_ext_by_NID(x509, NID_subject_alt_name, -1));
    TRY(certificate_read_time(X509_get0_notBefore(x509), "notBefore", &out->facts.not_before_s));
    TRY(certificate_read_time(X509_get0_notAfter(x509), "notAfter", &out->facts.not_after_s));
    if (EVP_Digest(out->facts.spki.p, out->facts.spki.n, out->spki_sha384, NULL, EVP_sha384(), NULL) != 1)
        return err_crypto("SHA-384");
    return OK;
}

struct err certificate_read_unsigned(X509 *x509, struct certificate *out)
{
    *out = CERTIFICATE_EMPTY;
    X509_up_ref(x509);
    out->x509 = x509;
    struct err outcome = certificate_read_facts(out);
    if (failed(outcome))
        certificate_release(out);
    return outcome;
}

struct err certificate_read(X509 *x509, struct certificate *out)
{
    TRY(certificate_read_unsigned(x509, out));
    int size = i2d_X509(x509, &out->der_start);
    if (size <= 0) {
        certificate_release(out);
        return err_crypto("the certificate cannot be encoded");
    }
    out->der = bytes_of(out->der_start, (size_t)size);
    return OK;
}

void certificate_release(struct certificate *certificate)
{
    OPENSSL_free(certificate->der_start);
    OPENSSL_free(certificate->spki_start);
    X509_free(certificate->x509);
    *certificate = CERTIFICATE_EMPTY;
}

struct err certificate_parse(struct bytes der, X509 **out)
{
    if (der.n > CERTIFICATE_MAX_SIZE)
        return err_make(ERR_LIMIT, "a certificate of %zu bytes is too large", der.n);
    const unsigned char *at = der.p;
    X509 *x509 = der.n == 0 ? NULL : d2i_X509(NULL, &at, (long)der.n);
    if (!x509)
        return err_crypto("the certificate cannot be read");
    if (at != der.p + der.n) {
        X509_free(x509);
        return err_make(ERR_INPUT, "the certificate has trailing bytes");
    }
    *out = x509;
    return OK;
}

struct err certificate_extension(const X509 *x509, const char *oid, struct bytes *out)
{
    ASN1_OBJECT *kind = OBJ_txt2obj(oid, 1);
    if (!kind)
        return err_crypto("\"%s\" is not an object identifier", oid);
    int at = X509_get_ext_by_OBJ(x509, kind, -1);
    bool twice = at >= 0 && X509_get_ext_by_OBJ(x509, kind, at) >= 0;
    ASN1_OBJECT_free(kind);
    if (at < 0)
        return err_make(ERR_NOT_FOUND, "the certificate has no extension %s", oid);
    if (twice)
        return err_make(ERR_INPUT, "the certificate has two extensions %s", oid);
    *out = certificate_extension_at(x509, at);
    return OK;
}

struct err certificate_common_name(const X509 *x509, char **out)
{
    X509_NAME *subject = X509_get_subject_name(x509);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return err_make(ERR_NOT_FOUND, "the certificate has no common name");
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return err_make(ERR_INPUT, "the certificate has several common names");
    unsigned char *text = NULL;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0)
        return err_crypto("the certificate's common name cannot be read");
    bool has_zero = memchr(text, 0, (size_t)size) != NULL;
    if (!has_zero)
        *out = mem_string_of(bytes_of(text, (size_t)size));
    OPENSSL_free(text);
    return has_zero ? err_make(ERR_INPUT, "the certificate's common name holds a zero byte") : OK;
}

struct err certificate_subject_text(const X509 *x509, char **out)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *start = NULL;
    /* Without ASN1_STRFLGS_ESC_MSB: characters beyond ASCII stand as UTF-8, as PostgreSQL shows them. */
    unsigned long form = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (!text || X509_NAME_print_ex(text, X509_get_subject_name(x509), 0, form) < 0) {
        BIO_free(text);
        return err_crypto("the certificate's subject cannot be shown");
    }
    long size = BIO_get_mem_data(text, &start);
    *out = mem_string_of(bytes_of(start, size > 0 ? (size_t)size : 0));
    BIO_free(text);
    return OK;
}

struct err certificate_serial_text(const X509 *x509, char **out)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    BN_free(number);
    if (!text)
        return err_crypto("the certificate's serial number cannot be read");
    *out = mem_string(text);
    OPENSSL_free(text);
    return OK;
}

bool certificate_names_host(X509 *x509, const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    int outcome;
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        outcome = X509_check_ip_asc(x509, host, 0);
    else
        outcome = *host ? X509_check_host(x509, host, strlen(host), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) : 0;
    ERR_clear_error();
    return outcome == 1;
}

struct err certificate_spki_sha384(const X509 *x509, uint8_t out[SHA384_SIZE])
{
    uint8_t *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    bool done = size > 0 && EVP_Digest(spki, (size_t)size, out, NULL, EVP_sha384(), NULL) == 1;
    OPENSSL_free(spki);
    return done ? OK : err_crypto("the certificate's public key cannot be read");
}

static bool certificate_is_issued_by(X509 *x509, X509 *issuer)
{
    if (X509_NAME_cmp(X509_get_issuer_name(x509), X509_get_subject_name(issuer)) != 0)
        return false;
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool signed_by = key && X509_verify(x509, key) == 1;
    ERR_clear_error();
    return signed_by;
}

X509 *certificate_find_issuer(X509 *x509, STACK_OF(X509) * others)
{
    if (certificate_is_issued_by(x509, x509))
        return x509;
    for (int i = 0; i < sk_X509_num(others); i++)
        if (certificate_is_issued_by(x509, sk_X509_value(others, i)))
            return sk_X509_value(others, i);
    return NULL;
}

struct err certificate_end_point_hash(const X509 *x509, uint8_t out[EVP_MAX_MD_SIZE], size_t *size)
{
    int hash_nid = NID_undef;
    if (X509_get_signature_info((X509 *)x509, &hash_nid, NULL, NULL, NULL) != 1 || hash_nid == NID_undef) {
        ERR_clear_error();
        return err_make(ERR_UNSUPPORTED, "channel binding has no hash for the certificate's signature algorithm");
    }
    /* RFC 5929 section 4.1 */
    const EVP_MD *hash = hash_nid == NID_md5 || hash_nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash_nid);
    unsigned n = 0;
    if (!hash || X509_digest(x509, hash, out, &n) != 1)
        return err_crypto("the certificate cannot be hashed for channel binding");
    *size = n;
    return OK;
}
