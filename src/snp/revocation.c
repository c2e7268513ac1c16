#include "snp/revocation.h"

#define AGE_LIMIT_S INT64_C(10000000000) /* three centuries: any more means no limit */

/* Which states came up. */
struct crl_tally {
    bool seen[SNP_CRL_FROM_FUTURE + 1];
    bool malformed;
    int64_t good_until_s;
};

/* The earlier of the list's own end and the age that policy allows. */
static int64_t crl_good_until(const struct snp_crl *crl, int64_t max_age_s)
{
    int64_t until = snp_crl_next_update_s(crl) != 0 ? snp_crl_next_update_s(crl) : INT64_MAX;
    int64_t this_update_s = snp_crl_this_update_s(crl);
    int64_t age_s = max_age_s < AGE_LIMIT_S ? max_age_s : AGE_LIMIT_S;
    if (age_s > 0 && this_update_s + age_s < until)
        until = this_update_s + age_s;
    return until;
}

static void crl_count(const struct snp_crl *crl, const struct snp_chain *chain, const struct snp_trust *trust,
                      struct crl_tally *tally)
{
    enum snp_crl_state state = snp_crl_judge(crl, chain->ark, chain->intermediate, trust->now_s, trust->crl_max_age_s);
    int64_t until = crl_good_until(crl, trust->crl_max_age_s);
    if (state == SNP_CRL_GOOD && (!tally->seen[SNP_CRL_GOOD] || until > tally->good_until_s))
        tally->good_until_s = until;
    tally->seen[state] = true;
}

static const char *crl_why_unusable(const struct crl_tally *tally)
{
    if (tally->seen[SNP_CRL_EXPIRED])
        return "the revocation list is too old";
    if (tally->seen[SNP_CRL_FROM_FUTURE])
        return "the revocation list is of the future";
    if (tally->seen[SNP_CRL_FORGED])
        return "the revocation list is not by the root";
    return "the revocation list is malformed";
}

static void revocation_decide(const struct crl_tally *tally, bool required, struct snp_revocation *out)
{
    bool unusable = tally->malformed || tally->seen[SNP_CRL_EXPIRED] || tally->seen[SNP_CRL_FROM_FUTURE] ||
                    tally->seen[SNP_CRL_FORGED];
    *out = (struct snp_revocation){.outcome = CHECK_FAIL};
    if (tally->seen[SNP_CRL_REVOKED]) {
        out->found = "the root has revoked the intermediate";
    } else if (tally->seen[SNP_CRL_GOOD]) {
        out->outcome = CHECK_PASS;
        out->found = "not on the root's list";
        out->crl_was_used = true;
        out->good_until_s = tally->good_until_s;
    } else if (unusable) {
        out->outcome = required ? CHECK_FAIL : CHECK_WARN;
        out->found = crl_why_unusable(tally);
    } else {
        out->outcome = required ? CHECK_FAIL : CHECK_SKIPPED;
        out->found = "there is no revocation list of this root";
    }
}

void snp_revocation_judge(const struct snp_chain *chain, struct bytes crl_of_evidence, const struct snp_trust *trust,
                          struct snp_revocation *out)
{
    struct crl_tally tally = {0};
    struct snp_crl *given = NULL;
    if (crl_of_evidence.n > 0)
        tally.malformed = failed(snp_crl_parse(crl_of_evidence, &given));
    if (given)
        crl_count(given, chain, trust, &tally);
    snp_crl_free(given);
    for (size_t i = 0; i < trust->crl_count; i++)
        crl_count(trust->crls[i], chain, trust, &tally);
    revocation_decide(&tally, trust->crl_mode == SNP_CRL_REQUIRED, out);
}
