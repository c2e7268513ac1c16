#include "attest/crls.h"

#include "attest/policy_products.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "snp/crl.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MOST_US  (30 * US_PER_SECOND)
#define LOOK_LEAST_US (1 * US_PER_SECOND)

static const enum snp_vek_kind families[] = {SNP_VEK_VCEK, SNP_VEK_VLEK};
#define FAMILIES (sizeof families / sizeof families[0])

/* What KDS has: a list for each product and family. */
#define EACH_LIST(product, family)                                                                                     \
    for (int product = SNP_PRODUCT_UNKNOWN + 1; product < SNP_PRODUCT_COUNT; product++)                                \
        for (size_t family = 0; family < FAMILIES; family++)

struct crl_set {
    _Atomic unsigned references;
    const struct snp_crl *lists[FAMILIES][SNP_PRODUCT_COUNT];
    size_t counts[FAMILIES];
    uint8_t digest[32];
};

struct crls {
    struct kds *kds;

    /* Of main. */
    struct timer *look;
    bool wanted[SNP_PRODUCT_COUNT][FAMILIES];
    bool is_used; /* a policy looks at lists at all */

    pthread_mutex_t making; /* held while a set is made, so that the last one made is the one in force */
    pthread_mutex_t lock;   /* guards what follows */
    struct crl_set *current;
};

/* ---- sets ---- */

static void set_add(struct crl_set *set, size_t family, struct bytes content)
{
    struct snp_crl *crl = NULL;
    uint8_t chained[2 * sizeof set->digest];
    if (failed(snp_crl_parse(content, &crl)))
        return; /* checked when it came: not to be met */
    set->lists[family][set->counts[family]++] = crl;
    memcpy(chained, set->digest, sizeof set->digest);
    SHA256(content.p, content.n, chained + sizeof set->digest);
    SHA256(chained, sizeof chained, set->digest);
}

struct crl_set *crl_set_make(struct kds *kds)
{
    struct crl_set *set = NEW(struct crl_set);
    set->references = 1;
    EACH_LIST(product, family)
    {
        const struct snp_kds_item item = snp_kds_crl((enum snp_product)product, families[family]);
        uint8_t *content = NULL;
        size_t size = 0;
        if (!kds_find(kds, &item, &content, &size))
            continue;
        set_add(set, family, bytes_of(content, size));
        free(content);
    }
    return set;
}

void crl_set_drop(struct crl_set *set)
{
    if (!set || atomic_fetch_sub(&set->references, 1) > 1)
        return;
    for (size_t family = 0; family < FAMILIES; family++)
        for (size_t i = 0; i < set->counts[family]; i++)
            snp_crl_free((struct snp_crl *)set->lists[family][i]);
    free(set);
}

const struct snp_crl *const *crl_set_lists(const struct crl_set *set, enum snp_vek_kind vek, size_t *count)
{
    *count = 0;
    for (size_t family = 0; set && family < FAMILIES; family++)
        if (families[family] == vek) {
            *count = set->counts[family];
            return set->lists[family];
        }
    return NULL;
}

void crl_set_lend(const struct crl_set *set, enum snp_vek_kind vek, struct snp_trust *trust)
{
    enum snp_vek_kind other = vek == SNP_VEK_VLEK ? SNP_VEK_VCEK : SNP_VEK_VLEK;
    trust->crls = crl_set_lists(set, vek, &trust->crl_count);
    trust->other_crls = crl_set_lists(set, other, &trust->other_crl_count);
}

void crl_set_digest(const struct crl_set *set, uint8_t out[32])
{
    memset(out, 0, 32);
    if (set)
        memcpy(out, set->digest, sizeof set->digest);
}

/* ---- the current one ---- */

struct crls *crls_new(struct kds *kds)
{
    struct crls *crls = NEW(struct crls);
    crls->kds = kds;
    pthread_mutex_init(&crls->making, NULL);
    pthread_mutex_init(&crls->lock, NULL);
    crls->current = NEW(struct crl_set);
    crls->current->references = 1;
    return crls;
}

