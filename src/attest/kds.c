#include "attest/kds_thread.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_FRESH_S (INT64_C(7) * 24 * 3600)

/* What kds_get waits for. */
struct kds_wait {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_over;
    struct err outcome;
    uint8_t *content;
    size_t size;
};

struct kds_options *kds_options_of(struct kds *kds)
{
    pthread_mutex_lock(&kds->lock);
    struct kds_options *options = kds_options_ref(kds->options);
    pthread_mutex_unlock(&kds->lock);
    return options;
}

/* Whether what was believed may not be any more. */
static bool kds_trusts_otherwise(const struct kds_options *before, const struct kds_options *after)
{
    uint8_t one[32], other[32];
    snp_arks_digest(before->arks, one);
    snp_arks_digest(after->arks, other);
    return !bytes_equal(BYTES(one), BYTES(other)) || strcmp(before->folder, after->folder) != 0;
}

void kds_adopt(struct kds *kds, struct kds_options *options)
{
    pthread_mutex_lock(&kds->lock);
    struct kds_options *before = kds->options;
    kds->options = options;
    pthread_mutex_unlock(&kds->lock);
    if (kds_trusts_otherwise(before, options))
        kds_store_forget(kds->store);
    kds_options_drop(before);
}

void kds_read_counters(struct kds *kds, struct kds_counters *out)
{
    pthread_mutex_lock(&kds->lock);
    *out = kds->counters;
    pthread_mutex_unlock(&kds->lock);
}

static int64_t wall_s(void)
{
    return clock_wall_us() / US_PER_SECOND;
}

static bool kds_find_kept(struct kds *kds, const struct snp_kds_item *item, struct kds_kept *out)
{
    struct kds_options *options = kds_options_of(kds);
    bool found = kds_store_find(kds->store, options, item, wall_s(), out);
    kds_options_drop(options);
    if (found) {
        pthread_mutex_lock(&kds->lock);
        kds->counters.at_hand++;
        pthread_mutex_unlock(&kds->lock);
    }
    return found;
}

bool kds_find(struct kds *kds, const struct snp_kds_item *item, uint8_t **content, size_t *size)
{
    struct kds_kept kept;
    if (!kds_find_kept(kds, item, &kept))
        return false;
    *content = kept.content;
    *size = kept.size;
    return true;
}

static void wait_end(void *arg, const struct err *outcome, struct bytes content)
{
    struct kds_wait *wait = arg;
    pthread_mutex_lock(&wait->lock);
    wait->outcome = *outcome;
    if (!failed(*outcome)) {
        wait->content = mem_copy(content);
        wait->size = content.n;
    }
    wait->is_over = true;
    pthread_cond_signal(&wait->wake);
    pthread_mutex_unlock(&wait->lock);
}

/* Bounded by kds_ask, which answers in any case. */
static struct err kds_ask_and_wait(struct kds *kds, const struct snp_kds_item *item, uint8_t **content, size_t *size)
{
    struct kds_wait wait = {.outcome = OK};
    pthread_mutex_init(&wait.lock, NULL);
    pthread_cond_init(&wait.wake, NULL);
    kds_ask(kds, item, wait_end, &wait);
    pthread_mutex_lock(&wait.lock);
    while (!wait.is_over)
        pthread_cond_wait(&wait.wake, &wait.lock);
    pthread_mutex_unlock(&wait.lock);
    pthread_cond_destroy(&wait.wake);
    pthread_mutex_destroy(&wait.lock);
    *content = wait.content;
    *size = wait.size;
    return wait.outcome;
}

static bool kds_is_fresh(struct kds *kds, const struct snp_kds_item *item, const struct kds_kept *kept)
{
    struct kds_options *options = kds_options_of(kds);
    int64_t refresh_s = options->crl_refresh_us / US_PER_SECOND, age_s = wall_s() - kept->stored_at_s;
    kds_options_drop(options);
    switch (item->kind) {
    case SNP_KDS_VCEK:
        return true;
    case SNP_KDS_CHAIN:
        return age_s < CHAIN_FRESH_S;
    case SNP_KDS_CRL:
        break;
    }
    return kept->is_in_force && age_s < refresh_s;
}

