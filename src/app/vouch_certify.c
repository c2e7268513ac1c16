#include "app/vouch_certify.h"

#include "app/vouch_command.h"
#include "base/mem.h"
#include "config/check.h"

#include <stdlib.h>

/* The XDG Base Directory Specification's place for what can be had again. NULL: the user has none. */
static char *kds_user_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return mem_format("%s/pgvouch/kds", cache);
    return home && *home == '/' ? mem_format("%s/.cache/pgvouch/kds", home) : NULL;
}

static struct err kds_read_options(const struct settings *set, const struct policy *policy, struct kds_options **out)
{
    TRY(config_check_kds(set));
    struct settings with_cache;
    settings_copy(set, &with_cache);
    char *cache = *set->kds_cache_dir ? NULL : kds_user_cache();
    struct err outcome = cache ? setting_set(setting_find("kds_cache_dir"), cache, &with_cache) : OK;
    if (!failed(outcome))
        outcome = kds_options_read(&with_cache, policy ? policy->certificates.trusted_arks : NULL, out);
    free(cache);
    settings_free(&with_cache);
    return outcome;
}

struct err vouch_kds_open(const struct settings *set, const struct policy *policy, struct kds **out)
{
    struct kds_options *options = NULL;
    TRY(kds_read_options(set, policy, &options));
    return kds_new(options, out);
}

struct err vouch_kds_staple(const struct settings *set, struct provider *device, struct staple *staple)
{
    struct kds *kds = NULL;
    TRY(vouch_kds_open(set, NULL, &kds));
    staple_init(staple, device, kds);
    return OK;
}

static struct err supply_certificate(struct kds *kds, const struct snp_report *report)
{
    struct kds_proof proof;
    TRY(kds_certify(kds, report, SNP_PRODUCT_UNKNOWN, true, &proof));
    kds_proof_release(&proof);
    return OK;
}

static struct err supply_list(struct kds *kds, enum snp_product product, enum snp_vek_kind vek)
{
    const struct snp_kds_item item = snp_kds_crl(product, vek);
    uint8_t *content = NULL;
    size_t size = 0;
    TRY(err_within(kds_get(kds, &item, &content, &size, NULL), "the revocation list of %s", snp_product_name(product)));
    free(content);
    return OK;
}

/* A report of version 2 does not name its product: the list of either is then wanted. */
static void supply_lists(struct kds *kds, const char *command, const struct snp_report *report)
{
    enum snp_product named = snp_report_product(report);
    enum snp_vek_kind vek = snp_report_signing_key(report) == SNP_SIGNING_KEY_VLEK ? SNP_VEK_VLEK : SNP_VEK_VCEK;
    for (int product = SNP_PRODUCT_UNKNOWN + 1; product < SNP_PRODUCT_COUNT; product++) {
        if (named != SNP_PRODUCT_UNKNOWN && named != (enum snp_product)product)
            continue;
        struct err outcome = supply_list(kds, (enum snp_product)product, vek);
        if (failed(outcome))
            vouch_fail(command, outcome, false);
    }
}

struct err vouch_kds_supply(struct kds *kds, const char *command, const struct vouch_evidence_parts *parts,
                            const struct policy *policy)
{
    struct snp_report report;
    if (failed(snp_report_parse(parts->report, &report)))
        return OK; /* the verdict says so */
    bool is_known = policy && veks_find(policy->certificates.veks, &report).n > 0;
    if (policy && policy->certificates.crl == SNP_CRL_REQUIRED && !parts->crl_is_named)
        supply_lists(kds, command, &report);
    return parts->has_certificate || is_known ? OK : supply_certificate(kds, &report);
}
