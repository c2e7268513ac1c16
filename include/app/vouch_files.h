/*
 * vouch_files.h: what a command line names beside a report, read: its certificates, and a revocation list.
 *
 * One thread; reads files. Errors name the option.
 */
#ifndef APP_VOUCH_FILES_H
#define APP_VOUCH_FILES_H

#include "app/vouch_material.h"
#include "app/vouch_options.h"
#include "attest/policy.h"
#include "snp/verify.h"

#define VOUCH_FILES_MAX 5

/* What the evidence that was read consists of. */
struct vouch_contents {
    uint8_t *file[VOUCH_FILES_MAX];
    struct vouch_material table; /* of --certs */
    uint8_t *crl;
};

/* Takes the certificates over into `evidence`, in place of what it has of each. The ARK of a file of authorities as KDS
 * hands it out (PEM of ASK or ASVK, and ARK) is taken where no other is given; like any ARK it is not trusted for that.
 * Release *contents in any case. */
struct err vouch_files_read(const struct vouch_files *files, struct vouch_contents *contents,
                            struct snp_evidence *evidence) MUST_CHECK;
/* Reads files->crl, and sees whether it is a list at all: *out, empty when none is given, is a view of contents->crl.
 */
struct err vouch_files_read_crl(const struct vouch_files *files, struct vouch_contents *contents,
                                struct bytes *out) MUST_CHECK;
void vouch_contents_release(struct vouch_contents *contents);

/* Whether an --ark that was read may have to do with the evidence: it is the root that signed the intermediate, or,
 * where which that will be is not known yet, AMD's or one of the policy's trusted_arks (`policy` may be NULL). */
struct err vouch_files_check_ark(const struct vouch_files *files, const struct snp_evidence *evidence,
                                 const struct policy *policy) MUST_CHECK;

#endif