bool kds_has_fresh(struct kds *kds, const struct snp_kds_item *item)
{
    struct kds_kept kept = {0};
    bool is_fresh = kds_find_kept(kds, item, &kept) && kds_is_fresh(kds, item, &kept);
    free(kept.content);
    return is_fresh;
}

struct err kds_get(struct kds *kds, const struct snp_kds_item *item, uint8_t **content, size_t *size, bool *fetched)
{
    struct kds_kept kept = {0};
    bool found = kds_find_kept(kds, item, &kept);
    struct err outcome = OK;
    bool asked = !found || !kds_is_fresh(kds, item, &kept);
    if (asked)
        outcome = kds_ask_and_wait(kds, item, content, size);
    bool is_old = found && kept.is_in_force && (!asked || failed(outcome));
    if (fetched)
        *fetched = !is_old;
    if (is_old) {
        *content = kept.content;
        *size = kept.size;
        return OK;
    }
    free(kept.content);
    return outcome;
}

/* ---- proof of a report ---- */

static struct err proof_take_certificate(struct bytes pem, unsigned char **der, struct bytes *view)
{
    X509 *certificate = NULL;
    TRY(snp_certificate_parse(pem, &certificate));
    int size = i2d_X509(certificate, der);
    X509_free(certificate);
    if (size <= 0)
        return err_crypto("cannot encode a certificate");
    *view = bytes_of(*der, (size_t)size);
    return OK;
}

static struct err proof_take_authorities(struct bytes pem, struct kds_proof *out)
{
    struct snp_kds_authorities parts;
    TRY(snp_kds_chain_read(pem, &parts));
    TRY(proof_take_certificate(parts.intermediate, &out->intermediate, &out->table.intermediate));
    return proof_take_certificate(parts.ark, &out->ark, &out->table.ark);
}

static struct err kds_obtain(struct kds *kds, const struct snp_kds_item *item, bool may_fetch, uint8_t **content,
                             size_t *size)
{
    if (may_fetch)
        return kds_get(kds, item, content, size, NULL);
    return kds_find(kds, item, content, size) ? OK : err_make(ERR_NOT_FOUND, "it is not at hand");
}

/* AMD's authorities are known to the program: a chain that cannot be had is no failure while these do. */
static struct err proof_add_authorities(struct kds *kds, enum snp_product product, bool may_fetch,
                                        struct kds_proof *out)
{
    const struct snp_kds_item item = snp_kds_chain(product, SNP_VEK_VCEK);
    uint8_t *pem = NULL;
    size_t size = 0;
    if (!failed(kds_obtain(kds, &item, may_fetch, &pem, &size))) {
        struct err outcome = proof_take_authorities(bytes_of(pem, size), out);
        free(pem);
        return outcome;
    }
    out->table.intermediate = snp_amd_intermediate_der(product, SNP_VEK_VCEK);
    out->table.ark = snp_amd_ark_der(product);
    return OK;
}

/* The chain comes first: the VCEK is checked by it. */
static struct err proof_make(struct kds *kds, const struct snp_kds_item *item, bool may_fetch, struct kds_proof *out)
{
    size_t size = 0;
    TRY(proof_add_authorities(kds, item->product, may_fetch, out));
    TRY(kds_obtain(kds, item, may_fetch, &out->vcek, &size));
    out->table.vcek = bytes_of(out->vcek, size);
    return OK;
}

struct err kds_certify(struct kds *kds, const struct snp_report *report, enum snp_product product, bool may_fetch,
                       struct kds_proof *out)
{
    struct snp_kds_item items[SNP_KDS_CANDIDATES];
    size_t count = 0;
    *out = (struct kds_proof){0};
    TRY(snp_kds_of_report(report, product, items, &count));
    struct err outcome = OK;
    for (size_t i = 0; i < count; i++) {
        outcome = proof_make(kds, &items[i], may_fetch, out);
        if (!failed(outcome))
            return OK;
        kds_proof_release(out);
    }
    return outcome;
}

void kds_proof_release(struct kds_proof *proof)
{
    free(proof->vcek);
    OPENSSL_free(proof->intermediate);
    OPENSSL_free(proof->ark);
    *proof = (struct kds_proof){0};
}
