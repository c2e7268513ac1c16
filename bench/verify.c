/*
 * verify.c: what judging a foreign client's evidence costs beside the one signature in it.
 *
 *   verify STATE-DIR [ROUNDS]
 *
 * STATE-DIR holds a simulated processor's keys, or will. Each round takes a certificate that nobody has seen, of a chip
 * whose chain is known, and measures by turns, in CPU time of this thread:
 *
 *   bare      EVP_DigestVerify of its report: ECDSA P-384 with SHA-384, key and signature at hand
 *   report    the verification of report and certificates: signature, chain, certificate against report
 *   verdict   the whole verdict on the certificate, as the daemon asks for it: the above, binding, policy, nonce
 *   again     the same for a client that comes back with the same certificate, its evidence remembered
 *
 * Certificates are parsed anew before each measurement, outside of it, as TLS parses them whatever becomes of them.
 */
#include "attest/attest.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mint.h"
#include "snp/psp.h"

#include <err.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEFAULT_ROUNDS = 400, WARM_ROUNDS = 20, P384_SIZE = 48, SIGNATURE_R = 0x2A0, SIGNATURE_S = 0x2A0 + 72 };

enum what { BARE, REPORT, VERDICT, AGAIN, WHATS };
static const char *const names[WHATS] = {"bare", "report", "verdict", "again"};

struct bench {
    struct provider *provider;
    struct policy *policy;
    struct nonces *nonces;
    struct snp_chain_cache *chains;
    struct verified *verified;
    double *us[WHATS];
};

static double thread_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static struct policy *policy_of(const char *directory)
{
    struct policy *policy = NULL;
    char *ark = psp_ark_path(directory, SNP_PRODUCT_MILAN);
    char *text = mem_format("measurements:\n  expected: '544553545f4d4541535552454d454e545f56414c49445f303031%044d'\n"
                            "tcb: {min_version: '1.51.0'}\nplatform: {unknown_bits: deny}\n"
                            "certificates: {allow_simulated: true, trusted_arks: ['%s']}\n",
                            0, ark);
    mint_check(policy_parse("bench", "bench", bytes_of_string(text), &policy));
    free(text);
    free(ark);
    return policy;
}

/* A copy that no cache of OpenSSL's has seen. */
static X509 *parsed_anew(X509 *certificate)
{
    unsigned char *der = NULL;
    X509 *copy = NULL;
    int size = i2d_X509(certificate, &der);
    mint_check(certificate_parse(bytes_of(der, size > 0 ? (size_t)size : 0), &copy));
    OPENSSL_free(der);
    return copy;
}

static double measure_bare(const struct evidence *evidence, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    const uint8_t *report = evidence->report.p;
    ECDSA_SIG_set0(signature, BN_lebin2bn(report + SIGNATURE_R, P384_SIZE, NULL),
                   BN_lebin2bn(report + SIGNATURE_S, P384_SIZE, NULL));
    int size = i2d_ECDSA_SIG(signature, &der);
    double began = thread_us();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
                EVP_DigestVerify(context, der, (size_t)size, report, SNP_REPORT_SIGNED_SIZE) == 1;
    EVP_MD_CTX_free(context);
    double took = thread_us() - began;
    if (!good)
        errx(1, "the bare signature does not hold");
    OPENSSL_free(der);
    ECDSA_SIG_free(signature);
    return took;
}

static double measure_report(const struct bench *bench, const struct evidence *evidence)
{
    struct snp_evidence snp = {.report = evidence->report};
    struct snp_trust trust = {.now_s = clock_wall_us() / US_PER_SECOND,
                              .arks = bench->policy->certificates.trusted_arks,
                              .cache = bench->chains};
    struct checklist checks = CHECKLIST_EMPTY;
    struct snp_facts facts;
    snp_evidence_take_table(&snp, &evidence->table);
    double began = thread_us();
    snp_verify(&snp, &trust, &checks, &facts);
    double took = thread_us() - began;
    if (checklist_has_failure(&checks))
        errx(1, "the report does not hold: %s", checklist_first(&checks, CHECK_FAIL)->found);
    checklist_free(&checks);
    return took;
}

