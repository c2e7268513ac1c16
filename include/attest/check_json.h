/*
 * check_json.h: a check as JSON, for verdicts and journals. Any thread.
 */
#ifndef ATTEST_CHECK_JSON_H
#define ATTEST_CHECK_JSON_H

#include "snp/checklist.h"

#include <jansson.h>

/* {"name", "outcome", "expected", "found"}, in this order; texts are made printable. The caller's (json_decref). */
json_t *check_json(const struct check *check);

/* Text that is made printable. The caller's. */
json_t *json_printable(const char *text);

/* The JSON in one line, on the heap (free). Gives the reference back. */
char *json_line(json_t *json);

#endif
