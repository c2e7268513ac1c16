#include "tls/authority.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tls/issue.h"
#include "tls/pem.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKDATE_S (24 * 3600)

struct authority {
    struct certificate certificate;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

/* Takes references of its own. */
static struct err authority_of(X509 *x509, STACK_OF(X509) * chain, EVP_PKEY *key, struct authority **out)
{
    struct authority *authority = NEW(struct authority);
    struct err outcome = certificate_read(x509, &authority->certificate);
    if (!failed(outcome)) {
        authority->chain = chain ? X509_chain_up_ref(chain) : sk_X509_new_null();
        if (!authority->chain)
            outcome = err_crypto("cannot keep a certificate chain");
    }
    if (!failed(outcome)) {
        EVP_PKEY_up_ref(key);
        authority->key = key;
        *out = authority;
        return OK;
    }
    authority_free(authority);
    return outcome;
}

static struct err authority_issue_itself(const char *common_name, int64_t lifetime_s, EVP_PKEY *key, X509 **out)
{
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    TRY(issue_begin(common_name, key, NULL, now_s - BACKDATE_S, now_s + lifetime_s, out));
    TRY(issue_add(*out, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
    TRY(issue_add(*out, NULL, NID_key_usage, "critical,keyCertSign,cRLSign"));
    TRY(issue_add(*out, NULL, NID_subject_key_identifier, "hash"));
    return issue_sign(*out, key);
}

struct err authority_make(const char *common_name, int64_t lifetime_s, struct authority **out)
{
    if (lifetime_s <= 0)
        return err_make(ERR_INPUT, "an authority needs a lifetime");
    EVP_PKEY *key = NULL;
    TRY(issue_make_key(&key));
    X509 *x509 = NULL;
    struct err outcome = authority_issue_itself(common_name, lifetime_s, key, &x509);
    if (!failed(outcome))
        outcome = authority_of(x509, NULL, key, out);
    X509_free(x509);
    EVP_PKEY_free(key);
    return outcome;
}

static struct err authority_check(X509 *x509, EVP_PKEY *key, const char *cert_file, const char *key_file)
{
    if (X509_check_ca(x509) != 1)
        return err_make(ERR_INPUT, "the certificate in \"%s\" is not one of an authority (basicConstraints CA:TRUE)",
                        cert_file);
    if (X509_check_private_key(x509, key) != 1)
        return err_crypto("the key in \"%s\" does not belong to the certificate in \"%s\"", key_file, cert_file);
    if (!issue_key_is_fit(key))
        return err_make(ERR_UNSUPPORTED,
                        "the key in \"%s\" is neither ECDSA nor RSA: channel binding has no hash for its signatures",
                        key_file);
    return OK;
}

struct err authority_load(const char *cert_file, const char *key_file, struct authority **out)
{
    STACK_OF(X509) *certificates = NULL;
    TRY(pem_load_certificates(cert_file, &certificates));
    X509 *first = sk_X509_shift(certificates);
    EVP_PKEY *key = NULL;
    struct err outcome = pem_load_key(key_file, &key);
    if (!failed(outcome))
        outcome = authority_check(first, key, cert_file, key_file);
    if (!failed(outcome))
        outcome = authority_of(first, certificates, key, out);
    X509_free(first);
    certificate_list_free(certificates);
    EVP_PKEY_free(key);
    return outcome;
}

struct err authority_save(const struct authority *authority, const char *cert_file, const char *key_file)
{
    TRY(pem_save_key(key_file, authority->key));
    return pem_save_certificates(cert_file, authority->certificate.x509, authority->chain);
}

static struct err authority_reopen(const char *cert_file, const char *key_file, struct authority **out)
{
    struct authority *authority = NULL;
    TRY(authority_load(cert_file, key_file, &authority));
    if (authority_not_after_s(authority) <= clock_wall_us() / US_PER_SECOND) {
        authority_free(authority);
        return err_make(ERR_INPUT, "the authority in \"%s\" has expired; remove the file to have another made",
                        cert_file);
    }
    *out = authority;
    return OK;
}

struct err authority_open(const char *cert_file, const char *key_file, const char *common_name, int64_t lifetime_s,
                          struct authority **out, bool *made)
{
    bool has_cert = access(cert_file, F_OK) == 0 || errno != ENOENT;
    bool has_key = access(key_file, F_OK) == 0 || errno != ENOENT;
    if (made)
        *made = !has_cert;
    /* The key is written first: one without a certificate is what an interrupted start left, and no leaf is out. */
    if (has_cert && !has_key)
        return err_make(ERR_INPUT, "\"%s\" is there without its key \"%s\"", cert_file, key_file);
    if (has_cert)
        return authority_reopen(cert_file, key_file, out);
    struct authority *authority = NULL;
    struct err outcome = authority_make(common_name, lifetime_s, &authority);
    if (authority)
        outcome = authority_save(authority, cert_file, key_file);
    if (failed(outcome))
        authority_free(authority);
    else
        *out = authority;
    return outcome;
}

void authority_free(struct authority *authority)
{
    if (!authority)
        return;
    certificate_release(&authority->certificate);
    certificate_list_free(authority->chain);
    EVP_PKEY_free(authority->key);
    free(authority);
}

X509 *authority_certificate(const struct authority *authority)
{
    return authority->certificate.x509;
}

STACK_OF(X509) * authority_chain(const struct authority *authority)
{
    return authority->chain;
}

EVP_PKEY *authority_key(const struct authority *authority)
{
    return authority->key;
}

const uint8_t *authority_spki_sha384(const struct authority *authority)
{
    return authority->certificate.spki_sha384;
}

int64_t authority_not_after_s(const struct authority *authority)
{
    return authority->certificate.facts.not_after_s;
}
