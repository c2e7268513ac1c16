/* Verdicts that lack a check: whichever it is, nobody is let in. Linked with --wrap=checklist_add,
 * --wrap=checklist_addf. */
#include "attest/basis.h"
#include "attest/judge.h"
#include "attest/provider.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "simulated.h"
#include "snp_forge.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHECKS_MAX 128

static char *directory;
static struct provider *provider;
static const char *left_out;   /* the check that nobody makes; NULL: all are made */
static bool believes_the_root; /* as if it were AMD's, and with it times and revocation */

void __real_checklist_add(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                          const char *found);
void __wrap_checklist_add(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                          const char *found);
void __wrap_checklist_addf(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                           const char *found_format, ...) __attribute__((format(printf, 5, 6)));

void __wrap_checklist_add(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                          const char *found)
{
    if (left_out && strcmp(name, left_out) == 0 && strcmp(found, "the check was not made") != 0)
        return;
    if (believes_the_root && strncmp(name, "chain_", 6) == 0)
        outcome = CHECK_PASS;
    __real_checklist_add(list, name, outcome, expected, found);
}

void __wrap_checklist_addf(struct checklist *list, const char *name, enum check_outcome outcome, const char *expected,
                           const char *found_format, ...)
{
    char found[1024];
    va_list arguments;
    va_start(arguments, found_format);
    assert_true(vsnprintf(found, sizeof found, found_format, arguments) >= 0);
    va_end(arguments);
    __wrap_checklist_add(list, name, outcome, expected, found);
}

static int begin(void **state)
{
    directory = pair_make_directory();
    provider = simulated_provider(directory);
    return provider ? forge_begin(state) : -1;
}

static int end(void **state)
{
    provider_free(provider);
    pair_remove_directory(directory);
    return forge_end(state);
}

/* What is judged, and how. */
struct scene {
    void (*judge)(struct scene *scene, struct verdict *verdict);
    struct verify_request request;
    struct verify_report_request report;
    struct basis basis;
};

static void judge_certificate(struct scene *scene, struct verdict *verdict)
{
    verify_certificate(&scene->request, verdict);
}

static void judge_report_alone(struct scene *scene, struct verdict *verdict)
{
    verify_report_alone(&scene->report, verdict);
}

static void judge_basis(struct scene *scene, struct verdict *verdict)
{
    basis_judge(&scene->basis, scene->report.policy, NULL, scene->report.now_us, verdict);
}

static enum verdict_kind kind_of(struct scene *scene)
{
    struct verdict verdict;
    verdict_init(&verdict);
    scene->judge(scene, &verdict);
    enum verdict_kind kind = verdict.kind;
    verdict_release(&verdict);
    return kind;
}

