/*
 * veks.h: certificates of report-signing keys that a verifier has at hand, for evidence that comes without one.
 *
 * They are no more trusted than those that travel with a report: chain and all other checks are made on them, too.
 * Filled by one thread; then immutable, and any thread may ask.
 */
#ifndef ATTEST_VEKS_H
#define ATTEST_VEKS_H

#include "snp/report.h"

#define VEKS_MAX 1024

struct veks;

struct veks *veks_new(void);
void veks_free(struct veks *veks); /* NULL does nothing */

/* Adds a VCEK or VLEK, DER or PEM; copied. ERR_LIMIT beyond VEKS_MAX, else ERR_INPUT. */
struct err veks_add(struct veks *veks, struct bytes der_or_pem) MUST_CHECK;
size_t veks_count(const struct veks *veks);

/* The first that may have signed such a report, by key kind, chip and REPORTED_TCB; empty when there is none. Borrowed;
 * says nothing about the signature. */
struct bytes veks_find(const struct veks *veks, const struct snp_report *report);

#endif
