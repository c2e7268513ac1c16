#include "attest/demand.h"
#include "attest/tpm_quote.h"

#include <stdio.h>
#include <string.h>

static bool pcrs_are_given(const void *field)
{
    return ((const struct policy_pcrs *)field)->count > 0;
}

/* "PCR 4 3d458cfe…, PCR 11 one of 2 values". */
static void expect_pcrs(const struct policy_key *key, const void *field, char out[DEMAND_TEXT_SIZE])
{
    const struct policy_pcrs *pcrs = field;
    size_t used = 0;
    (void)key;
    out[0] = '\0';
    for (unsigned n = 0; n < TPM_PCRS && used < DEMAND_TEXT_SIZE; n++) {
        char value[2 * TPM_PCR_SIZE + 1] = "";
        size_t count = 0;
        for (size_t i = 0; i < pcrs->count; i++)
            if (pcrs->allowed[i].number == n && count++ == 0)
                hex_encode(BYTES(pcrs->allowed[i].value), value);
        const char *before = used == 0 ? "" : ", ";
        int more = 0;
        if (count == 1)
            more = snprintf(out + used, DEMAND_TEXT_SIZE - used, "%sPCR %u %s", before, n, value);
        else if (count > 1)
            more = snprintf(out + used, DEMAND_TEXT_SIZE - used, "%sPCR %u one of %zu values", before, n, count);
        used += more > 0 ? (size_t)more : 0;
    }
}

const struct demand_kind demand_pcrs = {pcrs_are_given, expect_pcrs, NULL};
