/*
 * vouch.h: libvouch: evidence of AMD SEV-SNP guests, judged: signature, chain up to AMD's roots, binding, policy.
 *
 * The verifier is the one that pgvouch and the tool vouch use. For C and C++; every type is opaque and is read by
 * functions, so that a program goes on working with later libraries of the same soname. Numbers of enumerations never
 * change their meaning; new ones may come.
 *
 * Threads: any function may be called from any thread. A policy and a verifier may be used by many at once, also while
 * they verify; a request and a verdict belong to one thread at a time. Nothing is kept between calls but AMD's roots,
 * which are read once, and what a verifier remembers. No file is read but a policy and those that it names; nothing is
 * written and nothing is asked of the network. The calling thread's queue of OpenSSL's errors is emptied.
 *
 * Ownership: what a function copies or takes over stands with it. Texts are UTF-8 without control characters, live as
 * long as what they were asked of, and are never NULL. Pointers must not be NULL unless it is said that they may.
 * Where memory runs out the process is aborted.
 *
 * Errors: functions that can fail return VOUCH_OK (0) or another vouch_status, leave their `*out` NULL and write why,
 * one sentence with its terminator, cut to `why_size` bytes, into `why` (which may be NULL when `why_size` is 0; on
 * success it is ""). An error is never a verdict: who asks whether to trust must treat everything but an allow (and,
 * if so decided, a warn) as a refusal.
 */
#ifndef API_VOUCH_H
#define API_VOUCH_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define VOUCH_API       __attribute__((visibility("default")))
#define VOUCH_MUST_LOOK __attribute__((warn_unused_result))
#else
#define VOUCH_API
#define VOUCH_MUST_LOOK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "0.1.0". */
VOUCH_API const char *vouch_version(void);

enum vouch_status {
    VOUCH_OK = 0,
    VOUCH_ERROR_INPUT = 1,       /* malformed bytes, text or file, or parts that do not fit together */
    VOUCH_ERROR_LIMIT = 2,       /* larger than is read */
    VOUCH_ERROR_UNSUPPORTED = 3, /* well formed, and of a kind that this library does not know */
    VOUCH_ERROR_SYSTEM = 4,      /* the system or libcrypto failed: a file cannot be read, … */
};

#define VOUCH_WHY_SIZE 320 /* holds every sentence */

/* What is demanded (policy files: doc/attestation.md, `vouch policy`). Immutable; counted, so that it may be freed
 * while a request still holds it. */
typedef struct vouch_policy vouch_policy;
/* Files that trusted_arks and measurements name are read too, relative to the policy's folder. */
VOUCH_API int vouch_policy_load(const char *path, vouch_policy **out, char *why, size_t why_size) VOUCH_MUST_LOOK;
/* The same of text in memory; `path` stands for the file in errors and says the folder, it need not exist. NULL: none.
 */
VOUCH_API int vouch_policy_parse(const void *text, size_t size, const char *path, vouch_policy **out, char *why,
                                 size_t why_size) VOUCH_MUST_LOOK;
VOUCH_API void vouch_policy_free(vouch_policy *policy);              /* NULL does nothing */
VOUCH_API const char *vouch_policy_name(const vouch_policy *policy); /* the file's name */
/* What the policy leaves open that a careful one would not, and what was hardly meant, one sentence each: to be shown
 * to whoever wrote it. */
VOUCH_API size_t vouch_policy_gap_count(const vouch_policy *policy);
VOUCH_API const char *vouch_policy_gap(const vouch_policy *policy, size_t index);

/* Remembers chains of certificates that verified, so that the next report of the same chip costs one signature; and
 * evidence in certificates that held, for as long as its policy lets it (certificates.cache_duration). May be shared by
 * all threads of a program. */
typedef struct vouch_verifier vouch_verifier;
VOUCH_API vouch_verifier *vouch_verifier_new(void);
VOUCH_API void vouch_verifier_free(vouch_verifier *verifier); /* NULL does nothing; none of its calls may be running */

/* What is to be judged. Holds copies of everything. Exactly one of certificate, report and CMW (or EAT) must be set;
 * each may be set once. Pieces are at most VOUCH_PIECE_MAX bytes. */
typedef struct vouch_request vouch_request;
#define VOUCH_PIECE_MAX (1024 * 1024)
VOUCH_API vouch_request *vouch_request_new(void);
VOUCH_API void vouch_request_free(vouch_request *request); /* NULL does nothing */

/* A TLS certificate that carries evidence: one in DER, or several in PEM of which the first is the leaf. */
VOUCH_API int vouch_request_set_certificate(vouch_request *request, const void *bytes, size_t size, char *why,
                                            size_t why_size) VOUCH_MUST_LOOK;