static double measure_verdict(const struct bench *bench, X509 *seen)
{
    X509 *certificate = parsed_anew(seen);
    struct verify_request request = {.role = VERIFY_CLIENT,
                                     .certificate = certificate,
                                     .is_tls13 = true,
                                     .policy = bench->policy,
                                     .nonces = bench->nonces,
                                     .nonces_now_us = clock_boot_us(),
                                     .chains = bench->chains,
                                     .verified = bench->verified,
                                     .now_us = clock_wall_us()};
    struct verdict verdict;
    double began = thread_us();
    verdict_init(&verdict);
    verify_certificate(&request, &verdict);
    double took = thread_us() - began;
    if (verdict.kind != VERDICT_ALLOW)
        errx(1, "the verdict is %s: %s", verdict_kind_name(verdict.kind), verdict.reason);
    verdict_release(&verdict);
    X509_free(certificate);
    return took;
}

static void round_measure(const struct bench *bench, double us[WHATS])
{
    uint8_t nonce[NONCE_SIZE];
    struct evidence evidence;
    X509 *vek = NULL;
    mint_check(nonces_issue(bench->nonces, clock_boot_us(), nonce, NULL));
    struct tls_identity *identity = mint_identity(bench->provider, nonce);
    X509 *certificate = tls_identity_certificate(identity);
    mint_check(evidence_find(certificate, NULL, &evidence));
    mint_check(snp_certificate_parse(evidence.table.vcek, &vek));
    us[BARE] = measure_bare(&evidence, X509_get0_pubkey(vek));
    us[REPORT] = measure_report(bench, &evidence);
    us[VERDICT] = measure_verdict(bench, certificate);
    us[AGAIN] = measure_verdict(bench, certificate);
    X509_free(vek);
    tls_identity_release(identity);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], compare);
    return values[count / 2];
}

/* Returns whether it is what it is meant to be, but for what other work on the machine makes of it. */
static bool print_results(struct bench *bench, size_t rounds)
{
    double us[WHATS];
    for (size_t i = 0; i < WHATS; i++)
        us[i] = median(bench->us[i], rounds);
    printf("| CPU us, median of %zu | value | of bare |\n|---|---:|---:|\n", rounds);
    for (size_t i = 0; i < WHATS; i++)
        printf("| %s | %.1f | %.3f |\n", names[i], us[i], us[i] / us[BARE]);
    return us[VERDICT] < 1.5 * us[BARE] && us[AGAIN] < 0.1 * us[BARE];
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: verify STATE-DIR [ROUNDS]");
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : DEFAULT_ROUNDS;
    if (rounds == 0)
        errx(2, "ROUNDS is a number above 0");
    struct bench bench = {.provider = mint_open(argv[1]),
                          .chains = snp_chain_cache_new(16),
                          .verified = verified_new(rounds + WARM_ROUNDS)};
    bench.policy = policy_of(argv[1]);
    mint_check(nonces_new(rounds + WARM_ROUNDS, &bench.nonces));
    for (size_t i = 0; i < WHATS; i++)
        bench.us[i] = NEW_ARRAY(double, rounds);
    for (size_t i = 0; i < rounds + WARM_ROUNDS; i++) {
        double us[WHATS];
        round_measure(&bench, us);
        for (size_t j = 0; i >= WARM_ROUNDS && j < WHATS; j++)
            bench.us[j][i - WARM_ROUNDS] = us[j];
    }
    bool as_expected = print_results(&bench, rounds);
    for (size_t i = 0; i < WHATS; i++)
        free(bench.us[i]);
    nonces_free(bench.nonces);
    verified_free(bench.verified);
    snp_chain_cache_free(bench.chains);
    policy_drop(bench.policy);
    provider_free(bench.provider);
    if (!as_expected)
        errx(1, "a verdict costs more than its one signature, or what is known is judged again");
    return 0;
}
