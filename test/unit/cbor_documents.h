/*
 * cbor_documents.h: for tests: a good document of every kind of CBOR that strangers hand us, and how each is read.
 */
#ifndef TEST_CBOR_DOCUMENTS_H
#define TEST_CBOR_DOCUMENTS_H

#include "base/err.h"
#include "base/writer.h"

#define CBOR_DOCUMENT_ROOM 65536
#define CBOR_DOCUMENTS     13

struct cbor_document {
    const char *name;
    void (*write)(struct writer *w);
    struct err (*read)(struct bytes cbor);
    bool has_map;
};
extern const struct cbor_document cbor_documents[CBOR_DOCUMENTS]; /* to be written after cbor_documents_begin */

/* The setup of a program's tests. */
int cbor_documents_begin(void **state);

#endif
