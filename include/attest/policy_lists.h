/*
 * policy_lists.h: readers of policy keys that take lists and maps. Each says which field it fills; see policy_reader.
 */
#ifndef ATTEST_POLICY_LISTS_H
#define ATTEST_POLICY_LISTS_H

#include "attest/policy_key.h"

policy_reader read_formats;  /* policy->formats */
policy_reader read_arks;     /* policy->certificates.trusted_arks; files are read, relative to the policy's folder */
policy_reader read_veks;     /* policy->certificates.veks; likewise */
policy_reader read_words;    /* uint64_t: bits, by the words of the key's `bits` */
policy_reader read_products; /* the same for products that are allowed */
policy_reader read_values;   /* struct policy_values, each as wide as the key's `width`, in hexadecimal digits */
policy_reader read_chips;    /* the same for chip ids: also Turin's, of 8 bytes */
policy_reader read_texts;    /* struct policy_texts */
policy_reader read_exact;    /* struct policy_word: {mask, value} */
policy_reader read_pcrs;     /* struct policy_pcrs: a map of numbers to values or lists of values */
policy_reader read_tcb;      /* struct policy_tcb: a map of products to maps of components */

#endif
