#include "attest/evidence_foreign.h"

#include "attest/cbor.h"

#include <string.h>

#define GO_EAT_MEMBERS_MAX 32

enum go_eat_key { GO_EAT_NONCE = 10, GO_EAT_REPORT = 1001, GO_EAT_CHAIN = 1100 };

/* VEK, ASK or ASVK, ARK, in that order. Go writes null for a list that is empty. */
static struct err go_eat_read_chain(struct reader *r, struct evidence_go_eat *into)
{
    struct bytes *const certificates[] = {&into->vek, &into->intermediate, &into->ark};
    if (cbor_skip_null(r))
        return OK;
    uint64_t count = cbor_read_array(r);
    if (r->bad || count > sizeof certificates / sizeof certificates[0])
        return err_make(ERR_INPUT, "the EAT's certificates are not a list of up to three");
    for (uint64_t i = 0; i < count; i++)
        *certificates[i] = cbor_read_bytes(r);
    return OK;
}

static struct err go_eat_read_member(struct reader *r, uint64_t key, struct evidence_go_eat *into)
{
    switch (key) {
    case GO_EAT_NONCE:
        if (!cbor_skip_null(r))
            into->nonce = cbor_read_bytes(r);
        break;
    case GO_EAT_REPORT:
        into->report = cbor_read_bytes(r);
        break;
    case GO_EAT_CHAIN:
        TRY(go_eat_read_chain(r, into));
        break;
    default:
        cbor_skip(r);
        break;
    }
    return r->bad ? err_make(ERR_INPUT, "the EAT's member %llu is malformed", (unsigned long long)key) : OK;
}

struct err evidence_go_eat_parse(struct bytes extension, struct evidence_go_eat *out)
{
    struct evidence_go_eat eat = {0};
    uint64_t keys[GO_EAT_MEMBERS_MAX];
    struct reader r = reader_of(extension);
    uint64_t count = cbor_read_map(&r);
    if (r.bad || count > GO_EAT_MEMBERS_MAX)
        return err_make(ERR_INPUT, "the EAT is not a map of up to %d members", GO_EAT_MEMBERS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        keys[i] = cbor_read_uint(&r);
        if (r.bad)
            return err_make(ERR_INPUT, "the EAT has a key that is no number");
        for (uint64_t before = 0; before < i; before++)
            if (keys[before] == keys[i])
                return err_make(ERR_INPUT, "the EAT has the key %llu twice", (unsigned long long)keys[i]);
        TRY(go_eat_read_member(&r, keys[i], &eat));
    }
    TRY(reader_finish(&r, "the EAT"));
    if (eat.report.n == 0)
        return err_make(ERR_INPUT, "the EAT has no report");
    if (eat.nonce.n > BIND_NONCE_MAX)
        return err_make(ERR_INPUT, "the EAT's nonce has %zu bytes", eat.nonce.n);
    *out = eat;
    return OK;
}

struct err evidence_go_eat_report_data(const struct evidence_go_eat *eat, uint8_t out[SNP_REPORT_DATA_SIZE])
{
    if (eat->nonce.n == 0)
        return err_make(ERR_DENIED, "the report binds nothing: neither a key nor a nonce");
    memset(out, 0, SNP_REPORT_DATA_SIZE);
    memcpy(out, eat->nonce.p, eat->nonce.n);
    return OK;
}
