/*
 * consistency.h: whether report and certificate speak of the same chip, key and firmware, and the report agrees with
 * itself. Pure; any thread.
 */
#ifndef SNP_CONSISTENCY_H
#define SNP_CONSISTENCY_H

#include "snp/verify.h"

/* Appends the checks from SNP_CHECK_KEY_KIND to SNP_CHECK_COMMITTED_VERSION. Reads `report` and `vek` of the facts and
 * sets their `product`. What was not read fails. */
void snp_consistency_check(struct snp_facts *facts, bool allow_masked_chip_id, struct checklist *out);

#endif
