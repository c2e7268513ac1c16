/*
 * handles.h: what stands behind the opaque types of vouch.h, and how errors leave the library. Not installed.
 */
#ifndef API_HANDLES_H
#define API_HANDLES_H

#include "api/vouch.h"
#include "attest/evidence.h"
#include "attest/policy.h"
#include "attest/verdict.h"
#include "attest/verified.h"

#include <stdatomic.h>

struct vouch_policy {
    struct policy *policy; /* one reference */
    const char *gaps[POLICY_GAPS_MAX];
    size_t gap_count;
};

struct vouch_verifier {
    struct snp_chain_cache *chains;
    struct verified *verified;
};

enum request_subject { REQUEST_NONE = 0, REQUEST_CERTIFICATE, REQUEST_REPORT, REQUEST_CMW };

#define REQUEST_ENDORSEMENTS (VOUCH_TABLE + 1)

struct vouch_request {
    enum request_subject subject;
    X509 *leaf;
    STACK_OF(X509) * others; /* never NULL */
    uint8_t *content;        /* of a report or CMW */
    size_t size;
    struct evidence evidence; /* of a CMW or EAT: views into `content` */
    struct hcl_report hcl;    /* of a report as Azure's TPM holds it, the same; empty otherwise */
    uint8_t *endorsement[REQUEST_ENDORSEMENTS];
    size_t endorsement_size[REQUEST_ENDORSEMENTS];
    struct snp_certtable table; /* of VOUCH_TABLE: views into it */
    bool is_endorsed;           /* any certificate was set, by itself */
    struct policy *policy;      /* one reference; may be NULL */
    bool has_time;
    int64_t time_s;
    uint8_t nonce[BIND_NONCE_MAX];
    size_t nonce_size;
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    bool has_report_data;
    int role;
    bool is_tls13;
};

#define FACTS          55
#define FACT_TEXT_SIZE 512 /* with its terminator; longer names of policies are cut */

struct vouch_verdict {
    struct verdict verdict;
    char *facts[FACTS]; /* in the order of vouch_fact_name; none is NULL once the verdict has been made */
};

/* The status of an error, its sentence written into `why`. */
int api_answer(struct err outcome, char *why, size_t why_size);
/* Makes the texts of checks, in which words of a peer may stand, fit to be printed. */
void api_clean(struct checklist *checks);
/* Writes down what a verdict that has been made says by name. */
void api_tell_facts(vouch_verdict *verdict);
void api_free_facts(vouch_verdict *verdict);

#endif
