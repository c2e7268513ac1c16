/*
 * evidence_format.h: the formats of evidence, by name. Pure; any thread.
 */
#ifndef ATTEST_EVIDENCE_FORMAT_H
#define ATTEST_EVIDENCE_FORMAT_H

#define EVIDENCE_SHA256_SIZE 32 /* of the hash that names a piece of evidence */

enum evidence_format {
    EVIDENCE_NONE = 0,
    EVIDENCE_CMW, /* ours */
    EVIDENCE_FORMATS
};
/* "none", "cmw". */
const char *evidence_format_name(enum evidence_format format);
/* EVIDENCE_NONE when it is none. */
enum evidence_format evidence_format_of_word(const char *word);

#endif
