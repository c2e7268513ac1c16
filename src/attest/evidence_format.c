#include "attest/evidence_format.h"

#include <string.h>

const char *evidence_format_name(enum evidence_format format)
{
    switch (format) {
    case EVIDENCE_CMW:
        return "cmw";
    case EVIDENCE_NONE:
    case EVIDENCE_FORMATS:
        break;
    }
    return "none";
}

enum evidence_format evidence_format_of_word(const char *word)
{
    for (int i = EVIDENCE_NONE + 1; i < EVIDENCE_FORMATS; i++)
        if (strcmp(word, evidence_format_name((enum evidence_format)i)) == 0)
            return (enum evidence_format)i;
    return EVIDENCE_NONE;
}
