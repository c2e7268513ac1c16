#include "attest/evidence_foreign.h"

#include <openssl/evp.h>

struct err evidence_raw_parse(struct bytes extension, struct bytes *report)
{
    if (extension.n != SNP_REPORT_SIZE)
        return err_make(ERR_INPUT, "the raw report has %zu bytes, not %d", extension.n, SNP_REPORT_SIZE);
    *report = extension;
    return OK;
}

struct err evidence_raw_report_data(struct bytes spki, uint8_t out[SNP_REPORT_DATA_SIZE])
{
    if (EVP_Digest(spki.p, spki.n, out, NULL, EVP_sha512(), NULL) != 1)
        return err_crypto("cannot make REPORT_DATA");
    return OK;
}
