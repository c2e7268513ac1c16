#include "attest/readiness.h"

struct err readiness_of(const struct attester_state *state, int64_t now_us)
{
    char until[CLOCK_TEXT_SIZE];
    bool over = state->not_after_us <= now_us;
    clock_text(state->not_after_us, until);
    if (state->pace.key_is_lost)
        return err_make(ERR_KEY_LOST,
                        "the key with which the guest talks to the processor is lost, and attestation with it until a "
                        "reboot; the certificate in force %s %s",
                        over ? "has been out of date since" : "serves until", until);
    if (over)
        return err_make(ERR_TIMEOUT, "the certificate in force has been out of date since %s", until);
    return OK;
}

const char *readiness_reason(const struct err *why)
{
    return why->code == ERR_KEY_LOST ? "key_lost" : "certificate_expired";
}
