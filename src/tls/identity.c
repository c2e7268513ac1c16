#include "tls/identity.h"

#include "base/mem.h"
#include "tls/pem.h"

#include <stdatomic.h>
#include <stdlib.h>

struct tls_identity {
    atomic_uint references;
    X509 *certificate;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

struct err tls_identity_make(X509 *certificate, STACK_OF(X509) * chain, EVP_PKEY *key, struct tls_identity **out)
{
    if (X509_check_private_key(certificate, key) != 1)
        return err_crypto("certificate and private key do not belong together");
    STACK_OF(X509) *own = chain ? X509_chain_up_ref(chain) : sk_X509_new_null();
    if (!own)
        return err_crypto("cannot keep a certificate chain");
    X509_up_ref(certificate);
    EVP_PKEY_up_ref(key);
    struct tls_identity *identity = NEW(struct tls_identity);
    atomic_init(&identity->references, 1);
    identity->certificate = certificate;
    identity->chain = own;
    identity->key = key;
    *out = identity;
    return OK;
}

struct err tls_identity_load(const char *cert_file, const char *key_file, struct tls_identity **out)
{
    STACK_OF(X509) *certificates = NULL;
    TRY(pem_load_certificates(cert_file, &certificates));
    EVP_PKEY *key = NULL;
    const char *key_source = key_file && *key_file ? key_file : cert_file;
    struct err outcome = pem_load_key(key_source, &key);
    X509 *first = sk_X509_shift(certificates);
    if (!failed(outcome))
        outcome = err_within(tls_identity_make(first, certificates, key, out), "\"%s\"", cert_file);
    X509_free(first);
    certificate_list_free(certificates);
    EVP_PKEY_free(key);
    return outcome;
}

struct tls_identity *tls_identity_keep(struct tls_identity *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

void tls_identity_release(struct tls_identity *identity)
{
    if (!identity || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(identity->certificate);
    certificate_list_free(identity->chain);
    EVP_PKEY_free(identity->key);
    free(identity);
}

X509 *tls_identity_certificate(const struct tls_identity *identity)
{
    return identity->certificate;
}

STACK_OF(X509) * tls_identity_chain(const struct tls_identity *identity)
{
    return identity->chain;
}

EVP_PKEY *tls_identity_key(const struct tls_identity *identity)
{
    return identity->key;
}

struct err tls_identity_save(const struct tls_identity *identity, const char *cert_file, const char *key_file)
{
    TRY(pem_save_key(key_file, identity->key));
    return pem_save_certificates(cert_file, identity->certificate, identity->chain);
}
