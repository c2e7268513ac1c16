#include "snp/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <time.h>

#define PEM_BEGIN "-----BEGIN "

/* RFC 7468 allows white space behind a block. */
static bool is_blank(struct bytes rest)
{
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] != ' ' && rest.p[i] != '\t' && rest.p[i] != '\r' && rest.p[i] != '\n')
            return false;
    return true;
}

static struct err pem_content(BIO *text, const char *label, struct bytes *der, unsigned char **owned)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long size = 0;
    ERR_clear_error();
    if (PEM_read_bio(text, &name, &header, &data, &size) != 1)
        return err_crypto("the PEM cannot be read");
    char *rest = NULL;
    long left = BIO_get_mem_data(text, &rest);
    bool fits = strcmp(name, label) == 0 && header[0] == '\0' && size > 0 && left >= 0;
    bool is_alone = fits && is_blank(bytes_of(rest, (size_t)left));
    OPENSSL_free(name);
    OPENSSL_free(header);
    if (!is_alone) {
        OPENSSL_free(data);
        return err_make(ERR_INPUT, fits ? "something stands behind the PEM block" : "the PEM block is not a %s", label);
    }
    *owned = data;
    *der = bytes_of(data, (size_t)size);
    return OK;
}

struct err snp_der_of(struct bytes der_or_pem, const char *label, struct bytes *der, unsigned char **owned)
{
    *owned = NULL;
    *der = der_or_pem;
    size_t begin = strlen(PEM_BEGIN);
    if (der_or_pem.n < begin || memcmp(der_or_pem.p, PEM_BEGIN, begin) != 0)
        return OK;
    BIO *text = BIO_new_mem_buf(der_or_pem.p, (int)der_or_pem.n);
    if (!text)
        return err_crypto("the PEM cannot be read");
    struct err outcome = pem_content(text, label, der, owned);
    BIO_free(text);
    if (outcome.code == ERR_CRYPTO)
        outcome.code = ERR_INPUT;
    return outcome;
}

struct err snp_certificate_parse(struct bytes der_or_pem, X509 **out)
{
    *out = NULL;
    if (der_or_pem.n == 0)
        return err_make(ERR_INPUT, "there is no certificate");
    if (der_or_pem.n > SNP_CERTIFICATE_MAX)
        return err_make(ERR_LIMIT, "the certificate is longer than %d bytes", SNP_CERTIFICATE_MAX);
    struct bytes der;
    unsigned char *owned = NULL;
    TRY(snp_der_of(der_or_pem, PEM_STRING_X509, &der, &owned));
    const unsigned char *p = der.p;
    X509 *certificate = d2i_X509(NULL, &p, (long)der.n);
    bool is_whole = p == der.p + der.n;
    OPENSSL_free(owned);
    ERR_clear_error();
    if (!certificate)
        return err_make(ERR_INPUT, "the certificate cannot be read");
    if (!is_whole) {
        X509_free(certificate);
        return err_make(ERR_INPUT, "something stands behind the certificate");
    }
    *out = certificate;
    return OK;
}

struct err snp_common_name(const X509_NAME *name, char out[SNP_COMMON_NAME_SIZE])
{
    out[0] = '\0';
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return err_make(ERR_INPUT, "the name does not have one common name");
    unsigned char *text = NULL;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    bool fits = size > 0 && size < SNP_COMMON_NAME_SIZE;
    for (int i = 0; fits && i < size; i++)
        fits = text[i] >= ' ' && text[i] <= '~';
    if (fits) {
        memcpy(out, text, (size_t)size);
        out[size] = '\0';
    }
    OPENSSL_free(text);
    ERR_clear_error();
    return fits ? OK : err_make(ERR_INPUT, "the common name is too long or not printable");
}

struct err snp_time_s(const ASN1_TIME *time, int64_t *out)
{
    struct tm parts = {0};
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) {
        ERR_clear_error();
        return err_make(ERR_INPUT, "a time cannot be read");
    }
    *out = timegm(&parts);
    return OK;
}

struct err snp_extensions_check(const X509 *certificate)
{
    if (X509_get_version(certificate) != X509_VERSION_3)
        return err_make(ERR_INPUT, "the certificate is not of X.509 version 3");
    int count = X509_get_ext_count(certificate);
    if (count > SNP_CERTIFICATE_EXTENSIONS_MAX)
        return err_make(ERR_INPUT, "the certificate has more than %d extensions", SNP_CERTIFICATE_EXTENSIONS_MAX);
    for (int i = 0; i < count; i++) {
        const ASN1_OBJECT *kind = X509_EXTENSION_get_object(X509_get_ext(certificate, i));
        if (X509_get_ext_by_OBJ(certificate, kind, i) >= 0)
            return err_make(ERR_INPUT, "an extension stands twice in the certificate");
    }
    return OK;
}
