#include "attest/policy.h"

#include "attest/policy_contradictions.h"
#include "attest/policy_measurements.h"
#include "attest/policy_read.h"
#include "attest/small_file.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_NONCE_AGE_US      (INT64_C(300) * US_PER_SECOND)
#define DEFAULT_NONCE_LENGTH      16
#define DEFAULT_CACHE_DURATION_US (INT64_C(3600) * US_PER_SECOND)

const char *policy_mode_name(enum policy_mode mode)
{
    switch (mode) {
    case POLICY_WARN:
        return "warn";
    case POLICY_DISABLED:
        return "disabled";
    case POLICY_STRICT:
        break;
    }
    return "strict";
}

static struct policy *policy_new(const char *name, const char *path)
{
    static _Atomic uint64_t policies_read = 0;
    struct policy *policy = NEW(struct policy);
    atomic_init(&policy->references, 1);
    policy->number = atomic_fetch_add_explicit(&policies_read, 1, memory_order_relaxed);
    policy->name = mem_string(name);
    policy->path = mem_string(path);
    policy->version = mem_string("");
    policy->loaded_at_us = clock_wall_us();
    policy->guest.debug_disabled = true;
    policy->guest.smt_disabled = true;
    policy->nonce.required = true;
    policy->nonce.max_age_us = DEFAULT_NONCE_AGE_US;
    policy->nonce.min_length = DEFAULT_NONCE_LENGTH;
    policy->certificates.verify_chain = true;
    policy->certificates.verify_signature = true;
    policy->certificates.allow_cached = true;
    policy->certificates.cache_duration_us = DEFAULT_CACHE_DURATION_US;
    policy->measurements.signers = cose_signers_new();
    policy->certificates.trusted_arks = snp_arks_new();
    policy->certificates.veks = veks_new();
    policy->formats[EVIDENCE_CMW] = true;
    return policy;
}

struct policy *policy_default(void)
{
    return policy_new("default", "");
}

struct policy *policy_ref(struct policy *policy)
{
    atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void policy_drop(struct policy *policy)
{
    if (!policy || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
        return;
    snp_arks_free(policy->certificates.trusted_arks);
    veks_free(policy->certificates.veks);
    policy_measurements_free(&policy->measurements);
    free(policy->launch.host_data.bytes);
    free(policy->launch.family_id.bytes);
    free(policy->launch.image_id.bytes);
    free(policy->launch.report_id.bytes);
    free(policy->launch.id_key_digest.bytes);
    free(policy->launch.author_key_digest.bytes);
    free(policy->launch.tpm_pcrs.allowed);
    free(policy->chip.ids_allowed.bytes);
    free(policy->chip.ids_denied.bytes);
    for (size_t i = 0; i < policy->chip.csp_ids.count; i++)
        free(policy->chip.csp_ids.texts[i]);
    free(policy->chip.csp_ids.texts);
    free(policy->version);
    free(policy->path);
    free(policy->name);
    free(policy);
}

static struct err read_text(struct policy *policy, struct bytes text)
{
    struct tree *root = NULL;
    TRY(tree_parse(policy->path, text, &root));
    struct err e = policy_read(root, policy);
    tree_free(root);
    TRY(e);
    if (EVP_Digest(text.p, text.n, policy->sha256, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto("cannot hash \"%s\"", policy->path);
    return OK;
}

struct err policy_parse(const char *name, const char *path, struct bytes text, struct policy **out)
{
    *out = NULL;
    if (text.n > POLICY_FILE_MAX)
        return err_make(ERR_LIMIT, "\"%s\" is larger than %d bytes", path, POLICY_FILE_MAX);
    struct policy *policy = policy_new(name, path);
    struct err e = read_text(policy, text);
    if (failed(e))
        policy_drop(policy);
    else
        *out = policy;
    return e;
}

_Static_assert(POLICY_GAPS_MAX >= 6 + POLICY_DOUBTS_MAX, "there is room for all");

size_t policy_gaps(const struct policy *policy, const char *out[POLICY_GAPS_MAX])
{
    size_t count = 0;
    if (!policy->measurements.given)
        out[count++] = "no measurements are named: any guest image will do";
    else if (policy->measurements.mode != POLICY_STRICT)
        out[count++] = "measurements.mode is not strict: any guest image will do";
    if (policy->measurements.takes_unsigned)
        out[count++] = "measurements.corim_unsigned is allow: whoever can write the files decides what may run";
    if (policy->certificates.mode != POLICY_STRICT)
        out[count++] = "certificates.mode is not strict: anybody can make such evidence";
    else if (!policy->certificates.verify_chain)
        out[count++] = "certificates.verify_chain is false: anybody can make such evidence";
    if (policy->certificates.mode == POLICY_STRICT && !policy->certificates.verify_signature)
        out[count++] = "certificates.verify_signature is false: anybody can make such evidence";
    if (policy->certificates.allow_unbound)
        out[count++] = "certificates.allow_unbound is true: a report that binds no key can be relayed";
    return count + policy_doubts(policy, clock_wall_us() / US_PER_SECOND, out + count);
}

struct err policy_load_quietly(const char *name, const char *path, struct policy **out)
{
    uint8_t *text = NULL;
    size_t size = 0;
    *out = NULL;
    TRY(small_file_read(path, POLICY_FILE_MAX, &text, &size));
    struct err e = policy_parse(name, path, bytes_of(text, size), out);
    free(text);
    return e;
}

struct err policy_load(const char *name, const char *path, struct policy **out)
{
    const char *gaps[POLICY_GAPS_MAX];
    struct err e = policy_load_quietly(name, path, out);
    if (failed(e) || !*out)
        return e;
    size_t count = policy_gaps(*out, gaps);
    for (size_t i = 0; i < count; i++)
        log_warning("policy \"%s\": %s", name, gaps[i]);
    return OK;
}

struct err policies_load(const struct config *config, struct policies *out)
{
    struct policies loaded = {NEW_ARRAY(struct policy *, config->policy_count), 0};
    *out = (struct policies){0};
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct config_policy *named = &config->policies[i];
        struct err e = policy_load(named->name, named->path, &loaded.policy[loaded.count]);
        if (failed(e)) {
            policies_free(&loaded);
            return err_within(e, "policy \"%s\"", named->name);
        }
        loaded.count++;
    }
    *out = loaded;
    return OK;
}

void policies_free(struct policies *policies)
{
    for (size_t i = 0; i < policies->count; i++)
        policy_drop(policies->policy[i]);
    free(policies->policy);
    *policies = (struct policies){0};
}

struct policy *policies_find(const struct policies *policies, const char *name)
{
    for (size_t i = 0; i < policies->count; i++)
        if (strcmp(policies->policy[i]->name, name) == 0)
            return policies->policy[i];
    return NULL;
}

int64_t policies_nonce_max_age_us(const struct policies *policies)
{
    int64_t longest = 0;
    for (size_t i = 0; i < policies->count; i++)
        if (policies->policy[i]->nonce.max_age_us > longest)
            longest = policies->policy[i]->nonce.max_age_us;
    return longest;
}
