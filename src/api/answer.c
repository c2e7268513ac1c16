/* answer.c: errors and the version, as the library's callers see them. */
#include "api/handles.h"

#include <stdio.h>

static int answer_status(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return VOUCH_OK;
    case ERR_LIMIT:
        return VOUCH_ERROR_LIMIT;
    case ERR_UNSUPPORTED:
        return VOUCH_ERROR_UNSUPPORTED;
    case ERR_CRYPTO:
    case ERR_SYSTEM:
    case ERR_NOT_NOW:
    case ERR_TIMEOUT:
    case ERR_CLOSED:
    case ERR_KEY_LOST:
        return VOUCH_ERROR_SYSTEM;
    case ERR_INPUT:
    case ERR_DENIED:
    case ERR_NOT_FOUND:
        break;
    }
    return VOUCH_ERROR_INPUT;
}

int api_answer(struct err outcome, char *why, size_t why_size)
{
    if (why_size > 0)
        snprintf(why, why_size, "%s", failed(outcome) ? outcome.why : "");
    return answer_status(outcome.code);
}

const char *vouch_version(void)
{
    return PACKAGE_VERSION;
}
