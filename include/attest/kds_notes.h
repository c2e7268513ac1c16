/*
 * kds_notes.h: until when KDS is not to be asked, and why: what it refused, when it asked to be left alone, and the
 * pace that it allows. In memory and, so that a restart does not begin anew, on disk.
 *
 * A note is about one address of KDS: under another it does not count. Times are wall clock microseconds; a note that
 * reaches further than KDS_NOTE_MAX_US does not count either, so that a clock that went wrong once blocks nothing.
 * One thread at a time.
 */
#ifndef ATTEST_KDS_NOTES_H
#define ATTEST_KDS_NOTES_H

#include "attest/kds_options.h"

#define KDS_NOTE_WHY_SIZE 200
#define KDS_NOTE_MAX_US   (INT64_C(25) * 3600 * 1000000)

/* Names that are not an item's (snp_kds_name). */
#define KDS_NOTE_SERVICE  "service" /* nothing at all may be asked for */
#define KDS_NOTE_PACE     "pace"    /* no VCEK may be */

struct kds_note {
    int64_t until_us;
    bool lasting; /* also on disk: KDS said so, and a restart changes nothing about it */
    char why[KDS_NOTE_WHY_SIZE];
};

struct kds_notes;

struct kds_notes *kds_notes_new(void);
void kds_notes_free(struct kds_notes *notes); /* NULL does nothing */

/* Replaces the one of that name. */
void kds_notes_set(struct kds_notes *notes, const struct kds_options *options, const char *name,
                   const struct kds_note *note);
/* The same, but where the one of that name reaches further and counts, it stays: a later trouble must not shorten what
 * KDS asked for. */
void kds_notes_extend(struct kds_notes *notes, const struct kds_options *options, const char *name, int64_t now_us,
                      const struct kds_note *note);
/* False when there is none, or its time is over. */
bool kds_notes_find(struct kds_notes *notes, const struct kds_options *options, const char *name, int64_t now_us,
                    struct kds_note *out);

/* How long KDS is left alone after it failed `failures` times in a row (at least once), having said `retry_after_s` in
 * Retry-After (RFC 9110 section 10.2.3; 0: it said nothing): what it said, at most a day, and at least a second that
 * doubles with every failure up to five minutes. */
int64_t kds_pause_us(unsigned failures, int64_t retry_after_s);

#endif