void crls_stop(struct crls *crls)
{
    timer_free(crls->look);
    crls->look = NULL;
}

void crls_free(struct crls *crls)
{
    if (!crls)
        return;
    crls_stop(crls);
    crl_set_drop(crls->current);
    pthread_mutex_destroy(&crls->lock);
    pthread_mutex_destroy(&crls->making);
    free(crls);
}

struct crl_set *crls_hold(struct crls *crls)
{
    pthread_mutex_lock(&crls->lock);
    struct crl_set *set = crls->current;
    atomic_fetch_add(&set->references, 1);
    pthread_mutex_unlock(&crls->lock);
    return set;
}

/* Main, and KDS's thread. */
static void crls_make(struct crls *crls)
{
    pthread_mutex_lock(&crls->making);
    struct crl_set *set = crl_set_make(crls->kds);
    pthread_mutex_lock(&crls->lock);
    struct crl_set *before = crls->current;
    crls->current = set;
    pthread_mutex_unlock(&crls->lock);
    crl_set_drop(before);
    pthread_mutex_unlock(&crls->making);
}

/* ---- fetching ---- */

static void crls_fetched(void *arg, const struct err *outcome, struct bytes content)
{
    (void)content;
    if (!failed(*outcome) || outcome->code == ERR_DENIED) /* what was refused may be kept, and revoke */
        crls_make(arg);                                   /* KDS has logged any failure */
}

/* Often enough for a list not to be much older than it may be. */
static int64_t look_after_us(int64_t refresh_us)
{
    if (refresh_us / 4 < LOOK_LEAST_US)
        return LOOK_LEAST_US;
    return refresh_us / 4 < LOOK_MOST_US ? refresh_us / 4 : LOOK_MOST_US;
}

static void crls_look(void *arg)
{
    struct crls *crls = arg;
    struct kds_options *options = kds_options_of(crls->kds);
    int64_t refresh_us = options->crl_refresh_us;
    bool offline = options->offline;
    kds_options_drop(options);
    crls_make(crls); /* vouch kds fetch may have left some */
    EACH_LIST(product, family)
    {
        const struct snp_kds_item item = snp_kds_crl((enum snp_product)product, families[family]);
        if (crls->wanted[product][family] && !offline && !kds_has_fresh(crls->kds, &item))
            kds_ask(crls->kds, &item, crls_fetched, crls);
    }
    timer_start(crls->look, look_after_us(refresh_us));
}

/* A policy that names no products means all, and likewise with kinds of keys; one that does not insist lets others in.
 */
static bool policy_wants(const struct policy *policy, int product, enum snp_vek_kind vek)
{
    uint64_t kinds = policy->chip.key_kinds;
    if (policy->certificates.crl != SNP_CRL_REQUIRED)
        return false;
    if (policy->chip.mode != POLICY_STRICT)
        return true;
    if (bit_is_set(policy->chip.products_denied, (unsigned)product))
        return false;
    return policy_products_has_line(policy->chip.products_allowed, (enum snp_product)product) &&
           (kinds == 0 || bit_is_set(kinds, vek));
}

void crls_watch(struct crls *crls, struct loop *loop, const struct policies *policies)
{
    crls->is_used = false;
    memset(crls->wanted, 0, sizeof crls->wanted);
    for (size_t i = 0; i < policies->count; i++) {
        const struct policy *policy = policies->policy[i];
        crls->is_used |= policy->certificates.crl != SNP_CRL_OFF;
        EACH_LIST(product, family)
        crls->wanted[product][family] |= policy_wants(policy, product, families[family]);
    }
    crls_stop(crls);
    if (!crls->is_used)
        return;
    crls->look = timer_new(loop, crls_look, crls);
    crls_look(crls);
}
