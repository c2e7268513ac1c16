/*
 * vouch_pin.h: a policy made from evidence that holds: it allows just such evidence. Main.
 */
#ifndef APP_VOUCH_PIN_H
#define APP_VOUCH_PIN_H

#include "app/vouch_case.h"

/* *text (free) is a policy that has been read back and allows the evidence. ERR_DENIED, with the reason, when the
 * evidence does not hold: nothing that could be anybody's is pinned. */
struct err vouch_pin(const struct vouch_case *c, char **text) MUST_CHECK;

#endif
