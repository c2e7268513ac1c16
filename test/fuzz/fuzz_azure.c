/* HCL reports, runtime claims, quotes and azure records: whatever is let through stays within what was given. */
#include "fuzz.h"

#include "attest/azure_verify.h"

static bool is_within(struct bytes part, struct bytes whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void take_claims(struct bytes json)
{
    struct hcl_claims claims;
    EVP_PKEY *key = NULL;
    if (failed(hcl_claims_parse(json, &claims)))
        return;
    MUST_HOLD(claims.modulus_size >= HCL_KEY_BITS_MIN / 8 && claims.modulus_size <= sizeof claims.modulus);
    if (!failed(hcl_claims_key(&claims, &key)))
        MUST_HOLD(EVP_PKEY_get_bits(key) == (int)claims.modulus_size * 8);
    EVP_PKEY_free(key);
}

static void take_hcl(struct bytes input)
{
    struct hcl_report hcl;
    if (failed(hcl_report_parse(input, &hcl)))
        return;
    MUST_HOLD(hcl_report_is_one(input) && hcl.report.n == SNP_REPORT_SIZE && hcl.claims.n <= HCL_CLAIMS_MAX);
    MUST_HOLD(is_within(hcl.report, input) && is_within(hcl.claims, input));
    take_claims(hcl.claims);
}

static void take_quote(struct bytes attest, struct bytes pcrs)
{
    struct tpm_quote quote;
    if (failed(tpm_quote_parse(attest, &quote)))
        return;
    MUST_HOLD(quote.pcrs >> TPM_PCRS == 0 && is_within(quote.extra_data, attest) &&
              is_within(quote.pcr_digest, attest));
    bool holds = !failed(tpm_quote_check_pcrs(&quote, pcrs));
    for (unsigned i = 0; i <= TPM_PCRS; i++) {
        struct bytes value = tpm_quote_pcr(&quote, pcrs, i);
        MUST_HOLD(is_within(value, pcrs) && (!holds || value.n == 0 || value.n == TPM_PCR_SIZE));
    }
}

/* What the encoding lets through is what we would write; none of it holds, since nobody forges a signature here. */
static void take_record(struct bytes input)
{
    struct evidence_azure azure;
    struct azure_facts facts;
    struct checklist checks = CHECKLIST_EMPTY;
    uint8_t room[EVIDENCE_AZURE_MAX], value[SNP_REPORT_DATA_SIZE] = {0};
    struct snp_report report = {0};
    struct writer w = writer_over(room, sizeof room);
    if (failed(evidence_azure_parse(input, &azure)))
        return;
    evidence_azure_write(&azure, &w);
    MUST_HOLD(!w.bad && bytes_equal(writer_bytes(&w), input));
    MUST_HOLD(failed(azure_verify(&azure, &report, value, &checks, &facts)));
    MUST_HOLD(!azure_verify_missing(&checks) && checklist_has_failure(&checks) && !facts.quote_holds);
    checklist_free(&checks);
    take_claims(azure.claims);
    take_quote(azure.quote, azure.pcrs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    take_hcl(input);
    take_claims(input);
    take_quote(input, input);
    take_record(input);
    return 0;
}
