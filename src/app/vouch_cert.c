/* vouch_cert.c: `vouch cert`: a client certificate that carries evidence. */
#include "app/vouch_certify.h"
#include "app/vouch_command.h"
#include "app/vouch_nonce.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "attest/evidence.h"
#include "attest/provider.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKDATE_S 300 /* the verifier's clock may be behind */

struct minting {
    const struct vouch_cert_options *options;
    char *common_name;
    struct vouch_nonce nonce;    /* size 0: none */
    struct authority *authority; /* NULL: self-signed */
    struct provider *provider;
    struct staple staple; /* with --kds */
    struct leaf *leaf;
    struct tls_identity *identity;
    uint8_t report[SNP_REPORT_SIZE];
    char *cert_file, *key_file;
};

static struct err cert_choose_name(struct minting *m)
{
    if (m->options->cn) {
        m->common_name = mem_string(m->options->cn);
        return OK;
    }
    const struct passwd *user = getpwuid(geteuid());
    if (!user)
        return err_make(ERR_NOT_FOUND, "your Unix user has no name; give --cn NAME");
    m->common_name = mem_string(user->pw_name);
    return OK;
}

static struct err cert_make_directory(const char *path)
{
    struct stat found;
    if (mkdir(path, 0700) == 0)
        return OK;
    if (errno != EEXIST)
        return err_system("cannot make directory \"%.100s\"", path);
    if (stat(path, &found) < 0)
        return err_system("\"%.100s\"", path);
    return S_ISDIR(found.st_mode) ? OK : err_make(ERR_INPUT, "\"%.100s\" is no directory", path);
}

static struct err cert_draft(struct minting *m, int64_t now_s)
{
    struct leaf_spec spec = {
        .common_name = m->common_name,
        .san = m->options->san,
        .not_before_s = now_s - BACKDATE_S,
        .not_after_s = now_s + (m->options->ttl_us + US_PER_SECOND - 1) / US_PER_SECOND,
        .for_client = true,
    };
    return leaf_draft(&spec, m->authority, &m->leaf);
}

static struct err cert_attach(struct minting *m, int64_t now_s)
{
    struct provider *source = m->options->kds ? &m->staple.provider : m->provider;
    if (m->options->kds)
        TRY(vouch_kds_staple(&m->options->settings, m->provider, &m->staple));
    TRY((m->options->format == EVIDENCE_EAT ? evidence_attach_eat : evidence_attach)(
        m->leaf, source, BYTES_NONE, bytes_of(m->nonce.bytes, m->nonce.size), now_s, m->report));
    return m->staple.missing;
}

static struct err cert_mint(struct minting *m)
{
    TRY(cert_choose_name(m));
    if (m->options->nonce)
        TRY(vouch_nonce_read(m->options->nonce, &m->nonce));
    if (m->options->ca_cert)
        TRY(authority_load(m->options->ca_cert, m->options->ca_key, &m->authority));
    TRY(cert_make_directory(m->options->out));
    TRY(provider_open(&m->options->settings, &m->provider));
    /* Fetched as late as can be, since making a simulated processor's keys takes seconds of its life. */
    if (m->options->nonce_url)
        TRY(vouch_nonce_fetch(m->options->nonce_url, m->options->timeout_us, &m->nonce));
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    TRY(cert_draft(m, now_s));
    TRY(cert_attach(m, now_s));
    TRY(leaf_sign(m->leaf, &m->identity));
    m->cert_file = mem_format("%s/client.crt", m->options->out);
    m->key_file = mem_format("%s/client.key", m->options->out);
    return tls_identity_save(m->identity, m->cert_file, m->key_file);
}

static void cert_show_nonce(const struct minting *m)
{
    char hex[2 * VOUCH_NONCE_MAX + 1];
    hex_encode(bytes_of(m->nonce.bytes, m->nonce.size), hex);
    if (m->nonce.size == 0)
        printf("nonce        none: refused where the policy demands one (see --nonce-url)\n");
    else if (m->nonce.expires_in_s > 0)
        printf("nonce        %s, to be used within %.0f s\n", hex, m->nonce.expires_in_s);
    else
        printf("nonce        %s\n", hex);
}

static void cert_show(const struct minting *m)
{
    char until[CLOCK_TEXT_SIZE], measurement[2 * SNP_MEASUREMENT_SIZE + 1];
    struct certificate certificate;
    struct snp_report report;
    printf("certificate  %s\nkey          %s\n", m->cert_file, m->key_file);
    printf("subject      CN=");
    vouch_print_escaped(stdout, m->common_name);
    printf(", %s\n", m->authority ? "signed by the authority of --ca-cert" : "self-signed: it carries evidence only");
    if (!failed(certificate_read(tls_identity_certificate(m->identity), &certificate))) {
        clock_text(certificate.facts.not_after_s * US_PER_SECOND, until);
        printf("valid until  %s\n", until);
        certificate_release(&certificate);
    }
    printf("provider     %s\n", provider_name(m->provider));
    if (!failed(snp_report_parse(BYTES(m->report), &report))) {
        hex_encode(BYTES(report.measurement), measurement);
        printf("measurement  %s\n", measurement);
    }
    cert_show_nonce(m);
    if (provider_is_simulated(m->provider))
        fputs("vouch cert: WARNING: simulated attestation protects nothing\n", stderr);
}

static void cert_release(struct minting *m)
{
    free(m->common_name);
    free(m->cert_file);
    free(m->key_file);
    tls_identity_release(m->identity);
    leaf_free(m->leaf);
    kds_free(m->staple.kds);
    provider_free(m->provider);
    authority_free(m->authority);
}

enum vouch_exit vouch_cert(int argc, char **argv)
{
    struct vouch_cert_options options;
    enum vouch_exit status = VOUCH_DONE;
    struct err outcome = vouch_cert_options_read(argc, argv, &options);
    if (failed(outcome)) {
        status = vouch_fail("cert", outcome, true);
    } else if (options.help) {
        fputs(vouch_cert_usage, stdout);
    } else {
        struct minting m = {.options = &options};
        outcome = cert_mint(&m);
        if (failed(outcome))
            status = vouch_fail("cert", outcome, false);
        else
            cert_show(&m);
        cert_release(&m);
    }
    vouch_cert_options_release(&options);
    return status;
}
