/*
 * mint.h: for the benchmarks: client certificates that carry evidence of a simulated processor, each made anew.
 *
 * Whatever cannot be made ends the program.
 */
#ifndef BENCH_MINT_H
#define BENCH_MINT_H

#include "attest/provider.h"
#include "tls/identity.h"

#define MINT_NONCE_SIZE 32

/* Opens, or makes, the processor that lives in `directory`. */
struct provider *mint_open(const char *directory);

/* A self-signed client certificate of half an hour whose report binds its key and this nonce. */
struct tls_identity *mint_identity(struct provider *provider, const uint8_t nonce[MINT_NONCE_SIZE]);

/* Ends the program when something failed. */
void mint_check(struct err outcome);

#endif
