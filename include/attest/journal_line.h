/*
 * journal_line.h: an entry of the journal as one line of JSON, the record of audits. Any thread.
 *
 * Members, in this order: time (RFC 3339, UTC), id, role, user, database, address, port, client, verdict, reason,
 * policy, policy_version, format, tier, product, measurement, chip_id, tcb, guest_svn, debug, smt, evidence_age_s,
 * evidence_sha256, duration_us, checks (those that failed or warned). What is not known is null.
 */
#ifndef ATTEST_JOURNAL_LINE_H
#define ATTEST_JOURNAL_LINE_H

#include "attest/journal.h"

/* On the heap (free), with its line end. */
char *journal_line(const struct journal_entry *entry);

#endif
