#include "snp/kds_check.h"

#include "snp/authority.h"
#include "snp/chain.h"
#include "snp/crl.h"

#include <stdio.h>
#include <string.h>

#define PEM_MARK "-----BEGIN CERTIFICATE-----"

/* Where the next certificate begins in `text`, or its end. */
static size_t chain_next(struct bytes text, size_t from)
{
    const uint8_t *found = memmem(text.p + from, text.n - from, PEM_MARK, sizeof PEM_MARK - 1);
    return found ? (size_t)(found - text.p) : text.n;
}

struct err snp_kds_chain_read(struct bytes pem, struct snp_kds_authorities *out)
{
    *out = (struct snp_kds_authorities){.ark = BYTES_NONE};
    if (pem.n == 0 || pem.n > snp_kds_size_max(SNP_KDS_CHAIN))
        return err_make(ERR_INPUT, "the chain is empty, or longer than %zu bytes", snp_kds_size_max(SNP_KDS_CHAIN));
    size_t first = chain_next(pem, 0);
    size_t second = first < pem.n ? chain_next(pem, first + 1) : pem.n;
    size_t third = second < pem.n ? chain_next(pem, second + 1) : pem.n;
    if (second == pem.n || third != pem.n)
        return err_make(ERR_INPUT, "the chain is not the PEM of two certificates");
    out->intermediate = bytes_of(pem.p + first, second - first);
    out->ark = bytes_of(pem.p + second, pem.n - second);
    return OK;
}

static struct err check_time(int64_t from_s, int64_t until_s, int64_t now_s)
{
    if (now_s < from_s)
        return err_make(ERR_NOT_NOW, "it is not yet valid");
    return now_s > until_s ? err_make(ERR_NOT_NOW, "it has expired") : OK;
}

static struct err check_certificate_time(const X509 *certificate, int64_t now_s)
{
    int64_t from_s = 0, until_s = 0;
    TRY(snp_time_s(X509_get0_notBefore(certificate), &from_s));
    TRY(snp_time_s(X509_get0_notAfter(certificate), &until_s));
    return check_time(from_s, until_s, now_s);
}

/* ---- VCEK ---- */

static struct err vcek_check_facts(const struct snp_kds_item *item, const struct snp_vek *vek)
{
    char asked[SNP_TCB_TEXT_SIZE], found[SNP_TCB_TEXT_SIZE];
    enum snp_tcb_layout layout = snp_product_tcb_layout(item->product);
    if (vek->kind != SNP_VEK_VCEK)
        return err_make(ERR_DENIED, "it is a %s, not a VCEK", snp_vek_kind_name(vek->kind));
    TRY(snp_vek_complete(vek));
    if (vek->product != item->product || vek->issuer_product != item->product)
        return err_make(ERR_DENIED, "it is of %s, not of %s", snp_product_name(vek->product),
                        snp_product_name(item->product));
    if (!bytes_equal(bytes_of(vek->hwid, vek->hwid_size),
                     bytes_of(item->hwid, snp_product_chip_id_size(item->product))))
        return err_make(ERR_DENIED, "it is of another chip");
    if (snp_vek_tcb_layout(vek) == layout && snp_tcb_equal(snp_vek_tcb(vek), item->tcb))
        return OK;
    snp_tcb_text(item->tcb, layout, asked);
    snp_tcb_text(snp_vek_tcb(vek), snp_vek_tcb_layout(vek), found);
    return err_make(ERR_DENIED, "it is for the TCB %s, not for %s", found, asked);
}

static struct err vcek_check(const struct snp_kds_item *item, struct bytes content, const struct snp_kds_trust *trust)
{
    const struct snp_chain_input input = {content, trust->authorities.intermediate, trust->authorities.ark};
    struct snp_chain *chain = NULL;
    struct err why;
    enum snp_chain_state state = snp_chain_verify(&input, trust->arks, NULL, &chain, &why);
    if (state != SNP_CHAIN_GOOD)
        return failed(why) ? why : err_make(ERR_DENIED, "its chain is not good: %s", snp_chain_state_name(state));
    struct err outcome = vcek_check_facts(item, &chain->vek);
    if (!failed(outcome))
        outcome = check_time(chain->not_before_s, chain->not_after_s, trust->now_s);
    snp_chain_release(chain);
    return outcome;
}

/* ---- roots ---- */

/* An ARK of the item's product that AMD's pins or the caller's roots know. */
static struct err ark_check(const struct snp_kds_item *item, X509 *ark, const struct snp_arks *arks)
{
    char name[SNP_COMMON_NAME_SIZE];
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    TRY(err_within(snp_ark_check(ark), "ARK"));
    TRY(snp_common_name(X509_get_subject_name(ark), name));
    if (snp_product_of_common_name(name, "ARK-") != item->product)
        return err_make(ERR_DENIED, "the root \"%s\" is not that of %s", name, snp_product_name(item->product));
    snp_spki_sha256(ark, hash);
    if (!snp_amd_ark_is_pinned(hash) && !snp_arks_trust(arks, hash))
        return err_make(ERR_DENIED, "its root is neither AMD's nor one that the configuration names");
    return OK;
}

/* ---- chain ---- */

