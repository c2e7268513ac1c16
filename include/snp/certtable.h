/*
 * certtable.h: the GUID table of certificates that travels with a report.
 *
 * AMD publication 56421 (GHCB), "SNP Extended Guest Request": entries of GUID (16 bytes, big-endian), u32 LE offset
 * from the table's start, u32 LE length, ended by a zero entry. Pure functions; any thread.
 */
#ifndef SNP_CERTTABLE_H
#define SNP_CERTTABLE_H

#include "base/bytes.h"
#include "base/writer.h"

#define SNP_CERTTABLE_MAX         262144
#define SNP_CERTTABLE_ENTRIES_MAX 32

/* Views into the bytes parsed; empty when the table has no such entry. Contents are DER or PEM. */
struct snp_certtable {
    struct bytes vcek;
    struct bytes vlek;
    struct bytes intermediate; /* ASK or ASVK */
    struct bytes ark;
    struct bytes crl;
    size_t unknown; /* entries with a GUID of nobody's */
};

/* ERR_INPUT when there is no end, an entry reaches outside, into the header or into another, is empty or stands twice,
 * or when bytes that belong to no entry are not zero (devices pad with zeros); ERR_LIMIT when it is longer, or has more
 * entries, than the limits above. *out is then empty. No bytes at all are a table without entries. */
struct err snp_certtable_parse(struct bytes table, struct snp_certtable *out) MUST_CHECK;

/* Writes a table of the entries that are not empty. */
void snp_certtable_write(const struct snp_certtable *table, struct writer *w);

#endif
