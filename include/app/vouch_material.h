/*
 * vouch_material.h: what lies in a file, or what a server showed: recognised by its content and taken apart.
 *
 * Nothing here is believed. One thread; reads files.
 */
#ifndef APP_VOUCH_MATERIAL_H
#define APP_VOUCH_MATERIAL_H

#include "app/vouch_dial.h"
#include "attest/evidence.h"

#define MATERIAL_MAX (1024 * 1024)

enum material_kind {
    MATERIAL_REPORT,      /* the bytes of one, whatever its version */
    MATERIAL_CERTIFICATE, /* PEM or DER; the first of a PEM file, and what follows it */
    MATERIAL_CMW,         /* the CBOR collection by itself */
    MATERIAL_EAT,         /* the token by itself */
    MATERIAL_CORIM,       /* reference values; `content` is it */
    MATERIAL_TABLE,       /* GUID table of certificates */
    MATERIAL_HCL,         /* an Azure virtual machine's report, as its TPM holds it */
};
/* "attestation report", "certificate", … */
const char *material_kind_name(enum material_kind kind);

/* Views live as long as the material. */
struct vouch_material {
    enum material_kind kind;
    uint8_t *content;
    size_t size;
    X509 *leaf; /* MATERIAL_CERTIFICATE */
    STACK_OF(X509) * others;
    struct err evidence_problem; /* why the certificate's evidence cannot be read; ERR_NOT_FOUND: it carries none */
    bool has_evidence;           /* `bind` and `table` are there: of a certificate, CMW or EAT */
    struct bytes report;         /* empty in a table, and in a certificate without evidence */
    struct bytes claims;         /* of MATERIAL_HCL */
    struct snp_certtable table;
    struct evidence evidence; /* the hash is of a certificate's alone */
};

/* ERR_INPUT when it is none of these, or one that is malformed; ERR_SYSTEM when it cannot be read. Release *out in any
 * case. */
struct err vouch_material_read(const char *path, struct vouch_material *out) MUST_CHECK;
/* As vouch_material_read for what is meant to be a report: whatever is nothing else, whole and of another length, is
 * its bytes, also when they cannot be. */
struct err vouch_material_read_report(const char *path, struct vouch_material *out) MUST_CHECK;
/* What a server showed; the certificates are taken over from `server`. */
void vouch_material_of_server(struct vouch_server *server, struct vouch_material *out);
void vouch_material_release(struct vouch_material *material);

#endif