/* A certificate (DER or PEM) that came beside it: the issuer's key is bound by the evidence, too. As often as needed.
 */
VOUCH_API int vouch_request_add_issuer(vouch_request *request, const void *bytes, size_t size, char *why,
                                       size_t why_size) VOUCH_MUST_LOOK;
/* An attestation report of 1184 bytes, or one as an Azure machine's TPM holds it (HCL report); of another size it is
 * judged, and denied. Of a bare report no policy's `formats` says anything. */
VOUCH_API int vouch_request_set_report(vouch_request *request, const void *bytes, size_t size, char *why,
                                       size_t why_size) VOUCH_MUST_LOOK;
/* Evidence by itself, as `vouch report` makes it: a CMW collection, also one from Azure, or an EAT (a token under its
 * tag, or the CMW record around one); in CBOR or, but for the bare token, in JSON. The policy's `formats` must name
 * which it is. */
VOUCH_API int vouch_request_set_cmw(vouch_request *request, const void *bytes, size_t size, char *why,
                                    size_t why_size) VOUCH_MUST_LOOK;

/* What proves a report, or a CMW that brings no certificates; DER or PEM. One of VEK, VCEK and VLEK is needed; an
 * intermediate only where AMD's own does not fit. An ARK is never trusted for itself. None of these goes with a
 * certificate, or with a CMW that brings its own.
 *
 * A table is what a guest's device gives beside a report: configfs-tsm's auxblob, or the certificates of an extended
 * guest request. Where it has a VCEK or VLEK, nothing else but a CRL goes with it; where it has none, as that of a host
 * that was given none, it says nothing. A list in it counts as one that came with the evidence.
 *
 * A CRL goes with evidence of every kind. It must speak: it is signed by the chain's ARK, in force and no older than
 * the policy's crl_max_age, about such certificates (of a VLEK: the list that AMD hands out for VLEKs), and it does not
 * name the intermediate. One that came with the evidence may only revoke, unless the policy sets crl_max_age: a peer
 * would show the list that suits it. So where a policy says `crl: required`, give one. */
enum vouch_endorsement {
    VOUCH_VEK = 1, /* a VCEK or VLEK, whichever it is */
    VOUCH_VCEK = 2,
    VOUCH_VLEK = 3,
    VOUCH_INTERMEDIATE = 4, /* ASK or ASVK */
    VOUCH_ARK = 5,
    VOUCH_CRL = 6,
    VOUCH_TABLE = 7,
};
VOUCH_API int vouch_request_set_endorsement(vouch_request *request, int endorsement, const void *bytes, size_t size,
                                            char *why, size_t why_size) VOUCH_MUST_LOOK;

/* The policy to judge by; the request holds on to it. Without one, signature, chain, binding and times are judged
 * alone: an allow then says that a genuine processor of AMD's signed this, not that the right guest runs there. */
VOUCH_API void vouch_request_set_policy(vouch_request *request, const vouch_policy *policy);
/* The time of check in seconds since 1970. Without it: the system's clock. */
VOUCH_API void vouch_request_set_time(vouch_request *request, int64_t seconds);
/* The evidence must carry exactly this nonce (1 to 64 bytes), and be about it. */
VOUCH_API int vouch_request_set_nonce(vouch_request *request, const void *bytes, size_t size, char *why,
                                      size_t why_size) VOUCH_MUST_LOOK;
/* Of a report or CMW: REPORT_DATA must be exactly these 64 bytes, for a caller who knows what they bind. Without it
 * and without a bind record, what REPORT_DATA binds is not looked at, and check "binding" says so. */
VOUCH_API int vouch_request_set_report_data(vouch_request *request, const void *bytes, size_t size, char *why,
                                            size_t why_size) VOUCH_MUST_LOOK;
/* Of a certificate: whose it is, where a TLS session proved that the peer holds its key. A session that is not TLS 1.3
 * is not attested. A client is denied without a policy and, unless the policy says otherwise, without a nonce. */
enum vouch_role {
    VOUCH_FILE = 0, /* no session; nobody may be let in by such a verdict */
    VOUCH_SERVER = 1,
    VOUCH_CLIENT = 2,
};
VOUCH_API int vouch_request_set_session(vouch_request *request, int role, int is_tls13, char *why,
                                        size_t why_size) VOUCH_MUST_LOOK;

typedef struct vouch_verdict vouch_verdict;
/* Judges. `verifier` may be NULL: nothing is remembered. May be called again for the same request. Takes about a
 * millisecond of the calling thread, and some more where the chain is new. */