static struct err intermediate_check(const struct snp_kds_item *item, X509 *intermediate, X509 *ark)
{
    char name[SNP_COMMON_NAME_SIZE];
    TRY(err_within(snp_authority_check(intermediate), "ASK"));
    TRY(snp_common_name(X509_get_subject_name(intermediate), name));
    if (snp_product_of_common_name(name, item->vek == SNP_VEK_VLEK ? "SEV-VLEK-" : "SEV-") != item->product)
        return err_make(ERR_DENIED, "\"%s\" is not the authority that was asked for", name);
    if (!snp_key_is_rsa_4096(X509_get0_pubkey(intermediate)))
        return err_make(ERR_DENIED, "the key of \"%s\" is not RSA-4096", name);
    if (X509_NAME_cmp(X509_get_issuer_name(intermediate), X509_get_subject_name(ark)) != 0 ||
        !snp_certificate_is_signed_by(intermediate, X509_get0_pubkey(ark)))
        return err_make(ERR_DENIED, "the root did not sign \"%s\"", name);
    return OK;
}

static struct err chain_check_parts(const struct snp_kds_item *item, X509 *intermediate, X509 *ark,
                                    const struct snp_kds_trust *trust)
{
    TRY(ark_check(item, ark, trust->arks));
    TRY(intermediate_check(item, intermediate, ark));
    TRY(check_certificate_time(intermediate, trust->now_s));
    return check_certificate_time(ark, trust->now_s);
}

static struct err chain_check(const struct snp_kds_item *item, struct bytes content, const struct snp_kds_trust *trust)
{
    struct snp_kds_authorities parts;
    X509 *intermediate = NULL, *ark = NULL;
    TRY(snp_kds_chain_read(content, &parts));
    struct err outcome = err_within(snp_certificate_parse(parts.intermediate, &intermediate), "ASK");
    if (!failed(outcome))
        outcome = err_within(snp_certificate_parse(parts.ark, &ark), "ARK");
    if (!failed(outcome))
        outcome = chain_check_parts(item, intermediate, ark, trust);
    X509_free(intermediate);
    X509_free(ark);
    return outcome;
}

/* ---- list ---- */

/* Whether a list is by this root, which then decides. A root itself stands on no list: what is asked is who made it. */
static bool crl_is_by(const struct snp_crl *crl, const struct snp_kds_item *item, X509 *ark,
                      const struct snp_kds_trust *trust, struct err *outcome)
{
    if (!ark || failed(ark_check(item, ark, trust->arks)))
        return false;
    switch (snp_crl_judge(crl, ark, ark, trust->now_s, 0)) {
    case SNP_CRL_GOOD:
    case SNP_CRL_OTHER_SCOPE:
    case SNP_CRL_REVOKED:
        *outcome = OK;
        return true;
    case SNP_CRL_EXPIRED:
        *outcome = err_make(ERR_NOT_NOW, "the revocation list is out of date");
        return true;
    case SNP_CRL_FROM_FUTURE:
        *outcome = err_make(ERR_NOT_NOW, "the revocation list is of the future");
        return true;
    case SNP_CRL_OTHER:
    case SNP_CRL_FORGED:
        break;
    }
    return false;
}

static struct err crl_check_roots(const struct snp_crl *crl, const struct snp_kds_item *item,
                                  const struct snp_kds_trust *trust)
{
    struct err outcome = OK;
    X509 *of_chain = NULL;
    if (crl_is_by(crl, item, snp_amd_ark(item->product), trust, &outcome))
        return outcome;
    for (size_t i = 0; i < snp_arks_count(trust->arks); i++)
        if (crl_is_by(crl, item, snp_arks_certificate(trust->arks, i), trust, &outcome))
            return outcome;
    bool found = trust->authorities.ark.n > 0 && !failed(snp_certificate_parse(trust->authorities.ark, &of_chain)) &&
                 crl_is_by(crl, item, of_chain, trust, &outcome);
    X509_free(of_chain);
    return found
               ? outcome
               : err_make(ERR_DENIED, "no known root of %s made this revocation list", snp_product_name(item->product));
}

/* One root makes the lists for VCEKs and those for VLEKs. Where a list does not say which it is, where it came from is
 * all that tells. */
static struct err crl_check_place(const struct snp_crl *crl, const struct snp_kds_item *item)
{
    char path[SNP_KDS_PATH_SIZE];
    snp_kds_path(item, path);
    return snp_crl_may_stand_at(crl, path)
               ? OK
               : err_make(ERR_DENIED, "the revocation list says of itself that it is not that of \"%s\"", path);
}

static struct err crl_check(const struct snp_kds_item *item, struct bytes content, const struct snp_kds_trust *trust)
{
    struct snp_crl *crl = NULL;
    TRY(snp_crl_parse(content, &crl));
    struct err outcome = crl_check_place(crl, item);
    if (!failed(outcome))
        outcome = crl_check_roots(crl, item, trust);
    snp_crl_free(crl);
    return outcome;
}

struct err snp_kds_check(const struct snp_kds_item *item, struct bytes content, const struct snp_kds_trust *trust)
{
    switch (item->kind) {
    case SNP_KDS_VCEK:
        return vcek_check(item, content, trust);
    case SNP_KDS_CHAIN:
        return chain_check(item, content, trust);
    case SNP_KDS_CRL:
        return crl_check(item, content, trust);
    }
    return err_make(ERR_UNSUPPORTED, "KDS has no such thing");
}
