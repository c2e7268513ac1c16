#include "snp/revocation.h"

#define AGE_LIMIT_S INT64_C(10000000000) /* three centuries: any more means no limit */

enum crl_source {
    CRL_AT_HAND,   /* for keys of this kind */
    CRL_OF_OTHERS, /* for keys of the other kind */
    CRL_NAMED,     /* by the caller */
    CRL_OF_PEER
};

/* What the lists have said so far. */
struct crl_tally {
    const struct snp_chain *chain;
    const struct snp_trust *trust;
    bool is_revoked;
    const char *wrong;           /* why a list that was named or came along is none; NULL */
    const char *unusable;        /* why a list says nothing; NULL */
    bool peer_speaks_for_itself; /* only the peer's list is good, of any age that suits it */
    bool has_newest;
    enum snp_crl_state newest; /* GOOD or EXPIRED: of the newest that may speak */
    int64_t newest_since_s, newest_until_s;
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

static const char *crl_why(enum snp_crl_state state)
{
    switch (state) {
    case SNP_CRL_EXPIRED:
        return "the revocation list is too old";
    case SNP_CRL_FROM_FUTURE:
        return "the revocation list is of the future";
    case SNP_CRL_FORGED:
        return "the revocation list is not by the root";
    case SNP_CRL_OTHER:
        return "the revocation list is of another issuer";
    case SNP_CRL_OTHER_SCOPE:
        return "the revocation list is not about the intermediate";
    case SNP_CRL_GOOD:
    case SNP_CRL_REVOKED:
        break;
    }
    return "";
}

/* A list that somebody shows for this very chain must be one of its root; one that the caller names must speak. */
static bool crl_is_wrong(enum crl_source source, enum snp_crl_state state)
{
    bool is_none = state == SNP_CRL_OTHER || state == SNP_CRL_FORGED;
    if (source == CRL_NAMED)
        return state != SNP_CRL_GOOD && state != SNP_CRL_REVOKED;
    return source == CRL_OF_PEER && is_none;
}

/* The peer chooses which list it shows, and would choose the last that does not name it: what bounds that is an age. */
static bool crl_may_speak(enum crl_source source, const struct snp_trust *trust)
{
    switch (source) {
    case CRL_AT_HAND:
    case CRL_NAMED:
        return true;
    case CRL_OF_PEER:
        return trust->crl_max_age_s > 0;
    case CRL_OF_OTHERS:
        break;
    }
    return false;
}

/* A newer list takes the place of every older one (RFC 5280 section 5.1.2.4), be it past its own end. */
static void tally_take_newest(struct crl_tally *tally, const struct snp_crl *crl, enum snp_crl_state state)
{
    int64_t since_s = snp_crl_this_update_s(crl);
    if (tally->has_newest && since_s <= tally->newest_since_s)
        return;
    tally->has_newest = true;
    tally->newest = state;
    tally->newest_since_s = since_s;
    tally->newest_until_s = crl_good_until(crl, tally->trust->crl_max_age_s);
}

static void tally_add(struct crl_tally *tally, const struct snp_crl *crl, enum crl_source source)
{
    const struct snp_trust *trust = tally->trust;
    enum snp_crl_state state =
        snp_crl_judge(crl, tally->chain->ark, tally->chain->intermediate, trust->now_s, trust->crl_max_age_s);
    bool may_speak = crl_may_speak(source, trust);
    if (state == SNP_CRL_REVOKED)
        tally->is_revoked = true;
    else if (crl_is_wrong(source, state))
        tally->wrong = crl_why(state);
    else if (source == CRL_OF_OTHERS || state == SNP_CRL_OTHER)
        return;
    else if (may_speak && (state == SNP_CRL_GOOD || state == SNP_CRL_EXPIRED))
        tally_take_newest(tally, crl, state);
    else if (state == SNP_CRL_GOOD)
        tally->peer_speaks_for_itself = true;
    else
        tally->unusable = crl_why(state);
}

static void tally_add_carried(struct crl_tally *tally, const struct snp_carried_crl *carried, enum crl_source source)
{
    if (carried->is_malformed)
        tally->wrong = "the revocation list is malformed";
    else if (carried->crl)
        tally_add(tally, carried->crl, source);
}

static void revocation_decide(const struct crl_tally *tally, bool required, struct snp_revocation *out)
{
    *out = (struct snp_revocation){.outcome = CHECK_FAIL};
    if (tally->is_revoked) {
        out->found = "the root has revoked the intermediate";
    } else if (tally->wrong) {
        out->found = tally->wrong;
    } else if (tally->has_newest && tally->newest == SNP_CRL_GOOD) {
        out->outcome = CHECK_PASS;
        out->found = "not on the root's list";
        out->crl_was_used = true;
        out->good_until_s = tally->newest_until_s;
    } else if (tally->has_newest || tally->unusable) {
        out->outcome = required ? CHECK_FAIL : CHECK_WARN;
        out->found = tally->has_newest ? crl_why(tally->newest) : tally->unusable;
    } else if (tally->peer_speaks_for_itself) {
        out->outcome = required ? CHECK_FAIL : CHECK_SKIPPED;
        out->found = "the only revocation list is the evidence's own, and the policy sets no crl_max_age";
    } else {
        out->outcome = required ? CHECK_FAIL : CHECK_SKIPPED;
        out->found = "there is no revocation list of this root";
    }
}

void snp_revocation_judge(const struct snp_chain *chain, const struct snp_carried_crl *carried,
                          const struct snp_trust *trust, struct snp_revocation *out)
{
    struct crl_tally tally = {.chain = chain, .trust = trust};
    struct snp_carried_crl named = snp_carried_crl_read(trust->crl);
    for (size_t i = 0; i < trust->crl_count; i++)
        tally_add(&tally, trust->crls[i], CRL_AT_HAND);
    for (size_t i = 0; i < trust->other_crl_count; i++)
        tally_add(&tally, trust->other_crls[i], CRL_OF_OTHERS);
    tally_add_carried(&tally, carried, CRL_OF_PEER);
    tally_add_carried(&tally, &named, CRL_NAMED);
    snp_carried_crl_free(&named);
    revocation_decide(&tally, trust->crl_mode == SNP_CRL_REQUIRED || trust->crl.n > 0, out);
}