VOUCH_API int vouch_verify(vouch_verifier *verifier, const vouch_request *request, vouch_verdict **out, char *why,
                           size_t why_size) VOUCH_MUST_LOOK;
VOUCH_API void vouch_verdict_free(vouch_verdict *verdict); /* NULL does nothing */

enum vouch_outcome {
    VOUCH_DENY = 0,
    VOUCH_WARN = 1, /* holds, with something that the policy only warns of */
    VOUCH_ALLOW = 2,
};
VOUCH_API int vouch_verdict_outcome(const vouch_verdict *verdict);
/* One sentence, naming the check that failed; "" for an allow. */
VOUCH_API const char *vouch_verdict_reason(const vouch_verdict *verdict);

/* Every check that was made, in order. Of an index beyond the last, the texts are "" and the outcome is a failure. */
enum vouch_check_outcome {
    VOUCH_CHECK_FAILED = 0,
    VOUCH_CHECK_WARNED = 1,
    VOUCH_CHECK_PASSED = 2,
    VOUCH_CHECK_SKIPPED = 3, /* does not apply, or was not asked for; `found` says why */
};
VOUCH_API size_t vouch_verdict_check_count(const vouch_verdict *verdict);
VOUCH_API const char *vouch_verdict_check_name(const vouch_verdict *verdict, size_t index); /* "report_signature", … */
VOUCH_API int vouch_verdict_check_outcome(const vouch_verdict *verdict, size_t index);
VOUCH_API const char *vouch_verdict_check_expected(const vouch_verdict *verdict, size_t index);
VOUCH_API const char *vouch_verdict_check_found(const vouch_verdict *verdict, size_t index);

/* What the report says; to be believed only of an allow or a warn. VOUCH_ERROR_INPUT, and zeros, when no report could
 * be read. */
#define VOUCH_MEASUREMENT_SIZE 48
#define VOUCH_REPORT_DATA_SIZE 64
VOUCH_API int vouch_verdict_measurement(const vouch_verdict *verdict,
                                        unsigned char out[VOUCH_MEASUREMENT_SIZE]) VOUCH_MUST_LOOK;
VOUCH_API int vouch_verdict_report_data(const vouch_verdict *verdict,
                                        unsigned char out[VOUCH_REPORT_DATA_SIZE]) VOUCH_MUST_LOOK;

/* Whatever else a program may want to know of a verdict, by name, as text: numbers in decimal digits, times in seconds
 * since 1970, words of bits as 0x and 16 hexadecimal digits, bytes in hexadecimal digits, words in lower case. "" for
 * what this evidence does not say, and for a name that this library does not know. To be believed only of an allow or a
 * warn.
 *
 *   policy, policy_version      what it was judged by
 *   format                      cmw, eat, azure, go-eat, dice, or raw (also of a report by itself)
 *   nonce                       answered, refused, or not-asked: whether the evidence is about the challenge
 *   issued_at                   when it was made, by its own clock; only where the report or a quote vouches for it
 *   checked_at, valid_until     the time of check; the earliest end of the certificates and lists that were used
 *   product, key_kind, csp_id   milan, genoa, turin; vcek, vlek; the provider in the certificate of a VLEK
 *   root, simulated             amd, or policy where the policy trusts it; true or false
 *   report_version, guest_svn, vmpl, guest_policy, platform_info
 *   measurement, report_data, host_data, family_id, image_id, report_id, report_id_ma
 *   id_key_digest, author_key_digest, chip_id          "" where there is none
 *   reported_tcb, current_tcb, committed_tcb, launch_tcb      eight bytes; and of each, as in reported_tcb.microcode,
 *                                                      .bootloader, .tee, .snp, .microcode and (Turin) .fmc
 *   current_version, committed_version                 of the firmware: major.minor.build
 *   launch_mit_vector, current_mit_vector              of reports of version 5
 *
 * Later libraries may know more. vouch_fact_name gives all names, one for each index from 0 on, and "" beyond the last.
 */
VOUCH_API const char *vouch_verdict_fact(const vouch_verdict *verdict, const char *name);
VOUCH_API const char *vouch_fact_name(size_t index);

/* {"verdict", "reason", "checks": [{"name", "outcome", "expected", "found"}]} in one line, as `vouch verify --json`
 * prints it. The caller's: vouch_text_free. */
VOUCH_API char *vouch_verdict_json(const vouch_verdict *verdict);
VOUCH_API void vouch_text_free(char *text); /* NULL does nothing */

#ifdef __cplusplus
}
#endif

#endif
