/*
 * chain_cache.h: chains that verified, by a hash of what was verified. The functions of chain.h that make and free a
 * cache are in its file. Any thread.
 */
#ifndef SNP_CHAIN_CACHE_H
#define SNP_CHAIN_CACHE_H

#include "snp/chain.h"

/* The chain of that key, counted for the caller, now the one most recently used; NULL when there is none. `cache` may
 * be NULL. */
struct snp_chain *snp_chain_cache_find(struct snp_chain_cache *cache, const uint8_t key[32]);

/* Keeps a chain, with a reference of its own, unless one of its key is there. `cache` may be NULL. */
void snp_chain_cache_keep(struct snp_chain_cache *cache, struct snp_chain *chain);

#endif
