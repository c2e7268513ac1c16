#include "gate/admission.h"

#include "gate/examination.h"
#include "gate/password_exchange.h"
#include "gate/proof.h"
#include "tls/peer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *admission_map(const struct login *login)
{
    return login->line ? login->line->map : NULL;
}

static void admission_finish_check(struct login *login, struct err e)
{
    if (!failed(e) && !userlist_find(login->rules->users, login->identity->user))
        e = err_make(ERR_DENIED, "no such user: %s", login->identity->user);
    if (failed(e))
        login_refuse(login, "28000", e.why);
    else
        login_admit(login);
}

static void admission_authenticate(struct login *login)
{
    login->identity->auth_method = auth_type_text(login->method);
    switch (login->method) {
    case AUTH_TYPE_ANY:
        login_admit(login);
        return;
    case AUTH_TYPE_TRUST:
        admission_finish_check(login, OK);
        return;
    case AUTH_TYPE_CERT:
        admission_finish_check(login, proof_by_certificate(stream_ssl(login->stream), login->rules->ident,
                                                           admission_map(login), login->identity->user));
        return;
    case AUTH_TYPE_PEER:
        admission_finish_check(login, proof_by_peer(stream_fd(login->stream), login->rules->ident, admission_map(login),
                                                    login->identity->user));
        return;
    case AUTH_TYPE_PLAIN:
    case AUTH_TYPE_MD5:
    case AUTH_TYPE_SCRAM_SHA_256:
        password_exchange_start(login);
        return;
    case AUTH_TYPE_HBA:
    case AUTH_TYPE_LDAP:
    case AUTH_TYPE_PAM:
    case AUTH_TYPE_REJECT:
        break;
    }
    login_refuse(login, "28000", "login rejected");
}

/* The console's own user on the Unix socket: no password, no evidence, whatever auth_type says. */
static bool admission_is_own_uid(const struct login *login)
{
    uid_t uid;
    const struct identity *identity = login->identity;
    return identity->is_console && identity->is_unix && config_is_console(identity->user) &&
           proof_peer_uid(stream_fd(login->stream), &uid) && uid == geteuid();
}

/* False when the console is not for this user. */
static bool admission_take_rights(struct login *login)
{
    struct identity *identity = login->identity;
    bool any = login->rules->config->set.auth_type == AUTH_TYPE_ANY;
    identity->may_admin = login->is_own_uid || any || rules_is_admin(login->rules, identity->user);
    identity->may_show = identity->may_admin || rules_is_watcher(login->rules, identity->user);
    return !identity->is_console || identity->may_show;
}

static void admission_judge(struct login *login)
{
    char text[160];
    const char *name = rules_attest(login->rules, login->line);
    struct policy *policy = name ? policies_find(&login->rules->policies, name) : NULL;
    if (!name) {
        admission_authenticate(login);
    } else if (!policy || !login->gate->attest) {
        snprintf(text, sizeof text, "attestation refused: evidence cannot be verified for policy \"%s\"", name);
        login_refuse(login, "28000", text);
    } else {
        examination_start(login, policy, admission_authenticate);
    }
}

/* The HBA line, or the one auth_type for all. */
static bool admission_choose_method(struct login *login)
{
    const struct identity *identity = login->identity;
    login->method = login->rules->config->set.auth_type;
    if (login->method != AUTH_TYPE_HBA)
        return true;
    const struct hba_question question = {.peer = &login->peer,
                                          .is_unix = identity->is_unix,
                                          .is_tls = stream_ssl(login->stream) != NULL,
                                          .database = identity->database,
                                          .user = identity->user};
    login->line = rules_find_line(login->rules, &question);
    if (!login->line || login->line->method == AUTH_TYPE_REJECT)
        return false;
    login->method = login->line->method;
    return true;
}

/* client_tls_sslmode = verify-ca and verify-full ask every TCP client for a trusted certificate. */
static struct err admission_check_tls(const struct login *login)
{
    enum sslmode mode = login->rules->config->set.client_tls_sslmode;
    const SSL *ssl = stream_ssl(login->stream);
    if (login->identity->is_unix || mode < SSLMODE_REQUIRE)
        return OK;
    if (!ssl)
        return err_make(ERR_DENIED, "SSL required");
    if (mode >= SSLMODE_VERIFY_CA && !tls_peer_certificate(ssl))
        return err_make(ERR_DENIED, "TLS client certificate required");
    if (mode >= SSLMODE_VERIFY_CA && !tls_peer_chains(ssl))
        return err_make(ERR_DENIED, "TLS client certificate is not trusted: %s", tls_peer_chain_problem(ssl));
    return OK;
}

void admission_decide(struct login *login)
{
    struct identity *identity = login->identity;
    char text[256];
    struct err e = admission_check_tls(login);
    if (failed(e)) {
        login_refuse(login, "28000", e.why);
        return;
    }
    identity->is_console = config_is_console(identity->database);
    login->is_own_uid = admission_is_own_uid(login);
    if (!identity->is_console && !config_find_database(login->rules->config, identity->database, NULL)) {
        snprintf(text, sizeof text, "no such database: %s", identity->database);
        login_refuse(login, "3D000", text);
    } else if (!admission_take_rights(login)) {
        login_refuse(login, "42501", "not allowed");
    } else if (login->is_own_uid) {
        identity->auth_method = "peer";
        login_admit(login);
    } else if (!admission_choose_method(login)) {
        login_refuse(login, "28000", "login rejected");
    } else {
        admission_judge(login);
    }
}
