#include "attest/evidence_foreign.h"

#include <openssl/evp.h>

struct err evidence_raw_parse(struct bytes extension, struct bytes *report)
{
    if (extension.n != SNP_REPORT_SIZE)
        return err_make(ERR_INPUT, "the raw report has %zu bytes, not %d", extension.n, SNP_REPORT_SIZE);
    *report = extension;
    return OK;
}

struct err evidence_raw_report_data(struct bytes spki, struct bytes nonce, uint8_t out[SNP_REPORT_DATA_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestInit_ex(context, EVP_sha512(), NULL) == 1 &&
                EVP_DigestUpdate(context, spki.p, spki.n) == 1 && EVP_DigestUpdate(context, nonce.p, nonce.n) == 1 &&
                EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return made ? OK : err_crypto("cannot make REPORT_DATA");
}
