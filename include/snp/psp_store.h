/*
 * psp_store.h: the directory in which a software PSP keeps its keys.
 *
 * An open store holds the directory's lock, so that of several processes (and threads) one works on it at a time; files
 * are written beside their place and renamed, so that a reader never sees half of one. All functions block. One thread
 * at a time.
 */
#ifndef SNP_PSP_STORE_H
#define SNP_PSP_STORE_H

#include "base/bytes.h"

#include <openssl/x509.h>

#define PSP_STORE_FILE_MAX 32768

struct psp_store;

/* Opens the directory, made 0700 when missing, and waits for its lock. ERR_SYSTEM when it cannot be, or when others may
 * write there. *out is the caller's to close. */
struct err psp_store_open(const char *directory, struct psp_store **out) MUST_CHECK;
void psp_store_close(struct psp_store *store);

/* Reads a file that psp_store_save wrote: *out is the caller's (mem_free_secret(*out, *size)). ERR_NOT_FOUND when there
 * is none; ERR_SYSTEM when it cannot be read or, being private, others may. */
struct err psp_store_load(struct psp_store *store, const char *name, bool is_private, uint8_t **out,
                          size_t *size) MUST_CHECK;
/* Mode 0600 when private, else 0644. */
struct err psp_store_save(struct psp_store *store, const char *name, bool is_private, struct bytes content) MUST_CHECK;

/* A private key and its certificate in one file, so that they cannot part. Errors as above. *key and *certificate are
 * the caller's. */
struct err psp_store_load_pair(struct psp_store *store, const char *name, EVP_PKEY **key,
                               X509 **certificate) MUST_CHECK;
struct err psp_store_save_pair(struct psp_store *store, const char *name, EVP_PKEY *key, X509 *certificate) MUST_CHECK;

/* The certificate in PEM, for others to read; written only when it is not there already. */
struct err psp_store_publish(struct psp_store *store, const char *name, X509 *certificate) MUST_CHECK;

#endif
