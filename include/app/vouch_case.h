/*
 * vouch_case.h: evidence from files, with what was given beside it and what it lacks, ready to be judged.
 *
 * One thread; reads files, and asks KDS.
 */
#ifndef APP_VOUCH_CASE_H
#define APP_VOUCH_CASE_H

#include "app/vouch_asked.h"
#include "app/vouch_certify.h"
#include "app/vouch_files.h"
#include "attest/verifier.h"

struct vouch_case {
    struct vouch_material material;
    struct vouch_contents contents; /* of the files beside it */
    struct snp_evidence snp;        /* views of both; of a certificate the report alone */
    struct bytes crl;               /* of --crl: it must speak; empty: none */
    const char *vek_file;           /* of the report's certificate; NULL: not given */
    int64_t now_us;                 /* time of check */
    struct vouch_asked asked;       /* nothing until vouch_case_ask */
    struct kds *kds;                /* borrowed; NULL until vouch_case_supply */
    struct crl_set *crls;           /* the same, but owned */
};

/* Whether the evidence brings the certificate of the key that signed it. */
bool vouch_case_brings_vek(const struct vouch_case *c);

/* `is_report`: the file can only be a report or a CMW, and whatever else is a report that is malformed. ERR_INPUT when
 * what is beside it does not fit: certificates for what brings its own, or an --ark that is not its root
 * (vouch_files_check_ark; `policy` may be NULL). Close *out in any case. */
struct err vouch_case_open(const char *path, bool is_report, const struct vouch_files *files,
                           const struct policy *policy, struct vouch_case *out) MUST_CHECK;
/* The same of a subject that may also be a server: see app/vouch_subject.h. */
struct err vouch_case_open_subject(const char *subject, bool direct_tls, int64_t timeout_us,
                                   const struct vouch_files *files, struct vouch_case *out) MUST_CHECK;
/* Has what is missing taken from the cache of `kds` or fetched (vouch_kds_supply), for `command`. The error of a
 * report's certificate; that of one inside a certificate with evidence is said, and for the verdict to judge. */
struct err vouch_case_supply(struct vouch_case *c, const char *command, struct kds *kds,
                             const struct policy *policy) MUST_CHECK;
void vouch_case_close(struct vouch_case *c);

/* What the evidence of an open case has to be about. As vouch_asked_read; ERR_INPUT, too, for REPORT_DATA of a
 * certificate's evidence, which follows from the certificate. */
struct err vouch_case_ask(struct vouch_case *c, const struct vouch_asking *asking) MUST_CHECK;

/* Fills an initialised verdict; `policy` may be NULL. */
void vouch_case_judge(const struct vouch_case *c, const struct policy *policy, struct verdict *verdict);

#endif
