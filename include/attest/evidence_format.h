/*
 * evidence_format.h: the formats of evidence, by name. Pure; any thread.
 */
#ifndef ATTEST_EVIDENCE_FORMAT_H
#define ATTEST_EVIDENCE_FORMAT_H

#include <stdbool.h>

#define EVIDENCE_SHA256_SIZE 32 /* of the hash that names a piece of evidence */

enum evidence_format {
    EVIDENCE_NONE = 0,
    EVIDENCE_CMW,    /* ours, and the default */
    EVIDENCE_EAT,    /* ours, as a claims set; those of others are read where a policy names them, and never written */
    EVIDENCE_GO_EAT, /* the CBOR map of the Go proxy: binds a nonce, and no key */
    EVIDENCE_DICE,   /* TCG DICE tagged evidence, as interoperable RA-TLS has it */
    EVIDENCE_RAW,    /* the report alone */
    EVIDENCE_AZURE,  /* ours, of an Azure virtual machine: the quote of its TPM binds what REPORT_DATA does elsewhere */
    EVIDENCE_FORMATS
};
#define EVIDENCE_FORMAT_WORDS "cmw, eat, azure, go-eat, dice or raw"

/* "none", "cmw", "eat", "go-eat", "dice", "raw", "azure". */
const char *evidence_format_name(enum evidence_format format);
/* EVIDENCE_NONE when it is none. */
enum evidence_format evidence_format_of_word(const char *word);
/* The X.509 extension that carries it, dotted; NULL for EVIDENCE_NONE. That of EVIDENCE_CMW is also EVIDENCE_EAT's and
 * EVIDENCE_AZURE's. */
const char *evidence_format_oid(enum evidence_format format);
/* Whether its REPORT_DATA says which key the report is about; of EVIDENCE_AZURE, the quote. */
bool evidence_format_binds_key(enum evidence_format format);
/* Whether it is one of this profile's: with a bind record, so that issuer, names and time are bound, too. */
bool evidence_format_is_ours(enum evidence_format format);

#endif