/* The names of all checks of a verdict that lets in. */
static size_t find_names(struct scene *scene, const char *names[CHECKS_MAX])
{
    struct verdict verdict;
    verdict_init(&verdict);
    scene->judge(scene, &verdict);
    if (verdict.kind != VERDICT_ALLOW)
        fail_msg("%s", verdict.reason);
    size_t count = verdict.checks.count;
    assert_in_range(count, 1, CHECKS_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = verdict.checks.checks[i].name;
    verdict_release(&verdict);
    return count;
}

/* Twice, so that what is remembered is met, too. */
static void assert_none_may_be_missing(struct scene *scene)
{
    const char *names[CHECKS_MAX];
    size_t count = find_names(scene, names);
    for (size_t i = 0; i < count; i++) {
        scene->request.verified = verified_new(4);
        left_out = names[i];
        for (int visit = 1; visit <= 2; visit++)
            if (kind_of(scene) != VERDICT_DENY)
                fail_msg("without the check %s visit %d is let in", names[i], visit);
        left_out = NULL;
        verified_free(scene->request.verified);
    }
}

static struct tls_identity *identity_of(struct bytes nonce, int64_t now_s)
{
    struct leaf_spec spec = {
        .common_name = "peer", .not_before_s = now_s - 60, .not_after_s = now_s + 3600, .for_client = true};
    struct leaf *leaf = NULL;
    struct tls_identity *identity = NULL;
    assert_false(failed(leaf_draft(&spec, NULL, &leaf)));
    assert_false(failed(evidence_attach(leaf, provider, BYTES_NONE, nonce, now_s, NULL)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    leaf_free(leaf);
    return identity;
}

static void assert_none_of_a_certificate(enum verify_role role, struct policy *policy)
{
    struct nonces *nonces = NULL;
    uint8_t nonce[NONCE_SIZE];
    int64_t now_us = clock_wall_us(), boot_us = clock_boot_us();
    assert_false(failed(nonces_new(4, &nonces)));
    assert_false(failed(nonces_issue(nonces, boot_us, nonce, NULL)));
    struct tls_identity *identity =
        identity_of(role == VERIFY_CLIENT ? BYTES(nonce) : BYTES_NONE, now_us / US_PER_SECOND);
    struct scene scene = {.judge = judge_certificate,
                          .request = {.role = role,
                                      .certificate = tls_identity_certificate(identity),
                                      .is_tls13 = true,
                                      .policy = policy,
                                      .nonces = nonces,
                                      .nonces_now_us = boot_us,
                                      .now_us = now_us}};
    assert_none_may_be_missing(&scene);
    tls_identity_release(identity);
    nonces_free(nonces);
    policy_drop(policy);
}

static void test_a_clients_certificate_must_pass_every_check(void **state)
{
    (void)state;
    assert_none_of_a_certificate(VERIFY_CLIENT, simulated_policy(directory, "", "", ""));
}

static void test_a_servers_certificate_must_pass_every_check(void **state)
{
    (void)state;
    assert_none_of_a_certificate(VERIFY_SERVER, simulated_policy(directory, "", "", ""));
}

static void test_without_a_policy_a_certificate_must_pass_every_check(void **state)
{
    (void)state;
    believes_the_root = true;
    assert_none_of_a_certificate(VERIFY_SERVER, NULL);
    believes_the_root = false;
}

/* A forged report with its certificates. */
static void begin_report(struct forge_evidence *made)
{
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_vek plan = forge_vcek();
    forge_evidence(&plan, &report, made);
    made->owned[3] = forge_der(forge.ark);
    made->evidence.ark = made->owned[3];
}

static struct policy *policy_of_forge(void)
{
    static const char text[] = "guest: {mode: disabled}\ncertificates: {allow_simulated: true}\n";
    struct policy *policy = NULL;
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    assert_false(failed(policy_parse("p", "p", bytes_of_string(text), &policy)));
    snp_spki_sha256(forge.ark, hash);
    snp_arks_add_spki_sha256(policy->certificates.trusted_arks, hash);
    return policy;
}

static void assert_none_of_a_report(struct policy *policy)
{
    struct forge_evidence made;
    begin_report(&made);
    struct scene scene = {
        .judge = judge_report_alone,
        .report = {.evidence = &made.evidence, .policy = policy, .now_us = FORGE_NOW_S * US_PER_SECOND}};
    believes_the_root = true;
    assert_none_may_be_missing(&scene);
    believes_the_root = false;
    forge_evidence_free(&made);
    policy_drop(policy);
}

static void test_a_report_by_itself_must_pass_every_check(void **state)
{
    (void)state;
    assert_none_of_a_report(policy_of_forge());
}

static void test_a_session_that_goes_on_must_pass_every_check(void **state)
{
    (void)state;
    struct forge_evidence made;
    struct verdict first;
    struct snp_trust trust = forge_trust();
    begin_report(&made);
    verdict_init(&first);
    first.format = EVIDENCE_CMW;
    first.nonce_size = NONCE_SIZE;
    first.nonce_is_ours = true;
    snp_verify_keep(&made.evidence, &trust, &first.checks, &first.facts, &first.lineage);
    struct scene scene = {.judge = judge_basis,
                          .report = {.policy = policy_of_forge(), .now_us = FORGE_NOW_S * US_PER_SECOND},
                          .basis = basis_of(&first)};
    assert_none_may_be_missing(&scene);
    basis_release(&scene.basis);
    verdict_release(&first);
    policy_drop((struct policy *)scene.report.policy);
    forge_evidence_free(&made);
}

static void test_without_a_policy_a_report_must_pass_every_check(void **state)
{
    (void)state;
    assert_none_of_a_report(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clients_certificate_must_pass_every_check),
        cmocka_unit_test(test_a_servers_certificate_must_pass_every_check),
        cmocka_unit_test(test_without_a_policy_a_certificate_must_pass_every_check),
        cmocka_unit_test(test_a_report_by_itself_must_pass_every_check),
        cmocka_unit_test(test_without_a_policy_a_report_must_pass_every_check),
        cmocka_unit_test(test_a_session_that_goes_on_must_pass_every_check),
    };
    return cmocka_run_group_tests_name("attest_missing", tests, begin, end);
}
