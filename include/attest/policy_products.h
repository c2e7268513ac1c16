/*
 * policy_products.h: the words for products in policies, and which of them a report's processor answers to.
 *
 * Siena and Bergamo are of Genoa's line: root, ASK and productName of their certificates say Genoa (publication 57230).
 * A report of version 3 or later tells them from Genoa by CPUID, though not from one another; one of version 2 tells
 * nothing. So a report names a set of products that it may be of. What is allowed, or has a minimum, has to be so for
 * every one of them; what is denied for none. The word genoa means the whole line, where siena and bergamo do not stand
 * for themselves. Pure; any thread.
 */
#ifndef ATTEST_POLICY_PRODUCTS_H
#define ATTEST_POLICY_PRODUCTS_H

#include "attest/policy.h"

/* milan, genoa, siena, bergamo, turin: bits by enum policy_product. */
extern const struct snp_bit policy_product_words[];

/* The products that a report may be of, as bits; none when its product is not known. */
uint64_t policy_products_of(const struct snp_facts *facts);
/* The same as people call it: "Milan", "Siena or Bergamo", "Genoa, Siena or Bergamo", "unknown". */
const char *policy_products_text(const struct snp_facts *facts);

/* Whether a list of these words covers all, or any, of the products. */
bool policy_products_cover(uint64_t list, uint64_t products);
bool policy_products_touch(uint64_t list, uint64_t products);

/* Whether anything of the line may stand behind such a list; an empty one means all. */
bool policy_products_has_line(uint64_t list, enum snp_product line);

/* Whose minimum holds for this product, which is one bit by itself: its own word's, or its line's. -1: there is none.
 */
int policy_products_minimum(const struct policy_tcb *tcb, int product);

/* Whether the list names one of siena and bergamo alone, and so would let nobody in for it. */
bool policy_products_are_torn(uint64_t list);

enum snp_product policy_product_line(int product);
/* "Milan", "Siena". */
const char *policy_product_name(int product);

#endif
