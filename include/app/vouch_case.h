/*
 * vouch_case.h: evidence from files, with what was given beside it, ready to be judged.
 *
 * One thread; reads files.
 */
#ifndef APP_VOUCH_CASE_H
#define APP_VOUCH_CASE_H

#include "app/vouch_asked.h"
#include "app/vouch_material.h"
#include "app/vouch_options.h"
#include "attest/verifier.h"

#define VOUCH_CASE_FILES 6

struct vouch_case {
    struct vouch_material material;
    uint8_t *content[VOUCH_CASE_FILES]; /* of the files beside it */
    struct snp_evidence snp;            /* views of all these */
    const char *vek_file;               /* of the report's certificate; NULL: not given */
    enum snp_crl_mode crl_mode;         /* a list that is given must speak */
    int64_t now_us;                     /* time of check */
    struct vouch_asked asked;           /* nothing until vouch_case_ask */
    struct kds *kds;            /* what it lacks may be at hand there; borrowed, set by the caller; may be NULL */
    const struct crl_set *crls; /* the same */
};

/* Whether the evidence brings the certificate of the key that signed it. */
bool vouch_case_brings_vek(const struct vouch_case *c);

/* `is_report`: the file can only be a report or a CMW, and whatever else is a report that is malformed. ERR_INPUT when
 * the files beside it do not fit: none for a report, or some for what brings its own. Close *out in any case. */
struct err vouch_case_open(const char *path, bool is_report, const struct vouch_files *files,
                           struct vouch_case *out) MUST_CHECK;
/* The same of a subject that may also be a server: see app/vouch_subject.h. */
struct err vouch_case_open_subject(const char *subject, bool direct_tls, int64_t timeout_us,
                                   const struct vouch_files *files, struct vouch_case *out) MUST_CHECK;
void vouch_case_close(struct vouch_case *c);

/* What the evidence of an open case has to be about. As vouch_asked_read; ERR_INPUT, too, for REPORT_DATA of a
 * certificate's evidence, which follows from the certificate. */
struct err vouch_case_ask(struct vouch_case *c, const struct vouch_asking *asking) MUST_CHECK;

/* Fills an initialised verdict; `policy` may be NULL. */
void vouch_case_judge(const struct vouch_case *c, const struct policy *policy, struct verdict *verdict);

#endif
