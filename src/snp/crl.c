#include "snp/crl.h"

#include "base/mem.h"
#include "snp/authority.h"
#include "snp/roots.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The root whose signature the list was last seen to have: one list speaks for many chains of one root. */
struct crl_memo {
    pthread_mutex_t lock;
    bool is_known;
    uint8_t spki_sha256[SNP_SPKI_SHA256_SIZE];
};

struct snp_crl {
    X509_CRL *list;
    struct crl_memo *memo;
    int64_t this_update_s;
    int64_t next_update_s;
};

/* A critical extension (a partial or indirect list, RFC 5280 section 5.2) would change what the list says. */
static struct err crl_check_extensions(X509_CRL *list)
{
    for (int i = 0; i < X509_CRL_get_ext_count(list); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(list, i)))
            return err_make(ERR_INPUT, "the revocation list has a critical extension");
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);
    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
        for (int j = 0; j < X509_REVOKED_get_ext_count(entry); j++)
            if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(entry, j)))
                return err_make(ERR_INPUT, "an entry of the revocation list has a critical extension");
    }
    return OK;
}

static struct err crl_read(struct snp_crl *crl)
{
    TRY(crl_check_extensions(crl->list));
    TRY(err_within(snp_time_s(X509_CRL_get0_lastUpdate(crl->list), &crl->this_update_s), "revocation list"));
    if (X509_CRL_get0_nextUpdate(crl->list))
        TRY(err_within(snp_time_s(X509_CRL_get0_nextUpdate(crl->list), &crl->next_update_s), "revocation list"));
    return OK;
}

struct err snp_crl_parse(struct bytes der_or_pem, struct snp_crl **out)
{
    *out = NULL;
    if (der_or_pem.n == 0)
        return err_make(ERR_INPUT, "there is no revocation list");
    if (der_or_pem.n > SNP_CRL_MAX)
        return err_make(ERR_LIMIT, "the revocation list is longer than %d bytes", SNP_CRL_MAX);
    struct bytes der;
    unsigned char *owned = NULL;
    TRY(snp_der_of(der_or_pem, PEM_STRING_X509_CRL, &der, &owned));
    const unsigned char *p = der.p;
    struct snp_crl *crl = NEW(struct snp_crl);
    crl->memo = NEW(struct crl_memo);
    pthread_mutex_init(&crl->memo->lock, NULL);
    crl->list = d2i_X509_CRL(NULL, &p, (long)der.n);
    bool is_whole = p == der.p + der.n;
    OPENSSL_free(owned);
    ERR_clear_error();
    struct err outcome =
        crl->list && is_whole ? crl_read(crl) : err_make(ERR_INPUT, "the revocation list cannot be read");
    if (failed(outcome)) {
        snp_crl_free(crl);
        return outcome;
    }
    *out = crl;
    return OK;
}

void snp_crl_free(struct snp_crl *crl)
{
    if (!crl)
        return;
    X509_CRL_free(crl->list);
    pthread_mutex_destroy(&crl->memo->lock);
    free(crl->memo);
    free(crl);
}

int64_t snp_crl_this_update_s(const struct snp_crl *crl)
{
    return crl->this_update_s;
}

int64_t snp_crl_next_update_s(const struct snp_crl *crl)
{
    return crl->next_update_s;
}

static bool crl_is_signed_by(const struct snp_crl *crl, X509 *ark)
{
    const X509_ALGOR *algorithm = NULL;
    X509_CRL_get0_signature(crl->list, NULL, &algorithm);
    EVP_PKEY *key = X509_get0_pubkey(ark);
    bool verified =
        snp_algorithm_is_amd_pss(algorithm) && snp_key_is_rsa_4096(key) && X509_CRL_verify(crl->list, key) == 1;
    ERR_clear_error();
    return verified;
}

static bool crl_is_genuine(const struct snp_crl *crl, X509 *ark)
{
    struct crl_memo *memo = crl->memo;
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    snp_spki_sha256(ark, hash);
    pthread_mutex_lock(&memo->lock);
    bool genuine = memo->is_known && bytes_equal(BYTES(hash), BYTES(memo->spki_sha256));
    pthread_mutex_unlock(&memo->lock);
    if (genuine || !crl_is_signed_by(crl, ark))
        return genuine;
    pthread_mutex_lock(&memo->lock);
    memo->is_known = true;
    memcpy(memo->spki_sha256, hash, sizeof hash);
    pthread_mutex_unlock(&memo->lock);
    return true;
}

/* Walks the entries: the library's own look-up sorts them, and a list here is never changed. */
static bool crl_names(const struct snp_crl *crl, const X509 *certificate)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl->list);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++)
        if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i)), serial) == 0)
            return true;
    return false;
}

enum snp_crl_state snp_crl_judge(const struct snp_crl *crl, X509 *ark, X509 *certificate, int64_t now_s,
                                 int64_t max_age_s)
{
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl->list), X509_get_subject_name(ark)) != 0)
        return SNP_CRL_OTHER;
    if (!crl_is_genuine(crl, ark))
        return SNP_CRL_FORGED;
    if (crl_names(crl, certificate))
        return SNP_CRL_REVOKED;
    if (crl->this_update_s > now_s)
        return SNP_CRL_FROM_FUTURE;
    if (crl->next_update_s != 0 && now_s > crl->next_update_s)
        return SNP_CRL_EXPIRED;
    if (max_age_s > 0 && now_s - crl->this_update_s > max_age_s)
        return SNP_CRL_EXPIRED;
    return SNP_CRL_GOOD;
}

const char *snp_crl_state_name(enum snp_crl_state state)
{
    switch (state) {
    case SNP_CRL_GOOD:
        return "good";
    case SNP_CRL_REVOKED:
        return "revoked";
    case SNP_CRL_OTHER:
        return "other_issuer";
    case SNP_CRL_FORGED:
        return "forged";
    case SNP_CRL_EXPIRED:
        return "expired";
    case SNP_CRL_FROM_FUTURE:
        return "from_future";
    }
    return "unknown";
}
