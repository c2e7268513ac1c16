#include "attest/kds_store.h"

#include "attest/kds_folder.h"
#include "base/log.h"
#include "base/mem.h"
#include "snp/crl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* thisUpdate and nextUpdate of a revocation list, 0 where it names none; both 0 for anything else. */
struct list_times {
    int64_t made_at_s, until_s;
};

struct store_entry {
    UT_hash_handle hh; /* in the order of arrival */
    char name[SNP_KDS_NAME_SIZE];
    uint8_t *content;
    size_t size;
    int64_t stored_at_s;
    struct list_times times;
    bool told; /* of an older list on disk */
};

struct kds_store {
    pthread_mutex_t lock;
    struct store_entry *entries;
};

struct kds_store *kds_store_new(void)
{
    struct kds_store *store = NEW(struct kds_store);
    pthread_mutex_init(&store->lock, NULL);
    return store;
}

static void store_drop(struct kds_store *store, struct store_entry *entry)
{
    HASH_DEL(store->entries, entry);
    free(entry->content);
    free(entry);
}

void kds_store_forget(struct kds_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->entries)
        store_drop(store, store->entries);
    pthread_mutex_unlock(&store->lock);
}

void kds_store_free(struct kds_store *store)
{
    if (!store)
        return;
    kds_store_forget(store);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static struct list_times content_times(const struct snp_kds_item *item, struct bytes content)
{
    struct snp_crl *crl = NULL;
    if (item->kind != SNP_KDS_CRL || failed(snp_crl_parse(content, &crl)))
        return (struct list_times){0};
    const struct list_times times = {snp_crl_this_update_s(crl), snp_crl_next_update_s(crl)};
    snp_crl_free(crl);
    return times;
}

static bool times_are_now(struct list_times times, int64_t now_s)
{
    return times.made_at_s <= now_s && (times.until_s == 0 || now_s <= times.until_s);
}

static bool store_find_in_memory(struct kds_store *store, const char *name, int64_t now_s, struct kds_kept *out)
{
    struct store_entry *entry;
    pthread_mutex_lock(&store->lock);
    HASH_FIND_STR(store->entries, name, entry);
    if (entry)
        *out = (struct kds_kept){.content = mem_copy(bytes_of(entry->content, entry->size)),
                                 .size = entry->size,
                                 .stored_at_s = entry->stored_at_s,
                                 .is_in_force = times_are_now(entry->times, now_s)};
    pthread_mutex_unlock(&store->lock);
    return entry != NULL;
}

/* The oldest goes, but lists, which are few, stay: an older one could come after them. */
static void store_make_room(struct kds_store *store)
{
    struct store_entry *entry = store->entries;
    while (entry && entry->times.made_at_s != 0)
        entry = entry->hh.next;
    if (entry)
        store_drop(store, entry);
}

/* Who can put an old list in place of a new one can undo a revocation: false, and nothing is replaced, where the one in
 * memory is newer. */
static bool store_put_in_memory(struct kds_store *store, const struct snp_kds_item *item, const char *name,
                                struct bytes content, int64_t stored_at_s)
{
    struct store_entry *entry;
    const struct list_times times = content_times(item, content);
    pthread_mutex_lock(&store->lock);
    HASH_FIND_STR(store->entries, name, entry);
    bool advances = !entry || entry->times.made_at_s <= times.made_at_s;
    if (advances) {
        if (entry)
            store_drop(store, entry);
        else if (HASH_COUNT(store->entries) >= KDS_STORE_MEMORY_MAX)
            store_make_room(store);
        entry = NEW(struct store_entry);
        memcpy(entry->name, name, strlen(name) + 1);
        entry->content = mem_copy(content);
        entry->size = content.n;
        entry->stored_at_s = stored_at_s;
        entry->times = times;
        HASH_ADD_STR(store->entries, name, entry);
    }
    pthread_mutex_unlock(&store->lock);
    return advances;
}

/* Once for each list that stays; it is looked for often. */
static void store_tell_older(struct kds_store *store, const struct kds_options *options, const char *name)
{
    struct store_entry *entry;
    pthread_mutex_lock(&store->lock);
    HASH_FIND_STR(store->entries, name, entry);
    bool tells = entry && !entry->told;
    if (tells)
        entry->told = true;
    pthread_mutex_unlock(&store->lock);
    if (tells)
        log_error("KDS: \"%s/%s\" is an older revocation list than the one in memory, which stays in force; whoever "
                  "writes there should not",
                  options->folder, name);
}

/* By the chain in store; a chain that is another root's does not hinder what stands under AMD's own. */
static struct err store_check_item(struct kds_store *store, const struct kds_options *options,
                                   const struct snp_kds_item *item, struct bytes content, int64_t now_s)
{
    struct snp_kds_trust trust = {.arks = options->arks, .now_s = now_s};
    struct snp_kds_item chain = snp_kds_chain(item->product, item->vek);
    struct kds_kept kept = {0};
    struct err outcome = err_make(ERR_NOT_FOUND, "there is no chain");
    if (item->kind != SNP_KDS_CHAIN && kds_store_find(store, options, &chain, now_s, &kept) &&
        !failed(snp_kds_chain_read(bytes_of(kept.content, kept.size), &trust.authorities)))
        outcome = snp_kds_check(item, content, &trust);
    if (failed(outcome) && outcome.code != ERR_NOT_NOW) {
        trust.authorities = (struct snp_kds_authorities){.ark = BYTES_NONE};
        struct err by_amd = snp_kds_check(item, content, &trust);
        if (!failed(by_amd) || outcome.code == ERR_NOT_FOUND)
            outcome = by_amd;
    }
    free(kept.content);
    return outcome;
}

/* A list by the right root that has ended, or begins later: what it revokes stays revoked, and those before it are
 * over. What else it is worth is for who judges by it (snp/revocation.h). */
static bool list_is_out_of_force(const struct snp_kds_item *item, const struct err *checked)
{
    return item->kind == SNP_KDS_CRL && checked->code == ERR_NOT_NOW;
}

static bool store_find_on_disk(struct kds_store *store, const struct kds_options *options,
                               const struct snp_kds_item *item, const char *name, int64_t now_s, struct kds_kept *out)
{
    struct kds_kept kept = {0};
    struct err outcome = kds_folder_load(options->folder, name, snp_kds_size_max(item->kind), &kept.content, &kept.size,
                                         &kept.stored_at_s);
    if (outcome.code == ERR_NOT_FOUND)
        return false;
    bool unreadable = outcome.code == ERR_SYSTEM;
    if (!failed(outcome))
        outcome = store_check_item(store, options, item, bytes_of(kept.content, kept.size), now_s);
    kept.is_in_force = !failed(outcome);
    if (list_is_out_of_force(item, &outcome))
        outcome = OK;
    bool advances =
        !failed(outcome) && store_put_in_memory(store, item, name, bytes_of(kept.content, kept.size), kept.stored_at_s);
    if (advances) {
        *out = kept;
        return true;
    }
    free(kept.content);
    if (!failed(outcome)) {
        store_tell_older(store, options, name);
    } else if (unreadable) {
        log_warning("KDS: %s", outcome.why);
    } else if (outcome.code != ERR_NOT_NOW) {
        log_warning("KDS: \"%s/%s\" is not what its name says and is removed: %s", options->folder, name, outcome.why);
        kds_folder_remove(options->folder, name);
    }
    return false;
}

/* The clock may have been set back since; age then counts from now. Lists change, and another process may have put a
 * newer one on disk. */
bool kds_store_find(struct kds_store *store, const struct kds_options *options, const struct snp_kds_item *item,
                    int64_t now_s, struct kds_kept *out)
{
    char name[SNP_KDS_NAME_SIZE];
    snp_kds_name(item, name);
    bool is_list = item->kind == SNP_KDS_CRL;
    bool found = (!is_list && store_find_in_memory(store, name, now_s, out)) ||
                 store_find_on_disk(store, options, item, name, now_s, out) ||
                 (is_list && store_find_in_memory(store, name, now_s, out));
    if (found && out->stored_at_s > now_s)
        out->stored_at_s = now_s;
    return found;
}

static struct err store_check_progress(struct kds_store *store, const struct kds_options *options,
                                       const struct snp_kds_item *item, struct bytes content, int64_t now_s)
{
    struct kds_kept kept;
    if (item->kind != SNP_KDS_CRL || !kds_store_find(store, options, item, now_s, &kept))
        return OK;
    bool is_older =
        content_times(item, content).made_at_s < content_times(item, bytes_of(kept.content, kept.size)).made_at_s;
    free(kept.content);
    return is_older ? err_make(ERR_DENIED, "the revocation list is older than the one that is at hand") : OK;
}

struct err kds_store_check(struct kds_store *store, const struct kds_options *options, const struct snp_kds_item *item,
                           struct bytes content, int64_t now_s)
{
    struct err outcome = store_check_item(store, options, item, content, now_s);
    if (!failed(outcome) || list_is_out_of_force(item, &outcome))
        TRY(store_check_progress(store, options, item, content, now_s));
    return outcome;
}

void kds_store_keep(struct kds_store *store, const struct kds_options *options, const struct snp_kds_item *item,
                    struct bytes content, int64_t now_s)
{
    char name[SNP_KDS_NAME_SIZE];
    snp_kds_name(item, name);
    if (!store_put_in_memory(store, item, name, content, now_s))
        return; /* a newer one has come meanwhile */
    struct err saved = kds_folder_save(options->folder, name, content);
    if (failed(saved))
        log_warning("KDS: what was fetched is kept in memory alone: %s", saved.why);
}
