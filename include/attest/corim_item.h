/*
 * corim_item.h: what recurs in a CoRIM: lists, names, times, and numbers that stand for names.
 *
 * Over documents that cbor_scan_document has let through. Pure; any thread.
 */
#ifndef ATTEST_CORIM_ITEM_H
#define ATTEST_CORIM_ITEM_H

#include "base/reader.h"

#define CORIM_NAME_SIZE 129 /* with its terminator */

enum corim_tag {
    CORIM_TAG_TIME = 1,
    CORIM_TAG_URI = 32,
    CORIM_TAG_UUID = 37,
    CORIM_TAG_OID = 111,
    CORIM_TAG_CORIM = 501,
    CORIM_TAG_COMID = 506,
    CORIM_TAG_SVN = 552,
    CORIM_TAG_MIN_SVN = 553,
    CORIM_TAG_BYTES = 560,
};

/* Seconds since 1970; INT64_MIN and INT64_MAX where nothing is said. */
struct corim_period {
    int64_t not_before_s;
    int64_t not_after_s;
};

/* Items of an array that are yet to be read. */
struct corim_list {
    struct reader r;
    uint64_t left;
};

#define CORIM_ALWAYS ((struct corim_period){INT64_MIN, INT64_MAX})

/* ERR_INPUT "the CoRIM's … is malformed". */
struct err corim_malformed(const char *what);

/* A key of a map: a number, or -1 for what is negative or no number, and so an extension that we do not know. */
int64_t corim_read_label(struct reader *r);
/* The tag that comes next; 0 when none does, and nothing is then read. */
uint64_t corim_read_tag(struct reader *r);
struct err corim_read_list(struct reader *r, const char *what, struct corim_list *out) MUST_CHECK;
/* Whether there is another item, which the caller then reads. */
bool corim_list_goes_on(struct corim_list *list);
/* Printable ASCII of up to CORIM_NAME_SIZE - 1 characters, or a UUID, which is written as text: names stand in
 * verdicts. */
struct err corim_read_name(struct reader *r, const char *what, char out[CORIM_NAME_SIZE]) MUST_CHECK;
/* validity-map: an end, and optionally a beginning. */
struct err corim_read_period(struct reader *r, const char *what, struct corim_period *out) MUST_CHECK;

#endif
