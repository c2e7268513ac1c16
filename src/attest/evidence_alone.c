#include "attest/evidence_alone.h"

#include "attest/cbor.h"
#include "attest/cmw.h"
#include "attest/cmw_json.h"
#include "base/mem.h"

static enum evidence_format json_format(struct bytes json)
{
    while (json.n > 0 && json.p[0] != '{' && json.p[0] != '[')
        json = bytes_of(json.p + 1, json.n - 1);
    return json.n > 0 && json.p[0] == '[' ? EVIDENCE_EAT : EVIDENCE_CMW;
}

enum evidence_format evidence_alone_format(struct bytes bytes)
{
    if (cmw_json_is_likely(bytes))
        return json_format(bytes);
    struct reader r = reader_of(bytes);
    switch (cbor_next(&r)) {
    case CBOR_IS_MAP:
        return EVIDENCE_CMW;
    case CBOR_IS_ARRAY:
        return EVIDENCE_EAT;
    case CBOR_IS_TAG:
        return cbor_read_tag(&r) == EAT_TAG ? EVIDENCE_EAT : EVIDENCE_NONE;
    case CBOR_IS_UINT:
    case CBOR_IS_NEGATIVE:
    case CBOR_IS_BYTES:
    case CBOR_IS_TEXT:
    case CBOR_IS_SIMPLE:
    case CBOR_IS_NONE:
        break;
    }
    return EVIDENCE_NONE;
}

static struct err evidence_alone_take(const struct cmw *cmw, const struct bind *bind, struct evidence *out)
{
    TRY(snp_certtable_parse(cmw->certs, &out->table));
    out->bind = *bind;
    out->report = cmw->report;
    out->nonce = bind->nonce;
    out->issued_at_s = bind->issued_at_s;
    return OK;
}

static struct err evidence_alone_read_cmw(struct bytes cbor, struct evidence *out)
{
    struct cmw cmw;
    struct bind bind;
    TRY(cmw_parse(cbor, &cmw));
    TRY(bind_parse(cmw.bind, &bind));
    out->format = cmw.azure.n > 0 ? EVIDENCE_AZURE : EVIDENCE_CMW;
    if (out->format == EVIDENCE_AZURE)
        TRY(evidence_azure_parse(cmw.azure, &out->azure));
    return evidence_alone_take(&cmw, &bind, out);
}

/* The token under its tag, or within the record in which certificates carry it. An EAT has no place for what evidence
 * from Azure needs: eat_write makes none, and one of others would stay unread. */
static struct err evidence_alone_read_eat(struct bytes cbor, struct evidence *out)
{
    struct eat eat;
    struct reader r = reader_of(cbor);
    TRY(cbor_next(&r) == CBOR_IS_ARRAY ? eat_parse_record(cbor, &eat) : eat_parse(cbor, &eat));
    if (eat.cmw.azure.n > 0)
        return err_make(ERR_UNSUPPORTED, "the EAT holds evidence from Azure, which its profile has no place for");
    return evidence_alone_take(&eat.cmw, &eat.bind, out);
}

static struct err evidence_alone_rewrite(struct bytes json, struct evidence *out, struct bytes *cbor)
{
    struct writer w = writer_growing(EVIDENCE_OURS_MAX);
    struct err outcome = cmw_json_rewrite(json, &w);
    if (!failed(outcome)) {
        out->rewritten = mem_copy(writer_bytes(&w));
        *cbor = bytes_of(out->rewritten, w.used);
    }
    writer_free(&w);
    return outcome;
}

struct err evidence_alone_parse(struct bytes bytes, struct evidence *out)
{
    struct bytes cbor = bytes;
    *out = (struct evidence){.format = evidence_alone_format(bytes)};
    if (cmw_json_is_likely(bytes))
        TRY(evidence_alone_rewrite(bytes, out, &cbor));
    return out->format == EVIDENCE_EAT ? evidence_alone_read_eat(cbor, out) : evidence_alone_read_cmw(cbor, out);
}
