/*
 * vouch_pin_text.h: the YAML of a policy that pins what evidence says.
 *
 * Nothing is verified here. Any thread.
 */
#ifndef APP_VOUCH_PIN_TEXT_H
#define APP_VOUCH_PIN_TEXT_H

#include "attest/evidence.h"
#include "snp/verify.h"

/* All borrowed for the call. */
struct vouch_pin {
    const struct snp_facts *facts;      /* of evidence that held, with a product */
    enum evidence_format format;        /* EVIDENCE_NONE: a report by itself, which is in none */
    const struct evidence_azure *azure; /* of EVIDENCE_AZURE; its quote may be missing */
    const uint8_t *simulated_root;      /* SHA-256 of its SubjectPublicKeyInfo; NULL: AMD's */
    const char *vek;                    /* file of the certificate that the evidence lacks; NULL: it brings it */
};

/* Lines that begin with `#` and a key, without a blank between, are demands that hold too, but tie to one chip or one
 * start of the guest, or say again what others say. On the heap (free). */
char *vouch_pin_text(const struct vouch_pin *pin);

#endif
