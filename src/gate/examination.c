#include "gate/examination.h"

#include "attest/attest.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/mem.h"
#include "gate/standing.h"
#include "tls/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the crew needs and what it finds. Its own references: the connection may end meanwhile. */
struct examination {
    struct policy *policy;
    X509 *certificate;
    STACK_OF(X509) * others;
    bool is_tls13;
    void (*passed)(struct login *login);
    enum verdict_kind kind;
    char *reason;
    char id[JOURNAL_ID_SIZE];
    struct standing *standing; /* NULL: denied */
};

static void examination_free(void *arg)
{
    struct examination *examination = arg;
    policy_drop(examination->policy);
    X509_free(examination->certificate);
    certificate_list_free(examination->others);
    free(examination->reason);
    standing_free(examination->standing);
    free(examination);
}

/* On the crew. The journal has the verdict before the client does. */
static void examination_work(struct login *login)
{
    struct examination *examination = login->job.arg;
    struct attest *attest = login->gate->attest;
    const struct identity *identity = login->identity;
    struct crl_set *crls = crls_hold(attest->crls);
    const struct verify_request request = {
        .role = VERIFY_CLIENT,
        .certificate = examination->certificate,
        .others = examination->others,
        .is_tls13 = examination->is_tls13,
        .policy = examination->policy,
        .nonces = attest->nonces,
        .nonces_now_us = clock_boot_us(),
        .chains = attest->chains,
        .verified = attest->verified,
        .kds = attest->kds,
        .crls = crls,
        .now_us = clock_wall_us(),
    };
    const struct journal_peer peer = {
        .role = "client",
        .user = identity->user,
        .database = identity->database,
        .address = identity->address_text,
        .port = identity->port,
        .client_id = identity->id,
    };
    struct verdict verdict;
    verdict_init(&verdict);
    verify_certificate(&request, &verdict);
    crl_set_drop(crls);
    examination->kind = verdict.kind;
    examination->reason = mem_string(verdict.reason);
    if (verdict.kind != VERDICT_DENY)
        examination->standing = standing_new(examination->policy, &verdict, &login->peer);
    journal_write(attest->journal, &peer, &verdict, examination->id);
    verdict_release(&verdict);
}

static void examination_log(const struct login *login)
{
    const struct examination *examination = login->job.arg;
    char text[640];
    snprintf(text, sizeof text, "%s by policy \"%s\" version %s, id %s%s%s", verdict_kind_name(examination->kind),
             examination->policy->name, examination->policy->version, examination->id,
             examination->reason[0] ? ": " : "", examination->reason);
    login_log(login, examination->kind == VERDICT_ALLOW ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "attestation: ", text);
}

static void examination_done(struct login *login)
{
    struct examination *examination = login->job.arg;
    void (*passed)(struct login * login) = examination->passed;
    char text[512];
    examination_log(login);
    login->identity->attestation = mem_string(examination->id);
    login->identity->standing = examination->standing;
    examination->standing = NULL;
    bool denied = examination->kind == VERDICT_DENY;
    snprintf(text, sizeof text, "attestation refused: %s", examination->reason);
    login_job_end(login);
    if (denied)
        login_refuse(login, "28000", text);
    else
        passed(login);
}

void examination_start(struct login *login, struct policy *policy, void (*passed)(struct login *login))
{
    const SSL *ssl = stream_ssl(login->stream);
    struct examination *examination = NEW(struct examination);
    examination->policy = policy_ref(policy);
    examination->passed = passed;
    if (ssl) {
        examination->certificate = tls_peer_certificate(ssl);
        if (examination->certificate)
            X509_up_ref(examination->certificate);
        examination->others = tls_peer_others(ssl);
        examination->is_tls13 = tls_peer_is_tls13(ssl);
    }
    login_submit(
        login, LOGIN_VERDICT,
        (struct login_job){
            .work = examination_work, .done = examination_done, .arg = examination, .free_arg = examination_free});
}
