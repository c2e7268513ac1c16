#include "attest/azure_verify.h"

#include <stdio.h>

/* From link to link; a link that does not hold leaves nothing to hang the next one on. */
struct azure_chain {
    struct hcl_claims claims;
    bool claims_are_read;
    EVP_PKEY *key; /* NULL: there is none */
    struct tpm_quote quote;
    bool quote_is_read;
};

static void azure_add(struct checklist *out, const char *name, struct err outcome, const char *expected,
                      const char *found)
{
    checklist_add(out, name, failed(outcome) ? CHECK_FAIL : CHECK_PASS, expected,
                  failed(outcome) ? outcome.why : found);
}

static void azure_check_claims(struct bytes claims, const struct snp_report *report, struct checklist *out)
{
    struct err outcome =
        report ? hcl_claims_check(claims, report->report_data) : err_make(ERR_INPUT, "the report cannot be read");
    azure_add(out, AZURE_CHECK_CLAIMS, outcome, "REPORT_DATA made for these runtime claims", "it is");
}

static void azure_check_key(struct bytes claims, struct azure_chain *chain, struct checklist *out)
{
    struct err outcome = hcl_claims_parse(claims, &chain->claims);
    chain->claims_are_read = !failed(outcome);
    if (!failed(outcome))
        outcome = hcl_claims_key(&chain->claims, &chain->key);
    char found[64];
    snprintf(found, sizeof found, "RSA with %zu bits", chain->claims.modulus_size * 8);
    azure_add(out, AZURE_CHECK_KEY, outcome, "one attestation key in the runtime claims", found);
}

static struct err azure_quote_holds(const struct evidence_azure *azure, struct azure_chain *chain)
{
    if (!chain->key)
        return err_make(ERR_DENIED, "there is no attestation key to verify the quote by");
    TRY(tpm_quote_verify(chain->key, azure->quote, azure->signature));
    TRY(tpm_quote_parse(azure->quote, &chain->quote));
    chain->quote_is_read = true;
    return tpm_quote_check_pcrs(&chain->quote, azure->pcrs);
}

static void azure_check_quote(const struct evidence_azure *azure, struct azure_chain *chain, struct checklist *out)
{
    azure_add(out, AZURE_CHECK_QUOTE, azure_quote_holds(azure, chain), "a quote by the attestation key", "it is");
}

/* Paravisors that know no user data leave the claims without: the quote alone binds then, by a key that the report
 * vouches for. */
static void azure_check_user_data(const struct azure_chain *chain, const uint8_t *value, struct checklist *out)
{
    const char *expected = "user data that are the bound value";
    if (!chain->claims_are_read) {
        checklist_add(out, AZURE_CHECK_USER_DATA, CHECK_FAIL, expected, "the runtime claims cannot be read");
    } else if (!value) {
        checklist_add(out, AZURE_CHECK_USER_DATA, CHECK_FAIL, expected, "what they must be is not known");
    } else if (!chain->claims.has_user_data) {
        checklist_add(out, AZURE_CHECK_USER_DATA, CHECK_SKIPPED, "",
                      "the runtime claims have none: the quote alone binds");
    } else {
        bool same = bytes_equal_secret(BYTES(chain->claims.user_data), bytes_of(value, SNP_REPORT_DATA_SIZE));
        checklist_add(out, AZURE_CHECK_USER_DATA, same ? CHECK_PASS : CHECK_FAIL, expected,
                      same ? "they are" : "the runtime claims were made for other user data");
    }
}

static struct err azure_quote_binds(const struct azure_chain *chain, const uint8_t *value)
{
    uint8_t due[EVIDENCE_AZURE_QUALIFY_SIZE];
    if (!chain->quote_is_read)
        return err_make(ERR_DENIED, "there is no quote that holds");
    if (!value)
        return err_make(ERR_DENIED, "what the quote must be over is not known");
    TRY(evidence_azure_qualify(value, due));
    if (!bytes_equal_secret(BYTES(due), chain->quote.extra_data))
        return err_make(ERR_DENIED, "the quote is about another key, name, time or nonce");
    return OK;
}

void azure_verify_claims(struct bytes claims, const struct snp_report *report, struct checklist *out)
{
    struct azure_chain chain = {0};
    azure_check_claims(claims, report, out);
    azure_check_key(claims, &chain, out);
    EVP_PKEY_free(chain.key);
}

struct err azure_verify(const struct evidence_azure *azure, const struct snp_report *report, const uint8_t *value,
                        struct checklist *out, struct azure_facts *facts)
{
    struct azure_chain chain = {0};
    struct checklist checks = CHECKLIST_EMPTY;
    azure_check_claims(azure->claims, report, &checks);
    azure_check_key(azure->claims, &chain, &checks);
    azure_check_quote(azure, &chain, &checks);
    azure_check_user_data(&chain, value, &checks);
    struct err outcome = azure_quote_binds(&chain, value);
    const struct check *failure = checklist_first(&checks, CHECK_FAIL);
    if (failure && (!failed(outcome) || !chain.quote_is_read))
        outcome = err_make(ERR_DENIED, "%s: %s", failure->name, failure->found);
    *facts = (struct azure_facts){.quote_holds = !failure, .quote = chain.quote, .pcrs = azure->pcrs};
    EVP_PKEY_free(chain.key);
    checklist_join(out, &checks);
    return outcome;
}

const char *azure_verify_missing(const struct checklist *list)
{
    static const char *const names[] = {AZURE_CHECK_CLAIMS, AZURE_CHECK_KEY, AZURE_CHECK_QUOTE, AZURE_CHECK_USER_DATA};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!checklist_find(list, names[i]))
            return names[i];
    return NULL;
}
