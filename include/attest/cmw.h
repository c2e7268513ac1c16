/*
 * cmw.h: the conceptual message wrapper (RFC 9999) that carries a report, its certificates and the bind record.
 *
 * A CBOR collection of type "tag:pgvouch,2026:snp/v1" with the members "snp", "certs" and "bind", in the X.509
 * extension id-pe-cmw as CHOICE { json UTF8String, cbor OCTET STRING }. One of type "tag:pgvouch,2026:snp-azure/v1" has
 * the member "azure" besides. Pure; any thread.
 */
#ifndef ATTEST_CMW_H
#define ATTEST_CMW_H

#include "base/writer.h"

#define CMW_OID      "1.3.6.1.5.5.7.1.35" /* id-pe-cmw */
#define CMW_MAX      (48 * 1024)
#define CMW_EVIDENCE 4 /* indicator of a record */

/* Views; none is empty in what has been parsed but `certs`, which may be, and `azure`, which decides the type. */
struct cmw {
    struct bytes report; /* application/vnd.amd.sev-snp.attestation-report */
    struct bytes certs;  /* application/vnd.amd.ghcb.guid-table */
    struct bytes bind;   /* application/vnd.pgvouch.bind+cbor */
    struct bytes azure;  /* application/vnd.pgvouch.azure+cbor (attest/evidence_azure.h); empty: none */
};

/* The collection, deterministic (RFC 8949 section 4.2). */
void cmw_write(const struct cmw *cmw, struct writer *w);
/* ERR_INPUT when it is not such a collection: depth, lengths, duplicates, order and types are checked before anything
 * is believed; members of other names are refused. */
struct err cmw_parse(struct bytes cbor, struct cmw *out) MUST_CHECK;

/* The content of the extension's extnValue: the collection in a DER OCTET STRING; and the way back. The JSON form has
 * to be rewritten first (attest/cmw_json.h). */
void cmw_write_extension(const struct cmw *cmw, struct writer *w);
struct err cmw_parse_extension(struct bytes extension, struct cmw *out) MUST_CHECK;

/* Whether it is well formed and of the type with the member "azure". Nothing within the members is looked at. */
bool cmw_extension_is_azure(struct bytes extension);
/* For any CMW in CBOR, be it a collection or a record: the extension's content around it, and the way back. */
void cmw_wrap(struct bytes cbor, struct writer *w);
struct err cmw_unwrap(struct bytes extension, struct bytes *cbor) MUST_CHECK;
/* Whether the extension holds a CMW in JSON, which is then *json. */
bool cmw_unwrap_json(struct bytes extension, struct bytes *json);

#endif
