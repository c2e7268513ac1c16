/* The table of certificates: what is read lies within the table, and is the same after writing and reading again. */
#include "fuzz.h"

#include "snp/certtable.h"

static bool lies_within(struct bytes part, struct bytes whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snp_certtable table, again;
    struct bytes whole = bytes_of(data, size);
    if (failed(snp_certtable_parse(whole, &table)))
        return 0;
    MUST_HOLD(lies_within(table.vcek, whole) && lies_within(table.vlek, whole) && lies_within(table.ark, whole));
    MUST_HOLD(lies_within(table.intermediate, whole) && lies_within(table.crl, whole));
    struct writer w = writer_growing(SNP_CERTTABLE_MAX);
    snp_certtable_write(&table, &w);
    MUST_HOLD(!w.bad);
    MUST_HOLD(!failed(snp_certtable_parse(writer_bytes(&w), &again)));
    MUST_HOLD(bytes_equal(table.vcek, again.vcek) && bytes_equal(table.vlek, again.vlek));
    MUST_HOLD(bytes_equal(table.ark, again.ark) && bytes_equal(table.intermediate, again.intermediate));
    MUST_HOLD(bytes_equal(table.crl, again.crl));
    writer_free(&w);
    return 0;
}
