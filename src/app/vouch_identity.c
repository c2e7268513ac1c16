#include "app/vouch_identity.h"

#include "base/mem.h"
#include "tls/certificate.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>

static void identity_fail(struct verdict *verdict, char *reason)
{
    if (verdict->kind == VERDICT_DENY) {
        free(reason);
        return;
    }
    verdict->kind = VERDICT_DENY;
    free(verdict->reason);
    verdict->reason = reason;
}

/* Why the certificate does not chain, as OpenSSL says; NULL when it does. A constant text. */
static const char *identity_chain_problem(const struct vouch_server *server, STACK_OF(X509) * authorities,
                                          int64_t now_s)
{
    const char *problem = "the chain cannot be checked";
    X509_STORE_CTX *checking = X509_STORE_CTX_new();
    X509_STORE *store = X509_STORE_new();
    if (checking && store && X509_STORE_CTX_init(checking, store, server->leaf, server->others) == 1 &&
        X509_STORE_CTX_set_default(checking, "ssl_server") == 1) {
        X509_STORE_CTX_set0_trusted_stack(checking, authorities);
        X509_STORE_CTX_set_time(checking, 0, (time_t)now_s);
        problem =
            X509_verify_cert(checking) == 1 ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(checking));
    }
    X509_STORE_CTX_free(checking);
    X509_STORE_free(store);
    return problem;
}

static void identity_judge_chain(const struct vouch_server *server, STACK_OF(X509) * authorities, int64_t now_s,
                                 struct verdict *verdict)
{
    const char *problem = identity_chain_problem(server, authorities, now_s);
    checklist_add(&verdict->checks, VOUCH_CHECK_IDENTITY_CHAIN, problem ? CHECK_FAIL : CHECK_PASS,
                  "a certificate of an authority given by --ca", problem ? problem : "it is");
    if (problem)
        identity_fail(verdict,
                      mem_format("the server's certificate is not of an authority given by --ca: %s", problem));
}

static void identity_judge_name(const struct vouch_server *server, const char *host, struct verdict *verdict)
{
    bool named = certificate_names_host(server->leaf, host);
    char *expected = mem_format("a certificate that names %s", host);
    checklist_add(&verdict->checks, VOUCH_CHECK_IDENTITY_NAME, named ? CHECK_PASS : CHECK_FAIL, expected,
                  named ? "it does" : "it names others");
    free(expected);
    if (!named)
        identity_fail(verdict, mem_format("the server's certificate does not name %s", host));
}

void vouch_identity_judge(const struct vouch_server *server, const char *host, STACK_OF(X509) * authorities,
                          int64_t now_s, struct verdict *verdict)
{
    if (!authorities) {
        checklist_add(&verdict->checks, VOUCH_CHECK_IDENTITY, CHECK_SKIPPED,
                      "a certificate of a known authority that names the server", "not checked: no --ca was given");
        return;
    }
    identity_judge_chain(server, authorities, now_s, verdict);
    identity_judge_name(server, host, verdict);
}
