/*
 * vouch_options.h: the command lines of `vouch`, as data.
 *
 * Main; getopt keeps its place in globals. Nothing is printed here: a wrong line is an ERR_INPUT that says what is
 * wrong with it. What is not on the heap points into argv.
 */
#ifndef APP_VOUCH_OPTIONS_H
#define APP_VOUCH_OPTIONS_H

#include "attest/evidence_format.h"
#include "config/settings.h"

/* A report's certificates, files in DER or PEM, or all of them in one table; a revocation list; the time of check.
 * NULL: not given. */
struct vouch_files {
    const char *vek; /* at most one of these three */
    const char *vcek;
    const char *vlek;
    const char *ask; /* or ASVK, or either with the ARK */
    const char *ark;
    const char *certs; /* a GUID table; none of the others beside it */
    const char *crl;
    bool has_at; /* otherwise it is now */
    int64_t at_us;
};

/* What evidence from a file has to be about. NULL: not asked. */
struct vouch_asking {
    const char *nonce;       /* hexadecimal, or a file's name */
    const char *report_data; /* hexadecimal */
};

/* Whether there is any certificate, whatever the list and the time. */
bool vouch_files_are_given(const struct vouch_files *files);

/* vouch verify HOST:PORT ..., or vouch verify --report FILE ... */
struct vouch_verify_options {
    bool help;  /* nothing else is then checked */
    char *host; /* NULL with `report` */
    int port;
    const char *report; /* NULL: a server */
    struct vouch_files files;
    struct vouch_asking asking;
    const char *policy;       /* NULL: what needs none is checked */
    const char *ca;           /* NULL: the server's identity is not checked */
    const char *save_report;  /* NULL: not saved */
    struct settings settings; /* kds_*, for what the evidence lacks; all else at its default */
    bool json;
    bool direct_tls;
    int64_t timeout_us;
};

/* `argv[0]` is the command's name. Release *out in any case. */
struct err vouch_verify_options_read(int argc, char **argv, struct vouch_verify_options *out) MUST_CHECK;
void vouch_verify_options_release(struct vouch_verify_options *options);

/* vouch cert --out DIR ... */
struct vouch_cert_options {
    bool help;
    const char *out;       /* directory */
    const char *nonce;     /* hexadecimal; at most one of these two */
    const char *nonce_url; /* NULL: not given */
    const char *cn;        /* NULL: the caller's Unix user */
    char *san;             /* comma-separated, on the heap; NULL: none */
    int64_t ttl_us;
    int64_t timeout_us; /* for the nonce */
    const char *ca_cert;
    const char *ca_key;          /* both or neither; neither: self-signed */
    enum evidence_format format; /* cmw or eat */
    bool kds;                    /* fetch the certificate that the device does not give */
    struct settings
        settings; /* attest_provider, attest_state_dir, attest_simulated_* and kds_*; all else at its default */
};

/* As vouch_verify_options_read. attest_provider is `simulated` where the line does not say, and attest_state_dir then
 * the output directory, so that the root which a policy has to trust lies beside the certificate. */
struct err vouch_cert_options_read(int argc, char **argv, struct vouch_cert_options *out) MUST_CHECK;
void vouch_cert_options_release(struct vouch_cert_options *options);

/* vouch show FILE|HOST:PORT ... */
struct vouch_show_options {
    bool help;
    const char *subject;
    bool json;
    bool direct_tls;
    int64_t timeout_us;
};

struct err vouch_show_options_read(int argc, char **argv, struct vouch_show_options *out) MUST_CHECK;

/* vouch report ... and vouch selftest ...: attest_provider is `auto` where the line does not say. */
struct vouch_report_options {
    bool help;
    const char *nonce;           /* hexadecimal; NULL: none */
    enum evidence_format format; /* cmw, eat, or raw: the report's bytes alone */
    bool kds;                    /* as of struct vouch_cert_options */
    const char *out;             /* NULL: standard output */
    struct settings settings;
};

/* As vouch_cert_options_read. */
struct err vouch_report_options_read(int argc, char **argv, struct vouch_report_options *out) MUST_CHECK;
void vouch_report_options_release(struct vouch_report_options *options);

struct vouch_selftest_options {
    bool help;
    bool json;
    bool kds; /* as of struct vouch_cert_options */
    struct settings settings;
};

/* As vouch_cert_options_read. */
struct err vouch_selftest_options_read(int argc, char **argv, struct vouch_selftest_options *out) MUST_CHECK;
void vouch_selftest_options_release(struct vouch_selftest_options *options);

/* vouch kds fetch ... */
struct vouch_kds_options {
    bool help;
    const char *report;  /* whose VCEK; NULL: not given */
    const char *product; /* word; NULL: the report names it */
    const char *hwid;    /* hexadecimal; with `tcb`: the VCEK of that chip */
    const char *tcb;
    bool vlek;  /* authorities and list of VLEKs, not of VCEKs */
    bool chain; /* ASK or ASVK, and ARK */
    bool crl;
    const char *out; /* directory; NULL: the cache alone */
    bool json;
    struct settings settings; /* kds_* */
};

/* As vouch_verify_options_read. Says whether words fit together, not whether they mean anything. */
struct err vouch_kds_options_read(int argc, char **argv, struct vouch_kds_options *out) MUST_CHECK;
void vouch_kds_options_release(struct vouch_kds_options *options);

/* vouch policy check FILE, policy test FILE EVIDENCE, policy init --from EVIDENCE. */
enum vouch_policy_action { VOUCH_POLICY_CHECK, VOUCH_POLICY_TEST, VOUCH_POLICY_INIT };
struct vouch_policy_options {
    bool help;
    enum vouch_policy_action action;
    const char *file;     /* the policy; NULL with init */
    const char *evidence; /* NULL with check; of init HOST:PORT, too */
    struct vouch_files files;
    struct settings settings;   /* as of struct vouch_verify_options */
    bool names_kds;             /* any of them was given */
    struct vouch_asking asking; /* of test */
    bool json;                  /* of test */
    bool direct_tls;            /* of init */
    int64_t timeout_us;
};

/* As vouch_verify_options_read. */
struct err vouch_policy_options_read(int argc, char **argv, struct vouch_policy_options *out) MUST_CHECK;
void vouch_policy_options_release(struct vouch_policy_options *options);

#endif
