/*
 * vouch_asked.h: what evidence from a file has to be about: a challenge, or REPORT_DATA as a whole.
 *
 * One thread; reads files.
 */
#ifndef APP_VOUCH_ASKED_H
#define APP_VOUCH_ASKED_H

#include "app/vouch_nonce.h"
#include "app/vouch_options.h"
#include "snp/report.h"

struct vouch_asked {
    struct vouch_nonce nonce; /* of size 0: none was asked for */
    bool has_report_data;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
};

/* The nonce as hexadecimal digits, or from the file of that name, which holds its 1 to VOUCH_NONCE_MAX bytes;
 * REPORT_DATA as 128 hexadecimal digits, or as 64, behind which are zeros. ERR_INPUT, ERR_LIMIT or ERR_SYSTEM
 * otherwise. */
struct err vouch_asked_read(const struct vouch_asking *asking, struct vouch_asked *out) MUST_CHECK;

#endif
