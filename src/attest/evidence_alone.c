#include "attest/evidence_alone.h"

#include "attest/cmw.h"

struct err evidence_alone_parse(struct bytes cbor, struct evidence *out)
{
    struct cmw cmw;
    *out = (struct evidence){.format = EVIDENCE_CMW};
    TRY(cmw_parse(cbor, &cmw));
    TRY(bind_parse(cmw.bind, &out->bind));
    TRY(snp_certtable_parse(cmw.certs, &out->table));
    out->report = cmw.report;
    out->nonce = out->bind.nonce;
    out->issued_at_s = out->bind.issued_at_s;
    return OK;
}
