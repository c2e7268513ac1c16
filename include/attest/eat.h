/*
 * eat.h: evidence as an entity attestation token (RFC 9711): the CMW of cmw.h as a claim beside what EATs say of it.
 *
 * An unprotected CWT claims set (RFC 9781, tag 601) in deterministic encoding. It needs no signature of its own: the
 * processor signs the report inside, and every other claim is read only to be held against what that report binds or
 * says. In X.509 it stands in id-pe-cmw as a record of media type EAT_MEDIA_TYPE (RFC 9782). Pure; any thread.
 */
#ifndef ATTEST_EAT_H
#define ATTEST_EAT_H

#include "attest/bind.h"
#include "attest/cmw.h"

#define EAT_TAG        601
#define EAT_PROFILE    "tag:pgvouch,2026:eat/v1"
#define EAT_MEDIA_TYPE "application/eat-ucs+cbor; eat_profile=\"" EAT_PROFILE "\""
#define EAT_MAX        (CMW_MAX + 512) /* with the record and the extension around it */
#define EAT_NONCE_MIN  8               /* RFC 9711 section 4.1; up to BIND_NONCE_MAX */
#define EAT_UEID_SIZE  33              /* type RAND, of 256 bits (RFC 9711 section 4.2.1) */

/* Views. */
struct eat {
    int64_t issued_at_s; /* iat, since 1970 */
    struct bytes nonce;  /* eat_nonce; empty where there is none */
    struct bytes ueid;   /* empty where the report does not name its chip */
    struct cmw cmw;
    struct bind bind; /* of the CMW, taken apart */
};

/* ERR_INPUT for a nonce of 1 to EAT_NONCE_MIN - 1 bytes. */
struct err eat_check_nonce(struct bytes nonce) MUST_CHECK;

/* The token, and the content of the extension that carries it. The claims are made from the bind record and the report.
 * ERR_INPUT for a nonce that is too short, and for what is no report. */
struct err eat_write(const struct cmw *cmw, const struct bind *bind, struct writer *w) MUST_CHECK;
struct err eat_write_extension(const struct cmw *cmw, const struct bind *bind, struct writer *w) MUST_CHECK;

/* ERR_INPUT for anything but what eat_write writes, and for claims that say something else than the bind record or the
 * report; errors of cmw_parse and bind_parse. */
struct err eat_parse(struct bytes cbor, struct eat *out) MUST_CHECK;
struct err eat_parse_extension(struct bytes extension, struct eat *out) MUST_CHECK;
/* The record by itself, without the extension around it. */
struct err eat_parse_record(struct bytes record, struct eat *out) MUST_CHECK;

/* Whether the extension of a CMW holds a record of EAT_MEDIA_TYPE: nothing more of it is looked at. */
bool eat_is_in(struct bytes extension);

/* What `ueid` is of a chip: 0x01 and the SHA-256 of CHIP_ID, which is too long to stand there itself. False for a
 * report that does not name its chip. */
bool eat_ueid(const struct snp_report *report, uint8_t out[EAT_UEID_SIZE]);

#endif
