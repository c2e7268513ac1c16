/*
 * crl.h: AMD's revocation lists: signed by the ARK, they can name an ASK or ASVK (never one chip: all VEKs have serial
 * 0). Any thread; a list is immutable once read.
 */
#ifndef SNP_CRL_H
#define SNP_CRL_H

#include "snp/vek.h"

#define SNP_CRL_MAX 65536

enum snp_crl_mode {
    SNP_CRL_IF_AVAILABLE = 0, /* what is there is obeyed; see revocation.h */
    SNP_CRL_REQUIRED,         /* and one must speak for the certificate */
    SNP_CRL_OFF
};

struct snp_crl;

/* Reads a list, DER or PEM. *out belongs to the caller. */
struct err snp_crl_parse(struct bytes der_or_pem, struct snp_crl **out) MUST_CHECK;
void snp_crl_free(struct snp_crl *crl);

/* Since 1970; `next` is 0 when the list names no next update. */
int64_t snp_crl_this_update_s(const struct snp_crl *crl);
int64_t snp_crl_next_update_s(const struct snp_crl *crl);

enum snp_crl_state {
    SNP_CRL_GOOD,        /* genuine, fresh, and does not name the certificate */
    SNP_CRL_REVOKED,     /* genuine, and names the certificate, be it fresh or not */
    SNP_CRL_OTHER,       /* of another issuer: says nothing here */
    SNP_CRL_FORGED,      /* signature wrong, or not RSASSA-PSS SHA-384 salt 48 */
    SNP_CRL_EXPIRED,     /* past its next update, or older than allowed */
    SNP_CRL_FROM_FUTURE, /* its thisUpdate is later than the time of check */
    SNP_CRL_OTHER_SCOPE  /* genuine and fresh, but not about such certificates */
};
/* What the list says of `certificate`, issued by `ark`, at `now_s`; max_age_s 0: no limit of our own.
 *
 * A list without issuingDistributionPoint is about every certificate of its issuer (RFC 5280 section 5). One with it is
 * about `certificate` when a distribution point of both has the same name (section 6.3.3 (b)(2)), and when it is not
 * about users, attributes or some reasons alone. A serial that it names is revoked whatever its scope. */
enum snp_crl_state snp_crl_judge(const struct snp_crl *crl, X509 *ark, X509 *certificate, int64_t now_s,
                                 int64_t max_age_s);
/* Whether the list may be the one that is handed out under this path ("/vlek/v1/Milan/crl"): it says so, or does not
 * say where. */
bool snp_crl_may_stand_at(const struct snp_crl *crl, const char *path);
/* "good", "revoked", … */
const char *snp_crl_state_name(enum snp_crl_state state);

#endif
