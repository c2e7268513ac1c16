/*
 * vouch_options.h: the command lines of `vouch`, as data.
 *
 * Main; getopt keeps its place in globals. Nothing is printed here: a wrong line is an ERR_INPUT that says what is
 * wrong with it. What is not on the heap points into argv.
 */
#ifndef APP_VOUCH_OPTIONS_H
#define APP_VOUCH_OPTIONS_H

#include "config/settings.h"

/* vouch verify HOST:PORT --policy FILE ... */
struct vouch_verify_options {
    bool help; /* nothing else is then checked */
    char *host;
    int port;
    const char *policy;
    const char *ca;          /* NULL: the server's identity is not checked */
    const char *save_report; /* NULL: not saved */
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
    const char *ca_key;       /* both or neither; neither: self-signed */
    struct settings settings; /* attest_provider, attest_state_dir and attest_simulated_*; all else at its default */
};

/* As vouch_verify_options_read. attest_provider is `simulated` where the line does not say, and attest_state_dir then
 * the output directory, so that the root which a policy has to trust lies beside the certificate. */
struct err vouch_cert_options_read(int argc, char **argv, struct vouch_cert_options *out) MUST_CHECK;
void vouch_cert_options_release(struct vouch_cert_options *options);

#endif
