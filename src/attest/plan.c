#include "attest/plan.h"

#include "attest/staple.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "tls/pem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN_AUTHORITY_NAME       "pgvouch authority"
#define PLAN_AUTHORITY_LIFETIME_S (INT64_C(3653) * 24 * 3600) /* ten years */
#define PLAN_BACKDATE_S           300                         /* clocks of clients may be behind */
#define PLAN_COMMON_NAME_MAX      64                          /* RFC 5280, ub-common-name */
#define PLAN_NAMES_MAX            65536

/* The machine's name as far as a certificate can say it, else "". */
static void plan_host_name(char out[HOST_NAME_MAX + 1])
{
    if (gethostname(out, HOST_NAME_MAX + 1) < 0)
        out[0] = '\0';
    out[HOST_NAME_MAX] = '\0';
    char *entry = mem_format("dns:%s", out);
    struct err outcome = leaf_check_san(entry);
    free(entry);
    if (failed(outcome) || strchr(out, ','))
        out[0] = '\0';
}

static void plan_add_name(struct writer *w, const char *name)
{
    if (!*name)
        return;
    if (w->used > 0)
        writer_put(w, BYTES_LITERAL(","));
    writer_put(w, bytes_of_string(name));
}

static bool plan_is_any_address(const char *address)
{
    return strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static bool plan_is_loopback(const char *address)
{
    uint32_t ipv4;
    return strcmp(address, "::1") == 0 || (inet_pton(AF_INET, address, &ipv4) == 1 && ntohl(ipv4) >> 24 == 127);
}

static void plan_add_listened(struct writer *w, const char *address)
{
    if (plan_is_any_address(address)) {
        plan_add_name(w, "localhost,127.0.0.1,::1");
        return;
    }
    plan_add_name(w, address);
    if (plan_is_loopback(address))
        plan_add_name(w, "localhost");
}

char *plan_names(const struct settings *set, const char *host)
{
    if (*set->attest_san)
        return mem_string(set->attest_san);
    struct writer w = writer_growing(PLAN_NAMES_MAX);
    char *addresses = mem_string(set->listen_addr), *rest = NULL;
    plan_add_name(&w, host);
    for (char *at = strtok_r(addresses, ", \t", &rest); at; at = strtok_r(NULL, ", \t", &rest))
        plan_add_listened(&w, at);
    char *names = mem_string_of(writer_bytes(&w));
    free(addresses);
    writer_free(&w);
    return names;
}

static struct err plan_name(struct plan *plan)
{
    char host[HOST_NAME_MAX + 1];
    plan_host_name(host);
    bool fits = *host && strlen(host) <= PLAN_COMMON_NAME_MAX;
    plan->common_name = mem_string(fits ? host : "pgvouch");
    plan->san = plan_names(&plan->config->set, host);
    return err_within(leaf_check_san(plan->san), "%s",
                      *plan->config->set.attest_san ? "attest_san" : "names from listen_addr (set attest_san)");
}

/* The authority whose key is made in this machine: kept in attest_state_dir, or as long as the process lives. */
static struct err plan_open_own_authority(const char *state_dir, struct authority **out)
{
    if (!*state_dir)
        return authority_make(PLAN_AUTHORITY_NAME, PLAN_AUTHORITY_LIFETIME_S, out);
    if (mkdir(state_dir, 0700) < 0 && errno != EEXIST)
        return err_system("cannot make attest_state_dir \"%s\"", state_dir);
    char *cert_file = mem_format("%s/ca.pem", state_dir), *key_file = mem_format("%s/ca.key", state_dir);
    struct err outcome = authority_open(cert_file, key_file, PLAN_AUTHORITY_NAME, PLAN_AUTHORITY_LIFETIME_S, out, NULL);
    free(cert_file);
    free(key_file);
    return err_within(outcome, "attest_state_dir");
}

static bool plan_has_operators_authority(const struct settings *set)
{
    return *set->attest_ca_cert || *set->attest_ca_key;
}

/* One of an operator's is read anew: the files may have changed. */
static struct err plan_open_authority(struct plan *plan, const struct plan *before)
{
    const struct settings *set = &plan->config->set;
    if (plan_has_operators_authority(set) && (!*set->attest_ca_cert || !*set->attest_ca_key))
        return err_make(ERR_INPUT, "attest_ca_cert and attest_ca_key must be set together");
    if (plan_has_operators_authority(set))
        return authority_load(set->attest_ca_cert, set->attest_ca_key, &plan->authority);
    if (before && !plan_has_operators_authority(&before->config->set))
        return OK;
    return plan_open_own_authority(set->attest_state_dir, &plan->authority);
}

static struct err plan_open_provider(struct plan *plan)
{
    const struct settings *set = &plan->config->set;
    struct err opened = plan->provider ? OK : provider_open(set, &plan->provider);
    if (opened.code == ERR_NOT_FOUND && set->attest_provider == ATTEST_PROVIDER_AUTO) {
        if (set->attest_required)
            return err_make(ERR_NOT_FOUND,
                            "attest_required is set and there is no provider: %s. Run in an SEV-SNP guest, or set "
                            "attest_provider = simulated to try things out, or attest_required = 0 to do without",
                            opened.why);
        log_warning("TLS is served without evidence: %s", opened.why);
        return OK;
    }
    TRY(err_within(opened, "attest_provider = %s", attest_provider_text(set->attest_provider)));
    if (provider_is_simulated(plan->provider))
        log_warning("attestation is simulated and protects nothing");
    return OK;
}

/* Whether a setting of the simulated provider differs. */
static bool plan_simulation_changed(const struct settings *before, const struct settings *after)
{
    static const char prefix[] = "attest_simulated_";
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (strncmp(setting->name, prefix, sizeof prefix - 1) == 0 && !setting_equal(setting, before, after))
            return true;
    }
    return false;
}

