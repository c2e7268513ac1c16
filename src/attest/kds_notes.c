#include "attest/kds_notes.h"

#include "attest/kds_folder.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define NOTES_MAX      1024
#define NOTE_FILE_MAX  4096
#define PAUSE_FIRST_US (1 * US_PER_SECOND)
#define PAUSE_LAST_US  (300 * US_PER_SECOND)
#define PAUSE_SAID_S   (INT64_C(24) * 3600)

struct notes_entry {
    UT_hash_handle hh; /* in the order of arrival */
    char *key;         /* name and address */
    struct kds_note note;
};

struct kds_notes {
    struct notes_entry *entries;
};

struct kds_notes *kds_notes_new(void)
{
    return NEW(struct kds_notes);
}

static void notes_drop(struct kds_notes *notes, struct notes_entry *entry)
{
    HASH_DEL(notes->entries, entry);
    free(entry->key);
    free(entry);
}

void kds_notes_free(struct kds_notes *notes)
{
    if (!notes)
        return;
    while (notes->entries)
        notes_drop(notes, notes->entries);
    free(notes);
}

static char *notes_key(const struct kds_options *options, const char *name)
{
    return mem_format("%s %s", name, options->url);
}

static void notes_save(const struct kds_options *options, const char *name, const struct kds_note *note)
{
    char *file = mem_format("%s.wait", name);
    char *text = mem_format("%" PRId64 "\n%s\n%s\n", note->until_us, options->url, note->why);
    struct err saved = kds_folder_save(options->folder, file, bytes_of_string(text));
    if (failed(saved))
        log_debug("KDS: a note is kept in memory alone: %s", saved.why);
    free(text);
    free(file);
}

static void notes_put(struct kds_notes *notes, const struct kds_options *options, const char *name,
                      const struct kds_note *note)
{
    char *key = notes_key(options, name);
    struct notes_entry *entry;
    HASH_FIND_STR(notes->entries, key, entry);
    if (entry)
        notes_drop(notes, entry);
    else if (HASH_COUNT(notes->entries) >= NOTES_MAX)
        notes_drop(notes, notes->entries);
    entry = NEW(struct notes_entry);
    entry->key = key;
    entry->note = *note;
    HASH_ADD_KEYPTR(hh, notes->entries, key, strlen(key), entry);
}

void kds_notes_set(struct kds_notes *notes, const struct kds_options *options, const char *name,
                   const struct kds_note *note)
{
    notes_put(notes, options, name, note);
    if (note->lasting)
        notes_save(options, name, note);
}

/* Three lines: the time, the address, the reason. Anything else is no note. */
static bool notes_read(char *text, const struct kds_options *options, struct kds_note *out)
{
    char *rest = NULL, *end = NULL;
    const char *time = strtok_r(text, "\n", &rest), *url = strtok_r(NULL, "\n", &rest),
               *why = strtok_r(NULL, "\n", &rest);
    if (!time || !url || !why || strcmp(url, options->url) != 0)
        return false;
    out->until_us = strtoll(time, &end, 10);
    out->lasting = true;
    snprintf(out->why, sizeof out->why, "%s", why);
    return *end == '\0';
}

static bool notes_load(const struct kds_options *options, const char *name, struct kds_note *out)
{
    uint8_t *text = NULL;
    size_t size = 0;
    int64_t stored_at_s;
    char *file = mem_format("%s.wait", name);
    bool found = !failed(kds_folder_load(options->folder, file, NOTE_FILE_MAX, &text, &size, &stored_at_s)) &&
                 notes_read((char *)text, options, out);
    free(text);
    free(file);
    return found;
}

static bool note_counts(const struct kds_note *note, int64_t now_us)
{
    return note->until_us > now_us && note->until_us - now_us <= KDS_NOTE_MAX_US;
}

static bool notes_find_in_memory(struct kds_notes *notes, const struct kds_options *options, const char *name,
                                 int64_t now_us, struct kds_note *out)
{
    char *key = notes_key(options, name);
    struct notes_entry *entry;
    HASH_FIND_STR(notes->entries, key, entry);
    free(key);
    if (!entry || !note_counts(&entry->note, now_us))
        return false;
    *out = entry->note;
    return true;
}

static bool notes_find_on_disk(const struct kds_options *options, const char *name, int64_t now_us,
                               struct kds_note *out)
{
    return notes_load(options, name, out) && note_counts(out, now_us);
}

bool kds_notes_find(struct kds_notes *notes, const struct kds_options *options, const char *name, int64_t now_us,
                    struct kds_note *out)
{
    /* Another process may have learnt it. */
    return notes_find_in_memory(notes, options, name, now_us, out) || notes_find_on_disk(options, name, now_us, out);
}

void kds_notes_extend(struct kds_notes *notes, const struct kds_options *options, const char *name, int64_t now_us,
                      const struct kds_note *note)
{
    struct kds_note kept;
    if (!notes_find_in_memory(notes, options, name, now_us, &kept) || kept.until_us < note->until_us)
        notes_put(notes, options, name, note);
    if (note->lasting && (!notes_find_on_disk(options, name, now_us, &kept) || kept.until_us < note->until_us))
        notes_save(options, name, note);
}

int64_t kds_pause_us(unsigned failures, int64_t retry_after_s)
{
    int64_t pause_us = PAUSE_FIRST_US;
    for (unsigned i = 1; i < failures && pause_us < PAUSE_LAST_US; i++)
        pause_us *= 2;
    if (pause_us > PAUSE_LAST_US)
        pause_us = PAUSE_LAST_US;
    int64_t said_us = (retry_after_s < PAUSE_SAID_S ? retry_after_s : PAUSE_SAID_S) * US_PER_SECOND;
    return said_us > pause_us ? said_us : pause_us;
}
