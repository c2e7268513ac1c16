#include "attest/evidence_format.h"

#include "attest/cmw.h"

#include <string.h>

static const struct {
    const char *name;
    const char *oid;
    bool binds_key;
    bool is_ours;
} formats[EVIDENCE_FORMATS] = {
    [EVIDENCE_NONE] = {"none", NULL, false, false},
    [EVIDENCE_CMW] = {"cmw", CMW_OID, true, true},
    [EVIDENCE_EAT] = {"eat", CMW_OID, true, true},
    [EVIDENCE_GO_EAT] = {"go-eat", "1.3.6.1.4.1.99999.1", false, false},
    [EVIDENCE_DICE] = {"dice", "2.23.133.5.4.9", true, false},
    [EVIDENCE_RAW] = {"raw", "1.3.9901.2.1", true, false},
    [EVIDENCE_AZURE] = {"azure", CMW_OID, true, true},
};

const char *evidence_format_name(enum evidence_format format)
{
    return formats[format].name;
}

enum evidence_format evidence_format_of_word(const char *word)
{
    for (int i = EVIDENCE_NONE + 1; i < EVIDENCE_FORMATS; i++)
        if (strcmp(word, formats[i].name) == 0)
            return (enum evidence_format)i;
    return EVIDENCE_NONE;
}

const char *evidence_format_oid(enum evidence_format format)
{
    return formats[format].oid;
}

bool evidence_format_binds_key(enum evidence_format format)
{
    return formats[format].binds_key;
}

bool evidence_format_is_ours(enum evidence_format format)
{
    return formats[format].is_ours;
}
