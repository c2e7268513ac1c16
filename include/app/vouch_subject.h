/*
 * vouch_subject.h: what a word of the command line stands for: a file, or a server and what it shows.
 *
 * Main; reads files and dials.
 */
#ifndef APP_VOUCH_SUBJECT_H
#define APP_VOUCH_SUBJECT_H

#include "app/vouch_material.h"

/* A name with a colon that is no file is HOST:PORT: a slip in a file's name should not wait for the network. Release
 * *out in any case. */
struct err vouch_subject_read(const char *subject, bool direct_tls, int64_t timeout_us,
                              struct vouch_material *out) MUST_CHECK;

#endif