/* Again only when there is something new to write: a daemon that has become another user may not be able to. */
static struct err plan_write_ca_file(const struct plan *plan, const struct plan *before)
{
    const char *path = plan->config->set.attest_ca_file;
    const struct authority *known = before ? before->authority : NULL;
    const struct authority *authority = plan->authority ? plan->authority : known;
    bool written = before && strcmp(path, before->config->set.attest_ca_file) == 0 &&
                   X509_cmp(authority_certificate(authority), authority_certificate(known)) == 0;
    if (!*path || !authority || written)
        return OK;
    return err_within(pem_save_certificates(path, authority_certificate(authority), authority_chain(authority)),
                      "attest_ca_file");
}

static struct err plan_fill(struct plan *plan, const struct plan *before)
{
    plan->kds = before ? before->kds : NULL;
    TRY(plan_name(plan));
    TRY(plan_open_authority(plan, before));
    if (!before || (before->provider && provider_is_simulated(before->provider) &&
                    plan_simulation_changed(&before->config->set, &plan->config->set)))
        TRY(plan_open_provider(plan));
    return plan_write_ca_file(plan, before);
}

static struct err plan_make_after(const struct plan *before, struct config *config, const uint8_t *digest,
                                  struct provider *device, struct plan **out)
{
    struct plan *plan = NEW(struct plan);
    plan->provider = device;
    plan->config = config_ref(config);
    memcpy(plan->config_digest, digest, SHA384_SIZE);
    struct err outcome = plan_fill(plan, before);
    if (failed(outcome))
        plan_free(plan);
    else
        *out = plan;
    return outcome;
}

struct err plan_make(struct config *config, const uint8_t digest[SHA384_SIZE], struct provider *device,
                     struct plan **out)
{
    return plan_make_after(NULL, config, digest, device, out);
}

struct err plan_revise(const struct plan *before, struct config *config, const uint8_t digest[SHA384_SIZE],
                       struct plan **out)
{
    return plan_make_after(before, config, digest, NULL, out);
}

void plan_succeed(struct plan *before, struct plan *after)
{
    if (!after->authority) {
        after->authority = before->authority;
        before->authority = NULL;
    }
    if (!after->provider) {
        after->provider = before->provider;
        before->provider = NULL;
    }
    plan_free(before);
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    provider_free(plan->provider);
    authority_free(plan->authority);
    free(plan->san);
    free(plan->common_name);
    config_unref(plan->config);
    free(plan);
}

static struct err plan_sha256(const X509 *x509, uint8_t out[32])
{
    return X509_digest(x509, EVP_sha256(), out, NULL) == 1 ? OK : err_crypto("cannot hash a certificate");
}

struct err plan_authority_sha256(const struct plan *plan, uint8_t out[32])
{
    return plan_sha256(authority_certificate(plan->authority), out);
}

static struct err plan_attach(const struct plan *plan, struct leaf *leaf, struct plan_leaf *out)
{
    struct staple staple;
    staple_init(&staple, plan->provider, plan->kds);
    TRY(evidence_attach(leaf, plan->kds ? &staple.provider : plan->provider, BYTES(plan->config_digest), BYTES_NONE,
                        out->issued_at_s, out->report));
    out->has_report = true;
    out->missing = staple.missing;
    return OK;
}

static struct err plan_finish(const struct plan *plan, struct leaf *leaf, struct plan_leaf *out)
{
    out->not_after_s = leaf_facts(leaf)->not_after_s;
    if (out->not_after_s <= out->issued_at_s)
        return err_make(ERR_NOT_NOW, "the certificate of the authority has expired");
    if (plan->provider)
        TRY(plan_attach(plan, leaf, out));
    TRY(leaf_sign(leaf, &out->identity));
    struct err outcome = plan_sha256(tls_identity_certificate(out->identity), out->sha256);
    if (failed(outcome))
        tls_identity_release(out->identity);
    return outcome;
}

struct err plan_mint(const struct plan *plan, struct plan_leaf *out)
{
    struct plan_leaf made = {.issued_at_s = clock_wall_us() / US_PER_SECOND};
    int64_t max_age_s = (plan->config->set.attest_max_age_us + US_PER_SECOND - 1) / US_PER_SECOND;
    struct leaf_spec spec = {.common_name = plan->common_name,
                             .san = plan->san,
                             .not_before_s = made.issued_at_s - PLAN_BACKDATE_S,
                             .not_after_s = made.issued_at_s + max_age_s,
                             .for_server = true};
    struct leaf *leaf = NULL;
    TRY(leaf_draft(&spec, plan->authority, &leaf));
    struct err outcome = plan_finish(plan, leaf, &made);
    leaf_free(leaf);
    if (failed(outcome))
        made = (struct plan_leaf){0};
    *out = made;
    return outcome;
}
