/*
 * corim.h: concise reference integrity manifests (draft-ietf-rats-corim): what evidence should show, taken apart.
 *
 * A CoRIM is signed (COSE_Sign1, tag 18) or not (tag 501), and may stand under the tags 500 and 502 of earlier drafts.
 * Its CoMIDs (tag 506) hold triples: for an environment, the measurements that are expected of it. Only what a verifier
 * of reports needs is taken; the rest is passed over. Nothing is allocated and nothing is believed here: whose
 * signature it is, cose_signers.h says. Texts are views, not made printable. Pure; any thread.
 */
#ifndef ATTEST_CORIM_H
#define ATTEST_CORIM_H

#include "attest/corim_item.h"
#include "attest/cose.h"

#define CORIM_MAX (1024 * 1024)

struct corim {
    bool is_signed;
    struct cose_sign1 sign1;        /* of a signed one, as are the next two */
    struct bytes signer;            /* the signer's name, as it gives it itself; may be empty */
    struct corim_period signed_for; /* signature-validity */
    char id[CORIM_NAME_SIZE];       /* a UUID is written as text */
    struct bytes profile;           /* a URI; empty where there is none */
    struct corim_period period;     /* rim-validity */
    struct corim_list tags;
};

/* Whether the bytes begin as a CoRIM does. */
bool corim_is_likely(struct bytes cbor);

/* ERR_INPUT for what is malformed, ERR_LIMIT beyond CORIM_MAX, ERR_UNSUPPORTED for signatures of a kind that we do not
 * read. The whole document is scanned first, CoMIDs as they are reached. */
struct err corim_parse(struct bytes cbor, struct corim *out) MUST_CHECK;

#endif
