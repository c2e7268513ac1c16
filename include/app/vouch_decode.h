/*
 * vouch_decode.h: material as a tree of names and values, for people and for programs. Nothing is verified.
 *
 * Numbers wider than JSON's are hexadecimal texts, as are bytes. Texts from peers are made printable. One thread; what
 * is returned is the caller's (json_decref).
 */
#ifndef APP_VOUCH_DECODE_H
#define APP_VOUCH_DECODE_H

#include "app/vouch_material.h"

#include <jansson.h>
#include <stdio.h>

/* {"kind", …}: what is in it by kind, with everything it holds taken apart in turn. */
json_t *vouch_decode(const struct vouch_material *material);

/* SNP_REPORT_SIZE bytes. `product` is what tells the layout of the TCBs where the report does not name it; UNKNOWN when
 * nothing does. */
json_t *vouch_decode_report(struct bytes bytes, enum snp_product product);

/* An Azure virtual machine's runtime claims as they stand there, and with them what its TPM quoted. {"problem": …}
 * where they cannot be read. */
json_t *vouch_decode_claims(struct bytes claims);
json_t *vouch_decode_azure(const struct evidence_azure *azure);
/* Adds what a CoRIM says to `into`; "problem" from where on it cannot be read. */
void vouch_decode_corim(struct bytes cbor, json_t *into);

/* {"problem": …} where it cannot be read. */
json_t *vouch_decode_certificate(struct bytes der_or_pem);
json_t *vouch_decode_x509(X509 *x509);

/* The tree on lines of their own: a name and its value, members of members further in. */
void vouch_decode_print(const json_t *tree, FILE *out);

/* The bytes in hexadecimal. */
json_t *vouch_decode_hex(struct bytes bytes);
/* A time since 1970, as people write it. */
json_t *vouch_decode_time(int64_t at_s);

#endif
